//! The pictures of the slides "Convolutional Layers" and "Pooling", from a network and a digit of one's own.

use crate::nn::{AvgPool2d, LPPool2d, MaxPool2d, Module, Stage, record};
use crate::pictures::{Content, Map, Panel, draw};
use anyhow::{Context, Result};
use std::path::Path;
use tch::{Kind, TchError, Tensor};

/// A picture that explains a network, to be drawn into a file called `name`.
pub struct Picture {
    pub name: &'static str,
    heading: String,
    panels: Vec<Panel>,
    abreast: usize,
}

impl Picture {
    /// Draws it to a PNG file.
    pub fn draw(&self, path: &Path) -> Result<()> {
        draw(path, &self.heading, &self.panels, self.abreast)
    }
}

/// `filters.png`, `layers.png` and `pooling.png` of what `model` makes of an image `[1, 1, 28, 28]`.
///
/// `title` and `digit` say in words which network and which image it is.
pub fn explain(model: &dyn Module, title: &str, image: &Tensor, digit: &str) -> Result<[Picture; 3]> {
    let (logits, stages) = tch::no_grad(|| record(|| model.forward(image)));
    let _ = logits?;
    let picture = |name, heading, panels, abreast| Picture { name, heading, panels, abreast };
    Ok([
        picture("filters.png", format!("{title}: the kernels of each convolution"), filters(&stages)?, 1),
        picture("layers.png", format!("{title}: from input to logits, {digit}"), layers(image, &stages)?, 1),
        picture("pooling.png", format!("{title}: one feature map of {digit}, pooled"), pooling(&stages)?, 3),
    ])
}

/// The maps of a tensor `[C, H, W]` or `[C]`, a number being a map of one pixel.
fn maps(tensor: &Tensor) -> Result<Vec<Map>, TchError> {
    let (channels, width) = (tensor.size()[0], if tensor.dim() > 1 { tensor.size()[2] as usize } else { 1 });
    (0..channels).map(|i| Ok(Map { width, values: tensor.f_get(i)?.f_flatten(0, -1)?.try_into()? })).collect()
}

/// A panel for each convolution, or for each 60 of its output channels.
fn filters(stages: &[Stage]) -> Result<Vec<Panel>> {
    let mut panels = Vec::new();
    for stage in stages {
        let Some([weight, _]) = stage.parameters.as_ref().filter(|[weight, _]| weight.dim() == 4) else { continue };
        let [out_channels, in_channels] = [weight.size()[0], weight.size()[1]];
        for start in (0..out_channels).step_by(60) {
            let columns = 60.min(out_channels - start);
            // Row by row: the input channels of every output channel.
            let kernels = weight.f_narrow(0, start, columns)?.f_transpose(0, 1)?.f_flatten(0, 1)?;
            let last = start + columns - 1;
            let title = format!(
                "{}: {}   columns: output channels {start} to {last}; rows: input channels, {in_channels}",
                stage.name, stage.layer
            );
            let content = Content::Maps { maps: maps(&kernels)?, columns: columns as usize };
            panels.push(Panel { title, remark: "", content });
        }
    }
    Ok(panels)
}

/// A panel for the input and for each layer, the last one's logits as bars over their probabilities.
fn layers(input: &Tensor, stages: &[Stage]) -> Result<Vec<Panel>> {
    let content = |output: &Tensor| -> Result<Content> {
        let maps = maps(output)?;
        let columns = maps.len().min(if maps[0].width > 1 { 16 } else { 60 });
        Ok(Content::Maps { maps, columns })
    };
    let title = format!("input  {:?}", &input.size()[1..]);
    let remark = "";
    let mut panels = vec![Panel { title, remark, content: content(&input.f_get(0)?)? }];
    for (i, stage) in stages.iter().enumerate() {
        let (name, output) = (format!("{}: {}  {:?}", stage.name, stage.layer, stage.shape()), stage.output.f_get(0)?);
        panels.push(if i + 1 < stages.len() {
            Panel { title: name, remark, content: content(&output)? }
        } else {
            let probabilities: Vec<f32> = output.f_softmax(0, Kind::Float)?.try_into()?;
            let percents = probabilities.iter().map(|probability| format!("{:.2} %", 100.0 * probability));
            let bars = Vec::<f32>::try_from(output)?.into_iter().zip(percents).collect();
            Panel {
                remark,
                title: format!("{name}   logits, and the probabilities that softmax makes of them"),
                content: Content::Bars(bars),
            }
        });
    }
    Ok(panels)
}

/// The map that the first pool is given, that of the channel with most contrast, under each kind of pool.
///
/// It is brought to 0..1 first: large powers of raw pixels leave what 32 bits can hold, and of a negative number they
/// lose the sign.
fn pooling(stages: &[Stage]) -> Result<Vec<Panel>> {
    let pool = stages.iter().position(|stage| stage.layer.contains("Pool2d(")).context("the network has no pool")?;
    let before = pool.checked_sub(1).map_or("input", |i| &stages[i].name);
    let maps_of = stages[pool].input.f_get(0)?;
    let contrast = maps_of.f_flatten(1, -1)?.f_std_dim(1, false, false)?;
    let channel = i64::try_from(contrast.f_argmax(0, false)?)?;
    let map = maps_of.f_narrow(0, channel, 1)?;
    let (low, high) = (map.f_min()?, map.f_max()?);
    let map = map.f_sub(&low)?.f_div(&high.f_sub(&low)?.f_clamp_min(f64::MIN_POSITIVE)?)?.f_unsqueeze(0)?;

    let (max_pool, avg_pool) = (MaxPool2d::new(2), AvgPool2d::new(2));
    let mut pools = vec![
        (format!("{before}, channel {channel}"), "brought to 0..1", map.shallow_clone()),
        (max_pool.to_string(), "", max_pool.forward(&map)?),
        (avg_pool.to_string(), "", avg_pool.forward(&map)?),
    ];
    for (norm_type, remark) in [(1.0, "the sum"), (2.0, "root of the sum of squares"), (16.0, "close to the maximum")] {
        let power_average_pool = LPPool2d::new(norm_type, 2);
        pools.push((power_average_pool.to_string(), remark, power_average_pool.forward(&map)?));
    }
    let panel = |(title, remark, output): (String, &'static str, Tensor)| -> Result<Panel> {
        let title = format!("{title}  {:?}", &output.size()[2..]);
        Ok(Panel { title, remark, content: Content::Maps { maps: maps(&output.f_get(0)?)?, columns: 1 } })
    };
    pools.into_iter().map(panel).collect()
}
