//! The two networks of the slides, one file each.

mod cnn;
mod lenet5;

pub use cnn::CNNModel;
pub use lenet5::LeNet5;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor, nn};

/// What the training loop asks of a network.
pub trait Model {
    /// `[N, 1, 28, 28]` pixels as floats to `[N, 10]` logits; their softmax is the class probabilities.
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError>;
}

/// The networks by the names that `--model` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// The slides' example: two convolutions, two max pools
    Cnn,
    /// The slides' exercise: seven layers, tanh, average pooling
    #[value(name = "lenet5")]
    LeNet5,
}

impl Architecture {
    /// Draws a new network from the default generator, its parameters named under `vs` as in Python's `state_dict`.
    pub fn build(self, vs: &nn::Path) -> Result<Box<dyn Model>, TchError> {
        Ok(match self {
            Self::Cnn => Box::new(CNNModel::new(vs)?),
            Self::LeNet5 => Box::new(LeNet5::new(vs, 10)?),
        })
    }

    /// The name in the charts' titles.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cnn => "CNN",
            Self::LeNet5 => "LeNet-5",
        }
    }

    /// The name on the command line and of the run's folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cnn => "cnn",
            Self::LeNet5 => "lenet5",
        }
    }
}
