//! What `--resume` goes on from: weights, the optimizer's state and the position, in one file that is replaced whole.

use super::run::{self, CHECKPOINT};
use super::weights::set_weights;
use anyhow::{Context, Result, ensure};
use cnn_tutorial::optim::Optimizer;
use std::collections::HashMap;
use std::path::Path;
use tch::{Tensor, nn::VarStore};

/// A training's position.
///
/// libtorch's random state cannot be read through tch; it need not be, because a run that is repeated up to
/// `iteration` without its arithmetic draws the same numbers.
pub struct Checkpoint {
    /// How many iterations are done.
    pub iteration: u64,
    /// The least validation loss so far.
    pub best_loss: f64,
    tensors: HashMap<String, Tensor>,
}

impl Checkpoint {
    /// Replaces the checkpoint in `dir`: at every moment there is the old one or the new one.
    pub fn save(dir: &Path, iteration: u64, best_loss: f64, vs: &VarStore, optimizer: &Optimizer) -> Result<()> {
        let model = vs.variables().into_iter().map(|(name, tensor)| (format!("model.{name}"), tensor));
        let optimizer = optimizer.state_dict().into_iter().map(|(name, tensor)| (format!("optimizer.{name}"), tensor));
        let position = [("iteration", Tensor::from(iteration as i64)), ("best_loss", Tensor::from(best_loss))];
        let position = position.map(|(name, tensor)| (name.to_owned(), tensor));
        let tensors: Vec<_> = model.chain(optimizer).chain(position).collect();
        run::put(dir, CHECKPOINT, |path| Ok(Tensor::write_safetensors(&tensors, path)?))
    }

    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(CHECKPOINT);
        let damaged = || format!("{} is damaged or not of this program: train anew", path.display());
        let tensors: HashMap<_, _> = Tensor::read_safetensors(&path).with_context(damaged)?.into_iter().collect();
        let number = |name: &str| tensors.get(name).filter(|tensor| tensor.numel() == 1).with_context(damaged);
        let (iteration, best_loss) = (number("iteration")?.try_into(), number("best_loss")?.try_into());
        let iteration = u64::try_from(iteration.with_context(damaged).map(|n: i64| n)?).with_context(damaged)?;
        ensure!(iteration < 1 << 40, "{}: iteration {iteration}", damaged());
        Ok(Self { iteration, best_loss: best_loss.with_context(damaged)?, tensors })
    }

    /// Sets weights and optimizer to what they were.
    pub fn restore(&self, vs: &VarStore, optimizer: &mut Optimizer) -> Result<()> {
        let part = |prefix: &str| -> HashMap<_, _> {
            let tensors = self.tensors.iter();
            tensors.filter_map(|(name, t)| Some((name.strip_prefix(prefix)?.to_owned(), t.shallow_clone()))).collect()
        };
        set_weights(vs, part("model."), CHECKPOINT)?;
        optimizer.load_state_dict(&part("optimizer.")).context(CHECKPOINT)
    }
}
