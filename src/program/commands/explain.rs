//! `explain`: pictures of what a network does, a run's or an untrained one's.

use crate::program::data::{self, Source};
use crate::program::files;
use crate::program::machine::device;
use crate::program::messages::{escaped, print};
use crate::program::run::network::{self, Network, RunOptions, TrainedRun, Weights};
use crate::program::run::options::{Architecture, Options, Scale, Seed, path};
use anyhow::{Context, Result, ensure};
use clap::Args;
use cnn_tutorial::data::digits;
use cnn_tutorial::explain::Explained;
use cnn_tutorial::nn::Pair;
use std::fs;
use std::path::{Path, PathBuf};
use tch::Tensor;

#[derive(Debug, Args)]
pub struct ExplainOptions {
    #[command(flatten)]
    run: RunOptions,

    /// Show an untrained network instead of a run's
    #[arg(long, conflicts_with_all = ["run", "best"])]
    model: Option<Architecture>,

    /// Where the image comes from, as for training [default: the data of the run, if they have a name]
    #[arg(long, value_name = "PATH|NAME")]
    data: Option<Source>,

    /// Which image of the data, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    index: u64,

    /// Take a picture of a digit instead: JPEG, PNG, WebP, BMP or GIF
    #[arg(long, value_name = "FILE", value_parser = path(), conflicts_with_all = ["data", "index"])]
    image: Option<PathBuf>,

    /// Kernel size of the pools that are drawn side by side: one number, or two for height and width, such as 2,3
    #[arg(long, value_name = "N|H,W", default_value = "2", value_parser = |text: &str| Pair::parse(text, 1))]
    kernel_size: Pair,

    /// Stride of these pools: how far their frame moves [default: the kernel size]
    #[arg(long, value_name = "N|H,W", value_parser = |text: &str| Pair::parse(text, 1))]
    stride: Option<Pair>,
}

/// Draws `filters.png`, `layers.png` and `pooling.png` into the run's folder and names them on standard output.
///
/// With `--model` the network is untrained, and the folder is `runs/<model>-untrained`.
pub fn explain(options: &ExplainOptions) -> Result<()> {
    if let Some(architecture) = options.model {
        let device = device::open(options.run.device)?;
        say!("showing an untrained network; without --model it would be that of the newest finished run");
        let dir = Path::new("runs").join(format!("{}-untrained", architecture.name));
        let title = format!("{}, not trained", architecture.title);
        let network = Network::untrained(architecture, Seed::default(), Scale::Raw, device)?;
        return draw(options, &dir, &title, &network, None, None, || Ok(options.data.clone()));
    }
    let TrainedRun { dir, config, network } = options.run.open()?;
    if options.image.is_some() {
        config.check_digits(&dir, "explain --image")?;
    }
    let Options { model, init_from, .. } = &config.options;
    // Weights from a file are not at hand: no path is taken from a run's folder.
    let start = init_from.is_none().then(|| Network::open(&dir, &config, Weights::Untrained, network.device));
    let source = || Ok(Some(config.source(&dir, options.data.as_ref())?));
    let title = format!("{}, trained", model.title);
    draw(options, &dir, &title, &network, start.transpose()?.as_ref(), Some(&config.classes), source)
}

/// `classes` are those that the network has learned to tell, where it has; else those of the data.
fn draw(
    options: &ExplainOptions,
    dir: &Path,
    title: &str,
    network: &Network,
    start: Option<&Network>,
    classes: Option<&Vec<String>>,
    source: impl FnOnce() -> Result<Option<Source>>,
) -> Result<()> {
    let (pixels, caption, of_data) = image(options, source)?;
    let explained = Explained {
        model: &*network.module,
        start: start.map(|start| &*start.module as _),
        title,
        image: &network.input(&pixels)?,
        caption: &caption,
        classes: classes.unwrap_or(&of_data),
        kernel_size: options.kernel_size,
        stride: options.stride.unwrap_or(options.kernel_size),
    };
    let figures = explained.figures()?;
    fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    for (name, figure) in figures {
        files::put(dir, name, |path| figure.draw(path))?;
        print(&(escaped(&dir.join(name).display().to_string()) + "\n"))?;
    }
    Ok(())
}

/// The image to explain, `[1, C, H, W]` bytes, what it is in words, and the classes' names. `source` is asked for only if it
/// is from data.
fn image(
    options: &ExplainOptions,
    source: impl FnOnce() -> Result<Option<Source>>,
) -> Result<(Tensor, String, Vec<String>)> {
    if let Some(file) = &options.image {
        let caption = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok((network::image(&photo::read_photo(file)?)?, caption, digits()));
    }
    let (dataset, source) = data::load(source()?.as_ref())?;
    let n = dataset.len() as u64;
    ensure!(options.index < n, "--index {} is out of range: {source} has {n} images, 0 to {}", options.index, n - 1);
    let image = dataset.select(&[options.index as i64])?;
    let caption = format!("image {}, {}", options.index, image.caption(0)?);
    Ok((image.images, caption, image.classes))
}
