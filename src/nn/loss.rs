//! The loss of the slide "Define Hyperparameters, Loss, Optimizers": `nn.CrossEntropyLoss`.

use super::hook::without_stack;
use tch::{Reduction, TchError, Tensor};

/// Softmax and cross entropy in one, averaged over the batch: `torch.nn.CrossEntropyLoss`.
#[derive(Debug)]
pub struct CrossEntropyLoss;

impl CrossEntropyLoss {
    /// Logits `[N, C]` and labels `[N]`, each from 0 to C - 1, to a loss without dimensions.
    pub fn forward(&self, outputs: &Tensor, labels: &Tensor) -> Result<Tensor, TchError> {
        let (no_weights, ignore_index, no_smoothing) = (None::<Tensor>, -100, 0.0); // PyTorch's defaults
        let loss = outputs.f_cross_entropy_loss(labels, no_weights, Reduction::Mean, ignore_index, no_smoothing);
        loss.map_err(without_stack)
    }
}
