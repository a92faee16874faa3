//! Dropout, which is not on the slides, and what a learner tries first after them.

use super::fast::to_dense;
use super::hook::{LayerKind, forward_hook};
use super::{Module, is_training};
use std::fmt;
use tch::{TchError, Tensor};

/// While training, makes each number 0 with probability `p`, drawn from the default generator, and the others larger by
/// `1 / (1 - p)`; in evaluation mode leaves all as they are: `torch.nn.Dropout`.
#[derive(Debug)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// PyTorch's default for `p` is 0.5.
    pub fn new(p: f64) -> Self {
        Self { p }
    }
}

impl Module for Dropout {
    /// Errors where `p` is no probability.
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let out = to_dense(xs).and_then(|xs| xs.f_dropout(self.p, is_training()));
        forward_hook(self, LayerKind::Dropout, None, xs, out)
    }
}

impl fmt::Display for Dropout {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Dropout(p={})", self.p)
    }
}
