//! A run's folder: its options, its numbers as they grow, its weights and charts.

use crate::options::Options;
use crate::repr::python_repr;
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub const CONFIG: &str = "config.json";
pub const METRICS: &str = "metrics.csv";
pub const WEIGHTS: &str = "model.safetensors";
pub const BEST_WEIGHTS: &str = "best.safetensors";
pub const CHECKPOINT: &str = "checkpoint.safetensors";
pub const LOSS_CHART: &str = "loss.png";
pub const ACCURACY_CHART: &str = "accuracy.png";

/// What `config.json` tells of a run.
#[derive(Debug, Deserialize, Serialize)]
pub struct Config {
    /// Of this program, of tch and of libtorch.
    pub version: String,
    pub tch_version: String,
    pub libtorch_version: String,
    pub dataset: String,
    /// Of the images and labels before the split.
    pub dataset_sha256: String,
    pub n_train: i64,
    pub n_test: i64,
    pub epochs: u64,
    pub iterations: u64,
    /// As `--device` names it.
    pub computed_on: String,
    pub computed_with_threads: i32,
    pub options: Options,
}

/// One evaluation: the loss of that iteration's batch and the validation accuracy in percent.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub struct Record {
    pub iteration: u64,
    pub loss: f64,
    pub accuracy: f64,
}

impl Record {
    /// Whether its numbers can be what a training logs, which are 32-bit: no others can be drawn without trouble.
    fn is_of_a_run(&self) -> bool {
        [self.loss, self.accuracy].iter().all(|&number| number.is_infinite() || f64::from(number as f32) == number)
    }
}

/// An open run.
pub struct Run {
    pub dir: PathBuf,
    metrics: csv::Writer<File>,
    /// Kept for as long as the run is open.
    _lock: Option<File>,
}

impl Run {
    /// Makes the folder and writes `config` and the head of `metrics.csv` to it.
    ///
    /// `out`, or `runs/<name>`, or the first of `runs/<name>-2`, `-3` ... that is free. A run that is there is an
    /// error, unless `overwrite`: then its files are removed first.
    pub fn create(out: Option<&Path>, name: &str, overwrite: bool, config: &Config) -> Result<Self> {
        let dir = match out {
            Some(out) => out.to_owned(),
            None if overwrite => Path::new("runs").join(name),
            None => unused_dir(name)?,
        };
        let unwritable =
            || format!("the folder of the results, {}, cannot be written: give another --out", dir.display());
        fs::create_dir_all(&dir).with_context(unwritable)?;
        let lock = lock(&dir)?;
        for file in [CONFIG, METRICS, WEIGHTS, BEST_WEIGHTS, CHECKPOINT, LOSS_CHART, ACCURACY_CHART] {
            let path = dir.join(file);
            if path.exists() && !overwrite {
                bail!("{} holds a run already: give another --out, or --overwrite to replace it", dir.display());
            }
            remove(&dir, file).with_context(unwritable)?;
        }
        fs::write(dir.join(CONFIG), serde_json::to_string_pretty(config)? + "\n").with_context(unwritable)?;
        let metrics = new_metrics(&dir.join(METRICS)).with_context(unwritable)?;
        Ok(Self { dir, metrics, _lock: lock })
    }

    /// Opens the run in `dir` to go on after `iteration`, and returns what was logged up to there; what was logged later
    /// is cut off `metrics.csv`.
    pub fn resume(dir: &Path, iteration: u64) -> Result<(Self, Vec<Record>)> {
        let lock = lock(dir)?;
        let path = dir.join(METRICS);
        let unreadable = || format!("{} cannot be read: it holds what this run logged; train anew", path.display());
        let mut history = Vec::new();
        for row in csv::Reader::from_path(&path).with_context(unreadable)?.deserialize::<Record>() {
            match row {
                Ok(record) if record.iteration <= iteration && record.is_of_a_run() => history.push(record),
                _ => break, // a later one, or one cut off in the middle
            }
        }
        put(dir, METRICS, |path| {
            let mut metrics = new_metrics(path)?;
            history.iter().try_for_each(|record| write_record(&mut metrics, record))
        })?;
        let file = File::options().append(true).open(&path).with_context(unreadable)?;
        Ok((Self { dir: dir.to_owned(), metrics: csv::Writer::from_writer(file), _lock: lock }, history))
    }

