//! What the page is told of a forward pass: every layer's maps, and the sum that makes one of their pixels.

use crate::program::network::probabilities;
use anyhow::{Context, Result, ensure};
use cnn_tutorial::nn::{Frame, Stage};
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

fn numbers(tensor: &Tensor) -> Result<Vec<Num>, TchError> {
    Ok(Vec::<f32>::try_from(tensor.f_flatten(0, -1)?)?.into_iter().map(Num).collect())
}

/// Row after row of a matrix; of maps `[C, H, W]`, map after map.
pub fn rows(matrix: &Tensor) -> Result<Vec<Vec<Num>>, TchError> {
    (0..matrix.size()[0]).map(|row| numbers(&matrix.f_get(row)?)).collect()
}

fn number(tensor: &Tensor) -> Result<Num, TchError> {
    Ok(Num(f32::try_from(tensor)?))
}

/// What a network makes of an image.
#[derive(Serialize)]
pub struct Answer {
    /// The image in MNIST's convention, 28x28.
    seen: Vec<u8>,
    digit: usize,
    probabilities: Vec<Num>,
    /// The input first.
    layers: Vec<Layer>,
}

#[derive(Serialize)]
struct Layer {
    name: String,
    /// With its arguments.
    layer: String,
    /// As libtorch has it, without N.
    shape: Vec<i64>,
    /// The largest magnitude in its maps.
    largest: Num,
    /// Every pixel, of `largest` 127ths.
    maps: Vec<i8>,
}

impl Layer {
    fn new(name: &str, layer: &str, output: &Tensor) -> Result<Self, TchError> {
        let output = output.f_get(0)?;
        let largest = output.f_abs()?.f_max()?;
        let shares = output.f_div(&largest.f_clamp_min(f64::from(f32::MIN_POSITIVE))?)?;
        let maps = shares.f_nan_to_num(0.0, 1.0, -1.0)?.f_mul_scalar(127.0)?.f_round()?.f_to_kind(Kind::Int8)?;
        let maps = maps.f_flatten(0, -1)?.try_into()?;
        Ok(Self { name: name.into(), layer: layer.into(), shape: output.size(), largest: number(&largest)?, maps })
    }
}

pub fn answer(seen: Vec<u8>, input: &Tensor, stages: &[Stage]) -> Result<Answer> {
    let last = stages.last().context("the network has no layers")?;
    let (probabilities, digit) = probabilities(&last.output)?.pop().context("the network gives no answer")?;
    let mut layers = vec![Layer::new("input", "what the network sees", input)?];
    for Stage { name, layer, output, .. } in stages {
        layers.push(Layer::new(name, layer, output)?);
    }
    Ok(Answer { seen, digit, probabilities: probabilities.into_iter().map(Num).collect(), layers })
}

/// How a pixel comes about: the window it is made of, and what is done with it.
#[derive(Serialize)]
pub struct Sum {
    /// What is done: `sum`, `maximum`, `mean`, `power average`, or the function's name.
    kind: String,
    /// Of the window in the maps before; outside of them where there is padding.
    row: i64,
    column: i64,
    height: i64,
    width: i64,
    first_channel: i64,
    /// Channel after channel, row after row.
    window: Vec<Vec<Num>>,
    kernel: Option<Vec<Vec<Num>>>,
    products: Option<Vec<Vec<Num>>>,
    /// The sum of each channel's products.
    parts: Option<Vec<Num>>,
    bias: Option<Num>,
    /// What the window's numbers give, computed here.
    result: Num,
    /// What the layer has put there.
    value: Num,
}

