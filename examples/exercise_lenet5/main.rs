//! The slides' exercise: LeNet-5, for you to write
//!
//! cargo run --release --example exercise_lenet5
//!
//! Write each layer in the place of its `to_do`, one after the other, and run this each time. It says what is right, what is
//! wrong and why, and what comes next. When all of it is there, it trains your network.
//!
//! The slides "LeNet-5 Model Layers" and "Assignment Details" say what to write. `examples/tutorial.rs` shows how a network
//! is written. The folder `checker` beside this file looks at your work: you need not read it.
// As long as something is to do:
#![allow(unused_variables, unused_imports, dead_code)]

#[allow(dead_code)] // not all of it is needed to the end
mod checker;

use checker::{Layer, to_do};
use cnn_tutorial::nn::{self, Module};
use cnn_tutorial::optim::{self, Optimizer};
use std::process::ExitCode;
use tch::nn::{Path, VarStore};
use tch::{TchError, Tensor};

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
            conv1: to_do("conv1"),
            tanh1: nn::Tanh,
            // Layer 2: average pooling, 2x2
            avgpool1: to_do("avgpool1"),
            // Layer 3: 16 filters, 5x5, no padding
            conv2: to_do("conv2"),
            tanh2: nn::Tanh,
            // Layer 4: average pooling, 2x2
            avgpool2: to_do("avgpool2"),
            // Layer 5: 120 filters, 5x5
            conv3: to_do("conv3"),
            tanh3: nn::Tanh,
            // Layer 6: fully connected, input dimensions 120, output dimensions 84
            fc1: to_do("fc1"),
            tanh4: nn::Tanh,
            // Layer 7: fully connected, input dimensions 84, one output for each class.
            // (The slide says "Output dimensions: 120" here. That is a misprint: digits have 10 classes.)
            fc2: to_do("fc2"),
        })
    }
}

impl Module for LeNet5 {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        // Layers 1 and 2                            [N, 1, 28, 28]
        let out: Tensor = to_do("layers 1 and 2 of forward");

        // Layers 3 and 4
        let out: Tensor = to_do("layers 3 and 4 of forward");

        // Layer 5
        let out: Tensor = to_do("layer 5 of forward");

        // Layers 6 and 7
        to_do("layers 6 and 7 of forward")
    }
}

/// Use Adam Optimizer, with a learning rate of 0.001.
fn optimizer(vs: &VarStore) -> Result<Optimizer, TchError> {
    to_do("optimizer")
}

// ---- Nothing is to do from here on. ----

impl LeNet5 {
    /// What `new` has to make.
    fn layers(&self) -> [&dyn Layer; 7] {
        let Self { conv1, avgpool1, conv2, avgpool2, conv3, fc1, fc2, .. } = self;
        [conv1, avgpool1, conv2, avgpool2, conv3, fc1, fc2]
    }
}

fn main() -> ExitCode {
    match checker::check(LeNet5::new, LeNet5::layers, optimizer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("{what:#}");
            ExitCode::FAILURE
        }
    }
}
