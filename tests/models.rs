//! The two networks against PyTorch: parameters, values, gradients, and the shapes their comments state.

mod common;

use cnn_tutorial::data::{DataLoader, Dataset};
use cnn_tutorial::evaluate::accuracy_and_loss;
use cnn_tutorial::explain::Explained;
use cnn_tutorial::models::{CNNModel, LeNet5};
use cnn_tutorial::nn::{CrossEntropyLoss, Dropout, Linear, Module, eval, is_training, stages};
use cnn_tutorial::summary::summary;
use common::{assert_same, digits, tensors};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tch::{Device, Kind, TchError, Tensor, nn};

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

#[test]
fn dropout_draws_pytorchs_numbers_while_training_and_none_in_evaluation_mode() {
    let _generator = the_generator();
    let fixture = tensors("layers.safetensors");
    let expected = |key: &str| &fixture[&format!("dropout.{key}")];
    let input = expected("input").set_requires_grad(true);
    let dropout = Dropout::new(0.3);
    tch::manual_seed(7);
    let output = dropout.forward(&input).unwrap();
    assert_same(&output, expected("output"), 1e-6, "output");
    (output * expected("grad_output")).sum(None).backward();
    assert_same(&input.grad(), expected("grad_input"), 1e-6, "gradient of the input");
    let eval = eval();
    assert_same(&dropout.forward(&input).unwrap(), expected("eval"), 0.0, "in evaluation mode");
    assert_same(&Tensor::rand([3], tch::kind::FLOAT_CPU), expected("next"), 0.0, "the numbers drawn next");
    drop(eval);
    assert!(!dropout.forward(&input).unwrap().equal(&input), "training again");
    assert!(Dropout::new(1.5).forward(&input).unwrap_err().to_string().contains("Dropout(p=1.5)"));
}

/// A network that would give other numbers each time, were it not evaluated in evaluation mode.
struct Dropping(Linear, Dropout);

impl Module for Dropping {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        self.0.forward(&self.1.forward(&x.f_flatten(1, -1)?)?)
    }
}

#[test]
fn a_network_with_dropout_is_measured_summarised_and_explained_without_it_and_draws_nothing_there() {
    let _generator = the_generator();
    let vs = nn::VarStore::new(Device::Cpu);
    let model = Dropping(Linear::new(&vs.root() / "fc1", 784, 10).unwrap(), Dropout::new(0.5));
    let digits = digits();
    let loader = DataLoader::new(&digits, 100);
    let measured = || accuracy_and_loss(&model, &CrossEntropyLoss, &loader).unwrap();
    assert_eq!(measured(), measured());
    let image = digits.images.narrow(0, 0, 1).to_kind(Kind::Float);
    let drawn_after = |work: &dyn Fn()| {
        tch::manual_seed(0);
        work();
        Tensor::rand([3], tch::kind::FLOAT_CPU)
    };
    let (kernel_size, stride) = (2.into(), 2.into());
    let explained = Explained {
        model: &model,
        start: None,
        title: "",
        image: &image,
        caption: "",
        classes: &[],
        kernel_size,
        stride,
    };
    let expected = drawn_after(&|| ());
    assert!(drawn_after(&|| drop(summary(&model, &vs, &[1, 1, 28, 28]).unwrap())).equal(&expected));
    assert!(drawn_after(&|| drop(explained.figures().unwrap())).equal(&expected));
    assert!(is_training(), "and then it goes on in training mode");
    assert!(!drawn_after(&|| drop(model.forward(&image).unwrap())).equal(&expected));
}

fn parameters(vs: &nn::VarStore) -> usize {
    vs.trainable_variables().iter().map(Tensor::numel).sum()
}

#[test]
fn the_order_is_drawn_with_the_first_batch_as_pythons_sampler_does() {
    let _generator = the_generator();
    let numbers = Tensor::from_slice(&[0i64, 1, 2, 3, 4, 5]);
    let dataset = Dataset { images: numbers.view([6, 1, 1, 1]), labels: numbers, classes: Vec::new(), remark: None };
    let loader = || DataLoader { shuffle: true, ..DataLoader::new(&dataset, 6) };
    let labels = |batch: Option<Result<(Tensor, Tensor), _>>| Vec::<i64>::try_from(batch.unwrap().unwrap().1).unwrap();
    tch::manual_seed(0);
    let (first, second) = (loader(), loader());
    let (mut first, mut second) = (first.epoch().unwrap(), second.epoch().unwrap());
    // list(zip(first, second)), and torch.randint(100, (3,)) behind it
    assert_eq!(labels(first.next()), [5, 0, 3, 2, 1, 4]);
    assert_eq!(labels(second.next()), [2, 3, 1, 5, 4, 0]);
    let next = Tensor::randint(100, [3], tch::kind::INT64_CPU);
    assert_eq!(Vec::<i64>::try_from(next).unwrap(), [97, 83, 1]);
}
