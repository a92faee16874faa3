//! The pictures of the slides "Convolutional Layers" and "Pooling", from a network and a digit of one's own.

use crate::figures::{Colors, Content, Figure, Map, Panel, short};
use crate::nn::{self, AvgPool2d, LPPool2d, LayerKind, MaxPool2d, Module, Pair, Stage, all_stages};
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use std::fmt::Display;
use tch::{Kind, TchError, Tensor};

/// The pictures' names.
pub const FILTERS: &str = "filters.png";
pub const LAYERS: &str = "layers.png";
pub const POOLING: &str = "pooling.png";

/// The most kernels that are shown of a layer.
const MOST_KERNELS: i64 = 32;

/// A network, and an image to show what it does.
pub struct Explained<'a> {
    pub model: &'a dyn Module,
    /// The same network before its training.
    pub start: Option<&'a dyn Module>,
    /// Which network it is, in words.
    pub title: &'a str,
    /// `[1, C, H, W]`, as the network is given it.
    pub image: &'a Tensor,
    /// Which image it is, in words.
    pub caption: &'a str,
    /// The classes' names; one that is not there is called by its number.
    pub classes: &'a [String],
    /// The kernel size and stride of the pools beside each other.
    pub kernel_size: Pair,
    pub stride: Pair,
}

impl Explained<'_> {
    /// `filters.png`, where there are convolutions, `layers.png` and `pooling.png`: their names and what they show.
    ///
    /// Errors where the network does not take the image, or the pools do not fit the map.
    pub fn figures(&self) -> Result<Vec<(&'static str, Figure)>> {
        let Self { model, start, title, image, caption, classes, .. } = self;
        let (_no_grad, _eval) = (tch::no_grad_guard(), nn::eval());
        let (stages, start) = (all_stages(*model, image)?, start.map(|start| all_stages(start, image)).transpose()?);
        let (colors, pools) = self.pooling(&stages)?;
        let figures = [
            (FILTERS, "the kernels of its convolutions".into(), None, filters(&stages, start.as_deref())?),
            (LAYERS, format!("{caption}, from input to logits"), None, vec![layers(image, &stages, classes)?]),
            (POOLING, format!("one map of {caption}, pooled"), Some(colors), vec![pools]),
        ];
        let figure = |what: String, colors, rows| Figure { heading: format!("{title}: {what}"), colors, rows };
        let figures = figures.into_iter().filter(|(_, _, _, rows)| !rows.is_empty());
        Ok(figures.map(|(name, what, colors, rows)| (name, figure(what, colors, rows))).collect())
    }

    /// A map under each kind of pool, all in the same colours: a map that the first pool is given, or else one of the first
    /// layer's; the channel with most contrast is taken.
    ///
    /// It is brought to 0..1 first: large powers of raw pixels leave what 32 bits can hold, and of a negative number they
    /// lose the sign.
    fn pooling(&self, stages: &[Stage]) -> Result<(Colors, Vec<Panel>)> {
        let pool = stages.iter().position(|stage| stage.kind.is_pool());
        let first_layer = || stages.iter().find(|stage| stage.kind != LayerKind::Forward);
        let before = pool.map_or_else(first_layer, |pool| stages[..pool].last());
        let before = before.filter(|stage| stage.output.dim() == 4);
        let (before, maps_of) = before.map_or(("input", self.image), |stage| (&stage.name, &stage.output));
        let maps_of = maps_of.f_get(0)?;
        let contrast = maps_of.f_flatten(1, -1)?.f_std_dim(1, false, false)?;
        let channel = i64::try_from(contrast.f_argmax(0, false)?)?;
        let map = maps_of.f_narrow(0, channel, 1)?;
        let (low, high) = (map.f_min()?, map.f_max()?);
        let size = nn::caught(|| high.f_sub(&low)?.f_clamp_min(f64::from(f32::MIN_POSITIVE)))?;
        let map = map.f_sub(&low)?.f_div(&size)?.f_unsqueeze(0)?;

        let (Pair([height, width]), Pair([down, right])) = (self.kernel_size, self.stride);
        let fits = height <= map.size()[2] && width <= map.size()[3];
        ensure!(fits, "a frame of {height}x{width} is larger than the map {:?}: give a smaller one", &map.size()[2..]);
        let max_pool = MaxPool2d::new(self.kernel_size).stride(self.stride);
        let avg_pool = AvgPool2d::new(self.kernel_size).stride(self.stride);
        let (largest, mean) = (max_pool.forward(&map)?, avg_pool.forward(&map)?);
        let places = largest.size()[3];
        let frame = |place: i64| [place % places * right, place / places * down, width, height];
        let differing = i64::try_from(largest.f_sub(&mean)?.f_argmax(None, false)?)?;

        let panel = |title: &str, note: String, output: &Tensor, mark: [i64; 4]| -> Result<Panel> {
            let note = format!("{note}\n{:?}", &output.size()[2..]);
            Ok(Panel { mark: Some(mark), ..Panel::new(title, note, Content::Maps(maps(&output.f_get(0)?)?)) })
        };
        let pooled = |title: &str, layer: &dyn Display, output: &Tensor| {
            let marked = output.f_flatten(0, -1)?.f_double_value(&[differing])?;
            let note = format!("{layer}\nmarked: {marked:.2}");
            panel(title, note, output, [differing % places, differing / places, 1, 1])
        };
        let mut source = panel(before, format!("channel {channel}, brought to 0..1"), &map, frame(differing))?;
        source.frames = (0..largest.numel() as i64).map(frame).collect();
        let mut panels = vec![source, pooled("mean", &avg_pool, &mean)?, pooled("maximum", &max_pool, &largest)?];
        for (norm_type, title) in [(16.0, "almost the maximum"), (2.0, "root of squares"), (1.0, "sum")] {
            let power_average_pool = LPPool2d::new(norm_type, self.kernel_size).stride(self.stride);
            panels.push(pooled(title, &power_average_pool, &power_average_pool.forward(&map)?)?);
        }
        Ok((Colors::pooled(1.0, (width * height) as f32), panels))
    }
}

