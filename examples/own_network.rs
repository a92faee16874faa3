//! A network of one's own, defined, trained, summarised and explained in one file: cargo run --release --example own_network
//!
//! It is neither of the slides' two: one convolution that moves two pixels at a time, a power-average pool, and two fully
//! connected layers with a sigmoid of tch's between them. It takes digits, or the colour images of a folder in CIFAR-10's
//! format: cargo run --release --example own_network -- tests/fixtures/shapes

use anyhow::{Context, Result};
use cnn_tutorial::data::{DataLoader, read_cifar10_train, read_csv, train_test_split, transforms};
use cnn_tutorial::evaluate::accuracy_and_loss;
use cnn_tutorial::explain::Explained;
use cnn_tutorial::nn::{self, Module};
use cnn_tutorial::optim;
use cnn_tutorial::summary::summary;
use cnn_tutorial::train::{num_epochs, train};
use std::fs;
use std::ops::ControlFlow::Continue;
use std::path::Path;
use tch::nn::VarStore;
use tch::{Device, Kind, TchError, Tensor};

struct OwnNetwork {
    conv: nn::Conv2d,
    relu: nn::ReLU,
    pool: nn::LPPool2d,
    fc1: nn::Linear,
    fc2: nn::Linear,
}

impl OwnNetwork {
    /// For images of `[in_channels, side, side]`.
    fn new(vs: &tch::nn::Path, in_channels: i64, side: i64) -> Result<Self, TchError> {
        let places = (side + 2 - 5) / 2 + 1; // of the kernel, in a row
        Ok(Self {
            conv: nn::Conv2d::new(vs / "conv", in_channels, 12, 5)?.stride(2).padding(1),
            relu: nn::ReLU,
            pool: nn::LPPool2d::new(2.0, 2),
            fc1: nn::Linear::new(vs / "fc1", 12 * (places / 2) * (places / 2), 64)?,
            fc2: nn::Linear::new(vs / "fc2", 64, 10)?,
        })
    }
}

impl Module for OwnNetwork {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        // For digits                                              [N, 1, 28, 28]
        let out = self.relu.forward(&self.conv.forward(x)?)?; //   [N, 12, 13, 13]
        let out = self.pool.forward(&out)?; //                     [N, 12, 6, 6]
        let out = out.f_flatten(1, -1)?; //                        [N, 432]
        let out = self.fc1.forward(&out)?.f_sigmoid()?; //         [N, 64]
        self.fc2.forward(&out) //                                  [N, 10]
    }
}

fn main() -> Result<()> {
    // The small digits; read_mnist_train("data/mnist") reads MNIST
    let dataset = match std::env::args().nth(1) {
        Some(folder) => read_cifar10_train(folder)?,
        None => read_csv("assets/digits.csv.gz")?,
    };
    let [in_channels, side, _] = dataset.image_size()?;
    let (train_set, cv) = train_test_split(&dataset, 0.2, 1212)?;
    let mut train_loader = DataLoader::new(&train_set, 100);
    train_loader.shuffle = true;
    train_loader.transform = Box::new(|images| transforms::unit_scale(&images));
    let mut test_loader = DataLoader::new(&cv, 100);
    test_loader.transform = Box::new(|images| transforms::unit_scale(&images));

    tch::manual_seed(0);
    let vs = VarStore::new(Device::Cpu);
    let model = OwnNetwork::new(&vs.root(), in_channels, side)?;
    print!("{}", summary(&model, &vs, &[1, in_channels, side, side])?);

    let error = nn::CrossEntropyLoss;
    let mut optimizer = optim::Adam::default().build(&vs, 0.003)?;
    let num_epochs = num_epochs(580, train_set.len(), 100);
    let mut count = 0;
    train(&model, &error, &mut optimizer, train_loader.epochs(num_epochs), |loss, _| {
        count += 1;
        if count % 100 == 0 {
            let (accuracy, _) = accuracy_and_loss(&model, &error, &test_loader)?;
            println!("Iteration: {count} Loss: {:.4} Accuracy: {accuracy:.2} %", f64::try_from(loss)?);
        }
        Ok(Continue(()))
    })?;

    let folder = Path::new("runs/own-network");
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let image = transforms::unit_scale(&cv.images.f_narrow(0, 0, 1)?.f_to_kind(Kind::Float)?)?;
    let caption = cv.caption(0)?;
    tch::manual_seed(0);
    let start = OwnNetwork::new(&VarStore::new(Device::Cpu).root(), in_channels, side)?;
    let explained = Explained {
        model: &model,
        start: Some(&start),
        title: "My network",
        image: &image,
        caption: &caption,
        classes: &cv.classes,
        kernel_size: 2.into(),
        stride: 2.into(),
    };
    for (name, figure) in explained.figures()? {
        figure.draw(&folder.join(name))?;
        println!("{}", folder.join(name).display());
    }
    Ok(())
}
