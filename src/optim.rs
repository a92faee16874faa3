//! Slide "Define Hyperparameters, Loss, Optimizers": SGD and Adam in PyTorch's arithmetic.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tch::nn::{OptimizerConfig, Sgd, VarStore};
use tch::{COptimizer, TchError, Tensor};

/// The optimizers by the names that `--optimizer` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// torch.optim.SGD
    Sgd,
    /// torch.optim.Adam with betas (0.9, 0.999) and eps 1e-8
    Adam,
}

/// An optimizer of all trainable variables of a `VarStore`.
pub enum Optimizer {
    /// libtorch's own, whose arithmetic is Python's. Used without `nn::Optimizer`, which panics on an error.
    Sgd(COptimizer),
    Adam(Adam),
}

impl Optimizer {
    /// `torch.optim.SGD(params, lr, momentum, weight_decay=weight_decay)`.
    pub fn sgd(vs: &VarStore, lr: f64, momentum: f64, weight_decay: f64) -> Result<Self, TchError> {
        let config = Sgd { momentum, wd: weight_decay, ..Default::default() };
        let mut sgd = config.build_copt(lr)?;
        for parameter in vs.trainable_variables() {
            sgd.add_parameters(&parameter, 0)?;
        }
        Ok(Self::Sgd(sgd))
    }

    /// `torch.optim.Adam(params, lr, weight_decay=weight_decay)`.
    pub fn adam(vs: &VarStore, lr: f64, weight_decay: f64) -> Result<Self, TchError> {
        let parameters = vs.trainable_variables();
        let zeros = || parameters.iter().map(Tensor::f_zeros_like).collect::<Result<Vec<_>, _>>();
        let (exp_avg, exp_avg_sq) = (zeros()?, zeros()?);
        Ok(Self::Adam(Adam { lr, weight_decay, step: 0, parameters, exp_avg, exp_avg_sq }))
    }

    /// Forgets the gradients of the last step.
    pub fn zero_grad(&mut self) -> Result<(), TchError> {
        match self {
            Self::Sgd(sgd) => sgd.zero_grad(),
            Self::Adam(adam) => {
                for parameter in &adam.parameters {
                    let mut grad = parameter.f_grad()?;
                    if grad.defined() {
                        let _ = grad.f_zero_()?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Moves every parameter along its gradient.
    pub fn step(&mut self) -> Result<(), TchError> {
        match self {
            Self::Sgd(sgd) => sgd.step(),
            Self::Adam(adam) => tch::no_grad(|| adam.step()),
        }
    }
}

/// `torch.optim.Adam`, operation by operation as Python's `_single_tensor_adam` performs them.
///
/// `nn::Adam` would part from Python's losses after a few iterations: libtorch's C++ Adam rounds in other places.
pub struct Adam {
    lr: f64,
    weight_decay: f64,
    step: i32,
    parameters: Vec<Tensor>,
    exp_avg: Vec<Tensor>,
    exp_avg_sq: Vec<Tensor>,
}

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPS: f64 = 1e-8;

impl Adam {
    fn step(&mut self) -> Result<(), TchError> {
        self.step += 1;
        // powf and not powi or sqrt: Python's ** is the C library's pow.
        let bias_correction1 = 1.0 - BETA1.powf(self.step.into());
        let bias_correction2 = 1.0 - BETA2.powf(self.step.into());
        let step_size = self.lr / bias_correction1;
        let moments = self.exp_avg.iter_mut().zip(&mut self.exp_avg_sq);
        for (parameter, (exp_avg, exp_avg_sq)) in self.parameters.iter_mut().zip(moments) {
            let mut grad = parameter.f_grad()?;
            if self.weight_decay != 0.0 {
                // Python's add(parameter, alpha=weight_decay) rounds once; tch's add takes no alpha, addcmul rounds as it does.
                let weight_decay = Tensor::f_full([], self.weight_decay, (parameter.kind(), parameter.device()))?;
                grad = grad.f_addcmul(parameter, &weight_decay)?;
            }
            let _ = exp_avg.f_lerp_(&grad, 1.0 - BETA1)?;
            // addcmul_ and addcdiv_ take no value in tch: as part of the first factor it rounds the same.
            let _ = exp_avg_sq.f_mul_scalar_(BETA2)?.f_addcmul_(&grad.f_mul_scalar(1.0 - BETA2)?, &grad)?;
            let denom = exp_avg_sq.f_sqrt()?.f_div_scalar(bias_correction2.powf(0.5))?.f_add_scalar(EPS)?;
            let _ = parameter.f_addcdiv_(&exp_avg.f_mul_scalar(-step_size)?, &denom)?;
        }
        Ok(())
    }
}
