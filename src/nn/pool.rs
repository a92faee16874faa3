//! Slides "Pooling", "Max Pooling" and "Avg Pooling": moving frames that compute instead of learn.

use super::fast::{has_many_planes, max_of_frames, mean_of_small_frames, overlap, takes_small_frames, to_dense};
use super::hook::{LayerKind, forward_hook};
use super::{Frame, Module, Pair, caught};
use std::fmt;
use tch::{TchError, Tensor};

/// The frame's maximum: `torch.nn.MaxPool2d`.
///
/// Every pool takes `[N, C, H, W]` to `[N, C, H', W']` with `H' = (H - kernel_size) / stride + 1`, rounded down, and
/// `W'` likewise. `stride` is the kernel size unless it is set, so frames do not overlap.
#[derive(Debug)]
pub struct MaxPool2d {
    frame: Frame,
}

/// The frame's mean: `torch.nn.AvgPool2d`.
#[derive(Debug)]
pub struct AvgPool2d {
    frame: Frame,
}

/// The frame's power average, `(sum of x^norm_type)^(1 / norm_type)`: `torch.nn.LPPool2d`.
///
/// `norm_type` 1 is the sum (the mean times the frame's area); towards infinity it becomes the maximum.
#[derive(Debug)]
pub struct LPPool2d {
    norm_type: f64,
    frame: Frame,
}

impl MaxPool2d {
    pub fn new(kernel_size: impl Into<Pair>) -> Self {
        Self { frame: Frame::side_by_side(kernel_size) }
    }

    pub fn stride(self, stride: impl Into<Pair>) -> Self {
        Self { frame: Frame { stride: stride.into(), ..self.frame } }
    }
}

impl AvgPool2d {
    pub fn new(kernel_size: impl Into<Pair>) -> Self {
        Self { frame: Frame::side_by_side(kernel_size) }
    }

    pub fn stride(self, stride: impl Into<Pair>) -> Self {
        Self { frame: Frame { stride: stride.into(), ..self.frame } }
    }
}

impl LPPool2d {
    pub fn new(norm_type: f64, kernel_size: impl Into<Pair>) -> Self {
        Self { norm_type, frame: Frame::side_by_side(kernel_size) }
    }

    pub fn stride(self, stride: impl Into<Pair>) -> Self {
        Self { frame: Frame { stride: stride.into(), ..self.frame }, ..self }
    }
}

impl Module for MaxPool2d {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let Frame { kernel_size, stride, .. } = self.frame;
        let max_pool = || {
            let xs = if overlap(kernel_size, stride) { to_dense(xs)? } else { xs.shallow_clone() };
            if has_many_planes(&xs, kernel_size, stride) {
                max_of_frames(&xs, kernel_size, stride)
            } else {
                xs.f_max_pool2d(kernel_size.0, stride.0, 0, 1, false)
            }
        };
        forward_hook(self, LayerKind::MaxPool2d(self.frame), None, xs, caught(max_pool))
    }
}

impl Module for AvgPool2d {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let Frame { kernel_size, stride, .. } = self.frame;
        let avg_pool = || {
            let dense = to_dense(xs)?;
            if kernel_size == stride && takes_small_frames(&dense, kernel_size) {
                mean_of_small_frames(&dense, kernel_size)
            } else {
                dense.f_avg_pool2d(kernel_size.0, stride.0, 0, false, true, None)
            }
        };
        forward_hook(self, LayerKind::AvgPool2d(self.frame), None, xs, caught(avg_pool))
    }
}

impl Module for LPPool2d {
    /// libtorch has no such operation; these are the ones of `torch.nn.functional.lp_pool2d`, in its order.
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let Frame { kernel_size, stride, .. } = self.frame;
        let [height, width] = kernel_size.0;
        let lp_pool = || {
            if self.norm_type == 0.0 {
                return Err(TchError::Torch("float division by zero: norm_type".into()));
            }
            let powers = to_dense(xs)?.f_pow_tensor_scalar(self.norm_type)?;
            let out = powers.f_avg_pool2d(kernel_size.0, stride.0, 0, false, true, None)?;
            let magnitudes = out.f_sign()?.f_mul(&out.f_abs()?.f_relu()?)?;
            magnitudes.f_mul_scalar(width * height)?.f_pow_tensor_scalar(1.0 / self.norm_type)
        };
        forward_hook(self, LayerKind::LPPool2d(self.frame, self.norm_type), None, xs, caught(lp_pool))
    }
}

impl fmt::Display for MaxPool2d {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "MaxPool2d({})", self.frame)
    }
}

impl fmt::Display for AvgPool2d {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "AvgPool2d({})", self.frame)
    }
}

impl fmt::Display for LPPool2d {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "LPPool2d(norm_type={}, {})", self.norm_type, self.frame)
    }
}
