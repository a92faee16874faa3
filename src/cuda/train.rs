//! The training loop, with what it launches on a card recorded.

use super::Recorder;
use crate::data::Epoch;
use crate::nn::{self, CrossEntropyLoss, Module};
use crate::optim::Optimizer;
use anyhow::Result;
use std::ops::ControlFlow;
use tch::{TchError, Tensor};

/// [`crate::train::train`], its forward pass, backward pass and optimizer recorded. The bits are the same.
///
/// The first three steps are carried out as usual, and the fourth is recorded: in later ones the `forward` in Rust does not
/// run. It has to launch the same operations in each step. What it draws (dropout) and keeps (batch norm) on the card is drawn
/// and kept as without a recording; a number that it computes on the host stays as it was.
pub fn train<'a>(
    recorder: &mut Recorder,
    model: &dyn Module,
    error: &CrossEntropyLoss,
    optimizer: &mut Optimizer,
    epochs: impl IntoIterator<Item = Result<Epoch<'a>, TchError>>,
    mut after_step: impl FnMut(&Tensor, &mut Optimizer) -> Result<ControlFlow<()>>,
) -> Result<()> {
    recorder.forget(); // it may come from another training
    for epoch in epochs {
        for batch in epoch? {
            let (images, labels) = batch?;
            let batch = [&images, &labels];
            // A recorded step reads its numbers, such as the learning rate, from the card.
            let is_recorded = recorder.is_ready(&batch);
            if is_recorded && optimizer.begin_step()? {
                recorder.forget();
            }
            let loss = recorder.call(&batch, |batch| {
                optimizer.zero_grad()?;
                let loss = error.forward(&nn::forward(model, batch[0])?, batch[1])?;
                loss.f_backward().map_err(nn::without_stack)?;
                if !is_recorded {
                    optimizer.begin_step()?;
                }
                optimizer.end_step()?;
                Ok(loss)
            })?;
            if after_step(&loss, optimizer)?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}
