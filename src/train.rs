//! Slides "Model Training" and "Model Training: Tracking progress": the loop.

use crate::checkpoint::Checkpoint;
use crate::data::DataLoader;
use crate::evaluate::accuracy_and_loss;
use crate::models::Model;
use crate::optim::Optimizer;
use crate::options::Options;
use crate::repr::python_repr;
use crate::run::{self, Record, Run};
use anyhow::{Result, bail, ensure};
use indicatif::ProgressBar;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tch::{Reduction, Tensor, nn::VarStore};

/// How long to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub epochs: u64,
    pub iterations: u64,
}

impl Schedule {
    /// `int(n_iters / (n_train / batch_size))` epochs, or `--epochs`, or as many as `--max-steps` takes.
    pub fn new(options: &Options, n_train: i64) -> Result<Self> {
        let &Options { n_iters, batch_size, .. } = options;
        ensure!(
            batch_size <= n_train,
            "--batch-size {batch_size} is larger than the {n_train} training images: give at most {n_train}"
        );
        let batches = (n_train as u64).div_ceil(batch_size as u64);
        if let Some(max_steps) = options.max_steps {
            return Ok(Self { epochs: max_steps.div_ceil(batches), iterations: max_steps });
        }
        if let Some(epochs) = options.epochs {
            return Ok(Self { epochs, iterations: epochs.saturating_mul(batches) });
        }
        let epochs = (n_iters as f64 / (n_train as f64 / batch_size as f64)) as u64;
        ensure!(
            epochs > 0,
            "--n-iters {n_iters} is not one epoch of {n_train} images in batches of {batch_size}: \
             give at least --n-iters {batches}, or --max-steps {n_iters} to end within the first epoch"
        );
        Ok(Self { epochs, iterations: epochs * batches })
    }
}

/// All that a training needs, and where it stands.
pub struct Training<'a> {
    pub model: &'a dyn Model,
    pub vs: &'a VarStore,
    pub optimizer: Optimizer,
    pub train_loader: DataLoader<'a>,
    pub test_loader: DataLoader<'a>,
    pub schedule: Schedule,
    pub options: &'a Options,
    pub run: Run,
    /// How many iterations an earlier call has done: of these only the random draws are repeated.
    pub done: u64,
    pub best_loss: f64,
    pub history: Vec<Record>,
    /// The part of the time that went into tracking progress.
    pub tracking: Duration,
}

impl Training<'_> {
    /// Trains to the end, or to the iteration during which `stop` becomes other than 0; returns how many are done.
    ///
    /// What is logged is in the run's folder from the moment it is known.
    pub fn train(&mut self, bar: &ProgressBar, stop: &AtomicUsize) -> Result<u64> {
        let (options, train_loader, Schedule { epochs, iterations }) = (self.options, self.train_loader, self.schedule);
        if self.done >= iterations {
            return Ok(iterations); // it was ended after its last checkpoint, before its results were written
        }
        let mut count = 0;
        let mut losses = Vec::new();
        for epoch in 0..epochs {
            let lr = options.lr_schedule.lr(epoch, epochs, options.lr, options.step_size, options.gamma);
            self.optimizer.set_lr(lr)?;
            for batch in train_loader.epoch()? {
                let (images, labels) = batch?;
                count += 1;
                let (evaluate, print) = (count % options.eval_every == 0, count % options.print_every == 0);
                if count <= self.done {
                    if evaluate {
                        let _ = self.test_loader.epoch()?;
                    }
                    if stop.load(Ordering::Relaxed) != 0 {
                        return Ok(self.done);
                    }
                    continue;
                }
                // Clear gradients
                self.optimizer.zero_grad()?;
                // Forward propagation
                let outputs = self.model.forward(&images)?;
                // Calculate softmax and cross entropy loss
                let loss = outputs.f_cross_entropy_loss(&labels, None::<Tensor>, Reduction::Mean, -100, 0.0)?;
                // Calculating gradients
                loss.f_backward()?;
                // Update parameters
                self.optimizer.step()?;

                bar.set_position(count);
                losses.push(loss.f_detach()?);
                let last = count == iterations || stop.load(Ordering::Relaxed) != 0;
                let save = count % options.save_every == 0 || last;
                if evaluate || print || save {
                    let loss = last_loss(&mut losses, count)?;
                    if evaluate {
                        self.track(count, loss)?;
                    }
                    if let (true, Some(Record { accuracy, .. })) = (print, self.history.last()) {
                        let (loss, accuracy) = (python_repr(loss), python_repr(*accuracy));
                        let line = format!("Iteration: {count} Loss: {loss} Accuracy: {accuracy} %");
                        // Whoever reads may have left (`| head -1`): the run goes on, its numbers are in its folder.
                        bar.suspend(|| writeln!(io::stdout(), "{line}").unwrap_or_default());
                    }
                }
                if save {
                    Checkpoint::save(&self.run.dir, count, self.best_loss, self.vs, &self.optimizer)?;
                }
                if last {
                    return Ok(count);
                }
            }
        }
        Ok(count)
    }

    /// Measures the validation accuracy, stores loss, iteration and accuracy, and keeps the best weights.
    fn track(&mut self, iteration: u64, loss: f64) -> Result<()> {
        let start = Instant::now();
        let (accuracy, validation_loss) = accuracy_and_loss(self.model, &self.test_loader)?;
        let record = Record { iteration, loss, accuracy: accuracy.into() };
        self.run.log(&record)?;
        self.history.push(record);
        if validation_loss < self.best_loss {
            self.best_loss = validation_loss;
            run::put(&self.run.dir, run::BEST_WEIGHTS, |path| Ok(self.vs.save(path)?))?;
        }
        self.tracking += start.elapsed();
        Ok(())
    }
}

/// Empties `losses`, those of the iterations up to `count`, and returns the last one; an error if one is NaN.
///
/// They are read all at once, because a read makes a GPU's queue run dry.
fn last_loss(losses: &mut Vec<Tensor>, count: u64) -> Result<f64> {
    let values: Vec<f32> = Tensor::f_stack(losses, 0)?.try_into()?;
    losses.clear();
    if let Some(i) = values.iter().position(|loss| loss.is_nan()) {
        let iteration = count - (values.len() - 1 - i) as u64;
        bail!("the loss became NaN at iteration {iteration}: try a smaller --lr than before, or --scale unit");
    }
    Ok(values[values.len() - 1].into())
}
