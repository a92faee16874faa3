//! The activations: ReLU in the slides' CNN, tanh in LeNet-5.

use super::record::{is_recording, seen};
use super::{MaxPool2d, onednn::to_dense};
use std::fmt;
use tch::{TchError, Tensor};

/// `max(x, 0)`, element by element: `torch.nn.ReLU`.
#[derive(Debug)]
pub struct ReLU;

impl ReLU {
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        seen(self, "", [None; 2], xs.f_relu()?)
    }

    /// `maxpool.forward(&self.forward(xs)?)`, computed in the other order: what is largest before ReLU is so after it.
    /// The same bits, forward and backward, and of ReLU's work only the pooled pixels'.
    pub fn then(&self, maxpool: &MaxPool2d, xs: &Tensor) -> Result<Tensor, TchError> {
        if is_recording() { maxpool.forward(&self.forward(xs)?) } else { self.forward(&maxpool.forward(xs)?) }
    }
}

/// The hyperbolic tangent, element by element: `torch.nn.Tanh`.
#[derive(Debug)]
pub struct Tanh;

impl Tanh {
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        seen(self, "", [None; 2], to_dense(xs)?.f_tanh()?)
    }
}

impl fmt::Display for ReLU {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("ReLU()")
    }
}

impl fmt::Display for Tanh {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Tanh()")
    }
}
