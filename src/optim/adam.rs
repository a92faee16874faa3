//! LeNet-5's optimizer, Adam, and AdamW: `torch.optim.Adam` and `torch.optim.AdamW`.

use super::step::Buffer;
use super::{Optimizer, Rule, in_range};
use tch::TchError;
use tch::nn::VarStore;

/// `torch.optim.Adam`, by default with betas (0.9, 0.999) and eps 1e-8.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    pub betas: (f64, f64),
    pub eps: f64,
    pub weight_decay: f64,
}

/// `torch.optim.AdamW`: Adam whose weight decay, by default 0.01, is decoupled from the gradient.
#[derive(Clone, Copy, Debug)]
pub struct AdamW {
    pub betas: (f64, f64),
    pub eps: f64,
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0 }
    }
}

impl Default for AdamW {
    fn default() -> Self {
        let Adam { betas, eps, .. } = Adam::default();
        Self { betas, eps, weight_decay: 0.01 }
    }
}

impl Adam {
    /// Errors where a number is negative or 32 bits cannot hold it, or a beta is 1 or more.
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Optimizer, TchError> {
        let Self { betas, eps, weight_decay } = self;
        let optimizer = Optimizer::new(vs, lr, weight_decay)?;
        in_range("epsilon value", eps)?;
        for (i, beta) in [betas.0, betas.1].into_iter().enumerate() {
            if !(0.0..1.0).contains(&beta) {
                return Err(TchError::Torch(format!("Invalid beta parameter at index {i}: {beta}")));
            }
        }
        let [exp_avg, exp_avg_sq] = [Buffer::zeros(&optimizer.parameters)?, Buffer::zeros(&optimizer.parameters)?];
        Ok(Optimizer { rule: Rule::Adam { betas, eps, exp_avg, exp_avg_sq }, ..optimizer })
    }
}

impl AdamW {
    /// Errors as [`Adam::build`] does.
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Optimizer, TchError> {
        let Self { betas, eps, weight_decay } = self;
        let adam = Adam { betas, eps, weight_decay }.build(vs, lr)?;
        Ok(Optimizer { decoupled: true, ..adam })
    }
}
