//! How long to train.

use crate::program::run::options::Options;
use anyhow::{Result, ensure};
use cnn_tutorial::train::num_epochs;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub epochs: u64,
    pub iterations: u64,
    /// How many iterations an epoch has.
    pub batches: u64,
}

impl Schedule {
    /// The epochs that `--n-iters` makes room for, or `--epochs`, or as many as `--max-steps` takes: whichever ends first.
    pub fn new(options: &Options, n_train: i64) -> Result<Self> {
        let (n_iters, batch_size) = (options.n_iters, options.batch_size());
        ensure!(
            batch_size <= n_train,
            "--batch-size {batch_size} is larger than the {n_train} training images: give at most {n_train}"
        );
        let batches = (n_train as u64).div_ceil(batch_size as u64);
        if let Some(max_steps) = options.max_steps {
            let most = options.epochs.map_or(u64::MAX, |epochs| epochs.get().saturating_mul(batches));
            let iterations = max_steps.get().min(most);
            return Ok(Self { epochs: iterations.div_ceil(batches), iterations, batches });
        }
        let epochs = options.epochs.map_or(num_epochs(n_iters, n_train, batch_size), |epochs| epochs.get());
        ensure!(
            epochs > 0,
            "--n-iters {n_iters} is not one epoch of {n_train} images in batches of {batch_size}: \
             give at least --n-iters {batches}, or --max-steps {} to end within the first epoch",
            n_iters.max(1)
        );
        Ok(Self { epochs, iterations: epochs.saturating_mul(batches), batches })
    }
}
