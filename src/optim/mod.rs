//! Slide "Define Hyperparameters, Loss, Optimizers": SGD and Adam in PyTorch's arithmetic.

pub mod lr_scheduler;
mod step;

use anyhow::{Context, Result, ensure};
use std::collections::HashMap;
use tch::nn::{self, OptimizerConfig, VarStore};
use tch::{COptimizer, TchError, Tensor};

/// Stochastic gradient descent: `torch.optim.SGD`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SGD {
    pub momentum: f64,
    pub weight_decay: f64,
}

/// `torch.optim.Adam` with betas (0.9, 0.999) and eps 1e-8.
#[derive(Clone, Copy, Debug, Default)]
pub struct Adam {
    pub weight_decay: f64,
}

/// `torch.optim.AdamW`: Adam whose weight decay is decoupled from the gradient.
#[derive(Clone, Copy, Debug)]
pub struct AdamW {
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { weight_decay: 0.01 }
    }
}

/// An optimizer of all variables of a `VarStore`, which is PyTorch's `model.parameters()`.
pub struct Optimizer {
    lr: f64,
    weight_decay: f64,
    /// Whether the weight decay is kept out of the gradient.
    decoupled: bool,
    /// By their names, in the names' order.
    parameters: Vec<(String, Tensor)>,
    /// libtorch's own SGD, whose arithmetic is Python's. Used without `nn::Optimizer`, which panics on an error.
    sgd: COptimizer,
    rule: Rule,
}

/// Buffers and moments of all parameters lie one after the other in one tensor `[n]`, so that one operation is enough.
enum Rule {
    Sgd,
    /// SGD with momentum, which libtorch's own has too, but does not let a checkpoint keep.
    Momentum {
        momentum: f64,
        buffer: Tensor,
    },
    /// `nn::Adam` would part from Python's losses after a few iterations: libtorch's C++ Adam rounds in other places.
    Adam {
        step: i64,
        exp_avg: Tensor,
        exp_avg_sq: Tensor,
    },
}

impl SGD {
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Optimizer, TchError> {
        let mut optimizer = Optimizer::new(vs, lr, self.weight_decay)?;
        if self.momentum != 0.0 {
            optimizer.rule = Rule::Momentum { momentum: self.momentum, buffer: optimizer.zeros()? };
        }
        Ok(optimizer)
    }
}

impl Adam {
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Optimizer, TchError> {
        let optimizer = Optimizer::new(vs, lr, self.weight_decay)?;
        let rule = Rule::Adam { step: 0, exp_avg: optimizer.zeros()?, exp_avg_sq: optimizer.zeros()? };
        Ok(Optimizer { rule, ..optimizer })
    }
}

impl AdamW {
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Optimizer, TchError> {
        let adam = Adam { weight_decay: self.weight_decay }.build(vs, lr)?;
        Ok(Optimizer { decoupled: true, ..adam })
    }
}

impl Optimizer {
    fn new(vs: &VarStore, lr: f64, weight_decay: f64) -> Result<Self, TchError> {
        let mut parameters: Vec<_> = vs.variables().into_iter().collect();
        parameters.sort_by(|a, b| a.0.cmp(&b.0));
        let mut sgd = nn::Sgd { wd: weight_decay, ..Default::default() }.build_copt(lr)?;
        for (_, parameter) in &parameters {
            sgd.add_parameters(parameter, 0)?;
        }
        Ok(Self { lr, weight_decay, decoupled: false, parameters, sgd, rule: Rule::Sgd })
    }

    fn zeros(&self) -> Result<Tensor, TchError> {
        step::flat(&self.parameters, |parameter| parameter.f_detach()?.f_zeros_like())
    }

    pub fn set_lr(&mut self, lr: f64) -> Result<(), TchError> {
        self.lr = lr;
        self.sgd.set_learning_rate(lr)
    }

    /// Forgets the gradients of the last step.
    pub fn zero_grad(&mut self) -> Result<(), TchError> {
        self.sgd.zero_grad()
    }

    /// Moves every parameter along its gradient.
    pub fn step(&mut self) -> Result<(), TchError> {
        tch::no_grad(|| match &self.rule {
            Rule::Sgd => self.sgd.step(),
            Rule::Momentum { .. } | Rule::Adam { .. } => self.flat_step(),
        })
    }

    /// What has to be kept to go on later: momentum buffers, or Adam's moments and its count of steps.
    pub fn state_dict(&self) -> Result<Vec<(String, Tensor)>, TchError> {
        let (tensors, step): (&[_], _) = match &self.rule {
            Rule::Sgd => (&[], None),
            Rule::Momentum { buffer, .. } => (&[("momentum_buffer", buffer)], None),
            Rule::Adam { step, exp_avg, exp_avg_sq, .. } => {
                (&[("exp_avg", exp_avg), ("exp_avg_sq", exp_avg_sq)], Some(("step".into(), Tensor::from(*step))))
            }
        };
        let mut named = Vec::new();
        for (kind, tensor) in tensors {
            let parts = step::parts(tensor, &self.parameters)?;
            let names = self.parameters.iter().map(|(name, _)| format!("{kind}.{name}"));
            named.extend(names.zip(parts));
        }
        named.extend(step);
        Ok(named)
    }

    /// Goes on from what `state_dict` returned, under the same names; others are left alone.
    pub fn load_state_dict(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        for (name, mut tensor) in self.state_dict()? {
            let value = state.get(&name).with_context(|| format!("the optimizer's {name} is missing"))?;
            ensure!(value.size() == tensor.size(), "the optimizer's {name} has another shape");
            tch::no_grad(|| tensor.f_copy_(value))?;
            if name == "step"
                && let Rule::Adam { step, .. } = &mut self.rule
            {
                *step = i64::try_from(value)?;
            }
        }
        Ok(())
    }
}
