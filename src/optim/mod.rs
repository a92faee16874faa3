//! Slide "Define Hyperparameters, Loss, Optimizers": SGD and Adam in PyTorch's arithmetic.

mod adam;
pub mod lr_scheduler;
mod numbers;
mod sgd;
mod step;

pub use adam::{Adam, AdamW};
pub use sgd::SGD;

use crate::nn::named_parameters;
use anyhow::{Context, Result, ensure};
use numbers::Numbers;
use std::collections::HashMap;
use step::Buffer;
use tch::nn::{self, OptimizerConfig, VarStore};
use tch::{COptimizer, TchError, Tensor};

/// An optimizer of a `VarStore`'s trainable variables, which are PyTorch's `model.parameters()`. They have 32 or 64 bits: with 16
/// it rounds otherwise than PyTorch's.
///
/// As in PyTorch, a parameter without a gradient stays as it is, and so does what is kept for it: one that is frozen, that
/// the network does not use, or that it has not used in this step.
pub struct Optimizer {
    lr: f64,
    weight_decay: f64,
    /// Whether the weight decay is kept out of the gradient.
    decoupled: bool,
    /// By their names, in the names' order.
    parameters: Vec<(String, Tensor)>,
    /// How many steps each parameter has taken.
    steps: Vec<i64>,
    /// What each parameter's last step computed with; nothing before its first step.
    numbers: Vec<Option<Numbers>>,
    /// libtorch's own SGD, which is asked to forget gradients: tch has no other way.
    sgd: COptimizer,
    rule: Rule,
}

enum Rule {
    Sgd,
    /// SGD with momentum, which libtorch's own has too, but does not let a checkpoint keep.
    Momentum {
        momentum: f64,
        nesterov: bool,
        buffer: Buffer,
    },
    /// `nn::Adam` would part from Python's losses after a few iterations: libtorch's C++ Adam rounds in other places.
    Adam {
        betas: (f64, f64),
        eps: f64,
        exp_avg: Buffer,
        exp_avg_sq: Buffer,
    },
}

impl Optimizer {
    fn new(vs: &VarStore, lr: f64, weight_decay: f64) -> Result<Self, TchError> {
        in_range("learning rate", lr)?;
        in_range("weight_decay value", weight_decay)?;
        let parameters = named_parameters(vs);
        if parameters.is_empty() {
            return Err(TchError::Torch("optimizer got an empty parameter list".into()));
        }
        let mut sgd = nn::Sgd::default().build_copt(lr)?;
        for (_, parameter) in &parameters {
            sgd.add_parameters(parameter, 0)?;
        }
        let steps = vec![0; parameters.len()];
        let numbers = parameters.iter().map(|_| None).collect();
        Ok(Self { lr, weight_decay, decoupled: false, parameters, steps, numbers, sgd, rule: Rule::Sgd })
    }

    /// Errors where the learning rate is negative, or 32 bits cannot hold it.
    pub fn set_lr(&mut self, lr: f64) -> Result<(), TchError> {
        in_range("learning rate", lr)?;
        self.lr = lr;
        Ok(())
    }

    /// Forgets the gradients of the last step.
    pub fn zero_grad(&mut self) -> Result<(), TchError> {
        self.sgd.zero_grad()
    }

    /// Moves every parameter along its gradient.
    pub fn step(&mut self) -> Result<(), TchError> {
        self.begin_step()?;
        self.end_step()
    }

    fn buffers(&mut self) -> Vec<&mut Buffer> {
        match &mut self.rule {
            Rule::Sgd => Vec::new(),
            Rule::Momentum { buffer, .. } => vec![buffer],
            Rule::Adam { exp_avg, exp_avg_sq, .. } => vec![exp_avg, exp_avg_sq],
        }
    }

    /// What has to be kept to go on later, under PyTorch's names with the parameter's behind them: momentum buffers, or
    /// Adam's moments, and how many steps the parameter has taken. What has not begun is zeros, where PyTorch has nothing.
    /// What the optimizer was built with, such as learning rate and betas, is not among it: build it with the same.
    pub fn state_dict(&self) -> Result<Vec<(String, Tensor)>, TchError> {
        let buffers: &[_] = match &self.rule {
            Rule::Sgd => return Ok(Vec::new()),
            Rule::Momentum { buffer, .. } => &[("momentum_buffer", buffer)],
            Rule::Adam { exp_avg, exp_avg_sq, .. } => &[("exp_avg", exp_avg), ("exp_avg_sq", exp_avg_sq)],
        };
        let mut named = Vec::new();
        for (i, (parameter, _)) in self.parameters.iter().enumerate() {
            named.push((format!("step.{parameter}"), Tensor::from(self.steps[i])));
            for (kind, buffer) in buffers {
                named.push((format!("{kind}.{parameter}"), buffer.parts[i].shallow_clone()));
            }
        }
        Ok(named)
    }

    /// Goes on from what `state_dict` returned, under the same names; others are left alone.
    pub fn load_state_dict(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        for (name, mut tensor) in self.state_dict()? {
            let value = state.get(&name).with_context(|| format!("the optimizer's {name} is missing"))?;
            ensure!(value.size() == tensor.size(), "the optimizer's {name} has another shape");
            tch::no_grad(|| tensor.f_copy_(value))?;
        }
        for ((parameter, _), step) in self.parameters.iter().zip(&mut self.steps) {
            if let Some(value) = state.get(&format!("step.{parameter}")) {
                *step = i64::try_from(value)?;
            }
        }
        Ok(())
    }
}

/// Refuses, in PyTorch's words, what no optimizer can have. tch panics where 32 bits cannot hold a number.
fn in_range(name: &str, value: f64) -> Result<(), TchError> {
    let fits = (0.0..=f64::from(f32::MAX)).contains(&value);
    if fits { Ok(()) } else { Err(TchError::Torch(format!("Invalid {name}: {value}"))) }
}
