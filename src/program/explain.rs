//! `explain`: the pictures of a run's network, or of one freshly drawn.

use super::architecture::Architecture;
use super::cli::ExplainOptions;
use super::data::{self, Source};
use super::photo::read_photo;
use super::{device, files};
use anyhow::{Context, Result, ensure};
use cnn_tutorial::explain::Explained;
use cnn_tutorial::nn::Module;
use std::io::{self, Write};
use std::path::Path;
use tch::{Device, Kind, Tensor, nn::VarStore};

/// Draws `filters.png`, `layers.png` and `pooling.png` into the run's folder and names them on standard output.
///
/// With `--model`: of a network freshly drawn, into the folder `runs/<model>-untrained`.
pub fn explain(options: &ExplainOptions) -> Result<()> {
    let (dir, title, model, start, image, digit);
    if let Some(fresh) = options.model {
        let device = device::open(options.run.device)?;
        say!("a network freshly drawn, not trained; without --model it is that of the newest run");
        (dir, title) =
            (Path::new("runs").join(format!("{}-untrained", fresh.name)), format!("{}, not trained", fresh.title));
        (model, start) = (draw(fresh, 0, device)?, None);
        let pixels;
        (pixels, digit) = digit_of(options, || Ok(options.data.clone()))?;
        image = pixels.f_to_device(device)?.f_to_kind(Kind::Float)?;
    } else {
        let network = options.run.open()?;
        let source = || Ok(Some(network.config.source(&network.dir, options.data.as_ref())?));
        let pixels;
        (pixels, digit) = digit_of(options, source)?;
        image = network.input(&pixels)?;
        // Weights from a file are not drawn again, and no path is taken from a run's folder.
        let drawn = &network.config.options;
        start = drawn.init_from.is_none().then(|| draw(drawn.model, drawn.seed, network.device)).transpose()?;
        title = format!("{}, trained", drawn.model.title);
        (dir, model) = (network.dir, network.model as Box<dyn Module>);
    }
    let (kernel_size, stride) = (options.kernel_size, options.stride.unwrap_or(options.kernel_size));
    let explained = Explained {
        model: &*model,
        start: start.as_deref(),
        title: &title,
        image: &image,
        digit: &digit,
        kernel_size,
        stride,
    };
    let pictures = explained.pictures()?;
    std::fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    for (name, page) in pictures {
        files::put(&dir, name, |path| page.draw(path))?;
        let _ = writeln!(io::stdout(), "{}", dir.join(name).display());
    }
    Ok(())
}

/// A new network, as a training with this seed begins.
fn draw(architecture: Architecture, seed: i64, device: Device) -> Result<Box<dyn Module>> {
    tch::manual_seed(seed);
    let vs = VarStore::new(Device::Cpu);
    let model = (architecture.new)(&vs.root())?;
    device::move_variables(&vs, device)?;
    Ok(model)
}

/// The image to explain, `[1, 1, 28, 28]` bytes, and what it is in words. `source` is asked for only if it is of data.
fn digit_of(options: &ExplainOptions, source: impl FnOnce() -> Result<Option<Source>>) -> Result<(Tensor, String)> {
    if let Some(file) = &options.image {
        let pixels = Tensor::f_from_slice(&read_photo(file)?)?.f_view([1, 1, 28, 28])?;
        return Ok((pixels, file.file_name().unwrap_or_default().to_string_lossy().into_owned()));
    }
    let (dataset, source) = data::load(source()?.as_ref())?;
    let n = dataset.len() as u64;
    ensure!(options.index < n, "--index {} is out of range: {source} has {n} images, 0 to {}", options.index, n - 1);
    let image = dataset.select(&[options.index as i64])?;
    Ok((image.images, format!("image {}, a {}", options.index, i64::try_from(image.labels)?)))
}
