//! Slides "Convolutional Layers" and "Convolutional Layers: Arguments": `nn.Conv2d`.

use super::{Pair, onednn::to_onednn, record::seen, reset_parameters};
use std::fmt;
use tch::nn::{self, Init};
use tch::{TchError, Tensor};

/// A moving frame (kernel) over the input, its values learned: `torch.nn.Conv2d`.
///
/// `[N, in_channels, H, W]` becomes `[N, out_channels, H', W']` with
/// `H' = (H + 2 * padding - kernel_size) / stride + 1`, rounded down, and `W'` likewise.
#[derive(Debug)]
pub struct Conv2d {
    /// tch's layer holds `weight` as `ws`, `[out_channels, in_channels, height, width]`, and `bias` as `bs`.
    pub conv: nn::Conv2D,
    name: String,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    onednn_layout: bool,
}

impl Conv2d {
    /// A layer with stride 1 and padding 0, its parameters named `weight` and `bias` under `vs` and drawn as PyTorch
    /// draws them.
    pub fn new(
        vs: nn::Path,
        in_channels: i64,
        out_channels: i64,
        kernel_size: impl Into<Pair>,
    ) -> Result<Self, TchError> {
        let kernel_size = kernel_size.into();
        let name = vs.components().last().unwrap_or_default().to_owned();
        // A constant draws nothing from the generator.
        let config = nn::ConvConfigND { ws_init: Init::Const(0.), ..Default::default() };
        #[allow(clippy::disallowed_methods)] // has no twin, and could fail only where no memory is left for the weights
        let conv = nn::conv(vs, in_channels, out_channels, kernel_size.0, config);
        let [height, width] = kernel_size.0;
        reset_parameters(&conv.ws, conv.bs.as_ref(), in_channels * height * width)?;
        Ok(Self { conv, name, kernel_size, stride: 1.into(), padding: 0.into(), onednn_layout: false })
    }

    /// How far the kernel moves between two convolutions.
    pub fn stride(self, stride: impl Into<Pair>) -> Self {
        Self { stride: stride.into(), ..self }
    }

    /// How many zeros are added to each side of the input.
    pub fn padding(self, padding: impl Into<Pair>) -> Self {
        Self { padding: padding.into(), ..self }
    }

    /// Leaves the output in the layout in which oneDNN computes convolutions on the CPU: with the same bits, it saves
    /// bringing them out of it and back. What comes next has to know that layout, as [`ReLU`](super::ReLU),
    /// [`MaxPool2d`](super::MaxPool2d), another convolution, `f_flatten` and [`Linear`](super::Linear) do;
    /// `f_to_dense` leaves it.
    pub fn onednn_layout(self) -> Self {
        Self { onednn_layout: true, ..self }
    }

    pub fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        // Not `nn::Conv2D::forward`, which panics where libtorch reports an error.
        let (weight, bias) = (&self.conv.ws, self.conv.bs.as_ref());
        let xs = if self.onednn_layout { to_onednn(xs)? } else { xs.shallow_clone() };
        let out = xs.f_conv2d(weight, bias, self.stride.0, self.padding.0, 1, 1)?;
        seen(self, &self.name, [Some(weight), bias], out)
    }
}

impl fmt::Display for Conv2d {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (out_channels, in_channels) = (self.conv.ws.size()[0], self.conv.ws.size()[1]);
        let Self { kernel_size, stride, padding, .. } = self;
        write!(
            f,
            "Conv2d({in_channels}, {out_channels}, kernel_size={kernel_size}, stride={stride}, padding={padding})"
        )
    }
}
