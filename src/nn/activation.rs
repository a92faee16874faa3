//! The activations: ReLU in the slides' CNN, tanh in LeNet-5.

use super::{Module, onednn::to_dense, record::seen};
use std::fmt;
use tch::{TchError, Tensor};

/// `max(x, 0)`, element by element: `torch.nn.ReLU`.
#[derive(Debug)]
pub struct ReLU;

/// The hyperbolic tangent, element by element: `torch.nn.Tanh`.
#[derive(Debug)]
pub struct Tanh;

impl Module for ReLU {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        // In oneDNN's layout, which nobody can look into, in place: a fifth of a CNN's time, and the same bits.
        let out = if xs.is_mkldnn() { xs.shallow_clone().f_relu_() } else { xs.f_relu() };
        seen(self, None, xs, out)
    }
}

impl Module for Tanh {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        seen(self, None, xs, to_dense(xs)?.f_tanh())
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
