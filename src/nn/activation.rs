//! The activations: ReLU in the slides' CNN, tanh in LeNet-5.

use super::record::seen;
use std::fmt;
use tch::{TchError, Tensor};

/// `max(x, 0)`, element by element: `torch.nn.ReLU`.
#[derive(Debug)]
pub struct ReLU;

impl ReLU {
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        seen(self, "", [None; 2], xs.f_relu()?)
    }
}

/// The hyperbolic tangent, element by element: `torch.nn.Tanh`.
#[derive(Debug)]
pub struct Tanh;

impl Tanh {
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        seen(self, "", [None; 2], xs.f_tanh()?)
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
