//! A convolution or a pool with arguments of one's own, on maps of one's own.

use super::answer::{Num, maps};
use super::sum::{Sum, sum_at};
use anyhow::{Context, Result, ensure};
use cnn_tutorial::nn::{AvgPool2d, Conv2d, LPPool2d, MaxPool2d, Module, Pair, stages};
use serde::{Deserialize, Serialize};
use tch::{Device, TchError, Tensor, nn::VarStore};

const LARGEST_INPUT: usize = 32;
/// The largest kernel, stride and padding: the page has no room for more.
const LARGEST_FRAME: i64 = 11;
/// As many as the second convolution of each network takes.
pub const MOST_IN_CHANNELS: usize = 16;
const MOST_OUT_CHANNELS: usize = 4;

#[derive(Deserialize)]
pub struct Arguments {
    layer: Kind,
    /// Channels of rows of numbers.
    input: Vec<Vec<Vec<f32>>>,
    kernel_size: Steps,
    stride: Steps,
    padding: Steps,
    /// The numbers of a convolution: for each channel of the output, and for each of the input, `kernel_size` of them.
    kernel: Vec<Vec<Vec<Vec<f32>>>>,
    /// For each channel of the output.
    bias: Vec<f64>,
    norm_type: f64,
    /// Channel, row and column of the pixel of the output whose sum is asked for; past the end it is the last one.
    at: [i64; 3],
}

#[derive(Deserialize)]
enum Kind {
    Conv2d,
    MaxPool2d,
    AvgPool2d,
    LPPool2d,
}

/// PyTorch's "int or tuple".
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Steps {
    Both(i64),
    Each(i64, i64),
}

/// What the layer makes of the input.
#[derive(Serialize)]
pub struct Outcome {
    python: String,
    rust: String,
    /// The formulas of the output's height and width with the numbers put in.
    formulas: [String; 2],
    /// Channels of rows of numbers.
    output: Vec<Vec<Vec<Num>>>,
    at: [i64; 3],
    sum: Sum,
}

impl Steps {
    fn pair(self, name: &str, least: i64) -> Result<(i64, i64)> {
        let (height, width) = match self {
            Self::Both(both) => (both, both),
            Self::Each(height, width) => (height, width),
        };
        let fits = [height, width].iter().all(|side| (least..=LARGEST_FRAME).contains(side));
        ensure!(fits, "{name} is ({height}, {width}): expected whole numbers from {least} to {LARGEST_FRAME}");
        Ok((height, width))
    }
}

impl Arguments {
    /// Errors in words where no layer could have these arguments.
    pub fn outcome(&self) -> Result<Outcome> {
        let input = tensor(&self.input, "the input", LARGEST_INPUT)?;
        let kernel_size = self.kernel_size.pair("kernel_size", 1)?;
        let stride = self.stride.pair("stride", 1)?;
        let padding = match self.layer {
            Kind::Conv2d => self.padding.pair("padding", 0)?,
            _ => (0, 0),
        };
        let sizes = [(1, kernel_size.0, padding.0, stride.0), (2, kernel_size.1, padding.1, stride.1)];
        let mut formulas = [String::new(), String::new()];
        for (formula, (dim, kernel, padding, stride)) in formulas.iter_mut().zip(sizes) {
            let side = input.size()[dim];
            let room = side + 2 * padding - kernel;
            ensure!(
                room >= 0,
                "a kernel of {kernel} does not fit into an input of {side} with padding {padding}: PyTorch says that \
                 the kernel size can't be greater than the actual input size"
            );
            let padded = matches!(self.layer, Kind::Conv2d).then(|| format!(" + 2·{padding}")).unwrap_or_default();
            let quotient = room as f64 / stride as f64;
            *formula =
                format!("⌊({side}{padded} − {kernel}) / {stride}⌋ + 1 = ⌊{quotient:.2}⌋ + 1 = {}", room / stride + 1);
        }

        let model: Box<dyn Module> = match self.layer {
            Kind::Conv2d => Box::new(self.convolution(input.size()[0], kernel_size)?.stride(stride).padding(padding)),
            Kind::MaxPool2d => Box::new(MaxPool2d::new(kernel_size).stride(stride)),
            Kind::AvgPool2d => Box::new(AvgPool2d::new(kernel_size).stride(stride)),
            Kind::LPPool2d => {
                let norm_type = self.norm_type;
                ensure!(
                    (1.0..=1000.0).contains(&norm_type),
                    "norm_type is {norm_type}: expected a number from 1 to 1000"
                );
                Box::new(LPPool2d::new(norm_type, kernel_size).stride(stride))
            }
        };
        let (output, stages) = tch::no_grad(|| stages(|| model.forward(&input.f_unsqueeze(0)?)));
        let output = output?.f_get(0)?;
        let stage = stages.first().context("the layer was not seen")?;
        let at = [0, 1, 2].map(|dim| self.at[dim].clamp(0, output.size()[dim] - 1));
        let (k, s, p) = (Pair::from(kernel_size), Pair::from(stride), Pair::from(padding));
        let rust = match self.layer {
            Kind::Conv2d => {
                let (in_channels, out_channels) = (input.size()[0], output.size()[0]);
                format!("Conv2d::new(vs / \"cnn1\", {in_channels}, {out_channels}, {k})?.stride({s}).padding({p})")
            }
            Kind::MaxPool2d => format!("MaxPool2d::new({k}).stride({s})"),
            Kind::AvgPool2d => format!("AvgPool2d::new({k}).stride({s})"),
            Kind::LPPool2d => format!("LPPool2d::new({:?}, {k}).stride({s})", self.norm_type),
        };
        Ok(Outcome {
            python: format!("nn.{}", stage.layer),
            rust: format!("nn::{rust}"),
            formulas,
            output: maps(&output)?,
            at,
            sum: sum_at(stage, &[], at)?,
        })
    }

