//! The slides' exercise: fill in each `todo!` of LeNet-5, then run
//!
//! cargo run --release --example exercise_lenet5
//!
//! It says what is missing or wrong, layer by layer, and trains the network when all of it is there. The slides
//! "LeNet-5 Model Layers" and "Assignment Details" say what to write; `examples/tutorial.rs` shows how; the answer is in
//! `src/models/lenet5.rs`.
// As long as something is to do:
#![allow(unreachable_code, unused_variables, unused_imports, dead_code, clippy::diverging_sub_expression)]

use anyhow::{Result, anyhow, ensure};
use cnn_tutorial::data::{DataLoader, read_csv, read_mnist_train, train_test_split};
use cnn_tutorial::evaluate::accuracy_and_loss;
use cnn_tutorial::nn::{self, Module, Stage};
use cnn_tutorial::optim::{self, Optimizer};
use cnn_tutorial::train::train;
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path as File;
use tch::nn::{Path, VarStore};
use tch::{Device, TchError, Tensor};

struct LeNet5 {
    conv1: nn::Conv2d,
    tanh1: nn::Tanh,
    avgpool1: nn::AvgPool2d,
    conv2: nn::Conv2d,
    tanh2: nn::Tanh,
    avgpool2: nn::AvgPool2d,
    conv3: nn::Conv2d,
    tanh3: nn::Tanh,
    fc1: nn::Linear,
    tanh4: nn::Tanh,
    fc2: nn::Linear,
}

impl LeNet5 {
    fn new(vs: &Path, n_classes: i64) -> Result<Self, TchError> {
        Ok(Self {
            // Layer 1: 6 filters, 5x5, padding 2
            conv1: todo!("conv1"),
            tanh1: nn::Tanh,
            // Layer 2: average pooling, 2x2
            avgpool1: todo!("avgpool1"),
            // Layer 3: 16 filters, 5x5, no padding
            conv2: todo!("conv2"),
            tanh2: nn::Tanh,
            // Layer 4: average pooling, 2x2
            avgpool2: todo!("avgpool2"),
            // Layer 5: 120 filters, 5x5
            conv3: todo!("conv3"),
            tanh3: nn::Tanh,
            // Layer 6: fully connected
            fc1: todo!("fc1"),
            tanh4: nn::Tanh,
            // Layer 7: fully connected
            fc2: todo!("fc2"),
        })
    }
}

impl Module for LeNet5 {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        // Layers 1 and 2                            [N, 1, 28, 28]
        let out: Tensor = todo!("layers 1 and 2 of forward");

        // Layers 3 and 4
        let out: Tensor = todo!("layers 3 and 4 of forward");

        // Layer 5
        let out: Tensor = todo!("layer 5 of forward");

        // Layers 6 and 7
        todo!("layers 6 and 7 of forward")
    }
}

/// Use Adam Optimizer, with a learning rate of 0.001.
fn optimizer(vs: &VarStore) -> Result<Optimizer, TchError> {
    todo!("the optimizer")
}

fn main() -> Result<()> {
    check(|vs| Ok(Box::new(LeNet5::new(vs, 10)?)), optimizer)
}

// ---- Nothing is to do from here on: this checks what you have written. ----

/// What each layer should be, in forward order, and the shape of what it makes of an image.
const LAYERS: [(&str, &[i64]); 11] = [
    ("Conv2d(1, 6, kernel_size=5, stride=1, padding=2)", &[6, 28, 28]),
    ("Tanh()", &[6, 28, 28]),
    ("AvgPool2d(kernel_size=2, stride=2)", &[6, 14, 14]),
    ("Conv2d(6, 16, kernel_size=5, stride=1, padding=0)", &[16, 10, 10]),
    ("Tanh()", &[16, 10, 10]),
    ("AvgPool2d(kernel_size=2, stride=2)", &[16, 5, 5]),
    ("Conv2d(16, 120, kernel_size=5, stride=1, padding=0)", &[120, 1, 1]),
    ("Tanh()", &[120, 1, 1]),
    ("Linear(in_features=120, out_features=84)", &[84]),
    ("Tanh()", &[84]),
    ("Linear(in_features=84, out_features=10)", &[10]),
];

