//! `config.json`: what a run was trained with.

use super::options::Options;
use crate::program::data::{self, Source};
use crate::program::files;
use crate::program::machine::device::DeviceChoice;
use crate::program::messages::word;
use anyhow::{Context, Result, bail, ensure};
use cnn_tutorial::data::{Dataset, digits, train_test_split};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Read as _;
use std::num::NonZeroU8;
use std::path::Path;

pub const CONFIG: &str = "config.json";
/// In bytes. It has some thousand.
const LARGEST: u64 = 1 << 20;

fn mnist_size() -> [i64; 3] {
    [1, 28, 28]
}

/// What `config.json` tells of a run.
#[derive(Debug, Deserialize, Serialize)]
pub struct Config {
    /// This program's version.
    pub version: String,
    pub tch_version: String,
    pub libtorch_version: String,
    /// The data that were used, whether they were asked for or not.
    pub data: Source,
    /// The SHA-256 of the images and labels before the split.
    pub dataset_sha256: String,
    /// Channels, height and width of an image. Runs of the time when all were MNIST's do not tell.
    #[serde(default = "mnist_size")]
    pub image_size: [i64; 3],
    /// The classes' names.
    #[serde(default = "digits")]
    pub classes: Vec<String>,
    pub n_train: i64,
    pub n_test: i64,
    pub epochs: u64,
    pub iterations: u64,
    pub computed_on: DeviceChoice,
    pub computed_with_threads: NonZeroU8,
    pub options: Options,
}

impl Config {
    /// Writes `config.json`, or replaces it.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        files::put(dir, CONFIG, |path| Ok(fs::write(path, text)?))
    }

    /// The data that the run in `dir` was trained on: as `given`, or by the name in `config.json`.
    ///
    /// A path is not taken from the folder of a run, which may come from elsewhere.
    pub fn source(&self, dir: &Path, given: Option<&Source>) -> Result<Source> {
        match (given, &self.data) {
            (Some(given), _) => Ok(given.clone()),
            (None, Source::Path(path)) => {
                bail!("{} was trained on {}: give that again, --data {}", dir.display(), path.display(), word(path))
            }
            (None, name) => Ok(name.clone()),
        }
    }

    /// The images to measure the run in `dir` on, and what they are in words: the test images, where the data have some, of
    /// the run's own data the part it was validated on, of other data all.
    ///
    /// Errors where they have another size or other classes than those the run was trained on.
    pub fn test_data(&self, dir: &Path, given: Option<&Source>, validation: bool) -> Result<(Dataset, String)> {
        let source = self.source(dir, given)?;
        let alike = |dataset: Dataset| -> Result<Dataset> {
            let (size, classes) = (dataset.image_size()?, &dataset.classes);
            ensure!(
                (size, classes) == (self.image_size, &self.classes),
                "{} was trained on {}; {source} has {}: give data like those it was trained on",
                dir.display(),
                images_in_words(self.image_size, &self.classes),
                images_in_words(size, classes)
            );
            Ok(dataset)
        };
        if !validation && let Some(test) = source.load_test()? {
            return Ok((alike(test)?, format!("{source}, the test images")));
        }
        let dataset = alike(source.load()?)?;
        if data::sha256(&dataset)? != self.dataset_sha256 {
            ensure!(
                !validation,
                "{source}: the data are not those the run was trained on; give --data to measure on others"
            );
            return Ok((dataset, source.to_string()));
        }
        let (_, test) = train_test_split(&dataset, self.options.test_size.into(), self.options.random_state)?;
        Ok((test, format!("{source}, the part for validation")))
    }

    /// Whether it was trained on MNIST's digits.
    pub fn is_digits(&self) -> bool {
        self.image_size == mnist_size() && self.classes == digits()
    }

    /// Errors where the run in `dir` was trained on something else than MNIST's digits, which is what `command` reads.
    pub fn check_digits(&self, dir: &Path, command: &str) -> Result<()> {
        ensure!(
            self.is_digits(),
            "{command} reads digits, 1x28x28, and {dir} was trained on {}: `evaluate --run {dir}{data}` measures it, and \
             `explain --run {dir}{data} --index 0` shows what it makes of one of its own images",
            images_in_words(self.image_size, &self.classes),
            dir = word(dir),
            data = self.data.option()
        );
        Ok(())
    }
}

/// Such as "3x32x32 images of airplane, automobile, ..."
fn images_in_words([channels, height, width]: [i64; 3], classes: &[String]) -> String {
    let named = if classes == digits() { "digits".into() } else { classes.join(", ") };
    format!("{channels}x{height}x{width} images of {named}")
}

/// Reads what `config.json` tells of the run in `dir`.
pub fn read_config(dir: &Path) -> Result<Config> {
    let path = dir.join(CONFIG);
    let mut text = String::new();
    files::open(&path, LARGEST)
        .and_then(|mut file| Ok(file.read_to_string(&mut text)?))
        .with_context(|| format!("{} is not the folder of a run: {CONFIG} cannot be read there", dir.display()))?;
    let damaged = || format!("{} is damaged, or was not written by this program: start a new training", path.display());
    serde_json::from_str(&text).with_context(damaged)
}
