//! The activations: ReLU in the slides' CNN, tanh in LeNet-5.

use super::Module;
use super::fast::to_dense;
use super::hook::{LayerKind, forward_hook};
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
        // In oneDNN's layout, which nobody can look into, it works in place: the same bits in less time.
        let out = if xs.is_mkldnn() { xs.shallow_clone().f_relu_() } else { xs.f_relu() };
        forward_hook(self, LayerKind::ReLU, None, xs, out)
    }
}

impl Module for Tanh {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        forward_hook(self, LayerKind::Tanh, None, xs, to_dense(xs).and_then(|xs| xs.f_tanh()))
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
