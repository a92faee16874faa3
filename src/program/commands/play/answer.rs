//! What the page is told of a forward pass: every layer's maps, and the sum that makes one of their pixels.

use crate::program::run::network::{is_sure, probabilities};
use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cnn_tutorial::nn::{Frame, LayerKind, Stage};
use serde::{Serialize, Serializer};
use tch::{Kind, TchError, Tensor};

/// A number, or in words what it is instead: JSON has no word for infinity.
#[derive(Clone, Copy)]
pub struct Num(f32);

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { serializer.serialize_f32(self.0) } else { serializer.collect_str(&self.0) }
    }
}

impl From<f32> for Num {
    fn from(number: f32) -> Self {
        Self(number)
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<Num>, TchError> {
    Ok(Vec::<f32>::try_from(tensor.f_flatten(0, -1)?)?.into_iter().map(Num).collect())
}

/// The rows of a matrix `[H, W]`, or the maps of `[C, H, W]`, each map in one row.
pub fn rows(matrix: &Tensor) -> Result<Vec<Vec<Num>>, TchError> {
    let numbers = numbers(matrix)?;
    let width = numbers.len().checked_div(matrix.size()[0] as usize).unwrap_or(0).max(1);
    Ok(numbers.chunks(width).map(<[Num]>::to_vec).collect())
}

/// The maps of `[C, H, W]`, each of them rows of numbers.
pub fn maps(maps: &Tensor) -> Result<Vec<Vec<Vec<Num>>>, TchError> {
    let (channels, height, width) = maps.size3()?;
    let rows = rows(&maps.f_reshape([channels * height, width])?)?;
    Ok(rows.chunks(height.max(1) as usize).map(<[Vec<Num>]>::to_vec).collect())
}

pub fn number(tensor: &Tensor) -> Result<Num, TchError> {
    Ok(Num(f32::try_from(tensor)?))
}

/// What a network makes of an image.
#[derive(Serialize)]
pub struct Answer {
    /// The image in MNIST's convention, 28x28.
    seen: Vec<u8>,
    digit: usize,
    /// Whether the digit has most of the probability, see `is_sure`.
    sure: bool,
    softmax: Softmax,
    probabilities: Vec<Num>,
    /// The input first.
    layers: Vec<Layer>,
}

/// How logits become probabilities, each `exp(logit - largest) / sum`: so PyTorch computes it, and no power is too large.
#[derive(Serialize)]
struct Softmax {
    logits: Vec<Num>,
    largest: Num,
    exps: Vec<Num>,
    sum: Num,
}

impl Softmax {
    fn of(logits: &Tensor) -> Result<Self, TchError> {
        let largest = logits.f_max()?;
        let exps = logits.f_sub(&largest)?.f_exp()?;
        let sum = number(&exps.f_sum(Kind::Float)?)?;
        Ok(Self { logits: numbers(logits)?, largest: number(&largest)?, exps: numbers(&exps)?, sum })
    }
}

#[derive(Serialize)]
struct Layer {
    name: String,
    /// The layer with its arguments.
    layer: String,
    /// The shape of what it makes of one image, `[C, H, W]` or `[C]`.
    shape: Vec<i64>,
    /// The largest magnitude in its maps.
    largest: Num,
    /// Every pixel, in 127ths of `largest`, as a byte with a sign.
    maps: Bytes,
}

/// Bytes in base64: as a list of numbers they would take most of an answer's time.
struct Bytes(Vec<i8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().map(|byte| byte.cast_unsigned()).collect();
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }
}

impl Layer {
    fn new(name: &str, layer: &str, output: &Tensor) -> Result<Self, TchError> {
        let output = output.f_get(0)?;
        let pixels = Vec::<f32>::try_from(output.f_flatten(0, -1)?)?;
        // Colours only, and by hand: ten times a second this takes time from a training.
        let largest = pixels.iter().fold(0.0, |largest: f32, pixel| largest.max(pixel.abs()));
        let colour = |pixel: &f32| (pixel / largest.max(f32::MIN_POSITIVE) * 127.0).round_ties_even() as i8;
        let maps = Bytes(pixels.iter().map(colour).collect());
        Ok(Self { name: name.into(), layer: layer.into(), shape: output.size(), largest: Num(largest), maps })
    }
}

pub fn answer(seen: Vec<u8>, input: &Tensor, stages: &[Stage]) -> Result<Answer> {
    let last = stages.last().context("the network has no layers")?;
    let prediction = probabilities(&last.output)?.pop().context("the network gives no answer")?;
    let sure = is_sure(&prediction);
    let (probabilities, digit) = prediction;
    let probabilities = probabilities.into_iter().map(Num).collect();
    let mut layers = vec![Layer::new("input", "what the network sees", input)?];
    for Stage { name, layer, output, .. } in stages {
        layers.push(Layer::new(name, layer, output)?);
    }
    Ok(Answer { seen, digit, sure, softmax: Softmax::of(&last.output.f_get(0)?)?, probabilities, layers })
}

/// How a pixel is computed: what lies in the frame, and what is done with it.
#[derive(Serialize)]
pub struct Sum {
    /// What is done: `sum`, `maximum`, `mean`, `power average`, or the function's name.
    kind: &'static str,
    /// Where the frame lies on the maps before: outside of them where there is padding.
    row: i64,
    column: i64,
    height: i64,
    width: i64,
    first_channel: i64,
    /// What lies in the frame, channel after channel, row after row.
    frame: Vec<Vec<Num>>,
    kernel: Option<Vec<Vec<Num>>>,
    products: Option<Vec<Vec<Num>>>,
    /// The sum of each channel's products.
    parts: Option<Vec<Num>>,
    bias: Option<Num>,
    /// What the frame's numbers give, computed here.
    result: Num,
    /// What the layer has put there.
    value: Num,
}

/// How the layer makes the pixel at `channel`, `row`, `column`. `before` is the shape that its input had before it was
/// flattened.
pub fn sum_at(stage: &Stage, before: &[i64], place: [i64; 3]) -> Result<Sum> {
    let output = as_maps(&stage.output.f_get(0)?)?;
    let exists = output.size().iter().zip(place).all(|(&size, at)| (0..size).contains(&at));
    ensure!(exists, "{} has no pixel {place:?}: its maps are {:?}", stage.name, output.size());
    let [channel, row, column] = place;
    let value = number(&output.f_get(channel)?.f_get(row)?.f_get(column)?)?;
    let (frame, [first_channel, row, column]) = frame_at(stage, before, place)?;
    let (_, height, width) = frame.size3()?;
    let (mut kernel, mut products, mut parts, mut bias) = (None, None, None, None);
    let (kind, result) = match stage.kind {
        LayerKind::Conv2d(_) | LayerKind::Linear => {
            let [weight, b] = stage.parameters.as_ref().context("the layer has no parameters")?;
            let weights = weight.f_detach()?.f_get(channel)?.f_view_as(&frame)?;
            let terms = frame.f_mul(&weights)?;
            let b = b.f_detach()?.f_get(channel)?;
            (kernel, products) = (Some(rows(&weights)?), Some(rows(&terms)?));
            parts = Some(numbers(&terms.f_sum_dim_intlist([1, 2].as_slice(), false, Kind::Float)?)?);
            bias = Some(number(&b)?);
            ("sum", number(&terms.f_sum(Kind::Float)?.f_add(&b)?)?)
        }
        LayerKind::MaxPool2d(_) => ("maximum", number(&frame.f_max()?)?),
        LayerKind::AvgPool2d(_) => ("mean", number(&frame.f_mean(Kind::Float)?)?),
        LayerKind::LPPool2d(_, norm_type) => {
            let powers = frame.f_pow_tensor_scalar(norm_type)?;
            let sum = powers.f_sum(Kind::Float)?;
            (products, parts) = (Some(rows(&powers)?), Some(vec![number(&sum)?]));
            ("power average", number(&sum.f_pow_tensor_scalar(1.0 / norm_type)?)?)
        }
        LayerKind::ReLU => ("relu", value),
        LayerKind::Tanh => ("tanh", value),
        LayerKind::Dropout => ("dropout", value),
        LayerKind::BatchNorm2d => ("batch norm", value),
    };
    let frame = rows(&frame)?;
    Ok(Sum { kind, row, column, height, width, first_channel, frame, kernel, products, parts, bias, result, value })
}

/// What lies in the frame `[C, H, W]` of which the layer makes this pixel, and the frame's first channel, row and column on
/// the maps before. The frame of a fully connected layer holds the whole input, that of an activation one pixel.
fn frame_at(stage: &Stage, before: &[i64], [channel, row, column]: [i64; 3]) -> Result<(Tensor, [i64; 3])> {
    let input = stage.input.f_get(0)?;
    if let Some(Frame { kernel_size, stride, padding }) = stage.kind.frame() {
        let ([height, width], [above, beside]) = (kernel_size.0, padding.0);
        let (row, column) = (row * stride.0[0], column * stride.0[1]);
        let padded = input.f_constant_pad_nd([beside, beside, above, above])?;
        let frame = padded.f_narrow(1, row, height)?.f_narrow(2, column, width)?;
        let (row, column) = (row - above, column - beside);
        return Ok(if stage.kind.is_pool() {
            (frame.f_narrow(0, channel, 1)?, [channel, row, column])
        } else {
            (frame, [0, row, column])
        });
    }
    if stage.kind == LayerKind::Linear {
        let is_of_maps = before.iter().product::<i64>() == input.numel() as i64;
        return Ok((as_maps(&if is_of_maps { input.f_reshape(before)? } else { input })?, [0; 3]));
    }
    let pixel = as_maps(&input)?.f_narrow(0, channel, 1)?.f_narrow(1, row, 1)?.f_narrow(2, column, 1)?;
    Ok((pixel, [channel, row, column]))
}

/// `[C, H, W]`; a number is a map of one pixel.
fn as_maps(tensor: &Tensor) -> Result<Tensor, TchError> {
    if tensor.dim() == 1 { tensor.f_view([-1, 1, 1]) } else { Ok(tensor.shallow_clone()) }
}
