//! Slide "Model Training: Tracking progress", its inner loop: accuracy and loss on a data set.

use crate::data::{DataLoader, Epoch};
use crate::nn::{self, CrossEntropyLoss, Module};
use tch::{Kind, TchError, Tensor};

/// The percentage of images whose largest logit is that of their label, and the mean loss. Errors where there are no images.
///
/// The percentage is a 32-bit number, as Python's `100 * correct / float(total)` is for a tensor `correct`.
pub fn accuracy_and_loss(
    model: &dyn Module,
    error: &CrossEntropyLoss,
    test_loader: &DataLoader,
) -> Result<(f32, f64), TchError> {
    percentage_and_mean(&accuracy_and_losses(model, error, test_loader.epoch()?)?, test_loader)
}

/// `[1 + batches]`: the percentage and the mean loss of each batch. Nothing is read: a read waits for the device.
pub fn accuracy_and_losses(
    model: &dyn Module,
    error: &CrossEntropyLoss,
    test_batches: Epoch,
) -> Result<Tensor, TchError> {
    // The tutorial tracks gradients here and never uses them; the numbers are the same without.
    let (_no_grad, _eval) = (tch::no_grad_guard(), nn::eval());
    let (mut correct, mut total, mut losses) = (Tensor::from(0), 0, Vec::new());
    for batch in test_batches {
        let (images, labels) = batch?;
        // Forward propagation
        let outputs = nn::forward(model, &images)?;
        // Get predictions from the maximum value
        let (_, predicted) = outputs.f_max_dim(1, false)?;
        // Total number of labels
        total += labels.size()[0];
        correct = predicted.f_eq_tensor(&labels)?.f_sum(Kind::Int64)?.f_add(&correct)?;
        losses.push(error.forward(&outputs, &labels)?);
    }
    if total == 0 {
        return Err(TchError::Torch("float division by zero: there are no images to measure on".into()));
    }
    losses.insert(0, nn::caught(|| correct.f_mul_scalar(100)?.f_div_scalar(total as f64))?);
    Tensor::f_stack(&losses, 0)
}

/// What [`accuracy_and_losses`] found, as numbers: the percentage and the mean loss of all images.
pub fn percentage_and_mean(accuracy_and_losses: &Tensor, test_loader: &DataLoader) -> Result<(f32, f64), TchError> {
    let numbers: Vec<f64> = accuracy_and_losses.f_to_kind(Kind::Double)?.try_into()?;
    let (total, batch_size) = (test_loader.dataset.len(), test_loader.batch_size);
    let sizes = (0..).map(|i| (total - i * batch_size).min(batch_size) as f64);
    let loss_sum = numbers[1..].iter().zip(sizes).map(|(loss, size)| loss * size).sum::<f64>();
    Ok((numbers[0] as f32, loss_sum / total as f64))
}
