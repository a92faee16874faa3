//! Looks at the exercise: first at what `new` makes, then at what `forward` does with it, then at the optimizer. Then it trains.

mod forward;
mod layers;
mod optimizer;
mod slides;
mod steps;

use anyhow::{Result, anyhow, ensure};
use cnn_tutorial::data::{DataLoader, read_csv, read_mnist_train, train_test_split};
use cnn_tutorial::evaluate::accuracy_and_loss;
use cnn_tutorial::nn::{self, Module};
use cnn_tutorial::optim::Optimizer;
use cnn_tutorial::train::train;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path as File;
use tch::nn::{Path, VarStore};
use tch::{Device, TchError, Tensor};

pub use layers::Layer;

const ITERATIONS: usize = 1000;

thread_local! {
    /// What is still to do, in the order in which it was met.
    static TO_DO: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Stands where something is to be written. Unlike `todo!`, it does not end the program where a layer is missing, so that the
/// layers after it can be looked at.
pub fn to_do<T: ToDo>(what: &'static str) -> T {
    TO_DO.with_borrow_mut(|to_do| to_do.push(what));
    T::stand_in()
}

/// What can be written later.
pub trait ToDo {
    fn stand_in() -> Self;
}

impl ToDo for Tensor {
    /// Nothing can go on without it.
    fn stand_in() -> Self {
        panic!("to do")
    }
}

impl<T> ToDo for Result<T, TchError> {
    fn stand_in() -> Self {
        Err(TchError::Torch("to do".into()))
    }
}

/// The result of a part of the exercise, and what was to do in it.
fn attempt<T>(part: impl FnOnce() -> Result<T, TchError>) -> (Result<T>, Vec<&'static str>) {
    TO_DO.take();
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {})); // without a panic's own words
    let result = panic::catch_unwind(AssertUnwindSafe(part));
    panic::set_hook(hook);
    let result = match result {
        Ok(result) => result.map_err(|error| match nn::without_stack(error) {
            TchError::Torch(error) => anyhow!("{error}"),
            other => other.into(),
        }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            // Where it is tch that panics, the text has the error as Rust code.
            let text = text.unwrap_or_default().split("\\nException raised from").next().unwrap_or_default();
            Err(anyhow!("{}", text.trim_start_matches("called `Result::unwrap()` on an `Err` value: Torch(\"")))
        }
    };
    (result, TO_DO.take())
}

/// Prints what is right. Errors with what comes next, or with what is wrong and why.
pub fn check<N: Module>(
    new: impl Fn(&Path, i64) -> Result<N, TchError>,
    layers: impl Fn(&N) -> [&dyn Layer; 7],
    optimizer: impl Fn(&VarStore) -> Result<Optimizer, TchError>,
) -> Result<()> {
    layers::check(&new, &layers)?;
    let network = || -> Result<_> {
        tch::manual_seed(0);
        let vs = VarStore::new(Device::Cpu);
        let model = attempt(|| new(&vs.root(), 10)).0?;
        Ok((vs, model))
    };
    let (vs, model) = network()?;
    forward::check(&model, &layers(&model), &vs)?;
    let lr = optimizer::check(&optimizer)?;

    // "Should be able to achieve greater than 95% accuracy". From the seed on, whatever was drawn before. One thread waits for
    // no other: several would take many times as long where a class has other programs open.
    tch::set_num_threads(1);
    let (vs, model) = network()?;
    let dataset = if File::new("data/train.csv").is_file() {
        read_csv("data/train.csv")?
    } else if File::new("data/mnist").is_dir() {
        read_mnist_train("data/mnist")?
    } else {
        read_csv("assets/digits.csv.gz")?
    };
    let (train_set, cv) = train_test_split(&dataset, 0.2, 1212)?;
    let (train_loader, test_loader) = (DataLoader::new(&train_set, 100), DataLoader::new(&cv, 100));
    println!("training:  {ITERATIONS} iterations on {} images, this takes a while", train_set.len());
    let (error, mut count) = (nn::CrossEntropyLoss, 0);
    train(&model, &error, &mut optimizer(&vs)?, train_loader.epochs(100), |_, _| {
        count += 1;
        Ok(if count == ITERATIONS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let (accuracy, _) = accuracy_and_loss(&model, &error, &test_loader)?;
    let found = format!("accuracy:  {accuracy:.2} % after {ITERATIONS} iterations");
    let is_asked_for = optimizer::is_asked_for(lr);
    let rate = format!("Your learning rate is {lr}, and 0.001 is expected");
    ensure!(
        accuracy > 95.0 || is_asked_for,
        "{found}, and more than 95 % is expected. {rate}. {}",
        if lr > 0.001 {
            "With steps that are too large the weights jump past the good values, and the network ends near 10 %, as good as \
             a guess among ten digits."
        } else {
            "With steps that are too small the network has not learned enough when the training ends."
        }
    );
    ensure!(
        accuracy > 95.0,
        "{found}, and more than 95 % is expected, although every part is right: please report this."
    );
    ensure!(
        is_asked_for,
        "{found}. That is enough. {rate}: with the same rate all in your class can compare their numbers."
    );
    println!("{found}. Well done!");
    println!(
        "Now compare your layers with those in src/models/lenet5.rs, which `cargo run --release -- --model lenet5` trains."
    );
    Ok(())
}
