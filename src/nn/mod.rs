//! The layers of the slides: tch's parameters and operations, PyTorch's arguments, defaults and initialisation.
//!
//! A layer's parameters are the `VarStore`'s own tensors: copy into them. A tensor put in their place is neither trained nor saved.
//! Each layer draws its first weights when it is made: make them in the order of Python's `__init__`.

mod activation;
mod batchnorm;
mod between;
mod conv;
mod dropout;
mod fast;
mod hook;
mod linear;
mod loss;
mod mode;
mod panic;
mod pool;
mod seen;

pub use activation::{ReLU, Tanh};
pub use batchnorm::BatchNorm2d;
pub use between::all_stages;
pub use conv::Conv2d;
pub use dropout::Dropout;
pub(crate) use fast::is_tame;
pub use hook::{LayerKind, Stage, before_stack, forward, forward_hook, stages, without_stack};
pub use linear::Linear;
pub use loss::CrossEntropyLoss;
pub use mode::{Eval, eval, is_training};
pub use panic::caught;
pub(crate) use panic::quietly;
pub use pool::{AvgPool2d, LPPool2d, MaxPool2d};

use std::collections::HashSet;
use std::fmt;
use tch::nn::{Path, VarStore};
use tch::{TchError, Tensor};

/// A layer, or a network of layers: `torch.nn.Module`.
///
/// tch has a `Module` too. Its `forward` returns no `Result`, so it has to panic where shapes do not fit.
pub trait Module {
    /// What the layer makes of a batch `[N, ...]`. Errors where libtorch reports one, such as for a wrong shape.
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError>;
}

/// A kernel size, stride or padding, (height, width): PyTorch's "int or tuple", so `3.into()` is (3, 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair(pub [i64; 2]);

impl From<i64> for Pair {
    fn from(both: i64) -> Self {
        Self([both, both])
    }
}

impl From<(i64, i64)> for Pair {
    fn from((height, width): (i64, i64)) -> Self {
        Self([height, width])
    }
}

impl Pair {
    /// Reads "3" or "3,5", each number `least` or more.
    pub fn parse(text: &str, least: u8) -> Result<Self, String> {
        let (height, width) = text.split_once(',').unwrap_or((text, text));
        match [height, width].map(|number| number.trim().parse::<u8>().ok().filter(|&number| number >= least)) {
            [Some(height), Some(width)] => Ok(Self([height.into(), width.into()])),
            _ => Err(format!("expected a number from {least} to 255, or height and width such as 3,5")),
        }
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.0 {
            [height, width] if height == width => write!(f, "{height}"),
            [height, width] => write!(f, "({height}, {width})"),
        }
    }
}

/// The frame that a convolution or a pool moves over its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kernel_size: Pair,
    pub stride: Pair,
    pub padding: Pair,
}

impl Frame {
    /// The frame of a pool, unless it is told otherwise: it moves by its own size.
    fn side_by_side(kernel_size: impl Into<Pair>) -> Self {
        let kernel_size = kernel_size.into();
        Self { kernel_size, stride: kernel_size, padding: 0.into() }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "kernel_size={}, stride={}", self.kernel_size, self.stride)
    }
}

/// The parameters in `vs` with their names, as PyTorch's `model.named_parameters()`, but in the order of the names. One that has
/// several names is one, and buffers, such as running means, are none.
pub fn named_parameters(vs: &VarStore) -> Vec<(String, Tensor)> {
    let trainable: HashSet<_> = vs.trainable_variables().iter().map(Tensor::data_ptr).collect();
    let mut parameters: Vec<_> = vs.variables().into_iter().collect();
    parameters.retain(|(_, variable)| trainable.contains(&variable.data_ptr()));
    parameters.sort_by(|a, b| a.0.cmp(&b.0));
    let mut seen = HashSet::new();
    parameters.retain(|(_, parameter)| parameter.numel() == 0 || seen.insert(parameter.data_ptr()));
    parameters
}

/// What the parameters of the layer at this path begin with in PyTorch's `state_dict`, such as `block1.conv`.
///
/// A layer asks for it before it makes its parameters. Errors where the path has a `weight` already: tch would give the second
/// layer's parameters other names, which Python's network does not have.
pub fn name_of(vs: &Path) -> Result<String, TchError> {
    let name = vs.components().collect::<Vec<_>>().join(".");
    match vs.get("weight") {
        Some(_) => Err(TchError::Torch(format!(
            "two layers have the path {name:?}: give each its own, its weights are saved under that name"
        ))),
        None => Ok(name),
    }
}

/// Draws a layer's parameters as PyTorch's `Conv2d.reset_parameters` and `Linear.reset_parameters` do, from the default
/// generator. `weight` is `[out_channels, ...]`, all but its first dimension being what one output is computed from, and `bias`
/// `[out_channels]`. Errors where the weight has less than two dimensions.
///
/// tch's own defaults are not PyTorch's: its weights are larger, its convolution biases are 0, and it draws
/// the bias before the weight. The bounds are computed in PyTorch's order of operations, because
/// 1 / sqrt(fan_in) for the weight would differ in the last place for some fan_in.
pub fn reset_parameters(weight: &Tensor, bias: Option<&Tensor>) -> Result<(), TchError> {
    let fan_in = match &weight.size()[..] {
        [_, fan_in @ ..] if !fan_in.is_empty() => fan_in.iter().product::<i64>() as f64,
        size => return Err(TchError::Torch(format!("expected a weight of two or more dimensions, found {size:?}"))),
    };
    let gain = (2.0 / (1.0 + 5f64.sqrt().powi(2))).sqrt(); // kaiming_uniform_(a=sqrt(5))
    let weight_bound = 3f64.sqrt() * (gain / fan_in.sqrt());
    let bias_bound = if fan_in == 0.0 { 0.0 } else { 1.0 / fan_in.sqrt() };
    tch::no_grad(|| {
        if weight.numel() > 0 {
            let _ = weight.shallow_clone().f_uniform_(-weight_bound, weight_bound)?;
        }
        if let Some(bias) = bias {
            let _ = bias.shallow_clone().f_uniform_(-bias_bound, bias_bound)?;
        }
        Ok(())
    })
}
