//! `explain`: the pictures of a run's network, or of one freshly drawn.

use super::cli::ExplainOptions;
use super::data::{self, Source};
use super::photo::read_photo;
use super::{device, files};
use anyhow::{Context, Result, ensure};
use cnn_tutorial::explain::explain as pictures_of;
use std::io::{self, Write};
use std::path::Path;
use tch::{Device, Kind, Tensor, nn::VarStore};

/// Draws `filters.png`, `layers.png` and `pooling.png` into the run's folder and names them on standard output.
///
/// With `--model`: of a network freshly drawn, into the folder `runs/<model>-untrained`.
pub fn explain(options: &ExplainOptions) -> Result<()> {
    let (dir, pictures) = if let Some(model) = options.model {
        let device = device::open(options.run.device)?;
        say!("a network freshly drawn, not trained; without --model it is that of the newest run");
        tch::manual_seed(0);
        let vs = VarStore::new(Device::Cpu);
        let network = (model.new)(&vs.root())?;
        device::move_variables(&vs, device)?;
        let (image, digit) = digit(options, || Ok(options.data.clone()))?;
        let image = image.f_to_device(device)?.f_to_kind(Kind::Float)?;
        let title = format!("{}, not trained", model.title);
        let dir = Path::new("runs").join(format!("{}-untrained", model.name));
        (dir, pictures_of(&*network, &title, &image, &digit)?)
    } else {
        let network = options.run.open()?;
        let source = || Ok(Some(network.config.source(&network.dir, options.data.as_ref())?));
        let (image, digit) = digit(options, source)?;
        let title = format!("{}, trained", network.config.options.model.title);
        let pictures = pictures_of(&*network.model, &title, &network.input(&image)?, &digit)?;
        (network.dir, pictures)
    };
    std::fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    for picture in pictures {
        files::put(&dir, picture.name, |path| picture.draw(path))?;
        let _ = writeln!(io::stdout(), "{}", dir.join(picture.name).display());
    }
    Ok(())
}

/// The image to explain, `[1, 1, 28, 28]` bytes, and what it is in words. `source` is asked for only if it is of data.
fn digit(options: &ExplainOptions, source: impl FnOnce() -> Result<Option<Source>>) -> Result<(Tensor, String)> {
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
