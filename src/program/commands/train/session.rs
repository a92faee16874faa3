//! What the program does after each iteration: logs, prints, keeps weights and checkpoints, and stops on Ctrl-C.

mod conducted;
mod page;
mod replay;
mod tracking;

use super::prepare::Recorders;
use super::results;
use super::schedule::Schedule;
use crate::program::files;
use crate::program::machine::signals;
use crate::program::messages::word;
use crate::program::run::checkpoint::{CHECKPOINT, Checkpoint, Position};
use crate::program::run::config::Config;
use crate::program::run::folder::{Run, WEIGHTS};
use crate::program::run::metrics::Row;
use crate::program::run::network::Network;
use crate::program::run::weights::{not_finite, write_tensors};
use anyhow::{Result, bail};
use cnn_tutorial::cuda::{self, Recorder};
use cnn_tutorial::data::DataLoader;
use cnn_tutorial::nn::CrossEntropyLoss;
use cnn_tutorial::optim::Optimizer;
use cnn_tutorial::repr::python_repr;
use cnn_tutorial::train::train;
pub use conducted::Conductor;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, ErrorKind, Write};
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tch::Tensor;

/// A training under way.
pub struct Session<'a> {
    config: Config,
    schedule: Schedule,
    network: &'a Network,
    error: &'a CrossEntropyLoss,
    test_loader: &'a DataLoader<'a>,
    run: Run,
    position: Position,
    /// The losses that have not been read from the device yet.
    losses: Vec<Tensor>,
    /// Records an evaluation on a card.
    recorder: Option<Recorder>,
    /// The part of the time that went into tracking progress.
    tracking: Duration,
    bar: ProgressBar,
    /// Becomes other than 0 when the training is to end.
    stop: Arc<AtomicUsize>,
    /// The page that conducts the training, if one does.
    conductor: Option<Conductor>,
}

impl<'a> Session<'a> {
    /// A training that goes on from `position`, where network and optimizer are.
    pub fn new(
        config: Config,
        schedule: Schedule,
        network: &'a Network,
        error: &'a CrossEntropyLoss,
        test_loader: &'a DataLoader<'a>,
        (run, position): (Run, Position),
        conductor: Option<Conductor>,
    ) -> Result<Self> {
        let template = "{wide_bar} {pos}/{len} {msg} {per_sec} {eta} left";
        let bar = ProgressBar::new(schedule.iterations).with_style(ProgressStyle::with_template(template)?);
        let (losses, tracking, stop) = (Vec::new(), Duration::ZERO, signals::watch()?);
        let recorder = None;
        Ok(Self {
            config,
            schedule,
            network,
            error,
            test_loader,
            run,
            position,
            losses,
            recorder,
            tracking,
            bar,
            stop,
            conductor,
        })
    }

    /// Trains to the end, or until a signal comes; on a card recorded, if it can be.
    pub fn train(
        &mut self,
        train_loader: &DataLoader,
        optimizer: &mut Optimizer,
        recorders: Option<Recorders>,
    ) -> Result<()> {
        let Schedule { epochs, iterations, .. } = self.schedule;
        let Config { computed_on, computed_with_threads, .. } = &self.config;
        let threads = if computed_with_threads.get() == 1 { "thread" } else { "threads" };
        say!(
            "training: {iterations} iterations, {epochs} epochs, on {computed_on} with {computed_with_threads} {threads}"
        );
        if self.position.iteration > 0 {
            say!("resumed after iteration {}", self.position.iteration);
        }
        let start = Instant::now();
        let (training, evaluation) = recorders.map(|[training, evaluation]| (training, evaluation)).unzip();
        self.recorder = evaluation;
        let epochs = self.epochs_left(train_loader)?;
        self.tell_begun()?;
        self.conducted(optimizer)?;
        if self.position.iteration < iterations && !self.is_stopped() {
            optimizer.set_lr(self.lr())?;
            let (model, error) = (&*self.network.module, self.error);
            let after_step = |loss: &_, optimizer: &mut _| self.after_step(loss, optimizer);
            match training {
                Some(mut recorder) => cuda::train(&mut recorder, model, error, optimizer, epochs, after_step)?,
                None => train(model, error, optimizer, epochs, after_step)?,
            }
        }
        self.bar.finish_and_clear();
        let (total, tracking) = (start.elapsed().as_secs_f64(), self.tracking.as_secs_f64());
        say!("trained in {total:.2} s, {tracking:.2} s of them tracking progress");
        Ok(())
    }

