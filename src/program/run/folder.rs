//! A run's folder: its options, its numbers as they grow, its weights and charts.

use super::checkpoint::{CHECKPOINT, Checkpoint};
use super::config::{CONFIG, Config, read_config};
use super::metrics::{METRICS, Metrics, UNREAD};
use crate::program::files::{remove, remove_partial};
use crate::program::messages::word;
use anyhow::{Context, Result, bail};
use cnn_tutorial::explain::{FILTERS, LAYERS, POOLING};
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

pub const WEIGHTS: &str = "model.safetensors";
pub const BEST_WEIGHTS: &str = "best.safetensors";
pub const LOSS_CHART: &str = "loss.png";
pub const ACCURACY_CHART: &str = "accuracy.png";
pub const EVALUATION: &str = "evaluation.json";
pub const CONFUSION: &str = "confusion.png";
pub const MISTAKES: &str = "mistakes.png";
pub const PREDICTIONS: &str = "predictions.png";

/// The files that a run has in its folder.
pub const FILES: [&str; 15] = [
    CONFIG,
    METRICS,
    UNREAD,
    WEIGHTS,
    BEST_WEIGHTS,
    CHECKPOINT,
    LOSS_CHART,
    ACCURACY_CHART,
    EVALUATION,
    CONFUSION,
    MISTAKES,
    PREDICTIONS,
    FILTERS,
    LAYERS,
    POOLING,
];

/// An open run.
pub struct Run {
    pub dir: PathBuf,
    pub metrics: Metrics,
    /// Kept for as long as the run is open.
    _lock: Lock,
}

/// A folder that no other process trains in until this is dropped, which the system does when a process ends. Nothing where
/// folders cannot be locked.
pub type Lock = Option<File>;

impl Run {
    /// Makes the folder and writes `config` and the head of `metrics.csv` to it.
    ///
    /// `out`, or `runs/<name>`, or the first of `runs/<name>-2`, `-3` ... that is free. Files that are there under the names
    /// of a run's are an error, unless `overwrite`: then they are removed first.
    pub fn create(out: Option<&Path>, name: &str, overwrite: bool, config: &Config) -> Result<Self> {
        let dir = match out {
            Some(out) => out.to_owned(),
            None if overwrite => Path::new("runs").join(name),
            None => unused_dir(name)?,
        };
        let unwritable =
            || format!("the folder of the results, {}, cannot be written: give another --out", dir.display());
        fs::create_dir_all(&dir).with_context(unwritable)?;
        let lock = lock(&dir, ", or give another --out")?;
        if !overwrite && let Some(kept) = kept_in(&dir) {
            bail!("{} holds {kept}; give another --out, or --overwrite to replace them", dir.display());
        }
        for file in FILES {
            remove(&dir, file).with_context(unwritable)?;
        }
        remove_partial(&dir, &FILES).with_context(unwritable)?;
        config.write(&dir).with_context(unwritable)?;
        let metrics = Metrics::create(&dir).with_context(unwritable)?;
        Ok(Self { dir, metrics, _lock: lock })
    }

    /// Removes what a start has written for whose first checkpoint there was no room: it would stand in the way of the next one.
    pub fn give_up(self) {
        for file in [CONFIG, METRICS] {
            let _ = remove(&self.dir, file); // what failed before is the error
        }
    }

    /// Opens the run in `dir`, which is locked, to go on after `iteration`; `eval_every` is its own.
    pub fn resume(dir: &Path, lock: Lock, iteration: u64, eval_every: NonZeroU64) -> Result<Self> {
        remove_partial(dir, &FILES)?;
        Ok(Self { dir: dir.to_owned(), metrics: Metrics::resume(dir, iteration, eval_every)?, _lock: lock })
    }
}

/// What would be lost if a new run began in `dir`: every file with the name of a run's, whosever it is.
///
/// A start of this program that failed leaves nothing to lose: its options, no row, and the checkpoint it began with.
fn kept_in(dir: &Path) -> Option<String> {
    let is_there = |name: &&str| fs::symlink_metadata(dir.join(name)).is_ok();
    let kept: Vec<_> = FILES.into_iter().filter(is_there).collect();
    let iteration = Checkpoint::load(dir).ok().map(|checkpoint| checkpoint.position.iteration);
    let failed_start = [CONFIG, METRICS, CHECKPOINT];
    if kept.is_empty()
        || kept == failed_start && iteration == Some(0) && Metrics::is_bare(dir) && read_config(dir).is_ok()
    {
        return None;
    }
    let names = kept.join(", ");
    Some(match iteration {
        _ if kept.contains(&WEIGHTS) && kept.contains(&CONFIG) => format!("a run already: {names}"),
        Some(iteration) if iteration > 0 => format!(
            "a run already, which ended after iteration {iteration}: {names}; --resume {} goes on with it",
            word(dir)
        ),
        _ => names,
    })
}

/// Locks `dir`. Errors where another process is training in it; `or` is what else can be done than wait.
pub fn lock(dir: &Path, or: &str) -> Result<Lock> {
    // A pipe would be waited for.
    let Some(folder) = dir.is_dir().then(|| File::open(dir).ok()).flatten() else { return Ok(None) };
    match folder.try_lock() {
        Err(TryLockError::WouldBlock) => {
            bail!("another process is training in {}: wait until it has finished{or}", dir.display())
        }
        _ => Ok(Some(folder)),
    }
}

/// Whether the run in `dir` has been stopped, or goes on still.
pub fn is_unfinished(dir: &Path) -> bool {
    !dir.join(WEIGHTS).exists() && dir.join(CHECKPOINT).exists()
}

/// Errors where the run in `dir` has been stopped, and says how it goes on; `data` is the `--data` that this needs.
pub fn check_finished(dir: &Path, data: &str) -> Result<()> {
    if !is_unfinished(dir) {
        return Ok(());
    }
    let best = if dir.join(BEST_WEIGHTS).exists() {
        "; `evaluate`, `explain` and `predict` take its best weights so far with --best"
    } else {
        ""
    };
    bail!("{} is not finished: --resume {}{data} goes on with it{best}", dir.display(), word(dir))
}

/// The folder that `--run` names; without a folder that of the newest finished run in `runs`.
pub fn find(run: Option<&Path>) -> Result<PathBuf> {
    if let Some(dir) = run {
        return Ok(dir.to_owned());
    }
    // Python's runs have another config.json.
    let newest = finished().into_iter().find(|dir| read_config(dir).is_ok());
    let newest = newest
        .context("there is no finished run in the folder runs: train one, or name the folder of one with --run")?;
    say!("run: {}, the newest finished one", newest.display());
    Ok(newest)
}

/// The finished runs in `runs`, the newest first.
pub fn finished() -> Vec<PathBuf> {
    runs_with(WEIGHTS)
}

/// The runs in `runs` that are not finished, the newest first.
pub fn unfinished() -> Vec<PathBuf> {
    runs_with(CHECKPOINT).into_iter().filter(|dir| is_unfinished(dir)).collect()
}

/// The runs in `runs` that have this file, the one with the newest first.
fn runs_with(file: &str) -> Vec<PathBuf> {
    let folders = fs::read_dir("runs").into_iter().flatten().flatten().map(|entry| entry.path());
    let modified = |dir: &Path| fs::metadata(dir.join(file)).ok().filter(fs::Metadata::is_file)?.modified().ok();
    let mut found: Vec<_> = folders.filter_map(|dir| Some((modified(&dir)?, dir))).collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, dir)| dir).collect()
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
