//! The slides' optimizer: `torch.optim.SGD`.

use super::step::Buffer;
use super::{Optimizer, Rule, in_range};
use tch::TchError;
use tch::nn::VarStore;

/// Stochastic gradient descent: `torch.optim.SGD`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SGD {
    pub momentum: f64,
    pub weight_decay: f64,
    /// Whether it is Nesterov's momentum.
    pub nesterov: bool,
}

impl SGD {
    /// Errors where a number is negative or 32 bits cannot hold it, or `nesterov` has no momentum.
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Optimizer, TchError> {
        let mut optimizer = Optimizer::new(vs, lr, self.weight_decay)?;
        in_range("momentum value", self.momentum)?;
        let Self { momentum, nesterov, .. } = self;
        if momentum != 0.0 {
            optimizer.rule = Rule::Momentum { momentum, nesterov, buffer: Buffer::zeros(&optimizer.parameters)? };
        } else if nesterov {
            return Err(TchError::Torch("Nesterov momentum requires a momentum and zero dampening".into()));
        }
        Ok(optimizer)
    }
}