    fn convolution(&self, in_channels: i64, (height, width): (i64, i64)) -> Result<Conv2d> {
        let out_channels = self.kernel.len();
        ensure!(
            (1..=MOST_OUT_CHANNELS).contains(&out_channels),
            "the kernel is for {out_channels} channels of the output: expected 1 to {MOST_OUT_CHANNELS}"
        );
        ensure!(
            self.bias.len() == out_channels,
            "{} numbers are the bias: expected one for each of {out_channels} channels of the output",
            self.bias.len()
        );
        let mut kernels = Vec::new();
        for kernel in &self.kernel {
            let kernel = tensor(kernel, "the kernel", LARGEST_FRAME as usize)?;
            ensure!(
                kernel.size()[0] == in_channels,
                "the kernel has {} channels: expected {in_channels}, one for each of the input",
                kernel.size()[0]
            );
            ensure!(
                kernel.size()[1..] == [height, width],
                "the kernel has {:?} numbers: expected kernel_size, [{height}, {width}]",
                &kernel.size()[1..]
            );
            kernels.push(kernel);
        }
        for &bias in &self.bias {
            ensure!((bias as f32).is_finite(), "the bias is {bias}: expected a 32-bit number");
        }
        let layer = Conv2d::new(VarStore::new(Device::Cpu).root(), in_channels, out_channels as i64, (height, width))?;
        tch::no_grad(|| -> Result<(), TchError> {
            layer.weight.shallow_clone().f_copy_(&Tensor::f_stack(&kernels, 0)?)?;
            layer.bias.shallow_clone().f_copy_(&Tensor::f_from_slice(&self.bias)?)
        })?;
        Ok(layer)
    }
}

/// `[C, H, W]`
fn tensor(channels: &[Vec<Vec<f32>>], name: &str, largest: usize) -> Result<Tensor> {
    let n = channels.len();
    ensure!((1..=MOST_IN_CHANNELS).contains(&n), "{name} has {n} channels: expected 1 to {MOST_IN_CHANNELS}");
    let height = channels[0].len();
    let width = channels[0].first().map_or(0, Vec::len);
    let fits = (1..=largest).contains(&height) && (1..=largest).contains(&width);
    ensure!(fits, "{name} is {height}x{width}: expected 1x1 to {largest}x{largest} numbers");
    ensure!(channels.iter().all(|rows| rows.len() == height), "{name} has channels of different height");
    let rows = channels.concat();
    ensure!(rows.iter().all(|row| row.len() == width), "{name} has rows of different length");
    let values = rows.concat();
    ensure!(values.iter().all(|value| value.is_finite()), "{name} holds what is no 32-bit number");
    Ok(Tensor::f_from_slice(&values)?.f_view([n as i64, height as i64, width as i64])?)
}
