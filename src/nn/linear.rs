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
        let (ws_init, bs_init) = (Init::Const(0.), Some(Init::Const(0.)));
        let config = nn::LinearConfig { ws_init, bs_init, bias: true };
        #[allow(clippy::disallowed_methods)] // has no twin, and could fail only where no memory is left for the weights
        let linear = nn::linear(vs, in_features, out_features, config);
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