/// The maps of a tensor `[C, H, W]` or `[C]`, a number being a map of one square.
pub fn maps(tensor: &Tensor) -> Result<Vec<Map>, TchError> {
    let size = tensor.size();
    let width = if size.len() > 1 { size[size.len() - 1] as usize } else { 1 };
    let channels = 0..size.first().copied().unwrap_or(0);
    channels.map(|i| Ok(Map { width, values: tensor.f_get(i)?.f_flatten(0, -1)?.try_into()? })).collect()
}

/// What a panel shows of an image `[C, H, W]`: one picture where the channels are red, green and blue, else a map for each
/// channel. And what it tells of the colours.
///
/// Channels are taken to be from 0 to 1 or from 0 to 255 where they are; else from the image's least number to its largest.
pub fn depict(image: &Tensor) -> Result<(Content, String)> {
    if image.size().first() != Some(&3) {
        return Ok((Content::Maps(maps(image)?), String::new()));
    }
    let (least, most) = (f32::try_from(image.f_min()?)?, f32::try_from(image.f_max()?)?);
    let within = [1.0, 255.0].into_iter().find(|&white| least >= 0.0 && most <= white);
    let (black, white) = within.map_or((least, most), |white| (0.0, white));
    let note =
        if within.is_some() { String::new() } else { format!("\ndark is {}, bright {}", short(least), short(most)) };
    Ok((Content::Pictures(pictures(&image.f_unsqueeze(0)?, black, white)?), note))
}

/// A picture of each tensor `[3, H, W]` in `tensors`; black and white are what has no and full light.
fn pictures(tensors: &Tensor, black: f32, white: f32) -> Result<Vec<RgbImage>> {
    let (n, _, height, width) = tensors.size4()?;
    let light = |value: f32| ((value - black) / (white - black).max(f32::MIN_POSITIVE) * 255.0).round() as u8;
    let picture = |i| {
        let values: Vec<f32> = tensors.f_get(i)?.f_permute([1, 2, 0])?.f_flatten(0, -1)?.try_into()?;
        let bytes = values.into_iter().map(light).collect();
        RgbImage::from_raw(width as u32, height as u32, bytes).context("a picture has three channels")
    };
    (0..n).map(picture).collect()
}

