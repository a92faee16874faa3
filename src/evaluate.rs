//! Slide "Model Training: Tracking progress", its inner loop: accuracy and loss on a data set.

use crate::data::DataLoader;
use crate::nn::{CrossEntropyLoss, Module};
use tch::{Kind, TchError, Tensor};

/// The percentage of images whose largest logit is that of their label, and the mean loss.
///
/// The percentage is a 32-bit number, as Python's `100 * correct / float(total)` is for a tensor `correct`.
pub fn accuracy_and_loss(
    model: &dyn Module,
    error: &CrossEntropyLoss,
    test_loader: &DataLoader,
) -> Result<(f32, f64), TchError> {
    // The tutorial tracks gradients here and never uses them; the numbers are the same without.
    tch::no_grad(|| {
        let mut correct = Tensor::f_zeros([], (Kind::Int64, test_loader.dataset.labels.device()))?;
        let (mut losses, mut sizes) = (Vec::new(), Vec::new());
        for batch in test_loader.epoch()? {
            let (images, labels) = batch?;
            // Forward propagation
            let outputs = model.forward(&images)?;
            // Get predictions from the maximum value
            let (_, predicted) = outputs.f_max_dim(1, false)?;
            correct = correct.f_add(&predicted.f_eq_tensor(&labels)?.f_sum(Kind::Int64)?)?;
            losses.push(error.forward(&outputs, &labels)?);
            sizes.push(labels.size()[0] as f64);
        }
        // Read only now: a read waits for the device.
        let total = test_loader.dataset.len();
        let accuracy = correct.f_mul_scalar(100)?.f_div_scalar(total as f64)?.try_into()?;
        let losses: Vec<f32> = Tensor::f_stack(&losses, 0)?.try_into()?;
        let loss_sum = losses.iter().zip(&sizes).map(|(&loss, size)| f64::from(loss) * size).sum::<f64>();
        Ok((accuracy, loss_sum / total as f64))
    })
}
