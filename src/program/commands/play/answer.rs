//! What the page is told of a forward pass: every layer's maps and the probabilities.

use crate::program::run::predictions::{is_sure, probabilities};
use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cnn_tutorial::nn::Stage;
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

pub fn numbers(tensor: &Tensor) -> Result<Vec<Num>, TchError> {
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
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl Layer {
    /// `output` is that of one image, `[1, ...]`.
    fn new(name: &str, layer: &str, output: &Tensor) -> Result<Self, TchError> {
        // With few calls, colours only, and these by hand: ten times a second this takes time from a training.
        let mut pixels = vec![0.0; output.numel()];
        output.f_to_kind(Kind::Float)?.f_copy_data(&mut pixels, output.numel())?;
        let largest = pixels.iter().fold(0.0, |largest: f32, pixel: &f32| largest.max(pixel.abs()));
        let colour = |pixel: &f32| {
            let colour = pixel / largest.max(f32::MIN_POSITIVE) * 127.0;
            ((colour + 0.5_f32.copysign(colour)) as i8).cast_unsigned() // rounded
        };
        let maps = Bytes(pixels.iter().map(colour).collect());
        Ok(Self {
            name: name.into(),
            layer: layer.into(),
            shape: output.size().into_iter().skip(1).collect(),
            largest: Num(largest),
            maps,
        })
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
