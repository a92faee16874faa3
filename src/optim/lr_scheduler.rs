//! The learning rate's course over the epochs.

use std::f64::consts::PI;

/// Schedulers of `torch.optim.lr_scheduler`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LrScheduler {
    /// Times `gamma` every `step_size` epochs, 1 or more.
    StepLR { step_size: u64, gamma: f64 },
    /// Along half a cosine to 0 over `t_max` epochs, 1 or more, then up again and so on.
    CosineAnnealingLR { t_max: u64 },
}

impl LrScheduler {
    /// The learning rate of an epoch, counted from 0: what PyTorch's classes arrive at by their recursion from epoch to
    /// epoch, whose rounding the closed formulas do not have.
    pub fn lr(self, base_lr: f64, epoch: u64) -> f64 {
        (1..=epoch).fold(base_lr, |lr, epoch| match self {
            Self::StepLR { step_size, gamma } => lr * if epoch.is_multiple_of(step_size) { gamma } else { 1.0 },
            // At the bottom the quotient below would be one of zeros.
            Self::CosineAnnealingLR { t_max } if epoch > t_max && (epoch - 1 - t_max).is_multiple_of(2 * t_max) => {
                lr + base_lr * (1.0 - (PI / t_max as f64).cos()) / 2.0
            }
            Self::CosineAnnealingLR { t_max } => {
                let cosine = |epoch: u64| 1.0 + (PI * epoch as f64 / t_max as f64).cos();
                cosine(epoch) / cosine(epoch - 1) * lr
            }
        })
    }
}
