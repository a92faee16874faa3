//! The runs that the page offers, and which of their weights are asked.

use crate::program::run::config::{Config, read_config};
use crate::program::run::folder::{self, BEST_WEIGHTS};
use crate::program::run::network::{Network, Weights};
use crate::program::run::options::{ARCHITECTURES, Architecture, Scale, Seed};
use anyhow::{Context, Result, ensure};
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
        let weights = [Some(Weights::Last), best, Some(Weights::Untrained)].into_iter().flatten().collect();
        Some(Self { name: dir.display().to_string(), title: options.model.title.into(), weights })
    }

    /// A network that is not trained.
    fn untrained(architecture: Architecture) -> Self {
        let weights = vec![Weights::Untrained];
        Self { name: architecture.name.into(), title: architecture.title.into(), weights }
    }
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

/// The runs in `runs/`, and the folder of the one to begin with.
pub struct Runs(pub Option<PathBuf>);

impl Runs {
    /// The runs as they are now, the one to begin with first; where there is none, untrained networks.
    pub fn entries(&self) -> Vec<RunEntry> {
        let mut entries: Vec<RunEntry> = self.folders().iter().filter_map(|dir| RunEntry::of(dir)).collect();
        if entries.is_empty() {
            entries.extend(ARCHITECTURES.iter().copied().map(RunEntry::untrained));
        }
        entries
    }

    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = folder::finished();
        if let Some(first) = &self.0 {
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
        found.with_context(|| format!("there is no run {name:?}: load the page anew"))
    }

    pub fn open(&self, Choice { run, weights }: &Choice) -> Result<Network> {
        match self.find(run)? {
            Named::Run(dir) => Network::open(&dir, &digits_config(&dir)?, *weights, Device::Cpu),
            Named::Untrained(architecture) => {
                ensure!(*weights == Weights::Untrained, "there is no run {run:?} that was trained: load the page anew");
                Network::untrained(architecture, Seed::default(), Scale::Raw, Device::Cpu)
            }
        }
    }
}
