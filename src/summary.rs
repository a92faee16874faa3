//! A table of a network's layers, as torchinfo prints it for Python's.

use crate::nn::{self, Module, Stage, stages};
use anyhow::Result;
use std::fmt::Write;
use tch::Tensor;

/// The layers of `model` in forward order, with their output shapes, parameters and multiply-adds for one image
/// `[1, 28, 28]`. A network whose layers do not fit each other is an error that says where.
pub fn summary(model: &dyn Module) -> Result<String> {
    let image = Tensor::f_zeros([1, 1, 28, 28], tch::kind::FLOAT_CPU)?;
    let _eval = nn::eval();
    let (logits, stages) = tch::no_grad(|| stages(|| nn::forward(model, &image)));
    let _ = logits?;
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