    /// Looks at one iteration's loss; breaks off when it was the last one or a signal has come.
    ///
    /// What is logged is in the run's folder from the moment it is known.
    fn after_step(&mut self, loss: &Tensor, optimizer: &mut Optimizer) -> Result<ControlFlow<()>> {
        self.position.iteration += 1;
        let iteration = self.position.iteration;
        self.bar.set_position(iteration);
        self.losses.push(loss.f_detach()?);
        let options = &self.config.options;
        let due = |every: NonZeroU64| iteration.is_multiple_of(every.get());
        let (track, print) = (due(options.eval_every), due(options.print_every));
        let last = iteration == self.schedule.iterations || self.is_stopped();
        let save = due(options.save_every) || last;
        if track || print || save {
            let loss = self.last_loss()?;
            if track {
                self.track(loss)?;
            }
            if print && let Some(Row { accuracy, .. }) = self.run.metrics.rows.last() {
                let (loss, accuracy) = (python_repr(loss), python_repr(*accuracy));
                let line = format!("Iteration: {iteration} Loss: {loss} Accuracy: {accuracy} %");
                match &mut self.conductor {
                    Some(conductor) => conductor.lines.push(line),
                    // Whoever reads may have left (`| head -1`): the run goes on, its numbers are in its folder.
                    None => self.bar.suspend(|| match writeln!(io::stdout(), "{line}") {
                        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                            say!("warning: a line could not be printed: {error}");
                        }
                        _ => {}
                    }),
                }
            }
        }
        if save {
            self.save(optimizer)?;
        }
        self.conducted(optimizer)?;
        let stopped = !last && self.is_stopped();
        if stopped {
            self.save(optimizer)?;
        }
        let last = last || stopped;
        optimizer.set_lr(self.lr())?;
        Ok(if last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Replaces the checkpoint. Errors where the weights are not finite any more: the one that is there can still be resumed.
    fn save(&self, optimizer: &Optimizer) -> Result<()> {
        if let Some(key) = not_finite(&self.network.vs.variables())? {
            let iteration = self.position.iteration;
            bail!("{key} became infinite or NaN by iteration {iteration}: try a smaller --lr, or --scale unit");
        }
        Checkpoint::save(&self.run.dir, &self.config.options, self.position, &self.network.vs, optimizer)
    }

    /// The learning rate of the next iteration.
    fn lr(&self) -> f64 {
        let (options, epoch) = (&self.config.options, self.position.iteration / self.schedule.batches);
        let lr = options.lr_after(self.position.iteration);
        options.lr_scheduler(self.schedule.epochs).map_or(lr, |scheduler| scheduler.lr(lr, epoch))
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) != 0
    }

    /// Keeps the weights, plots the tracked quantities, and tells what the training came to.
    pub fn finish(self) -> Result<u8> {
        let (Run { dir, metrics, .. }, Position { iteration, .. }) = (&self.run, self.position);
        let iterations = self.schedule.iterations;
        if iteration == iterations {
            files::put(dir, WEIGHTS, |path| write_tensors(self.network.vs.variables(), path))?;
        }
        results::plot(dir, &self.config.options, &metrics.rows)?;
        if iteration < iterations {
            let data = self.config.data.option();
            say!("stopped after iteration {iteration} of {iterations}; go on with --resume {}{data}", word(dir));
            return Ok(128 + self.stop.load(Ordering::Relaxed) as u8);
        }
        files::remove(dir, CHECKPOINT)?;
        results::tell(dir, &self.config.data.option(), &metrics.rows);
        Ok(0)
    }
}
