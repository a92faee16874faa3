//! A convolution or a pool with arguments of one's own, on an input of one's own.

use super::answer::{Num, Sum, rows, sum_at};
use anyhow::{Context, Result, ensure};
use cnn_tutorial::nn::{AvgPool2d, Conv2d, LPPool2d, MaxPool2d, Module, Pair, stages};
use serde::{Deserialize, Serialize};
use tch::{Device, TchError, Tensor, nn::VarStore};

const LARGEST_INPUT: usize = 32;
/// The largest kernel, stride and padding: the page has no room for more.
const LARGEST_FRAME: i64 = 11;

#[derive(Deserialize)]
pub struct Arguments {
    layer: Kind,
    /// Rows of numbers.
    input: Vec<Vec<f32>>,
    kernel_size: Steps,
    stride: Steps,
    padding: Steps,
    /// The numbers of a convolution, `kernel_size` of them.
    kernel: Vec<Vec<f32>>,
    bias: f64,
    norm_type: f64,
    /// Row and column of the pixel of the output whose sum is asked for; past the end it is the last one.
    at: [i64; 2],
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
    output: Vec<Vec<Num>>,
    at: [i64; 2],
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
        let input = matrix(&self.input, "the input", LARGEST_INPUT)?;
        let kernel_size = self.kernel_size.pair("kernel_size", 1)?;
        let stride = self.stride.pair("stride", 1)?;
        let padding = match self.layer {
            Kind::Conv2d => self.padding.pair("padding", 0)?,
            _ => (0, 0),
        };
        let sizes = [(2, kernel_size.0, padding.0, stride.0), (3, kernel_size.1, padding.1, stride.1)];
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
            Kind::Conv2d => Box::new(self.convolution(kernel_size)?.stride(stride).padding(padding)),
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
        let (output, stages) = tch::no_grad(|| stages(|| model.forward(&input)));
        let output = output?.f_get(0)?.f_get(0)?;
        let stage = stages.first().context("the layer was not seen")?;
        let at = [0, 1].map(|dim| self.at[dim].clamp(0, output.size()[dim] - 1));
        let (k, s, p) = (Pair::from(kernel_size), Pair::from(stride), Pair::from(padding));
        let rust = match self.layer {
            Kind::Conv2d => format!("Conv2d::new(vs / \"cnn1\", 1, 1, {k})?.stride({s}).padding({p})"),
            Kind::MaxPool2d => format!("MaxPool2d::new({k}).stride({s})"),
            Kind::AvgPool2d => format!("AvgPool2d::new({k}).stride({s})"),
            Kind::LPPool2d => format!("LPPool2d::new({:?}, {k}).stride({s})", self.norm_type),
        };
        Ok(Outcome {
            python: format!("nn.{}", stage.layer),
            rust: format!("nn::{rust}"),
            formulas,
            output: rows(&output)?,
            at,
            sum: sum_at(stage, &[], [0, at[0], at[1]])?,
        })
    }

    fn convolution(&self, (height, width): (i64, i64)) -> Result<Conv2d> {
        let kernel = matrix(&self.kernel, "the kernel", LARGEST_FRAME as usize)?;
        ensure!(
            kernel.size()[2..] == [height, width],
            "the kernel has {:?} numbers: expected kernel_size, [{height}, {width}]",
            &kernel.size()[2..]
        );
        ensure!((self.bias as f32).is_finite(), "the bias is {}: expected a 32-bit number", self.bias);
        let layer = Conv2d::new(VarStore::new(Device::Cpu).root(), 1, 1, (height, width))?;
        tch::no_grad(|| -> Result<(), TchError> {
            layer.weight.shallow_clone().f_copy_(&kernel)?;
            let _ = layer.bias.shallow_clone().f_fill_(self.bias)?;
            Ok(())
        })?;
        Ok(layer)
    }
}

/// `[1, 1, H, W]`
fn matrix(rows: &[Vec<f32>], name: &str, largest: usize) -> Result<Tensor> {
    let width = rows.first().map_or(0, Vec::len);
    let fits = (1..=largest).contains(&rows.len()) && (1..=largest).contains(&width);
    ensure!(fits, "{name} is {}x{width}: expected 1x1 to {largest}x{largest} numbers", rows.len());
    ensure!(rows.iter().all(|row| row.len() == width), "{name} has rows of different length");
    let values = rows.concat();
    ensure!(values.iter().all(|value| value.is_finite()), "{name} holds what is no 32-bit number");
    Ok(Tensor::f_from_slice(&values)?.f_view([1, 1, rows.len() as i64, width as i64])?)
}