/// The window `[C, H, W]` of which the layer makes the pixel at `channel`, `row`, `column`.
///
/// A layer of vectors has the whole input as its window, in the shape that it had before it was flattened, `before`.
pub fn sum_at(stage: &Stage, before: &[i64], place: [i64; 3]) -> Result<Sum> {
    let [channel, row, column] = place;
    let output = as_maps(&stage.output.f_get(0)?)?;
    let inside = output.size().iter().zip(place).all(|(&size, at)| (0..size).contains(&at));
    ensure!(inside, "{} has no pixel {place:?}: its maps are {:?}", stage.name, output.size());
    let value = number(&output.f_get(channel)?.f_get(row)?.f_get(column)?)?;
    let input = stage.input.f_get(0)?;
    let parameters = stage.parameters.as_ref();

    let (mut top, mut left, mut first_channel) = (0, 0, 0);
    let window = match (stage.frame, parameters) {
        (Some(Frame { kernel_size, stride, padding }), _) => {
            let ([height, width], [above, beside]) = (kernel_size.0, padding.0);
            (top, left) = (row * stride.0[0] - above, column * stride.0[1] - beside);
            let padded = input.f_constant_pad_nd([beside, beside, above, above])?;
            let frame = padded.f_narrow(1, top + above, height)?.f_narrow(2, left + beside, width)?;
            if parameters.is_some() { frame } else { pick(&frame, channel, &mut first_channel)? }
        }
        (None, Some(_)) if before.iter().product::<i64>() == input.numel() as i64 => {
            as_maps(&input.f_reshape(before)?)?
        }
        (None, Some(_)) => as_maps(&input)?,
        (None, None) => {
            (top, left) = (row, column);
            pick(&as_maps(&input)?.f_narrow(1, row, 1)?.f_narrow(2, column, 1)?, channel, &mut first_channel)?
        }
    };
    let kind = stage.layer.split('(').next().unwrap_or_default();
    let norm_type =
        stage.layer.split_once("norm_type=").and_then(|(_, rest)| rest.split(',').next()?.parse::<f64>().ok());
    let (mut kernel, mut products, mut parts, mut bias) = (None, None, None, None);
    let (kind, result) = match (kind, parameters) {
        (_, Some([weight, b])) => {
            let weights = weight.f_detach()?.f_get(channel)?.f_view_as(&window)?;
            let terms = window.f_mul(&weights)?;
            let b = b.f_detach()?.f_get(channel)?;
            let result = number(&terms.f_sum(Kind::Float)?.f_add(&b)?)?;
            (kernel, products) = (Some(rows(&weights)?), Some(rows(&terms)?));
            parts = Some(numbers(&terms.f_sum_dim_intlist([1, 2].as_slice(), false, Kind::Float)?)?);
            bias = Some(number(&b)?);
            ("sum", result)
        }
        ("MaxPool2d", _) => ("maximum", number(&window.f_max()?)?),
        ("AvgPool2d", _) => ("mean", number(&window.f_mean(Kind::Float)?)?),
        ("LPPool2d", _) => {
            let norm_type = norm_type.context("the pool has no norm_type")?;
            let powers = window.f_pow_tensor_scalar(norm_type)?;
            products = Some(rows(&powers)?);
            let sum = powers.f_sum(Kind::Float)?;
            parts = Some(vec![number(&sum)?]);
            ("power average", number(&sum.f_pow_tensor_scalar(1.0 / norm_type)?)?)
        }
        (kind, None) => (kind, value),
    };
    let (_, height, width) = window.size3()?;
    Ok(Sum {
        kind: kind.to_lowercase(),
        row: top,
        column: left,
        height,
        width,
        first_channel,
        window: rows(&window)?,
        kernel,
        products,
        parts,
        bias,
        result,
        value,
    })
}

/// `[C, H, W]`; a number is a map of one pixel.
fn as_maps(tensor: &Tensor) -> Result<Tensor, TchError> {
    if tensor.dim() == 1 { tensor.f_view([-1, 1, 1]) } else { Ok(tensor.shallow_clone()) }
}

fn pick(maps: &Tensor, channel: i64, first_channel: &mut i64) -> Result<Tensor, TchError> {
    *first_channel = channel;
    maps.f_narrow(0, channel, 1)
}
