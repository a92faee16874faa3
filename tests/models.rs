//! The two networks against PyTorch: parameters, values, gradients, and the shapes their comments state.

mod common;

use cnn_tutorial::models::{CNNModel, LeNet5};
use cnn_tutorial::nn::{CrossEntropyLoss, Module, stages};
use common::{assert_same, tensors};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tch::{Device, Kind, Tensor, nn};

/// libtorch has one default generator: tests that draw from it take turns.
fn the_generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn both_networks_draw_pytorchs_parameters_and_give_its_logits_and_gradients() {
    let _generator = the_generator();
    let fixture = tensors("models.safetensors");
    for (name, seed) in [("cnn", 0), ("lenet5", 42)] {
        tch::manual_seed(seed);
        let vs = nn::VarStore::new(Device::Cpu);
        let model: Box<dyn Module> = match name {
            "cnn" => Box::new(CNNModel::new(&vs.root()).unwrap()),
            _ => Box::new(LeNet5::new(&vs.root(), 10).unwrap()),
        };
        let start = |tensor: &Tensor| tensor.flatten(0, -1).narrow(0, 0, tensor.numel().min(64) as i64);
        let expected = |key: &str| &fixture[&format!("{name}.{key}")];
        assert_eq!(
            fixture.keys().filter(|key| key.starts_with(&format!("{name}.grad_"))).count(),
            vs.variables().len(),
            "{name}: as many parameters as in Python"
        );
        for (key, parameter) in vs.variables() {
            assert_same(&start(&parameter), expected(&key), 1e-7, &format!("{name}: {key}"));
        }
        let images = Tensor::arange(4 * 784, (Kind::Int64, Device::Cpu)).remainder(256).view([4, 1, 28, 28]);
        let logits = model.forward(&images.to_kind(Kind::Float)).unwrap();
        assert_same(&logits, expected("logits"), 1e-4, &format!("{name}: logits"));
        let labels = Tensor::from_slice(&[3i64, 1, 4, 1]);
        CrossEntropyLoss.forward(&logits, &labels).unwrap().backward();
        for (key, parameter) in vs.variables() {
            let gradient = start(&parameter.grad());
            assert_same(&gradient, expected(&format!("grad_{key}")), 1e-2, &format!("{name}: gradient of {key}"));
        }
    }
}

/// The shapes in the comments of a `forward`, such as `[N, 16, 26, 26]`, in the order of the file.
fn commented_shapes(source: &str) -> Vec<String> {
    let forward = source.split_once("fn forward").unwrap().1;
    forward.lines().filter_map(|line| Some(format!("[N{}", line.split_once("[N")?.1))).collect()
}

/// The shapes that a batch of two images takes on its way through the network, likewise.
fn recorded_shapes(model: &dyn Module) -> Vec<String> {
    let x = Tensor::ones([2, 1, 28, 28], tch::kind::FLOAT_CPU);
    let (_, stages) = stages(|| model.forward(&x).unwrap());
    let shape = |xs: &Tensor| format!("{:?}", xs.size()).replacen("[2", "[N", 1);
    let mut shapes = vec![shape(&x)];
    for stage in stages {
        // Given something else than the layer before it made, it was given that flattened.
        if shapes.last() != Some(&shape(&stage.input)) {
            shapes.push(shape(&stage.input));
        }
        shapes.push(shape(&stage.output));
    }
    shapes
}

#[test]
fn every_shape_in_the_comments_of_the_networks_is_the_shape_there() {
    let _generator = the_generator();
    let vs = nn::VarStore::new(Device::Cpu);
    let cnn = CNNModel::new(&vs.root()).unwrap();
    assert_eq!(commented_shapes(include_str!("../src/models/cnn.rs")), recorded_shapes(&cnn));
    assert_eq!(parameters(&vs), 16 * 9 + 16 + 32 * 16 * 9 + 32 + 800 * 10 + 10);
    let vs = nn::VarStore::new(Device::Cpu);
    let lenet5 = LeNet5::new(&vs.root(), 10).unwrap();
    assert_eq!(commented_shapes(include_str!("../src/models/lenet5.rs")), recorded_shapes(&lenet5));
    assert_eq!(parameters(&vs), 61_706);
}

#[test]
fn lenet5_has_n_classes_outputs() {
    let _generator = the_generator();
    let vs = nn::VarStore::new(Device::Cpu);
    let x = Tensor::ones([2, 1, 28, 28], tch::kind::FLOAT_CPU);
    assert_eq!(LeNet5::new(&vs.root(), 26).unwrap().forward(&x).unwrap().size(), [2, 26]);
}

fn parameters(vs: &nn::VarStore) -> usize {
    vs.trainable_variables().iter().map(Tensor::numel).sum()
}
