//! How one pixel of a layer's maps is computed, number by number.

use super::answer::{Num, number, numbers, rows};
use crate::program::run::network::{self, Network};
use anyhow::{Context, Result, bail, ensure};
use cnn_tutorial::nn::{Frame, LayerKind, Stage, caught};
use serde::{Deserialize, Serialize};
use tch::kind::FLOAT_CPU;
use tch::{Kind, TchError, Tensor};

/// How a pixel is computed: what lies in the frame, and what is done with it.
#[derive(Serialize)]
pub struct Sum {
    /// What is done: `sum`, `maximum`, `mean`, `power average`, or the function's name; `other` where only the layer knows,
    /// `forward` where it is no layer that does it.
    kind: &'static str,
    /// Where the frame lies on the maps before: outside of them where there is padding.
    row: i64,
    column: i64,
    height: i64,
    width: i64,
    first_channel: i64,
    /// What lies in the frame, channel after channel, row after row; nothing where only the layer knows what it takes.
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

/// A pixel of a layer's maps.
#[derive(Deserialize)]
pub struct Place {
    layer: usize,
    channel: i64,
    row: i64,
    column: i64,
}

/// How `network` makes this pixel from the image `seen`.
pub fn sum(network: &Network, seen: &[u8], &Place { layer, channel, row, column }: &Place) -> Result<Sum> {
    let stages = network.stages(&network.input(&network::image(seen)?)?)?;
    let stage = stages.get(layer).with_context(|| format!("the network has no layer {layer}"))?;
    let before = layer.checked_sub(1).and_then(|before| stages.get(before));
    sum_at(stage, &before.map(Stage::shape).unwrap_or_default(), [channel, row, column])
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
            let [weight, b] = &stage.parameters[..] else { bail!("{} has no weight and bias", stage.name) };
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
            let powers = caught(|| frame.f_pow_tensor_scalar(norm_type))?;
            let sum = powers.f_sum(Kind::Float)?;
            (products, parts) = (Some(rows(&powers)?), Some(vec![number(&sum)?]));
            ("power average", number(&caught(|| sum.f_pow_tensor_scalar(1.0 / norm_type))?)?)
        }
        LayerKind::ReLU => ("relu", value),
        LayerKind::Tanh => ("tanh", value),
        LayerKind::Dropout => ("dropout", value),
        LayerKind::BatchNorm2d => ("batch norm", value),
        LayerKind::Other(_) => ("other", value),
        LayerKind::Forward => ("forward", value),
    };
    let frame = rows(&frame)?;
    Ok(Sum { kind, row, column, height, width, first_channel, frame, kernel, products, parts, bias, result, value })
}

/// What lies in the frame `[C, H, W]` of which the layer makes this pixel, and the frame's first channel, row and column on
/// the maps before. The frame of a fully connected layer holds the whole input, that of an activation one pixel.
fn frame_at(stage: &Stage, before: &[i64], [channel, row, column]: [i64; 3]) -> Result<(Tensor, [i64; 3])> {
    let input = stage.input.f_get(0)?;
    if let LayerKind::Conv2d(frame)
    | LayerKind::MaxPool2d(frame)
    | LayerKind::AvgPool2d(frame)
    | LayerKind::LPPool2d(frame, _) = stage.kind
    {
        let Frame { kernel_size, stride, padding } = frame;
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
        let is_of_maps = before.len() <= 3 && before.iter().product::<i64>() == input.numel() as i64;
        return Ok((as_maps(&if is_of_maps { input.f_reshape(before)? } else { input })?, [0; 3]));
    }
    if matches!(stage.kind, LayerKind::Other(_) | LayerKind::Forward) {
        return Ok((Tensor::f_zeros([0; 3], FLOAT_CPU)?, [0; 3]));
    }
    let pixel = as_maps(&input)?.f_narrow(0, channel, 1)?.f_narrow(1, row, 1)?.f_narrow(2, column, 1)?;
    Ok((pixel, [channel, row, column]))
}

/// `[C, H, W]`; a number is a map of one pixel, and what lacks a width is one pixel wide.
fn as_maps(tensor: &Tensor) -> Result<Tensor, TchError> {
    let missing = 3_usize.saturating_sub(tensor.dim());
    tensor.f_reshape([tensor.size(), vec![1; missing]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cnn_tutorial::nn::{forward_hook, stages};

    #[test]
    fn a_layer_of_ones_own_has_its_output_and_no_frame() {
        let xs = Tensor::ones([1, 2, 4, 4], FLOAT_CPU);
        let narrow = || forward_hook("Half()", LayerKind::Other("half"), None, &xs, xs.f_narrow(3, 0, 2));
        let (_, stages) = stages(narrow);
        let sum = serde_json::to_value(sum_at(&stages[0], &[2, 4, 4], [1, 3, 1]).unwrap()).unwrap();
        assert_eq!(
            (&sum["kind"], &sum["frame"], &sum["value"]),
            (&"other".into(), &serde_json::json!([]), &serde_json::json!(1.0))
        );
        assert!(sum_at(&stages[0], &[2, 4, 4], [1, 3, 2]).is_err());
    }

    #[test]
    fn a_layer_whose_output_is_no_map_has_its_numbers_one_pixel_wide() {
        let xs = Tensor::arange(6, FLOAT_CPU).view([1, 2, 3]);
        let (_, stages) = stages(|| forward_hook("Same()", LayerKind::Other("same"), None, &xs, Ok(xs.copy())));
        let sum = serde_json::to_value(sum_at(&stages[0], &[2, 3], [1, 2, 0]).unwrap()).unwrap();
        assert_eq!(sum["value"], serde_json::json!(5.0));
    }
}
