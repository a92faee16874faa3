//! Slides "Exercise: MNIST Classification using LeNet-5" to "Assignment Details": LeNet-5.

use crate::nn::{self, Module};
use tch::{TchError, Tensor, nn::Path};

/// Seven layers, three of them convolutions, with tanh between them.
///
/// On the slide, layer 7 has 120 outputs, a misprint: it has `n_classes`. In LeCun et al. 1998 the pools have weights,
/// layer 3 has fewer connections, and layer 7 computes radial basis functions.
#[derive(Debug)]
pub struct LeNet5 {
    pub conv1: nn::Conv2d,
    pub tanh1: nn::Tanh,
    pub avgpool1: nn::AvgPool2d,
    pub conv2: nn::Conv2d,
    pub tanh2: nn::Tanh,
    pub avgpool2: nn::AvgPool2d,
    pub conv3: nn::Conv2d,
    pub tanh3: nn::Tanh,
    pub fc1: nn::Linear,
    pub tanh4: nn::Tanh,
    pub fc2: nn::Linear,
}

impl LeNet5 {
    pub fn new(vs: &Path, n_classes: i64) -> Result<Self, TchError> {
        Ok(Self {
            // Layer 1: 6 filters, 5x5, padding 2
            conv1: nn::Conv2d::new(vs / "conv1", 1, 6, 5)?.padding(2),
            tanh1: nn::Tanh,
            // Layer 2: average pooling, 2x2
            avgpool1: nn::AvgPool2d::new(2),
            // Layer 3: 16 filters, 5x5, no padding
            conv2: nn::Conv2d::new(vs / "conv2", 6, 16, 5)?,
            tanh2: nn::Tanh,
            // Layer 4: average pooling, 2x2
            avgpool2: nn::AvgPool2d::new(2),
            // Layer 5: 120 filters, 5x5
            conv3: nn::Conv2d::new(vs / "conv3", 16, 120, 5)?,
            tanh3: nn::Tanh,
            // Layer 6: fully connected
            fc1: nn::Linear::new(vs / "fc1", 120, 84)?,
            tanh4: nn::Tanh,
            // Layer 7: fully connected
            fc2: nn::Linear::new(vs / "fc2", 84, n_classes)?,
        })
    }
}

impl Module for LeNet5 {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        // Layers 1 and 2                            [N, 1, 28, 28]
        let out = self.conv1.forward(x)?; //         [N, 6, 28, 28]
        let out = self.tanh1.forward(&out)?; //      [N, 6, 28, 28]
        let out = self.avgpool1.forward(&out)?; //   [N, 6, 14, 14]

        // Layers 3 and 4
        let out = self.conv2.forward(&out)?; //      [N, 16, 10, 10]
        let out = self.tanh2.forward(&out)?; //      [N, 16, 10, 10]
        let out = self.avgpool2.forward(&out)?; //   [N, 16, 5, 5]

        // Layer 5
        let out = self.conv3.forward(&out)?; //      [N, 120, 1, 1]
        let out = self.tanh3.forward(&out)?; //      [N, 120, 1, 1]
        let out = out.f_flatten(1, -1)?; //          [N, 120]

        // Layers 6 and 7
        let out = self.fc1.forward(&out)?; //        [N, 84]
        let out = self.tanh4.forward(&out)?; //      [N, 84]
        self.fc2.forward(&out) //                    [N, 10]
    }
}
