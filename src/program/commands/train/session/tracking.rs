//! Slide "Model Training: Tracking progress", as the program does it.

use super::Session;
use crate::program::files;
use crate::program::run::folder::BEST_WEIGHTS;
use crate::program::run::metrics::Row;
use crate::program::run::weights::write_tensors;
use anyhow::{Result, bail};
use cnn_tutorial::evaluate::{accuracy_and_losses, percentage_and_mean};
use std::time::Instant;
use tch::Tensor;

impl Session<'_> {
    /// Measures the validation accuracy, stores loss, iteration and accuracy, and keeps the best weights.
    pub(super) fn track(&mut self, loss: f64) -> Result<()> {
        let start = Instant::now();
        let (model, error, batches) = (&*self.network.module, self.error, self.test_loader.epoch()?);
        let measured = match &mut self.recorder {
            Some(recorder) => recorder.call(&[], |_| accuracy_and_losses(model, error, batches.clone()))?,
            None => accuracy_and_losses(model, error, batches)?,
        };
        let (accuracy, validation_loss) = percentage_and_mean(&measured, self.test_loader)?;
        self.bar.set_message(format!("loss {loss:.4}, accuracy {accuracy:.2} %"));
        self.run.metrics.log(Row { iteration: self.position.iteration, loss, accuracy: accuracy.into() })?;
        if validation_loss < self.position.best_loss {
            self.position.best_loss = validation_loss;
            files::put(&self.run.dir, BEST_WEIGHTS, |path| write_tensors(self.network.vs.variables(), path))?;
        }
        self.tracking += start.elapsed();
        Ok(())
    }

    /// The loss of the last iteration; an error if one since the last call is NaN.
    pub(super) fn last_loss(&mut self) -> Result<f64> {
        let losses = self.read_losses()?;
        let last = losses.last().copied().unwrap_or(f32::NAN);
        if let Some(conductor) = &mut self.conductor {
            conductor.losses.extend(losses);
        }
        Ok(last.into())
    }

    /// The losses since the last call; an error if one is NaN.
    ///
    /// They are read all at once, because a read makes a GPU's queue run dry.
    pub(super) fn read_losses(&mut self) -> Result<Vec<f32>> {
        if self.losses.is_empty() {
            return Ok(Vec::new());
        }
        let values: Vec<f32> = Tensor::f_stack(&self.losses, 0)?.try_into()?;
        self.losses.clear();
        if let Some(i) = values.iter().position(|loss| loss.is_nan()) {
            let iteration = self.position.iteration - (values.len() - 1 - i) as u64;
            bail!("the loss became NaN at iteration {iteration}: try a smaller --lr, or --scale unit");
        }
        Ok(values)
    }
}
