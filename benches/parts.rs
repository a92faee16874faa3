//! How long the parts of the tutorial take: `cargo bench`, or `cargo bench -- step` for those with "step" in their names.
//! On MNIST where it is in data/mnist, else on the embedded digits.

use cnn_tutorial::data::{self, DataLoader, Dataset, Scale, train_test_split};
use cnn_tutorial::device;
use cnn_tutorial::models::Architecture;
use cnn_tutorial::optim::{Algorithm, Optimizer};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::fs;
use std::path::{Path, PathBuf};
use tch::{Device, Reduction, Tensor, nn};

/// From files to tensors.
fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    group.sample_size(10);
    let dir = Path::new(data::MNIST_DIR);
    let dataset = data::load(Some(if dir.is_dir() { dir } else { Path::new("digits") })).unwrap().0;
    if dir.is_dir() {
        group.bench_function("IDX, gzipped", |bencher| bencher.iter(|| data::read_mnist_train(dir).unwrap()));
    }

    let folder = tempfile::tempdir().unwrap();
    let csv = write_csv(folder.path(), &dataset);
    group.throughput(Throughput::Bytes(fs::metadata(&csv).unwrap().len()));
    group.bench_function("Kaggle's CSV, 42,000 images", |bencher| bencher.iter(|| data::read_csv(&csv).unwrap()));
}

/// The layout of Kaggle's train.csv, 42,000 rows.
fn write_csv(folder: &Path, dataset: &Dataset) -> PathBuf {
    let images = Vec::<Vec<u8>>::try_from(dataset.images.flatten(1, -1)).unwrap();
    let labels = Vec::<i64>::try_from(&dataset.labels).unwrap();
    let mut text = String::from("label");
    (0..784).for_each(|pixel| text += &format!(",pixel{pixel}"));
    for (image, label) in images.iter().zip(labels).cycle().take(42_000) {
        text += &format!("\n{label}");
        image.iter().for_each(|pixel| text += &format!(",{pixel}"));
    }
    let csv = folder.join("train.csv");
    fs::write(&csv, text + "\n").unwrap();
    csv
}

/// scikit-learn's split, and the images in its order.
fn splitting(criterion: &mut Criterion) {
    let dataset = data::load(Some(Path::new("digits"))).unwrap().0;
    criterion.bench_function("split/42,000 indices", |bencher| {
        bencher.iter(|| train_test_split(42_000, 0.2, 1212).unwrap());
    });
    let indices: Vec<i64> = train_test_split(42_000, 0.2, 1212).unwrap().0.iter().map(|i| i % dataset.len()).collect();
    criterion.bench_function("split/33,600 images", |bencher| {
        bencher.iter(|| dataset.select(&indices, Device::Cpu).unwrap());
    });
}

/// A training step, and the forward pass of an evaluation, of 100 images.
fn networks(criterion: &mut Criterion) {
    device::keep_freed_memory();
    let dataset = data::load(Some(Path::new("digits"))).unwrap().0;
    for (architecture, algorithm) in [(Architecture::Cnn, Algorithm::Sgd), (Architecture::LeNet5, Algorithm::Adam)] {
        for channels_last in [false, true] {
            let (shuffle, augment, scale) = (false, false, Scale::Raw);
            let loader = DataLoader { dataset: &dataset, batch_size: 100, shuffle, augment, scale, channels_last };
            let vs = nn::VarStore::new(Device::Cpu);
            let model = architecture.build(&vs.root()).unwrap();
            let mut optimizer = Optimizer::new(&vs, algorithm, 0.001, 0.0, 0.0).unwrap();
            let mut batches = std::iter::repeat_with(|| loader.epoch().unwrap().take(17)).flatten().map(Result::unwrap);
            let format = if channels_last { ", channels_last" } else { "" };
            criterion.bench_function(&format!("{}/training step{format}", architecture.name()), |bencher| {
                bencher.iter(|| {
                    let (images, labels) = batches.next().unwrap();
                    optimizer.zero_grad().unwrap();
                    let outputs = model.forward(&images).unwrap();
                    let loss = outputs.cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, 0.0);
                    loss.backward();
                    optimizer.step().unwrap();
                });
            });
            criterion.bench_function(&format!("{}/evaluation batch{format}", architecture.name()), |bencher| {
                bencher.iter(|| tch::no_grad(|| model.forward(&batches.next().unwrap().0).unwrap()));
            });
        }
    }
}

criterion_group!(parts, reading, splitting, networks);
criterion_main!(parts);
