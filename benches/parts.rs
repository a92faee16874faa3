//! How long the parts of the tutorial take: `cargo bench -p benches --bench parts`, with `-- step` behind it only those with "step"
//! in their names. On MNIST where it is in data/mnist, else on the embedded digits. For the page, build the program first.

use cnn_tutorial::data::{self, DataLoader, Dataset};
use cnn_tutorial::models::{CNNModel, LeNet5};
use cnn_tutorial::nn::{CrossEntropyLoss, MaxPool2d, Module};
use cnn_tutorial::optim::{Adam, Optimizer, SGD};
use cnn_tutorial::train::train;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use image::{GrayImage, ImageFormat, Luma};
use std::io::{BufRead, BufReader, Cursor};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs};
use tch::{Device, Kind, TchError, Tensor, nn};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn digits() -> Dataset {
    data::read_csv(format!("{ROOT}/assets/digits.csv.gz")).unwrap()
}

/// From files to tensors.
fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    group.sample_size(10);
    let dir = &Path::new(ROOT).join("data/mnist");
    let dataset = if dir.is_dir() { data::read_mnist_train(dir).unwrap() } else { digits() };
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
    criterion.bench_function("split/42,000 indices", |bencher| {
        bencher.iter(|| data::split_indices(42_000, 0.2, 1212).unwrap());
    });
    let digits = digits();
    let indices: Vec<i64> =
        data::split_indices(42_000, 0.2, 1212).unwrap().0.iter().map(|i| i % digits.len()).collect();
    criterion.bench_function("split/33,600 images", |bencher| {
        bencher.iter(|| digits.select(&indices).unwrap());
    });
}

/// A training step, and the forward pass of an evaluation, of 100 images.
fn networks(criterion: &mut Criterion) {
    let whole_batches = digits().select(&(0..1700).collect::<Vec<_>>()).unwrap();
    for channels_last in [false, true] {
        let (cnn_vs, lenet5_vs) = (nn::VarStore::new(Device::Cpu), nn::VarStore::new(Device::Cpu));
        let (cnn, lenet5) = (CNNModel::new(&cnn_vs.root()).unwrap(), LeNet5::new(&lenet5_vs.root(), 10).unwrap());
        let sgd = SGD::default().build(&cnn_vs, 0.001).unwrap();
        let adam = Adam::default().build(&lenet5_vs, 0.001).unwrap();
        let networks: [(&str, &dyn Module, Optimizer, Layout); 2] = [
            ("cnn", &cnn, sgd, |images| images.f_to_mkldnn(None)),
            ("lenet5", &lenet5, adam, |images| Ok(images.shallow_clone())),
        ];
        for (name, model, mut optimizer, layout) in networks {
            let mut loader = DataLoader::new(&whole_batches, 100);
            // With one channel, only the strides tell libtorch the format.
            let in_channels_last: Layout = |images| images.f_as_strided([100, 1, 28, 28], [784, 1, 28, 1], None);
            let layout = if channels_last { in_channels_last } else { layout };
            loader.transform = Box::new(move |images| layout(&images));
            let format = if channels_last { ", channels_last" } else { "" };
            criterion.bench_function(&format!("{name}/training step{format}"), |bencher| {
                bencher.iter_custom(|iterations| {
                    let (start, mut count) = (Instant::now(), 0);
                    train(model, &CrossEntropyLoss, &mut optimizer, loader.epochs(u64::MAX), |_, _| {
                        count += 1;
                        Ok(if count == iterations { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                    })
                    .unwrap();
                    start.elapsed()
                });
            });
            let mut batches = std::iter::repeat_with(|| loader.epoch().unwrap()).flatten().map(Result::unwrap);
            criterion.bench_function(&format!("{name}/evaluation batch{format}"), |bencher| {
                bencher.iter(|| tch::no_grad(|| model.forward(&batches.next().unwrap().0).unwrap()));
            });
        }
    }
}

/// The CNN's first max pool in PyTorch's usual layout, beside libtorch's own.
fn pools(criterion: &mut Criterion) {
    let xs = Tensor::randn([100, 16, 26, 26], (Kind::Float, Device::Cpu)).relu();
    let ours = MaxPool2d::new(2);
    for whose in ["the library's", "libtorch's"] {
        let pool = |xs: &Tensor| {
            if whose == "libtorch's" { xs.max_pool2d(2, 2, 0, 1, false) } else { ours.forward(xs).unwrap() }
        };
        criterion.bench_function(&format!("max pool/evaluation, {whose}"), |bencher| bencher.iter(|| pool(&xs)));
        let xs = xs.detach_copy().set_requires_grad(true);
        criterion.bench_function(&format!("max pool/training, {whose}"), |bencher| {
            bencher.iter(|| Tensor::run_backward(&[pool(&xs).sum(Kind::Float)], &[&xs], false, false));
        });
    }
}

/// What brings images into a memory layout.
type Layout = fn(&Tensor) -> Result<Tensor, TchError>;

/// What the page of `play` waits for after each stroke, and the forward pass in it.
fn page(criterion: &mut Criterion) {
    let program = env::current_exe().unwrap().ancestors().nth(2).unwrap().join("cnn-tutorial");
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(&program);
    command.args(["play", "--port", "0", "--no-browser"]).current_dir(folder.path());
    let Ok(mut program) = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
        return eprintln!("NOT RUN: the page: needs {}: cargo build --release", program.display());
    };
    let mut address = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let mut stroke = Cursor::new(Vec::new());
    let one = GrayImage::from_fn(112, 112, |x, y| {
        Luma([if (50..60).contains(&x) && (16..96).contains(&y) { 255 } else { 0 }])
    });
    one.write_to(&mut stroke, ImageFormat::Png).unwrap();
    let mut group = criterion.benchmark_group("page");
    for (name, path, body) in
        [("forward pass", "sum", &vec![0; 784]), ("answer to a stroke", "picture", stroke.get_ref())]
    {
        let which = "run=cnn&weights=untrained&layer=0&channel=0&row=0&column=0";
        let url = format!("{}api/{path}?{which}", address.trim());
        group.bench_function(name, |bencher| {
            bencher.iter(|| ureq::post(&url).send(body.as_slice()).unwrap().body_mut().read_to_vec().unwrap());
        });
    }
    program.kill().unwrap();
    program.wait().unwrap();
}

criterion_group!(parts, reading, splitting, networks, pools, page);
criterion_main!(parts);
