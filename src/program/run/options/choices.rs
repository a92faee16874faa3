//! Options that are one of a few names.

use clap::ValueEnum;
use cnn_tutorial::data::transforms;
use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

/// The optimizers by the names that `--optimizer` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// torch.optim.SGD
    Sgd,
    /// torch.optim.Adam with betas (0.9, 0.999) and eps 1e-8
    Adam,
    /// torch.optim.AdamW with the same numbers, and a weight decay of 0.01 unless another one is given
    Adamw,
}

/// The course of the learning rate by the names that `--lr-schedule` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LrSchedule {
    /// The same in every epoch
    None,
    /// StepLR: multiplied by --gamma every --step-size epochs
    Step,
    /// CosineAnnealingLR: falls to 0 along half a cosine over all epochs
    Cosine,
}

/// What the network sees of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// 0 to 255, as in the tutorial
    Raw,
    /// 0 to 1: divided by 255
    Unit,
}

impl Scale {
    /// Pixels from 0 to 255, as floats, as the network sees them.
    pub fn apply(self, images: Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::Raw => Ok(images),
            Self::Unit => transforms::unit_scale(&images),
        }
    }
}
