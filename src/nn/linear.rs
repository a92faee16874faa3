//! The fully connected layer of the slide "Model Definition: Initialization": `nn.Linear`.

use super::fast::to_dense;
use super::hook::{LayerKind, forward_hook, without_stack};
use super::{Module, name_of, reset_parameters};
use std::fmt;
use tch::nn::{Init, Path};
use tch::{TchError, Tensor};

/// `[N, in_features]` becomes `[N, out_features]`: `torch.nn.Linear`.
#[derive(Debug)]
pub struct Linear {
    /// `[out_features, in_features]`
    pub weight: Tensor,
    /// `[out_features]`
    pub bias: Tensor,
    name: String,
}

impl Linear {
    /// A layer with its parameters named `weight` and `bias` under `vs` and drawn as PyTorch draws them.
    pub fn new(vs: Path, in_features: i64, out_features: i64) -> Result<Self, TchError> {
        let name = name_of(&vs)?;
        // Not `tch::nn::linear`, which panics on an error. A constant draws nothing from the generator.
        let weight = vs.f_var("weight", &[out_features, in_features], Init::Const(0.)).map_err(without_stack)?;
        let bias = vs.f_var("bias", &[out_features], Init::Const(0.))?;
        reset_parameters(&weight, Some(&bias))?;
        Ok(Self { weight, bias, name })
    }
}

impl Module for Linear {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let out = to_dense(xs).and_then(|xs| xs.f_linear(&self.weight, Some(&self.bias)));
        let parameters = [&self.weight, &self.bias];
        forward_hook(self, LayerKind::Linear, Some((&self.name, &parameters)), xs, out)
    }
}

impl fmt::Display for Linear {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (out_features, in_features) = (self.weight.size()[0], self.weight.size()[1]);
        write!(f, "Linear(in_features={in_features}, out_features={out_features})")
    }
}
