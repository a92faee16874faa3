//! A table of a network's layers, as torchinfo prints it for Python's.

use crate::nn::{self, Module, Stage, stages};
use anyhow::{Context, Result};
use std::fmt::Write;
use tch::Tensor;

/// The layers of `model` in forward order, with their output shapes, parameters and multiply-adds for one image:
/// torchinfo's `summary(model, input_size=(1, 3, 32, 32))`. `input_size` is that of a batch, such as `[1, 1, 28, 28]` for
/// MNIST's. A network whose layers do not fit each other, or do not take such a batch, is an error that says where.
pub fn summary(model: &dyn Module, input_size: &[i64]) -> Result<String> {
    let images = Tensor::f_zeros(input_size, tch::kind::FLOAT_CPU)?;
    let _eval = nn::eval();
    let (logits, stages) = tch::no_grad(|| stages(|| model.forward(&images)));
    let _ = logits.with_context(|| match stages.last() {
        Some(stage) => {
            format!("the network fails after {}, which gives [N, {}", stage.name, &format!("{:?}", stage.shape())[1..])
        }
        None => "the network fails before its first layer is done".into(),
    })?;
    let mut text = String::new();
    let mut row = |name: &str, layer: &str, shape: &str, parameters: &str, mult_adds: &str| {
        writeln!(text, "{name:<10} {layer:<60} {shape:<14} {parameters:>10} {mult_adds:>12}")
    };
    row("Layer", "Kind", "Output", "Parameters", "Mult-adds")?;
    for stage in &stages {
        let shape = format!("{:?}", stage.shape());
        let count = |number: i64| if stage.parameters.is_none() { "-".into() } else { number.to_string() };
        row(&stage.name, &stage.layer, &shape, &count(stage.n_parameters()), &count(stage.mult_adds()))?;
    }
    let total = |number: fn(&Stage) -> i64| stages.iter().map(number).sum::<i64>().to_string();
    row("Total", "", "", &total(Stage::n_parameters), &total(Stage::mult_adds))?;
    Ok(text)
}
