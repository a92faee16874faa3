//! Slide "Model Training: Tracking progress", its inner loop: the accuracy on a data set.

use crate::data::DataLoader;
use crate::models::Model;
use tch::{Kind, TchError, Tensor};

/// The percentage of images whose largest logit is that of their label.
///
/// A 32-bit number, as Python's `100 * correct / float(total)` is for a tensor `correct`.
pub fn accuracy(model: &dyn Model, loader: &DataLoader) -> Result<f32, TchError> {
    // The tutorial tracks gradients here and never uses them; the numbers are the same without.
    tch::no_grad(|| {
        let mut correct = Tensor::f_zeros([], (Kind::Int64, loader.dataset.labels.device()))?;
        for batch in loader.epoch()? {
            let (images, labels) = batch?;
            let outputs = model.forward(&images)?;
            // Get predictions from the maximum value
            let (_, predicted) = outputs.f_max_dim(1, false)?;
            correct = correct.f_add(&predicted.f_eq_tensor(&labels)?.f_sum(Kind::Int64)?)?;
        }
        let correct = i64::try_from(&correct)?;
        Ok((100 * correct) as f32 / loader.dataset.len() as f32)
    })
}
