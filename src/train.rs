//! Slides "Model Training" and "Model Training: Tracking progress": the loop.

use crate::cli::Options;
use crate::data::DataLoader;
use crate::evaluate::accuracy;
use crate::models::Model;
use crate::optim::Optimizer;
use crate::run::{Record, Run, python_repr};
use anyhow::{Result, bail, ensure};
use indicatif::ProgressBar;
use std::io::{self, Write};
use tch::{Reduction, Tensor};

/// How long to train.
#[derive(Debug, PartialEq, Eq)]
pub struct Schedule {
    pub epochs: u64,
    pub iterations: u64,
}

impl Schedule {
    /// `int(n_iters / (n_train / batch_size))` epochs, or as many as `--max-steps` takes.
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
        let epochs = (n_iters as f64 / (n_train as f64 / batch_size as f64)) as u64;
        ensure!(
            epochs > 0,
            "--n-iters {n_iters} is not one epoch of {n_train} images in batches of {batch_size}: \
             give at least --n-iters {batches}, or --max-steps {n_iters} to end within the first epoch"
        );
        Ok(Self { epochs, iterations: epochs * batches })
    }
}

/// Trains `model` and returns what was logged, which is also in the run's folder from the moment it is known.
pub fn train(
    model: &dyn Model,
    optimizer: &mut Optimizer,
    (train_loader, test_loader): (&DataLoader, &DataLoader),
    (schedule, options): (&Schedule, &Options),
    run: &mut Run,
    bar: &ProgressBar,
) -> Result<Vec<Record>> {
    let mut count = 0;
    let mut losses = Vec::new();
    let mut history = Vec::new();
    for _ in 0..schedule.epochs {
        for batch in train_loader.epoch()? {
            let (images, labels) = batch?;
            // Clear gradients
            optimizer.zero_grad()?;
            // Forward propagation
            let outputs = model.forward(&images)?;
            // Calculate softmax and cross entropy loss
            let loss = outputs.f_cross_entropy_loss(&labels, None::<Tensor>, Reduction::Mean, -100, 0.0)?;
            // Calculating gradients
            loss.f_backward()?;
            // Update parameters
            optimizer.step()?;

            count += 1;
            bar.set_position(count);
            losses.push(loss.f_detach()?);
            let (evaluate, print) = (count % options.eval_every == 0, count % options.print_every == 0);
            if !(evaluate || print || count == schedule.iterations) {
                continue;
            }
            let loss = last_loss(&mut losses, count)?;
            if evaluate {
                // store loss, iteration and accuracy
                let accuracy = accuracy(model, test_loader)?.into();
                history.push(Record { iteration: count, loss, accuracy });
                run.log(&history[history.len() - 1])?;
            }
            if let (true, Some(Record { accuracy, .. })) = (print, history.last()) {
                let (loss, accuracy) = (python_repr(loss), python_repr(*accuracy));
                let line = format!("Iteration: {count} Loss: {loss} Accuracy: {accuracy} %");
                // Whoever reads may have left (`| head -1`): the run goes on, its numbers are in its folder.
                bar.suspend(|| writeln!(io::stdout(), "{line}").unwrap_or_default());
            }
            if count == schedule.iterations {
                break;
            }
        }
    }
    Ok(history)
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
