//! Which optimizer was made, found out by what it does to two numbers.

use super::attempt;
use anyhow::{Context, Result, bail, ensure};
use cnn_tutorial::optim::Optimizer;
use tch::nn::{Init, VarStore};
use tch::{Device, TchError, Tensor};

/// How far one step moves a weight of `value` that has `gradient`, and what the optimizer keeps.
fn step(
    optimizer: &impl Fn(&VarStore) -> Result<Optimizer, TchError>,
    value: f64,
    gradient: f64,
) -> Result<(f64, Vec<String>), TchError> {
    let vs = VarStore::new(Device::Cpu);
    let weight = vs.root().f_var("weight", &[1], Init::Const(value))?;
    let mut optimizer = optimizer(&vs)?;
    weight.f_mul_scalar(gradient)?.f_sum(tch::Kind::Float)?.f_backward()?;
    optimizer.step()?;
    let kept = optimizer.state_dict()?.into_iter().map(|(name, _)| name).collect();
    Ok((value - f64::try_from(Tensor::f_sum(&weight.f_detach()?, tch::Kind::Double)?)?, kept))
}

/// The learning rate, where the optimizer is Adam.
pub fn check(optimizer: &impl Fn(&VarStore) -> Result<Optimizer, TchError>) -> Result<f64> {
    let (moved, to_do) = attempt(|| step(optimizer, 0.0, 2.0));
    if !to_do.is_empty() {
        bail!(
            "Next: the optimizer, the function below LeNet5. Write it in the place of its `to_do`, and run this again.\n\
             `examples/tutorial.rs` makes one under \"Define Hyperparameters, Loss, Optimizers\", of another kind."
        );
    }
    let (moved, kept) = moved.context("optimizer: it fails. The reason is")?;
    let keeps = |name: &str| kept.iter().any(|kept| kept.starts_with(name));
    let instead = "The assignment asks for Adam, which the module `optim` has, too.";
    ensure!(
        keeps("exp_avg"),
        "optimizer: it is SGD{}, and Adam is expected. SGD moves all weights by the same rate times their gradient. Adam keeps \
         a mean of the gradients and of their squares for each weight, and makes the steps of all about equally long. {instead}",
        if keeps("momentum") { " with momentum" } else { "" }
    );
    // A weight without a gradient moves by its decay alone: AdamW's by a part of itself, in Adam's it is a gradient.
    let (decay, _) = attempt(|| step(optimizer, 1.0, 0.0)).0?;
    if decay != 0.0 {
        bail!(
            "optimizer: it is {}, and Adam without weight decay is expected. Weight decay draws every weight nearer to 0 in \
             each step, and the assignment does not ask for that. {}",
            if decay < 0.5 * moved { "AdamW" } else { "Adam with a weight_decay" },
            if decay < 0.5 * moved { instead } else { "Adam::default() has none." }
        );
    }
    // Adam's first step is as long as its rate, whatever the gradient. Six digits of it are right.
    let lr = format!("{moved:.5e}").parse()?;
    println!(
        "optimizer: right: Adam{}",
        if is_asked_for(lr) { ", learning rate 0.001".into() } else { format!(". Its learning rate is {lr}") }
    );
    Ok(lr)
}

pub fn is_asked_for(lr: f64) -> bool {
    (lr - 0.001).abs() < 1e-7
}
