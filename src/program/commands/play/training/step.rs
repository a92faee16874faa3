//! One step of the optimizer, followed for one number of the network: weight, gradient, step, new weight.

use super::super::answer::{Num, rows};
use super::Trainer;
use super::told::Step;
use crate::program::run::options::{Algorithm, Options};
use anyhow::{Context, Result, ensure};
use cnn_tutorial::optim::Adam;
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// Which number of which parameter; without a name it is the first kernel, or else the first parameter.
#[derive(Deserialize)]
pub struct Number {
    parameter: Option<String>,
    /// Its place, counted in the parameter's own order.
    index: i64,
}

/// How a number came to its new value.
#[derive(Serialize)]
pub struct Followed {
    iteration: u64,
    /// Every parameter with its shape.
    parameters: Vec<(String, Vec<i64>)>,
    parameter: String,
    place: Vec<i64>,
    optimizer: &'static str,
    lines: Vec<Line>,
    /// The kernel that the number is of, before the step, its gradient, and how it has moved.
    kernel: Option<[Vec<Vec<Num>>; 3]>,
}

/// A quantity, how it is computed, and what it is.
#[derive(Serialize)]
struct Line {
    name: &'static str,
    formula: String,
    value: Num,
}

impl Trainer {
    /// Follows a number through the last step that was asked for alone.
    pub fn step(&mut self, number: &Number) -> Result<Followed> {
        let training = self.training()?;
        let told = training.told();
        let step =
            told.step.as_ref().context("there was no single step yet: pause the training, then take one step")?;
        follow(step, &training.options, number)
    }
}

fn follow(step: &Step, options: &Options, Number { parameter, index }: &Number) -> Result<Followed> {
    let gradients = step
        .tensors
        .iter()
        .filter_map(|(name, gradient)| name.strip_prefix("gradient.").map(|name| (name.to_owned(), gradient.size())));
    let mut parameters: Vec<_> = gradients.collect();
    parameters.sort();
    let first = parameters.iter().find(|(_, size)| size.len() == 4).or(parameters.first());
    let parameter = parameter.as_ref().or(first.map(|(name, _)| name)).context("no parameter has a gradient")?.clone();
    let tensor = |prefix: &str| step.tensors.get(&format!("{prefix}{parameter}"));
    let before = tensor("before.").with_context(|| format!("the network has no {parameter}"))?;
    let gradient = tensor("gradient.").with_context(|| format!("{parameter} has no gradient"))?;
    let after = tensor("after.").with_context(|| format!("the network has no {parameter}"))?;
    let count = before.numel() as i64;
    ensure!((0..count).contains(index), "{parameter} has {count} numbers, and no number {index}");
    let at = |tensor: &Tensor| -> Result<f32> { Ok(f32::try_from(tensor.f_flatten(0, -1)?.f_get(*index)?)?) };
    let kept = |when: &str, kind: &str| -> Result<f32> {
        let name = format!("{when}{kind}.{parameter}");
        at(step.tensors.get(&name).with_context(|| format!("the optimizer keeps no {name}"))?)
    };
    let (weight, grad, new) = (at(before)?, at(gradient)?, at(after)?);
    let (lr, weight_decay, momentum) = (step.lr, options.weight_decay(), f64::from(options.momentum));
    let mut lines = Vec::new();
    let mut line = |name, formula: String, value: f32| lines.push(Line { name, formula, value: value.into() });
    line("weight", String::new(), weight);
    line("gradient", "of the loss, the mean over the images of the batch".into(), grad);
    let decayed = f64::from(grad) + weight_decay * f64::from(weight);
    let decoupled = options.algorithm() == Algorithm::Adamw;
    let moved_by = if weight_decay != 0.0 && !decoupled {
        line("with weight decay", format!("gradient + {weight_decay} · weight"), decayed as f32);
        "with weight decay"
    } else {
        "gradient"
    };
    match options.algorithm() {
        Algorithm::Sgd if momentum == 0.0 => line("step", format!("−{lr} · {moved_by}"), new - weight),
        Algorithm::Sgd => {
            line("buffer before", String::new(), kept("state_before.", "momentum_buffer")?);
            let buffer = kept("state_after.", "momentum_buffer")?;
            line("buffer", format!("{momentum} · buffer before + {moved_by}"), buffer);
            line("step", format!("−{lr} · buffer"), new - weight);
        }
        Algorithm::Adam | Algorithm::Adamw => {
            let Adam { betas: (beta1, beta2), eps, .. } = Adam::default();
            let name = format!("state_after.step.{parameter}");
            let t = step.tensors.get(&name).context("the optimizer keeps no step")?;
            let t = i64::try_from(t)? as f64;
            let (m, v) = (kept("state_after.", "exp_avg")?, kept("state_after.", "exp_avg_sq")?);
            let (m_before, v_before) = (kept("state_before.", "exp_avg")?, kept("state_before.", "exp_avg_sq")?);
            line("m before", "mean of the gradients so far".into(), m_before);
            line("m", format!("{beta1} · m before + 0.1 · {moved_by}"), m);
            line("v before", "mean of their squares so far".into(), v_before);
            line("v", format!("{beta2} · v before + 0.001 · {moved_by}²"), v);
            let m_hat = f64::from(m) / (1.0 - beta1.powf(t));
            let v_hat = f64::from(v) / (1.0 - beta2.powf(t));
            line("m̂", format!("m / (1 − {beta1}^{t}): the mean began with 0"), m_hat as f32);
            line("v̂", format!("v / (1 − {beta2}^{t})"), v_hat as f32);
            if decoupled && weight_decay != 0.0 {
                let shrink = 1.0 - lr * weight_decay;
                line(
                    "decayed weight",
                    format!("weight · (1 − {lr} · {weight_decay})"),
                    (f64::from(weight) * shrink) as f32,
                );
            }
            line("step", format!("−{lr} · m̂ / (√v̂ + {eps})"), (-lr * m_hat / (v_hat.sqrt() + eps)) as f32);
        }
    }
    let old = if decoupled && weight_decay != 0.0 { "decayed weight" } else { "weight" };
    line("new weight", format!("{old} + step"), new);
    Ok(Followed {
        iteration: step.iteration,
        place: place(&before.size(), *index),
        kernel: kernel(before, gradient, after, *index)?,
        parameters,
        parameter,
        optimizer: match options.algorithm() {
            Algorithm::Sgd => "SGD",
            Algorithm::Adam => "Adam",
            Algorithm::Adamw => "AdamW",
        },
        lines,
    })
}

/// The number's place in a tensor of this size, from its place in the tensor's order.
fn place(size: &[i64], mut index: i64) -> Vec<i64> {
    let mut place: Vec<i64> = size.iter().rev().map(|&side| (index % side, index /= side).0).collect();
    place.reverse();
    place
}

fn kernel(before: &Tensor, gradient: &Tensor, after: &Tensor, index: i64) -> Result<Option<[Vec<Vec<Num>>; 3]>> {
    let [_, _, height, width] = before.size()[..] else { return Ok(None) };
    let number = index / (height * width);
    let of = |tensor: &Tensor| rows(&tensor.f_reshape([-1, height, width])?.f_get(number)?);
    Ok(Some([of(before)?, of(gradient)?, of(&after.f_sub(before)?)?]))
}
