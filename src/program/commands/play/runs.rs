//! The runs that the page offers, and which of their weights are asked.

use crate::program::messages::word;
use crate::program::run::config::{Config, read_config};
use crate::program::run::folder::{self, BEST_WEIGHTS};
use crate::program::run::network::{Network, Weights};
use crate::program::run::options::{ARCHITECTURES, Architecture, Scale, Seed};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use tch::Device;

/// A run that the page offers.
#[derive(Serialize)]
pub struct RunEntry {
    name: String,
    title: String,
    weights: Vec<Weights>,
}

/// Whose network is asked: the name of an entry, and its weights.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct Choice {
    pub run: String,
    pub weights: Weights,
}

impl RunEntry {
    /// Nothing where the folder's `config.json` cannot be read, or the run knows no digits.
    fn of(dir: &Path) -> Option<Self> {
        let options = digits_config(dir).ok()?.options;
        let best = dir.join(BEST_WEIGHTS).exists().then_some(Weights::Best);
        let weights = [Some(newest_weights(dir)), best, Some(Weights::Untrained)].into_iter().flatten().collect();
        Some(Self { name: dir.display().to_string(), title: options.model.title.into(), weights })
    }

    /// A network that is not trained.
    fn untrained(architecture: Architecture) -> Self {
        let weights = vec![Weights::Untrained];
        Self { name: architecture.name.into(), title: architecture.title.into(), weights }
    }
}

fn newest_weights(dir: &Path) -> Weights {
    if folder::is_unfinished(dir) { Weights::Checkpoint } else { Weights::Last }
}

/// What the run in `dir` was trained with. Errors where that was no digits: the page has no other pictures.
pub fn digits_config(dir: &Path) -> Result<Config> {
    let config = read_config(dir)?;
    config.check_digits(dir, "play")?;
    Ok(config)
}

/// What an entry's name stands for.
pub enum Named {
    /// The run in this folder.
    Run(PathBuf),
    Untrained(Architecture),
}

/// The runs in `runs/`, and how to begin.
pub struct Runs {
    /// The folder of the run to begin with.
    pub first: Option<PathBuf>,
    /// Whether to begin with its best weights.
    pub best: bool,
}

impl Runs {
    /// Errors where what was asked for cannot be shown. Says so where the run is not finished.
    pub fn check(&self) -> Result<()> {
        let dir = match &self.first {
            Some(dir) => dir.clone(),
            None if self.best => {
                let newest = self.folders().into_iter().find(|dir| digits_config(dir).is_ok());
                newest.context("there is no run on digits in the folder runs: train one, or leave --best out")?
            }
            None => return Ok(()),
        };
        let config = digits_config(&dir)?;
        let weights = if self.best { Weights::Best } else { newest_weights(&dir) };
        Network::open(&dir, &config, weights, Device::Cpu)?;
        if folder::is_unfinished(&dir) {
            let which = if self.best { "best weights so far" } else { "weights at its last checkpoint" };
            let (shown, data) = (dir.display(), config.data.option());
            say!(
                "{shown} is not finished: the page begins with its {which}; --resume {}{data} goes on with it",
                word(&dir)
            );
        }
        Ok(())
    }

    /// The runs as they are now, the one to begin with first; where there is none, untrained networks.
    pub fn entries(&self) -> Vec<RunEntry> {
        let mut entries: Vec<RunEntry> = self.folders().iter().filter_map(|dir| RunEntry::of(dir)).collect();
        if let Some(first) = entries.first_mut().filter(|_| self.best) {
            first.weights.sort_by_key(|&weights| weights != Weights::Best); // the page begins with the first
        }
        if entries.is_empty() {
            entries.extend(ARCHITECTURES.iter().copied().map(RunEntry::untrained));
        }
        entries
    }

    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = folder::finished();
        folders.extend(folder::unfinished());
        if let Some(first) = &self.first {
            folders.retain(|dir| dir != first);
            folders.insert(0, first.clone());
        }
        folders
    }

    /// What `name` stands for. No path is made of it: it is looked for in the list.
    pub fn find(&self, name: &str) -> Result<Named> {
        let folder = self.folders().into_iter().find(|dir| dir.display().to_string() == name).map(Named::Run);
        let untrained = ARCHITECTURES.iter().copied().find(|architecture| architecture.name == name);
        let found = folder.or(untrained.map(Named::Untrained));
        found.with_context(|| format!("there is no run {name:?}: reload the page"))
    }

    /// The folder of the run that is called so.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        match self.find(name)? {
            Named::Run(dir) => Ok(dir),
            Named::Untrained(_) => bail!("{name} is not trained"),
        }
    }

    pub fn open(&self, Choice { run, weights }: &Choice) -> Result<Network> {
        match self.find(run)? {
            Named::Run(dir) => Network::open(&dir, &digits_config(&dir)?, *weights, Device::Cpu),
            Named::Untrained(architecture) => {
                ensure!(*weights == Weights::Untrained, "there is no run {run:?} that was trained: reload the page");
                Network::untrained(architecture, Seed::default(), Scale::Raw, Device::Cpu)
            }
        }
    }
}