/// A row for each convolution: its kernels at the start, at the end, and their difference. Those over three channels are in
/// colour.
fn filters(stages: &[Stage], start: Option<&[Stage]>) -> Result<Vec<Vec<Panel>>> {
    let mut rows = Vec::new();
    for (i, Stage { name, layer, parameters, .. }) in stages.iter().enumerate() {
        let Some(weight) = parameters.first().filter(|weight| weight.dim() == 4) else { continue };
        let [out_channels, in_channels] = [weight.size()[0], weight.size()[1]];
        let shown = MOST_KERNELS.min(out_channels);
        let how = if in_channels == 3 { "in colour, input channels" } else { "summed over input channels" };
        let note = format!("{layer}\nkernels: {shown} of {out_channels}, {how}: {in_channels}");
        let before = start.and_then(|start| start.get(i)?.parameters.first());
        let magnitude = |weight: &Tensor| -> Result<f32> { Ok(f32::try_from(weight.f_detach()?.f_abs()?.f_max()?)?) };
        let largest = before.map_or(Ok(0.0), magnitude)?.max(magnitude(weight)?);
        // In colour, start and end have one scale, so that they can be compared; their difference has its own.
        let panel = |title: &str, mut note: String, weight: &Tensor, largest: f32| -> Result<Panel> {
            let kernels = weight.f_detach()?.f_slice(0, 0, MOST_KERNELS, 1)?;
            let content = if in_channels == 3 {
                note += &format!("\ngrey is 0, bright {0}, dark -{0}", short(largest));
                Content::Pictures(pictures(&kernels, -largest, largest)?)
            } else {
                Content::Maps(maps(&kernels.f_sum_dim_intlist(1i64, false, Kind::Float)?)?)
            };
            Ok(Panel::new(format!("{name}: {title}"), note, content))
        };
        rows.push(match before {
            Some(before) => {
                let difference = weight.f_sub(before)?;
                vec![
                    panel("start", note, before, largest)?,
                    panel("end", String::new(), weight, largest)?,
                    panel("difference", String::new(), &difference, magnitude(&difference)?)?,
                ]
            }
            None => vec![panel("kernels", note, weight, largest)?],
        });
    }
    Ok(rows)
}

/// How much larger than others these maps are drawn: so much that something can be seen on the smallest.
fn enlargement(maps: &[Map]) -> u8 {
    let size = maps.first().map_or(0, |map| map.width.max(map.values.len() / map.width.max(1)));
    match size {
        0..=1 => 4,
        2..=3 => 3,
        4..=7 => 2,
        _ => 1,
    }
}

/// A panel for the input and for each layer, the last one's logits as bars with their probabilities.
fn layers(input: &Tensor, stages: &[Stage], classes: &[String]) -> Result<Vec<Panel>> {
    let (content, note) = depict(&input.f_get(0)?)?;
    let mut panels = vec![Panel::new("input", format!("{:?}{note}", &input.size()[1..]), content)];
    for (i, stage) in stages.iter().enumerate() {
        let (mut note, output) = (format!("{}\n{:?}", stage.layer, stage.shape()), stage.output.f_get(0)?);
        panels.push(if i + 1 < stages.len() || output.dim() != 1 {
            let maps = maps(&output)?;
            let enlarged = enlargement(&maps);
            if enlarged > 1 {
                note += &format!("\n{enlarged} times enlarged");
            }
            Panel { enlarged, ..Panel::new(&stage.name, note, Content::Maps(maps)) }
        } else {
            let probabilities: Vec<f32> = output.f_softmax(0, Kind::Float)?.try_into()?;
            let percents = probabilities.iter().map(|probability| format!("{:.1} %", 100.0 * probability));
            let names = (0..).map(|class: usize| classes.get(class).cloned().unwrap_or_else(|| class.to_string()));
            let bars = names.zip(Vec::<f32>::try_from(output)?).zip(percents);
            let bars = bars.map(|((name, logit), percent)| (name, logit, percent)).collect();
            Panel::new(&stage.name, note + "\nlogits, softmax", Content::Bars(bars))
        });
    }
    Ok(panels)
}
