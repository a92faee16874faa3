//! The fully connected layer of the slide "Model Definition: Initialization": `nn.Linear`.

use super::{onednn::to_dense, record::seen, reset_parameters};
use std::fmt;
use tch::nn::{self, Init};
use tch::{TchError, Tensor};

/// `[N, in_features]` becomes `[N, out_features]`: `torch.nn.Linear`.
#[derive(Debug)]
pub struct Linear {
    /// tch's layer holds `weight` as `ws`, `[out_features, in_features]`, and `bias` as `bs`.
    pub linear: nn::Linear,
    name: String,
}

impl Linear {
    /// A layer with its parameters named `weight` and `bias` under `vs` and drawn as PyTorch draws them.
    pub fn new(vs: nn::Path, in_features: i64, out_features: i64) -> Result<Self, TchError> {
        let name = vs.components().last().unwrap_or_default().to_owned();
        // Not `nn::linear`, which panics on an error. A constant draws nothing from the generator.
        let ws = vs.f_var("weight", &[out_features, in_features], Init::Const(0.))?;
        let linear = nn::Linear { ws, bs: Some(vs.f_var("bias", &[out_features], Init::Const(0.))?) };
        reset_parameters(&linear.ws, linear.bs.as_ref(), in_features)?;
        Ok(Self { linear, name })
    }

    pub fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let (weight, bias) = (&self.linear.ws, self.linear.bs.as_ref());
        seen(self, &self.name, [Some(weight), bias], to_dense(xs)?.f_linear(weight, bias)?)
    }
}

impl fmt::Display for Linear {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (out_features, in_features) = (self.linear.ws.size()[0], self.linear.ws.size()[1]);
        write!(f, "Linear(in_features={in_features}, out_features={out_features})")
    }
}
