//! Slide "Model Training: Tracking progress", its inner loop: accuracy and loss on a data set.

use crate::data::DataLoader;
use crate::models::Model;
use tch::{Kind, Reduction, TchError, Tensor};

/// The percentage of images whose largest logit is that of their label, and the mean cross entropy.
///
/// The percentage is a 32-bit number, as Python's `100 * correct / float(total)` is for a tensor `correct`.
pub fn accuracy_and_loss(model: &dyn Model, loader: &DataLoader) -> Result<(f32, f64), TchError> {
    // The tutorial tracks gradients here and never uses them; the numbers are the same without.
    tch::no_grad(|| {
        let mut correct = Tensor::f_zeros([], (Kind::Int64, loader.dataset.labels.device()))?;
        let (mut losses, mut sizes) = (Vec::new(), Vec::new());
        for batch in loader.epoch()? {
            let (images, labels) = batch?;
            let outputs = model.forward(&images)?;
            // Get predictions from the maximum value
            let (_, predicted) = outputs.f_max_dim(1, false)?;
            correct = correct.f_add(&predicted.f_eq_tensor(&labels)?.f_sum(Kind::Int64)?)?;
            losses.push(outputs.f_cross_entropy_loss(&labels, None::<Tensor>, Reduction::Mean, -100, 0.0)?);
            sizes.push(labels.size()[0] as f64);
        }
        let correct = i64::try_from(&correct)?;
        let losses: Vec<f32> = Tensor::f_stack(&losses, 0)?.try_into()?;
        let total = losses.iter().zip(sizes).map(|(&loss, size)| f64::from(loss) * size).sum::<f64>();
        Ok(((100 * correct) as f32 / loader.dataset.len() as f32, total / loader.dataset.len() as f64))
    })
}
