//! Slides "Model Definition: Initialization" and "Model Definition: Forward()".

use super::Model;
use crate::nn::{Conv2d, Linear, MaxPool2d, ReLU};
use tch::{TchError, Tensor, nn};

/// Two convolutions with 3x3 kernels, each followed by ReLU and a 2x2 max pool, and a fully connected layer.
#[derive(Debug)]
pub struct CNNModel {
    pub cnn1: Conv2d,
    pub relu1: ReLU,
    pub maxpool1: MaxPool2d,
    pub cnn2: Conv2d,
    pub relu2: ReLU,
    pub maxpool2: MaxPool2d,
    pub fc1: Linear,
}

impl CNNModel {
    pub fn new(vs: &nn::Path) -> Result<Self, TchError> {
        Ok(Self {
            // Convolution 1
            cnn1: Conv2d::new(vs / "cnn1", 1, 16, 3)?.stride(1).padding(0).onednn_layout(),
            relu1: ReLU,
            // Max pool 1
            maxpool1: MaxPool2d::new(2),
            // Convolution 2
            cnn2: Conv2d::new(vs / "cnn2", 16, 32, 3)?.stride(1).padding(0).onednn_layout(),
            relu2: ReLU,
            // Max pool 2
            maxpool2: MaxPool2d::new(2),
            // Fully connected 1
            fc1: Linear::new(vs / "fc1", 32 * 5 * 5, 10)?,
        })
    }
}

impl Model for CNNModel {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        // Set 1                                               [N, 1, 28, 28]
        let out = self.cnn1.forward(x)?; //                    [N, 16, 26, 26]
        let out = self.relu1.then(&self.maxpool1, &out)?; //   [N, 16, 13, 13]

        // Set 2
        let out = self.cnn2.forward(&out)?; //                 [N, 32, 11, 11]
        let out = self.relu2.then(&self.maxpool2, &out)?; //   [N, 32, 5, 5]

        // Flatten
        let out = out.f_flatten(1, -1)?; //                    [N, 800]

        // Dense
        self.fc1.forward(&out) //                              [N, 10]
    }
}
