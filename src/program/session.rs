//! What the program does after each iteration: logs, prints, keeps weights and checkpoints, and stops on Ctrl-C.

use super::checkpoint::Checkpoint;
use super::cuda::graph::Recorder;
use super::files;
use super::metrics::Row;
use super::options::Options;
use super::run::{self, Run};
use super::schedule::Schedule;
use anyhow::{Result, bail};
use cnn_tutorial::data::{DataLoader, Epoch};
use cnn_tutorial::evaluate::{self, accuracy_and_losses};
use cnn_tutorial::nn::{CrossEntropyLoss, Module};
use cnn_tutorial::optim::Optimizer;
use cnn_tutorial::repr::python_repr;
use indicatif::ProgressBar;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tch::{TchError, Tensor, nn::VarStore};

/// A training under way.
pub struct Session<'a> {
    pub options: &'a Options,
    pub schedule: Schedule,
    pub model: &'a dyn Module,
    pub vs: &'a VarStore,
    pub error: &'a CrossEntropyLoss,
    pub test_loader: &'a DataLoader<'a>,
    pub run: Run,
    pub bar: ProgressBar,
    /// Becomes other than 0 when the training is to end.
    pub stop: Arc<AtomicUsize>,
    /// How many iterations are done.
    pub iteration: u64,
    /// The least validation loss so far.
    pub best_loss: f64,
    pub history: Vec<Row>,
    /// The part of the time that went into tracking progress.
    pub tracking: Duration,
    /// Of the iterations since the last whose loss was read.
    pub losses: Vec<Tensor>,
    /// Records an evaluation on a card.
    pub recorder: Option<Recorder>,
}

impl Session<'_> {
    /// Looks at one iteration's loss; breaks off when it was the last one or a signal has come.
    ///
    /// What is logged is in the run's folder from the moment it is known.
    pub fn after_step(&mut self, loss: &Tensor, optimizer: &mut Optimizer) -> Result<ControlFlow<()>> {
        self.iteration += 1;
        self.bar.set_position(self.iteration);
        self.losses.push(loss.f_detach()?);
        let due = |every: std::num::NonZeroU64| self.iteration.is_multiple_of(every.get());
        let (track, print) = (due(self.options.eval_every), due(self.options.print_every));
        let last = self.iteration == self.schedule.iterations || self.is_stopped();
        let save = due(self.options.save_every) || last;
        if track || print || save {
            let loss = self.last_loss()?;
            if track {
                self.track(loss)?;
            }
            if let (true, Some(Row { accuracy, .. })) = (print, self.history.last()) {
                let (loss, accuracy) = (python_repr(loss), python_repr(*accuracy));
                let line = format!("Iteration: {} Loss: {loss} Accuracy: {accuracy} %", self.iteration);
                // Whoever reads may have left (`| head -1`): the run goes on, its numbers are in its folder.
                self.bar.suspend(|| writeln!(io::stdout(), "{line}").unwrap_or_default());
            }
        }
        if save {
            Checkpoint::save(&self.run.dir, self.options, self.iteration, self.best_loss, self.vs, optimizer)?;
        }
        optimizer.set_lr(self.lr())?;
        Ok(if last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// The learning rate of the next iteration.
    pub fn lr(&self) -> f64 {
        let epoch = self.iteration / self.schedule.batches;
        self.options.lr_scheduler(self.schedule.epochs).lr(self.options.lr.into(), epoch)
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) != 0
    }

    /// Measures the validation accuracy, stores loss, iteration and accuracy, and keeps the best weights.
    fn track(&mut self, loss: f64) -> Result<()> {
        let start = Instant::now();
        let (model, error, batches) = (self.model, self.error, self.test_loader.epoch()?);
        let measured = match &mut self.recorder {
            Some(recorder) => recorder.call(&[], |_| accuracy_and_losses(model, error, batches.clone()))?,
            None => accuracy_and_losses(model, error, batches)?,
        };
        let (accuracy, validation_loss) = evaluate::read(&measured, self.test_loader)?;
        let row = Row { iteration: self.iteration, loss, accuracy: accuracy.into() };
        self.bar.set_message(format!("loss {loss:.4}, accuracy {accuracy:.2} %"));
        self.run.metrics.log(&row)?;
        self.history.push(row);
        if validation_loss < self.best_loss {
            self.best_loss = validation_loss;
            files::put(&self.run.dir, run::BEST_WEIGHTS, |path| Ok(self.vs.save(path)?))?;
        }
        self.tracking += start.elapsed();
        Ok(())
    }

    /// The loss of the last iteration; an error if one since the last call is NaN.
    ///
    /// They are read all at once, because a read makes a GPU's queue run dry.
    fn last_loss(&mut self) -> Result<f64> {
        let values: Vec<f32> = Tensor::f_stack(&self.losses, 0)?.try_into()?;
        self.losses.clear();
        if let Some(i) = values.iter().position(|loss| loss.is_nan()) {
            let iteration = self.iteration - (values.len() - 1 - i) as u64;
            bail!("the loss became NaN at iteration {iteration}: try a smaller --lr than before, or --scale unit");
        }
        Ok(values[values.len() - 1].into())
    }

    /// The epochs that are left, the first of them begun where `self.iteration` iterations are done.
    ///
    /// tch cannot keep the generator's state. It need not: the batches that are left out here draw, in the same order,
    /// what they drew when they were trained on.
    pub fn epochs_left<'l>(
        &self,
        train_loader: &'l DataLoader<'l>,
    ) -> Result<impl Iterator<Item = Result<Epoch<'l>, TchError>> + use<'l>> {
        let (mut epochs, mut begun) = (train_loader.epochs(self.schedule.epochs), None);
        let mut count = 0;
        while count < self.iteration && !self.is_stopped() {
            let Some(epoch) = epochs.next() else { break };
            let mut epoch = epoch?;
            while count < self.iteration
                && !self.is_stopped()
                && let Some(batch) = epoch.next()
            {
                let _ = batch?;
                count += 1;
                if count.is_multiple_of(self.options.eval_every.get()) {
                    let _ = self.test_loader.epoch()?;
                }
            }
            begun = Some(Ok(epoch));
        }
        Ok(begun.into_iter().chain(epochs))
    }
}