    /// Appends a line to `metrics.csv`, numbers as Python writes them.
    pub fn log(&mut self, record: &Record) -> Result<()> {
        write_record(&mut self.metrics, record)
            .with_context(|| format!("{} cannot be written", self.dir.join(METRICS).display()))
    }
}

fn new_metrics(path: &Path) -> Result<csv::Writer<File>> {
    let mut metrics = csv::Writer::from_path(path)?;
    metrics.write_record(["iteration", "loss", "accuracy"])?;
    metrics.flush()?;
    Ok(metrics)
}

fn write_record(metrics: &mut csv::Writer<File>, record: &Record) -> Result<()> {
    let Record { iteration, loss, accuracy } = *record;
    metrics.write_record([iteration.to_string(), python_repr(loss), python_repr(accuracy)])?;
    Ok(metrics.flush()?)
}

/// Keeps other processes from training in `dir` until the file is closed, which the system does when a process ends.
/// Nothing where folders cannot be locked.
fn lock(dir: &Path) -> Result<Option<File>> {
    let Ok(folder) = File::open(dir) else { return Ok(None) };
    match folder.try_lock() {
        Err(TryLockError::WouldBlock) => {
            bail!("another process is training in {}: wait for its end, or give another --out", dir.display())
        }
        _ => Ok(Some(folder)),
    }
}

/// Has `write` write the file `name` in `dir`, where it appears only when it is whole.
pub fn put(dir: &Path, name: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let (path, partial) = (dir.join(name), dir.join(format!("partial-{name}")));
    // On the disk before it has its name: a power cut leaves the old file or the new one.
    let synced = write(&partial).and_then(|()| Ok(File::open(&partial)?.sync_all()?));
    let written = synced.and_then(|()| Ok(fs::rename(&partial, &path)?));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written.with_context(|| format!("{} cannot be written", path.display()))
}

/// Removes the file `name` from `dir`, where it may be missing.
pub fn remove(dir: &Path, name: &str) -> Result<()> {
    match fs::remove_file(dir.join(name)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", dir.join(name).display()))
        }
        _ => Ok(()),
    }
}

/// Reads what `config.json` tells of the run in `dir`.
pub fn read_config(dir: &Path) -> Result<Config> {
    let path = dir.join(CONFIG);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{} is not the folder of a run: {CONFIG} cannot be read there", dir.display()))?;
    let damaged = || format!("{} is damaged or not of this program: train anew", path.display());
    let config: Config = serde_json::from_str(&text).with_context(damaged)?;
    config.options.check().with_context(damaged)?;
    ensure!((1..=1024).contains(&config.computed_with_threads), "{}", damaged());
    Ok(config)
}

/// Where the data are that the run in `dir` was trained on: as `given`, or by the name that `config` has.
///
/// A path is not taken from the folder of a run, which may come from elsewhere.
pub fn data_of(dir: &Path, config: &Config, given: Option<&Path>) -> Result<Option<PathBuf>> {
    match config.options.data.as_deref() {
        _ if given.is_some() => Ok(given.map(Path::to_owned)),
        Some(path) if !["mnist", "digits"].map(Path::new).contains(&path) => {
            bail!("{} was trained on {}: give that again, --data {}", dir.display(), config.dataset, path.display())
        }
        name => Ok(name.map(Path::to_owned)),
    }
}

/// The folder that `--run` names; without a folder that of the newest run in `runs`.
pub fn find(run: Option<&Path>) -> Result<PathBuf> {
    if let Some(dir) = run {
        return Ok(dir.to_owned());
    }
    let folders = fs::read_dir("runs").into_iter().flatten().flatten().map(|entry| entry.path());
    let runs = folders.filter_map(|dir| Some((fs::metadata(dir.join(CONFIG)).ok()?.modified().ok()?, dir)));
    let newest = runs.max().context("there is no run in the folder runs: train one, or name its folder with --run")?;
    say!("run: {}, the newest", newest.1.display());
    Ok(newest.1)
}

/// Makes the first of `runs/<name>`, `runs/<name>-2`, ... that does not exist, safe against a second process.
fn unused_dir(name: &str) -> Result<PathBuf> {
    fs::create_dir_all("runs").context("the folder runs cannot be made here: give --out DIR")?;
    for number in 1.. {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let dir = Path::new("runs").join(format!("{name}{suffix}"));
        match fs::create_dir(&dir) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            made => {
                made.with_context(|| format!("{} cannot be made: give --out DIR", dir.display()))?;
                return Ok(dir);
            }
        }
    }
    bail!("there are too many runs: give --out DIR")
}
