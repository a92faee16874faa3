//! The two networks against PyTorch: parameters, values, gradients, and the shapes their comments state.

mod common;

use cnn_tutorial::models::{CNNModel, LeNet5, Model};
use common::{assert_same, tensors};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tch::{Device, Kind, Reduction, Tensor, nn};

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
        let model: Box<dyn Model> = match name {
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
        logits.cross_entropy_loss(&labels, None::<Tensor>, Reduction::Mean, -100, 0.0).backward();
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

fn shape(xs: &Tensor) -> String {
    format!("{:?}", xs.size()).replacen("[2", "[N", 1)
}

#[test]
fn every_shape_in_the_comments_of_the_cnn_is_the_shape_there() {
    let _generator = the_generator();
    let vs = nn::VarStore::new(Device::Cpu);
    let m = CNNModel::new(&vs.root()).unwrap();
    let x = Tensor::zeros([2, 1, 28, 28], tch::kind::FLOAT_CPU);
    let mut shapes = vec![shape(&x)];
    let mut see = |xs: Tensor| {
        shapes.push(shape(&xs));
        xs
    };
    let out = see(m.cnn1.forward(&x).unwrap());
    let out = see(m.relu1.then(&m.maxpool1, &out).unwrap());
    let out = see(m.cnn2.forward(&out).unwrap());
    let out = see(m.relu2.then(&m.maxpool2, &out).unwrap());
    let out = see(out.flatten(1, -1));
    let out = see(m.fc1.forward(&out).unwrap());
    assert_eq!(commented_shapes(include_str!("../src/models/cnn.rs")), shapes);
    assert!(out.equal(&m.forward(&x).unwrap()), "forward is these stages in this order");
    assert_eq!(parameters(&vs), 16 * 9 + 16 + 32 * 16 * 9 + 32 + 800 * 10 + 10);
}

#[test]
fn every_shape_in_the_comments_of_lenet5_is_the_shape_there() {
    let _generator = the_generator();
    let vs = nn::VarStore::new(Device::Cpu);
    let m = LeNet5::new(&vs.root(), 10).unwrap();
    let x = Tensor::ones([2, 1, 28, 28], tch::kind::FLOAT_CPU);
    let mut shapes = vec![shape(&x)];
    let mut see = |xs: Tensor| {
        shapes.push(shape(&xs));
        xs
    };
    let out = see(m.conv1.forward(&x).unwrap());
    let out = see(m.tanh1.forward(&out).unwrap());
    let out = see(m.avgpool1.forward(&out).unwrap());
    let out = see(m.conv2.forward(&out).unwrap());
    let out = see(m.tanh2.forward(&out).unwrap());
    let out = see(m.avgpool2.forward(&out).unwrap());
    let out = see(m.conv3.forward(&out).unwrap());
    let out = see(m.tanh3.forward(&out).unwrap());
    let out = see(out.flatten(1, -1));
    let out = see(m.fc1.forward(&out).unwrap());
    let out = see(m.tanh4.forward(&out).unwrap());
    let out = see(m.fc2.forward(&out).unwrap());
    assert_eq!(commented_shapes(include_str!("../src/models/lenet5.rs")), shapes);
    assert!(out.equal(&m.forward(&x).unwrap()), "forward is these stages in this order");
    assert_eq!(parameters(&vs), 61_706);
    let vs = nn::VarStore::new(Device::Cpu);
    assert_eq!(LeNet5::new(&vs.root(), 26).unwrap().forward(&x).unwrap().size(), [2, 26], "n_classes outputs");
}

fn parameters(vs: &nn::VarStore) -> usize {
    vs.trainable_variables().iter().map(Tensor::numel).sum()
}