pub fn check(
    new: impl FnOnce(&Path) -> Result<Box<dyn Module>, TchError>,
    optimizer: impl FnOnce(&VarStore) -> Result<Optimizer, TchError>,
) -> Result<()> {
    let vs = VarStore::new(Device::Cpu);
    tch::manual_seed(0);
    let model = attempt(|| new(&vs.root()))?;
    let images = Tensor::zeros([2, 1, 28, 28], tch::kind::FLOAT_CPU);
    // The layers up to where something is to do or wrong.
    let (result, stages) = nn::stages(|| attempt(|| model.forward(&images)));
    compare(&stages, result.is_ok())?;
    println!("forward:    {:?} becomes {:?}", images.size(), result?.size());
    let parameters: usize = vs.trainable_variables().iter().map(Tensor::numel).sum();
    ensure!(parameters == 61_706, "parameters: expected 61706, found {parameters}: is a layer made and not used?");
    println!("parameters: {parameters}");
    let mut optimizer = attempt(|| optimizer(&vs))?;
    let is_adam = optimizer.state_dict()?.iter().any(|(name, _)| name.starts_with("exp_avg"));
    ensure!(is_adam, "optimizer: expected Adam, found SGD: optim::Adam::default().build(vs, 0.001)");
    println!("optimizer:  Adam");

    // "Should be able to achieve greater than 95% accuracy"
    let dataset = if File::new("data/mnist").is_dir() {
        read_mnist_train("data/mnist")?
    } else {
        read_csv("assets/digits.csv.gz")?
    };
    let (train_set, cv) = train_test_split(&dataset, 0.2, 1212)?;
    let (train_loader, test_loader) = (DataLoader::new(&train_set, 100), DataLoader::new(&cv, 100));
    let (error, mut count) = (nn::CrossEntropyLoss, 0);
    train(&*model, &error, &mut optimizer, train_loader.epochs(100), |_, _| {
        count += 1;
        Ok(if count == 1000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let (accuracy, _) = accuracy_and_loss(&*model, &error, &test_loader)?;
    ensure!(accuracy > 95.0, "accuracy: {accuracy} % after 1000 iterations, expected more than 95 %");
    println!("accuracy:   {accuracy:.2} % after 1000 iterations. Well done!");
    Ok(())
}

/// The result of `f`, or what is to do there.
fn attempt<T>(f: impl FnOnce() -> Result<T, TchError>) -> Result<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {})); // without a panic's own words
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    panic::set_hook(hook);
    match result {
        Ok(result) => Ok(result?),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(anyhow!("to do: {}", text.unwrap_or_default().trim_start_matches("not yet implemented: ")))
        }
    }
}

/// Prints the layers that are right and stops at the first that is not. A forward pass that ended early may lack layers.
fn compare(stages: &[Stage], whole: bool) -> Result<()> {
    for (i, (layer, shape)) in LAYERS.iter().enumerate() {
        let Some(stage) = stages.get(i) else {
            ensure!(!whole, "the {}th layer is missing: expected {layer}", i + 1);
            return Ok(());
        };
        let found = &stage.layer;
        ensure!(found == layer, "{}: expected {layer}, found {found}", stage.name);
        ensure!(stage.shape() == *shape, "{}: expected the shape {shape:?}, found {:?}", stage.name, stage.shape());
        println!("{:<12}{layer}  {shape:?}", format!("{}:", stage.name));
    }
    ensure!(stages.len() == LAYERS.len(), "after the last layer comes {}: expected logits", stages[LAYERS.len()].layer);
    Ok(())
}
