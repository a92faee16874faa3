//! Slide "Define Hyperparameters, Loss, Optimizers": SGD and Adam in PyTorch's arithmetic.

mod lr_scheduler;
mod step;

pub use lr_scheduler::LrScheduler;

use anyhow::{Context, Result, ensure};
use std::collections::HashMap;
use tch::nn::{OptimizerConfig, VarStore};
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
    /// By their names, in the names' order.
    parameters: Vec<(String, Tensor)>,
    rule: Rule,
}

enum Rule {
    /// libtorch's own, whose arithmetic is Python's. Used without `nn::Optimizer`, which panics on an error.
    Sgd(COptimizer),
    /// SGD with momentum, which libtorch's own has too, but does not let a checkpoint keep.
    Momentum { momentum: f64, buffers: Vec<Tensor> },
    /// `nn::Adam` would part from Python's losses after a few iterations: libtorch's C++ Adam rounds in other places.
    Adam { decoupled_weight_decay: bool, step: i64, exp_avg: Vec<Tensor>, exp_avg_sq: Vec<Tensor> },
}

impl SGD {
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Optimizer, TchError> {
        let Self { momentum, weight_decay } = self;
        let parameters = parameters(vs);
        let rule = if momentum == 0.0 {
            let mut sgd = tch::nn::Sgd { wd: weight_decay, ..Default::default() }.build_copt(lr)?;
            for (_, parameter) in &parameters {
                sgd.add_parameters(parameter, 0)?;
            }
            Rule::Sgd(sgd)
        } else {
            Rule::Momentum { momentum, buffers: zeros(&parameters)? }
        };
        Ok(Optimizer { lr, weight_decay, parameters, rule })
    }
}

impl Adam {
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Optimizer, TchError> {
        Optimizer::adam(vs, lr, self.weight_decay, false)
    }
}

impl AdamW {
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Optimizer, TchError> {
        Optimizer::adam(vs, lr, self.weight_decay, true)
    }
}

fn parameters(vs: &VarStore) -> Vec<(String, Tensor)> {
    let mut parameters: Vec<_> = vs.variables().into_iter().collect();
    parameters.sort_by(|a, b| a.0.cmp(&b.0));
    parameters
}

fn zeros(parameters: &[(String, Tensor)]) -> Result<Vec<Tensor>, TchError> {
    parameters.iter().map(|(_, parameter)| parameter.f_detach()?.f_zeros_like()).collect()
}

impl Optimizer {
    fn adam(vs: &VarStore, lr: f64, weight_decay: f64, decoupled_weight_decay: bool) -> Result<Self, TchError> {
        let parameters = parameters(vs);
        let (exp_avg, exp_avg_sq) = (zeros(&parameters)?, zeros(&parameters)?);
        let rule = Rule::Adam { decoupled_weight_decay, step: 0, exp_avg, exp_avg_sq };
        Ok(Self { lr, weight_decay, parameters, rule })
    }

    pub fn set_lr(&mut self, lr: f64) -> Result<(), TchError> {
        self.lr = lr;
        if let Rule::Sgd(sgd) = &mut self.rule { sgd.set_learning_rate(lr) } else { Ok(()) }
    }

    /// Forgets the gradients of the last step.
    pub fn zero_grad(&mut self) -> Result<(), TchError> {
        for (_, parameter) in &self.parameters {
            let mut grad = parameter.f_grad()?;
            if grad.defined() {
                let _ = grad.f_zero_()?;
            }
        }
        Ok(())
    }

    /// Moves every parameter along its gradient.
    pub fn step(&mut self) -> Result<(), TchError> {
        tch::no_grad(|| match &mut self.rule {
            Rule::Sgd(sgd) => sgd.step(),
            Rule::Momentum { .. } => self.momentum_step(),
            Rule::Adam { .. } => self.adam_step(),
        })
    }

    /// What has to be kept to go on later: momentum buffers, or Adam's moments and its count of steps.
    pub fn state_dict(&self) -> Vec<(String, Tensor)> {
        let (tensors, step): (&[_], _) = match &self.rule {
            Rule::Sgd(_) => (&[], None),
            Rule::Momentum { buffers, .. } => (&[("momentum_buffer", buffers)], None),
            Rule::Adam { step, exp_avg, exp_avg_sq, .. } => {
                (&[("exp_avg", exp_avg), ("exp_avg_sq", exp_avg_sq)], Some(("step".into(), Tensor::from(*step))))
            }
        };
        let named = tensors.iter().flat_map(|(kind, tensors)| {
            let parameters = self.parameters.iter().zip(*tensors);
            parameters.map(move |((name, _), tensor)| (format!("{kind}.{name}"), tensor.shallow_clone()))
        });
        named.chain(step).collect()
    }

    /// Goes on from what `state_dict` returned, under the same names; others are left alone.
    pub fn load_state_dict(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        for (name, mut tensor) in self.state_dict() {
            let value = state.get(&name).with_context(|| format!("the optimizer's {name} is missing"))?;
            ensure!(value.size() == tensor.size(), "the optimizer's {name} has another shape");
            tch::no_grad(|| tensor.f_copy_(value))?;
            if let (Rule::Adam { step, .. }, "step") = (&mut self.rule, name.as_str()) {
                *step = i64::try_from(value)?;
            }
        }
        Ok(())
    }
}
