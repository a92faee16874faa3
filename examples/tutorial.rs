//! The tutorial "Introduction to Convolutional Neural Nets", slide by slide: cargo run --release --example tutorial

use anyhow::Result;
use cnn_tutorial::data::{DataLoader, read_csv, read_mnist_train, train_test_split};
use cnn_tutorial::nn::{self, Module};
use cnn_tutorial::plots::{self, BLUE, RED};
use cnn_tutorial::repr::python_repr;
use cnn_tutorial::train::num_epochs;
use cnn_tutorial::{optim, portable};
use std::path::Path;
use tch::kind::FLOAT_CPU;
use tch::nn::VarStore;
use tch::{Device, Kind, TchError, Tensor};

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--portable") {
        portable::enable()?; // the same digits on every x86 processor
    }

    // ---- Convolutional Layers ----
    let picture = [
        [0f32, 0., 1., 0., 0.],
        [0., 1., 1., 0., 0.],
        [0., 0., 1., 0., 0.],
        [0., 0., 1., 0., 0.],
        [0., 1., 1., 1., 0.],
    ];
    let picture = Tensor::f_from_slice(picture.as_flattened())?.f_view([1, 1, 5, 5])?;
    // The kernel is light on the right and dark on the left; training would learn it, and the bias
    let kernel = Tensor::f_from_slice(&[-1f32, 0., 1., -1., 0., 1., -1., 0., 1.])?.f_view([1, 1, 3, 3])?;
    let small = VarStore::new(Device::Cpu);
    let mut conv = nn::Conv2d::new(small.root() / "conv", 1, 1, 3)?;
    conv.weight.f_set_data(&kernel)?;
    conv.bias.f_set_data(&Tensor::f_zeros(1, FLOAT_CPU)?)?;
    let rows = |map: Tensor| Vec::<Vec<f32>>::try_from(map.f_squeeze()?);
    println!("convolution: {:?}", rows(conv.forward(&picture)?)?);

    // ---- Convolutional Layers: Arguments ----
    let conv = conv.stride(2).padding(1);
    println!("with stride 2, padding 1: {:?}", rows(conv.forward(&picture)?)?);
    let conv = nn::Conv2d::new(small.root() / "colour", 3, 8, (5, 3))?.stride(2).padding(1);
    let output = conv.forward(&Tensor::f_zeros([100, 3, 28, 28], FLOAT_CPU)?)?;
    println!("kernels: {:?} output: {:?}", conv.weight.size(), output.size());

    // ---- Pooling ----
    let picture = [[1f32, 3., 2., 2.], [3., 9., 4., 5.], [0., 4., 1., 1.], [3., 0., 1., 1.]];
    let picture = Tensor::f_from_slice(picture.as_flattened())?.f_view([1, 1, 4, 4])?;
    let max_pool = nn::MaxPool2d::new(2).stride(2);
    let avg_pool = nn::AvgPool2d::new(2).stride(2);
    let power_average_pool = nn::LPPool2d::new(2.0, 2).stride(2);
    println!("max: {:?}", rows(max_pool.forward(&picture)?)?);
    println!("mean: {:?}", rows(avg_pool.forward(&picture)?)?);
    println!("power-average: {:?}", rows(power_average_pool.forward(&picture)?)?);

    // ---- Data Preparation: train_test_split ----
    let dataset = if Path::new("data/train.csv").is_file() {
        read_csv("data/train.csv")? // Kaggle's
    } else if Path::new("data/mnist").is_dir() {
        read_mnist_train("data/mnist")?
    } else {
        read_csv("assets/digits.csv.gz")?
    };
    let (train, cv) = train_test_split(&dataset, 0.2, 1212)?;
    eprintln!("{} images to train on, {} to validate on", train.len(), cv.len());

    // ---- Data Preparation: dimensions ----
    // One channel, 28x28 pixels: the readers have done it, and the loader makes floats of a batch
    assert_eq!(train.images.size(), [train.len(), 1, 28, 28]);
    let batch_size = 100;
    let train_loader = DataLoader::new(&train, batch_size);
    let test_loader = DataLoader::new(&cv, batch_size);

    // ---- Model Definition: Initialization ----
    struct CNNModel {
        cnn1: nn::Conv2d,
        relu1: nn::ReLU,
        maxpool1: nn::MaxPool2d,
        cnn2: nn::Conv2d,
        relu2: nn::ReLU,
        maxpool2: nn::MaxPool2d,
        fc1: nn::Linear,
    }

    impl CNNModel {
        fn new(vs: &tch::nn::Path) -> Result<Self, TchError> {
            Ok(Self {
                // Convolution 1
                cnn1: nn::Conv2d::new(vs / "cnn1", 1, 16, 3)?.stride(1).padding(0),
                relu1: nn::ReLU,
                // Max pool 1
                maxpool1: nn::MaxPool2d::new(2),
                // Convolution 2
                cnn2: nn::Conv2d::new(vs / "cnn2", 16, 32, 3)?.stride(1).padding(0),
                relu2: nn::ReLU,
                // Max pool 2
                maxpool2: nn::MaxPool2d::new(2),
                // Fully connected 1
                fc1: nn::Linear::new(vs / "fc1", 32 * 5 * 5, 10)?,
            })
        }
    }

    // ---- Model Definition: Forward() ----
    impl Module for CNNModel {
        fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
            // Set 1
            let out = self.cnn1.forward(x)?;
            let out = self.relu1.forward(&out)?;
            let out = self.maxpool1.forward(&out)?;
            // Set 2
            let out = self.cnn2.forward(&out)?;
            let out = self.relu2.forward(&out)?;
            let out = self.maxpool2.forward(&out)?;
            // Flatten
            let out = out.f_view([out.size()[0], -1])?;
            // Dense
            let out = self.fc1.forward(&out)?;
            Ok(out)
        }
    }

    // ---- Define Hyperparameters, Loss, Optimizers ----
    // Definition of hyperparameters
    let n_iters = 2500;
    let num_epochs = num_epochs(n_iters, train.len(), batch_size);
    // Cross Entropy Loss
    let error = nn::CrossEntropyLoss;
    // SGD Optimizer
    tch::manual_seed(0);
    let vs = VarStore::new(Device::Cpu);
    let model = CNNModel::new(&vs.root())?;
    let learning_rate = 0.001;
    let mut optimizer = optim::SGD::default().build(&vs, learning_rate)?;

    // ---- Model Training ----
    let mut count = 0;
    let (mut loss_list, mut iteration_list, mut accuracy_list) = (vec![], vec![], vec![]);
    for _epoch in 0..num_epochs {
        for batch in train_loader.epoch()? {
            let (images, labels) = batch?;
            // Clear gradients
            optimizer.zero_grad()?;
            // Forward propagation
            let outputs = model.forward(&images)?;
            // Calculate softmax and cross entropy loss
            let loss = error.forward(&outputs, &labels)?;
            // Calculating gradients
            loss.f_backward()?;
            // Update parameters
            optimizer.step()?;
            count += 1;

            // ---- Model Training: Tracking progress ----
            if count % 50 == 0 {
                // Calculate Accuracy
                let (mut correct, mut total) = (0, 0);
                // Iterate through test dataset
                for batch in test_loader.epoch()? {
                    let (images, labels) = batch?;
                    // Forward propagation
                    let outputs = tch::no_grad(|| model.forward(&images))?;
                    // Get predictions from the maximum value
                    let (_, predicted) = outputs.f_max_dim(1, false)?;
                    // Total number of labels
                    total += labels.size()[0];
                    correct += i64::try_from(predicted.f_eq_tensor(&labels)?.f_sum(Kind::Int64)?)?;
                }
                let accuracy = (100 * correct) as f32 / total as f32;
                // store loss and iteration
                loss_list.push(f64::try_from(&loss)?);
                iteration_list.push(f64::from(count));
                accuracy_list.push(f64::from(accuracy));
            }
            if count % 500 == 0 {
                // Print Loss
                let (loss, accuracy) = (f64::try_from(&loss)?, accuracy_list[accuracy_list.len() - 1]);
                println!("Iteration: {count} Loss: {} Accuracy: {} %", python_repr(loss), python_repr(accuracy));
            }
        }
    }

    // ---- Plot your tracked quantities ----
    // visualization loss
    let title = "CNN: Loss vs Number of iteration";
    plots::line_chart("loss.png", title, "Loss", BLUE, &iteration_list, &loss_list)?;
    // visualization accuracy
    let title = "CNN: Accuracy vs Number of iteration";
    plots::line_chart("accuracy.png", title, "Accuracy (%)", RED, &iteration_list, &accuracy_list)?;
    Ok(())
}
