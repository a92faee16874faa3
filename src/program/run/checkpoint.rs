//! What `--resume` goes on from: weights, the optimizer's state and the position, in one file that is replaced whole.

use super::options::{LrChange, Options};
use super::weights::{self, check_finite, part, set_weights, write_tensors};
use crate::program::files::{self, put};
use anyhow::{Context, Result, ensure};
use cnn_tutorial::optim::Optimizer;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::path::Path;
use tch::{Tensor, nn::VarStore};

pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// In bytes: weights, two moments of each that Adam keeps, and the position.
const LARGEST: u64 = 3 * weights::LARGEST + (1 << 20);

/// The options that a resumed run may have others of than its checkpoint.
const MAY_CHANGE: [&str; 5] = ["data", "device", "threads", "out", "overwrite"];

/// How far a training has come.
///
/// libtorch's random state cannot be read through tch; it need not be, because a run that is repeated up to
/// `iteration` without its arithmetic draws the same numbers.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    /// How many iterations are done.
    pub iteration: u64,
    /// The least validation loss so far.
    pub best_loss: f64,
}

impl Position {
    pub const START: Self = Self { iteration: 0, best_loss: f64::INFINITY };
}

/// What a checkpoint holds.
pub struct Checkpoint {
    pub position: Position,
    tensors: HashMap<String, Tensor>,
}

impl Checkpoint {
    /// Replaces the checkpoint in `dir`: at every moment there is the old one or the new one.
    pub fn save(dir: &Path, options: &Options, position: Position, vs: &VarStore, optimizer: &Optimizer) -> Result<()> {
        let model = vs.variables().into_iter().map(|(name, tensor)| (format!("model.{name}"), tensor));
        let optimizer = optimizer.state_dict()?.into_iter().map(|(name, tensor)| (format!("optimizer.{name}"), tensor));
        let options = Tensor::f_from_slice(&serde_json::to_vec(options)?)?;
        let position = [
            ("iteration", Tensor::from(position.iteration as i64)),
            ("best_loss", Tensor::from(position.best_loss)),
            ("options", options),
        ];
        let position = position.map(|(name, tensor)| (name.to_owned(), tensor));
        let tensors = model.chain(optimizer).chain(position);
        put(dir, CHECKPOINT, |path| write_tensors(tensors, path))
    }

    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(CHECKPOINT);
        let damaged =
            || format!("{} is damaged, or was not written by this program: start a new training", path.display());
        files::open(&path, LARGEST)?; // what the system refuses is not damaged
        let tensors: HashMap<_, _> = Tensor::read_safetensors(&path).with_context(damaged)?.into_iter().collect();
        let number = |name: &str| tensors.get(name).filter(|tensor| tensor.numel() == 1).with_context(damaged);
        let (iteration, best_loss) = (number("iteration")?.try_into(), number("best_loss")?.try_into());
        let iteration = u64::try_from(iteration.with_context(damaged).map(|n: i64| n)?).with_context(damaged)?;
        ensure!(iteration < 1 << 40, "{}: iteration {iteration}", damaged());
        let position = Position { iteration, best_loss: best_loss.with_context(damaged)? };
        Ok(Self { position, tensors })
    }

    /// Fails if `options` are not those that led here: with others the training would go on to numbers that no run has.
    ///
    /// Where it computes, and where its data and results are, may change.
    pub fn check_options(&self, options: &Options) -> Result<()> {
        let now = serde_json::to_value(options)?;
        for (name, before) in self.options()?.iter().filter(|(name, _)| !MAY_CHANGE.contains(&name.as_str())) {
            ensure!(
                now.get(name) == Some(before),
                "config.json has another {name} than the checkpoint was trained with, which is {before}: set it back"
            );
        }
        Ok(())
    }

    /// How the learning rate was changed on the way.
    pub fn lr_from(&self) -> Result<Vec<LrChange>> {
        let changes = self.options()?.remove("lr_from").unwrap_or_else(|| Value::Array(Vec::new()));
        serde_json::from_value(changes).with_context(|| format!("{CHECKPOINT} has no lr_from of this program's"))
    }

    fn options(&self) -> Result<Map<String, Value>> {
        let damaged = || format!("{CHECKPOINT} does not tell its options: start a new training");
        let text = Vec::<u8>::try_from(self.tensors.get("options").with_context(damaged)?).with_context(damaged)?;
        serde_json::from_slice(&text).with_context(damaged)
    }

    /// Sets weights and optimizer to what they were.
    pub fn restore(&self, vs: &VarStore, optimizer: &mut Optimizer) -> Result<()> {
        self.restore_weights(vs)?;
        optimizer.load_state_dict(&part(&self.tensors, "optimizer.")).context(CHECKPOINT)
    }

    pub fn restore_weights(&self, vs: &VarStore) -> Result<()> {
        let weights = part(&self.tensors, "model.");
        set_weights(vs, &weights, CHECKPOINT)?;
        check_finite(&weights, CHECKPOINT)
    }
}
