//! The pictures of the slides "Convolutional Layers" and "Pooling", from a network and a digit of one's own.

use crate::cli::ExplainOptions;
use crate::data::{self, Scale};
use crate::nn::{AvgPool2d, LPPool2d, MaxPool2d, Stage, record};
use crate::pictures::{Content, Map, Panel, draw};
use crate::run;
use crate::trained::load_weights;
use anyhow::{Context, Result, ensure};
use std::io::{self, Write};
use std::path::Path;
use tch::{Device, Kind, TchError, Tensor, nn};

/// Draws `filters.png`, `layers.png` and `pooling.png` into the run's folder and names them on standard output.
///
/// Without a run: a network freshly drawn, and the folder `runs/<model>-untrained`.
pub fn explain(options: &ExplainOptions) -> Result<()> {
    let (dir, architecture, data, scale) = match &options.run {
        Some(dir) => {
            let dir = run::find(dir.as_deref())?;
            let config = run::read_config(&dir)?;
            let data =
                if options.image.is_none() { run::data_of(&dir, &config, options.data.as_deref())? } else { None };
            (dir, config.options.model, data, config.options.scale)
        }
        None => {
            say!("a network freshly drawn, not trained; --run DIR explains that of a run");
            let dir = Path::new("runs").join(format!("{}-untrained", options.model.name()));
            (dir, options.model, options.data.clone(), Scale::Raw)
        }
    };
    tch::manual_seed(0);
    let vs = nn::VarStore::new(Device::Cpu);
    let network = architecture.build(&vs.root())?;
    if options.run.is_some() {
        load_weights(&vs, &dir.join(run::WEIGHTS))?;
    }
    let (image, digit) = digit(options, data.as_deref())?;
    let input = scale.apply(&image)?;
    let (_, stages) = tch::no_grad(|| record(|| network.forward(&input)))?;

    std::fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let trained = if options.run.is_some() { "trained" } else { "not trained" };
    let network = format!("{}, {trained}", architecture.title());
    let pictures = [
        ("filters.png", format!("{network}: the kernels of each convolution"), filters(&stages)?, 1),
        ("layers.png", format!("{network}: from input to logits, {digit}"), layers(&input, &stages)?, 1),
        ("pooling.png", format!("{network}: one feature map of {digit}, pooled"), pooling(&stages)?, 3),
    ];
    for (name, heading, panels, abreast) in pictures {
        run::put(&dir, name, |path| draw(path, &heading, &panels, abreast))?;
        let _ = writeln!(io::stdout(), "{}", dir.join(name).display());
    }
    Ok(())
}

/// The image to explain, `[1, 1, 28, 28]` bytes, and what it is in words.
fn digit(options: &ExplainOptions, data: Option<&Path>) -> Result<(Tensor, String)> {
    if let Some(file) = &options.image {
        let pixels = Tensor::f_from_slice(&data::read_photo(file)?)?.f_view([1, 1, 28, 28])?;
        return Ok((pixels, file.file_name().unwrap_or_default().to_string_lossy().into_owned()));
    }
    let (dataset, source) = data::load(data)?;
    let n = dataset.len() as u64;
    ensure!(options.index < n, "--index {} is out of range: {source} has {n} images, 0 to {}", options.index, n - 1);
    let image = dataset.select(&[options.index as i64], Device::Cpu)?;
    Ok((image.images, format!("image {}, a {}", options.index, i64::try_from(image.labels)?)))
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
        let Some(weight) = stage.weight.as_ref().filter(|weight| weight.dim() == 4) else { continue };
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
    let stage = stages.get(pool.wrapping_sub(1)).context("the network begins with a pool")?;
    let maps_of = stage.output.f_get(0)?;
    let contrast = maps_of.f_flatten(1, -1)?.f_std_dim(1, false, false)?;
    let channel = i64::try_from(contrast.f_argmax(0, false)?)?;
    let map = maps_of.f_narrow(0, channel, 1)?;
    let (low, high) = (map.f_min()?, map.f_max()?);
    let map = map.f_sub(&low)?.f_div(&high.f_sub(&low)?.f_clamp_min(f64::MIN_POSITIVE)?)?.f_unsqueeze(0)?;

    let (max_pool, avg_pool) = (MaxPool2d::new(2), AvgPool2d::new(2));
    let mut pools = vec![
        (format!("{}, channel {channel}", stage.name), "brought to 0..1", map.shallow_clone()),
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
