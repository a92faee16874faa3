//! Batch normalisation, which is not on the slides: it makes deeper networks learn faster.

use super::fast::to_dense;
use super::hook::{LayerKind, forward_hook, without_stack};
use super::{Module, caught, is_training, name_of};
use std::fmt;
use tch::nn::{Init, Path};
use tch::{Kind, TchError, Tensor};

/// PyTorch's defaults.
const EPS: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

/// Brings each channel of a batch `[N, C, H, W]` to mean 0 and variance 1, then times `weight` plus `bias`:
/// `torch.nn.BatchNorm2d`.
///
/// While training, mean and variance are the batch's, and the running ones follow them; in evaluation mode they are the
/// running ones.
#[derive(Debug)]
pub struct BatchNorm2d {
    /// `[C]`
    pub weight: Tensor,
    /// `[C]`
    pub bias: Tensor,
    /// `[C]`
    pub running_mean: Tensor,
    /// `[C]`
    pub running_var: Tensor,
    /// A whole number without dimensions: how many batches it has seen while training.
    pub num_batches_tracked: Tensor,
    name: String,
}

impl BatchNorm2d {
    /// A layer for `[N, num_features, H, W]`. Its parameters and running statistics have PyTorch's names under `vs`; nothing
    /// is drawn for them.
    pub fn new(vs: Path, num_features: i64) -> Result<Self, TchError> {
        let (name, number) = (name_of(&vs)?, (vs.kind(), vs.device()));
        Ok(Self {
            weight: vs.f_var("weight", &[num_features], Init::Const(1.)).map_err(without_stack)?,
            bias: vs.f_var("bias", &[num_features], Init::Const(0.))?,
            running_mean: vs.add("running_mean", Tensor::f_zeros([num_features], number)?, false),
            running_var: vs.add("running_var", Tensor::f_ones([num_features], number)?, false),
            num_batches_tracked: vs.add("num_batches_tracked", Tensor::f_zeros([], (Kind::Int64, vs.device()))?, false),
            name,
        })
    }
}

impl Module for BatchNorm2d {
    /// Errors while training where a channel has a single value: that has no variance.
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let normalised = || {
            let [n, channels, height, width] = xs.size()[..] else {
                return Err(TchError::Torch(format!("expected 4D input (got {}D input)", xs.dim())));
            };
            let (training, cudnn_enabled) = (is_training(), true);
            if training {
                // `torch.nn.functional.batch_norm` checks this; libtorch's own operation gives NaN.
                if n * height * width == 1 {
                    let found = format!("[1, {channels}, 1, 1]");
                    let message =
                        format!("Expected more than 1 value per channel when training, got input size {found}");
                    return Err(TchError::Torch(message));
                }
                let _ = self.num_batches_tracked.shallow_clone().f_add_scalar_(1)?;
            }
            let [weight, bias, mean, var] = [&self.weight, &self.bias, &self.running_mean, &self.running_var].map(Some);
            to_dense(xs)?.f_batch_norm(weight, bias, mean, var, training, MOMENTUM, EPS, cudnn_enabled)
        };
        let parameters = [&self.weight, &self.bias];
        forward_hook(self, LayerKind::BatchNorm2d, Some((&self.name, &parameters)), xs, caught(normalised))
    }
}

impl fmt::Display for BatchNorm2d {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "BatchNorm2d({})", self.weight.size()[0])
    }
}
