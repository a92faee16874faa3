//! Slide "Model Training": the loop.

use crate::data::Epoch;
use crate::nn::{self, CrossEntropyLoss, Module};
use crate::optim::Optimizer;
use anyhow::Result;
use std::ops::ControlFlow;
use tch::{TchError, Tensor};

/// How many whole epochs fit into `n_iters` iterations: `int(n_iters / (len(train_x) / batch_size))`.
pub fn num_epochs(n_iters: u64, n_train: i64, batch_size: i64) -> u64 {
    (n_iters as f64 / (n_train as f64 / batch_size as f64)) as u64
}

/// Trains `model` over `epochs`, such as `train_loader.epochs(5)`, or until `after_step` breaks off.
///
/// `after_step` is called after each iteration with its loss and the optimizer. Reading the loss waits for the device.
/// Errors where libtorch reports one, or with that of `after_step`.
pub fn train<'a>(
    model: &dyn Module,
    error: &CrossEntropyLoss,
    optimizer: &mut Optimizer,
    epochs: impl IntoIterator<Item = Result<Epoch<'a>, TchError>>,
    mut after_step: impl FnMut(&Tensor, &mut Optimizer) -> Result<ControlFlow<()>>,
) -> Result<()> {
    for epoch in epochs {
        for batch in epoch? {
            let (images, labels) = batch?;
            // Clear gradients
            optimizer.zero_grad()?;
            // Forward propagation
            let outputs = nn::forward(model, &images)?;
            // Calculate softmax and cross entropy loss
            let loss = error.forward(&outputs, &labels)?;
            // Calculating gradients
            loss.f_backward().map_err(nn::without_stack)?;
            // Update parameters
            optimizer.step()?;

            if after_step(&loss, optimizer)?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}
