//! The training loop, with what it launches on a card recorded.

use crate::program::machine::graph::Methods;
use crate::program::machine::recorder::Recorder;
use anyhow::Result;
use cnn_tutorial::data::Epoch;
use cnn_tutorial::nn::{self, CrossEntropyLoss, Module};
use cnn_tutorial::optim::Optimizer;
use std::ops::ControlFlow;
use tch::{TchError, Tensor};

/// [`cnn_tutorial::train::train`], its forward and backward pass recorded.
///
/// The optimizer is not: each step of Adam has other numbers. The gradients stay where the recording writes them, so they
/// are cleared only where it is not used.
pub fn train<'a>(
    methods: Methods,
    model: &dyn Module,
    error: &CrossEntropyLoss,
    optimizer: &mut Optimizer,
    epochs: impl IntoIterator<Item = Result<Epoch<'a>, TchError>>,
    mut after_step: impl FnMut(&Tensor, &mut Optimizer) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut recorder = Recorder::new(methods);
    for epoch in epochs {
        for batch in epoch? {
            let (images, labels) = batch?;
            let loss = recorder.call(&[&images, &labels], |batch| {
                optimizer.zero_grad()?;
                let loss = error.forward(&nn::forward(model, batch[0])?, batch[1])?;
                loss.f_backward().map_err(nn::without_stack)?;
                Ok(loss)
            })?;
            optimizer.step()?;
            if after_step(&loss, optimizer)?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}
