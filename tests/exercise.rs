//! The exercise's own check. It trains in this process, so it is a program of its own: libtorch has one generator.

#[path = "../examples/exercise_lenet5.rs"]
mod exercise;

use cnn_tutorial::models::LeNet5;
use cnn_tutorial::nn::{self, Module};
use cnn_tutorial::optim::{Adam, SGD};
use tch::nn::VarStore;
use tch::{TchError, Tensor};

/// LeNet-5 with one layer that is wrong, or right in all of them.
struct Attempt {
    lenet5: LeNet5,
    wrong: &'static str,
}

impl Module for Attempt {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let LeNet5 { conv1, tanh1, avgpool1, conv2, tanh2, avgpool2, conv3, tanh3, fc1, tanh4, fc2 } = &self.lenet5;
        let out = tanh1.forward(&conv1.forward(x)?)?;
        let out = match self.wrong {
            "maxpool" => nn::MaxPool2d::new(2).forward(&out)?,
            _ => avgpool1.forward(&out)?,
        };
        let out = conv2.forward(&out)?;
        let out = if self.wrong == "relu" { nn::ReLU.forward(&out)? } else { tanh2.forward(&out)? };
        let out = tanh3.forward(&conv3.forward(&avgpool2.forward(&out)?)?)?.f_flatten(1, -1)?;
        let out = tanh4.forward(&fc1.forward(&out)?)?;
        if self.wrong == "end" { Ok(out) } else { fc2.forward(&out) }
    }
}

#[test]
fn the_exercise_names_the_first_layer_that_is_wrong_and_accepts_the_answer() {
    let attempt = |wrong: &'static str| {
        move |vs: &tch::nn::Path| {
            let mut lenet5 = LeNet5::new(vs, 10)?;
            if wrong == "padding" {
                lenet5.conv1 = nn::Conv2d::new(vs / "other", 1, 6, 5)?;
            }
            Ok(Box::new(Attempt { lenet5, wrong }) as Box<dyn Module>)
        }
    };
    let adam = |vs: &VarStore| Adam::default().build(vs, 0.001);
    let refused = |wrong, words: &str| {
        let error = exercise::check(attempt(wrong), adam).unwrap_err().to_string();
        assert!(error.starts_with(words), "{wrong}: {error}");
    };
    refused("padding", "other: expected Conv2d(1, 6, kernel_size=5, stride=1, padding=2), found Conv2d(1, 6, kernel");
    refused("maxpool", "maxpool1: expected AvgPool2d(kernel_size=2, stride=2), found MaxPool2d");
    refused("relu", "relu1: expected Tanh(), found ReLU()");
    refused("end", "the 11th layer is missing: expected Linear(in_features=84, out_features=10)");
    let error = exercise::check(attempt(""), |vs| SGD::default().build(vs, 0.001)).unwrap_err().to_string();
    assert!(error.starts_with("optimizer: expected Adam, found SGD"), "{error}");
    exercise::check(attempt(""), adam).unwrap();
}
