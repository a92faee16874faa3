//! The runs that the page offers, and which of their weights are asked.

use crate::program::run::config::read_config;
use crate::program::run::folder::BEST_WEIGHTS;
use crate::program::run::network::Weights;
use crate::program::run::options::Architecture;
use serde::{Deserialize, Serialize};
use std::path::Path;

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
    pub fn of(dir: &Path) -> Option<Self> {
        let config = read_config(dir).ok()?;
        config.check_digits(dir, "play").ok()?;
        let options = config.options;
        let best = dir.join(BEST_WEIGHTS).exists().then_some(Weights::Best);
        let weights = [Some(Weights::Last), best, Some(Weights::Untrained)].into_iter().flatten().collect();
        Some(Self { name: dir.display().to_string(), title: options.model.title.into(), weights })
    }

    /// A network that is not trained.
    pub fn untrained(architecture: Architecture) -> Self {
        let weights = vec![Weights::Untrained];
        Self { name: architecture.name.into(), title: architecture.title.into(), weights }
    }
}
