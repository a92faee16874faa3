//! `config.json`: what a run was trained with.

use super::data::Source;
use super::device::DeviceChoice;
use super::options::Options;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs;
use std::num::NonZeroU8;
use std::path::Path;

pub const CONFIG: &str = "config.json";

/// What `config.json` tells of a run.
#[derive(Debug, Deserialize, Serialize)]
pub struct Config {
    /// Of this program, of tch and of libtorch.
    pub version: String,
    pub tch_version: String,
    pub libtorch_version: String,
    /// The data that were used, whether they were asked for or not.
    pub data: Source,
    /// Of the images and labels before the split.
    pub dataset_sha256: String,
    pub n_train: i64,
    pub n_test: i64,
    pub epochs: u64,
    pub iterations: u64,
    pub computed_on: DeviceChoice,
    pub computed_with_threads: NonZeroU8,
    pub options: Options,
}

impl Config {
    /// The data that the run in `dir` was trained on: as `given`, or by the name in `config.json`.
    ///
    /// A path is not taken from the folder of a run, which may come from elsewhere.
    pub fn source(&self, dir: &Path, given: Option<&Source>) -> Result<Source> {
        match (given, &self.data) {
            (Some(given), _) => Ok(given.clone()),
            (None, Source::Path(path)) => {
                let (dir, path) = (dir.display(), path.display());
                bail!("{dir} was trained on {path}: give that again, --data {path}")
            }
            (None, name) => Ok(name.clone()),
        }
    }
}

/// Reads what `config.json` tells of the run in `dir`.
pub fn read_config(dir: &Path) -> Result<Config> {
    let path = dir.join(CONFIG);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{} is not the folder of a run: {CONFIG} cannot be read there", dir.display()))?;
    let damaged = || format!("{} is damaged or not of this program: train anew", path.display());
    serde_json::from_str(&text).with_context(damaged)
}
