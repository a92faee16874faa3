//! Slides "Convolutional Layers" and "Convolutional Layers: Arguments": `nn.Conv2d`.

use super::fast::to_dense_unless_tame;
use super::hook::{LayerKind, forward_hook, without_stack};
use super::{Frame, Module, Pair, name_of, reset_parameters};
use std::fmt;
use tch::nn::{Init, Path};
use tch::{TchError, Tensor};

/// A moving frame (kernel) over the input, its values learned: `torch.nn.Conv2d`.
///
/// `[N, in_channels, H, W]` becomes `[N, out_channels, H', W']` with
/// `H' = (H + 2 * padding - kernel_size) / stride + 1`, rounded down, and `W'` likewise.
#[derive(Debug)]
pub struct Conv2d {
    /// `[out_channels, in_channels, height, width]`
    pub weight: Tensor,
    /// `[out_channels]`
    pub bias: Tensor,
    name: String,
    frame: Frame,
}

impl Conv2d {
    /// A layer with stride 1 and padding 0, its parameters named `weight` and `bias` under `vs` and drawn as PyTorch
    /// draws them. Errors where one of the numbers is less than 1.
    pub fn new(vs: Path, in_channels: i64, out_channels: i64, kernel_size: impl Into<Pair>) -> Result<Self, TchError> {
        let kernel_size = kernel_size.into();
        let [height, width] = kernel_size.0;
        let name = name_of(&vs)?;
        if [in_channels, out_channels, height, width].iter().any(|&size| size < 1) {
            return Err(TchError::Torch(format!(
                "{name}, Conv2d({in_channels}, {out_channels}, kernel_size={kernel_size}): expected 1 or more of each"
            )));
        }
        let size = [out_channels, in_channels, height, width];
        let weight = vs.f_var("weight", &size, Init::Const(0.)).map_err(without_stack)?;
        let bias = vs.f_var("bias", &[out_channels], Init::Const(0.))?;
        reset_parameters(&weight, Some(&bias))?;
        Ok(Self { weight, bias, name, frame: Frame { kernel_size, stride: 1.into(), padding: 0.into() } })
    }

    /// How far the kernel moves between two convolutions.
    pub fn stride(self, stride: impl Into<Pair>) -> Self {
        Self { frame: Frame { stride: stride.into(), ..self.frame }, ..self }
    }

    /// How many zeros are added to each side of the input.
    pub fn padding(self, padding: impl Into<Pair>) -> Self {
        Self { frame: Frame { padding: padding.into(), ..self.frame }, ..self }
    }
}

impl Module for Conv2d {
    /// Not `nn::Conv2D::forward`, which panics where libtorch reports an error.
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let Frame { stride, padding, .. } = self.frame;
        let parameters = [&self.weight, &self.bias];
        let out = to_dense_unless_tame(xs, parameters)
            .and_then(|xs| xs.f_conv2d(&self.weight, Some(&self.bias), stride.0, padding.0, 1, 1));
        forward_hook(self, LayerKind::Conv2d(self.frame), Some((&self.name, &parameters)), xs, out)
    }
}

impl fmt::Display for Conv2d {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (out_channels, in_channels) = (self.weight.size()[0], self.weight.size()[1]);
        write!(f, "Conv2d({in_channels}, {out_channels}, {}, padding={})", self.frame, self.frame.padding)
    }
}
