//! A table of a network's layers, as torchinfo prints it for Python's.

use crate::nn::{self, Module, Stage, named_parameters, stages};
use anyhow::Result;
use std::collections::HashSet;
use std::fmt::Write;
use tch::{Tensor, nn::VarStore};

/// The layers of `model` in forward order, with their output shapes, parameters and multiply-adds for one image:
/// torchinfo's `summary(model, input_size=(1, 3, 32, 32))`. `input_size` is that of a batch, such as `[1, 1, 28, 28]` for
/// MNIST's. Parameters in `vs` that none of these layers has, such as those of a layer that the forward pass does not use, have
/// rows of their own. A network whose layers do not fit each other, or do not take such a batch, is an error that says where.
pub fn summary(model: &dyn Module, vs: &VarStore, input_size: &[i64]) -> Result<String> {
    let parameters = named_parameters(vs);
    let like = match parameters.first() {
        Some((_, first)) => (first.f_kind()?, first.device()),
        None => (vs.kind(), vs.device()),
    };
    let images = Tensor::f_zeros(input_size, like)?;
    let (_no_grad, _eval) = (tch::no_grad_guard(), nn::eval());
    let (logits, stages) = stages(|| nn::forward(model, &images));
    let _ = logits?;
    let listed: HashSet<_> = stages.iter().flat_map(|stage| &stage.parameters).map(Tensor::data_ptr).collect();
    let others = || parameters.iter().filter(|(_, parameter)| !listed.contains(&parameter.data_ptr()));
    let names = stages.iter().map(|stage| &stage.name).chain(others().map(|(name, _)| name));
    let longest = names.map(String::len).max().unwrap_or_default().max(10);
    let mut text = String::new();
    let mut row = |name: &str, layer: &str, shape: &str, parameters: &str, mult_adds: &str| {
        writeln!(text, "{name:<longest$} {layer:<60} {shape:<14} {parameters:>10} {mult_adds:>12}")
    };
    row("Layer", "Kind", "Output", "Parameters", "Mult-adds")?;
    for stage in &stages {
        let shape = format!("{:?}", stage.shape());
        let count = |number: i64| if stage.parameters.is_empty() { "-".into() } else { number.to_string() };
        row(&stage.name, &stage.layer, &shape, &count(stage.n_parameters()), &count(stage.mult_adds()))?;
    }
    for (name, parameter) in others() {
        let (shape, count) = (format!("{:?}", parameter.size()), parameter.numel().to_string());
        row(name, "a parameter that belongs to no layer above", &shape, &count, "-")?;
    }
    let parameters: usize = parameters.iter().map(|(_, parameter)| parameter.numel()).sum();
    let mult_adds: i64 = stages.iter().map(Stage::mult_adds).sum();
    row("Total", "", "", &parameters.to_string(), &mult_adds.to_string())?;
    Ok(text)
}
