//! Slides "Model Definition: Initialization" and "Model Definition: Forward()".

use crate::nn::{self, Module};
use tch::{TchError, Tensor, nn::Path};

/// Two convolutions with 3x3 kernels, each followed by ReLU and a 2x2 max pool, and a fully connected layer.
#[derive(Debug)]
pub struct CNNModel {
    pub cnn1: nn::Conv2d,
    pub relu1: nn::ReLU,
    pub maxpool1: nn::MaxPool2d,
    pub cnn2: nn::Conv2d,
    pub relu2: nn::ReLU,
    pub maxpool2: nn::MaxPool2d,
    pub fc1: nn::Linear,
}

impl CNNModel {
    pub fn new(vs: &Path) -> Result<Self, TchError> {
        Ok(Self {
            // Convolution 1
            cnn1: nn::Conv2d::new(vs / "cnn1", 1, 16, 3)?.stride(1).padding(0),
            relu1: nn::ReLU,

            // Max pool 1
            maxpool1: nn::MaxPool2d::new(2),

            // Convolution 2
            cnn2: nn::Conv2d::new(vs / "cnn2", 16, 32, 3)?.stride(1).padding(0),
            relu2: nn::ReLU,

            // Max pool 2
            maxpool2: nn::MaxPool2d::new(2),

            // Fully connected 1
            fc1: nn::Linear::new(vs / "fc1", 32 * 5 * 5, 10)?,
        })
    }
}

impl Module for CNNModel {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        // Set 1                                     [N, 1, 28, 28]
        let out = self.cnn1.forward(x)?; //          [N, 16, 26, 26]
        let out = self.relu1.forward(&out)?; //      [N, 16, 26, 26]
        let out = self.maxpool1.forward(&out)?; //   [N, 16, 13, 13]

        // Set 2
        let out = self.cnn2.forward(&out)?; //       [N, 32, 11, 11]
        let out = self.relu2.forward(&out)?; //      [N, 32, 11, 11]
        let out = self.maxpool2.forward(&out)?; //   [N, 32, 5, 5]

        // Flatten
        let out = out.f_flatten(1, -1)?; //          [N, 800]

        // Dense
        let out = self.fc1.forward(&out)?; //        [N, 10]

        Ok(out)
    }
}
