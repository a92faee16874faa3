//! Slide "Define Hyperparameters, Loss, Optimizers": the options of a training run. Each option, its default and its help
//! are written here and nowhere else; `config.json` keeps them.

use crate::data::Scale;
use crate::device::DeviceChoice;
use crate::models::Architecture;
use crate::optim::{Algorithm, LrSchedule};
use anyhow::{Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::path::PathBuf;

/// The options of a training run, which `config.json` keeps.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
pub struct Options {
    /// Network to train
    #[arg(long, value_enum, default_value_t = Architecture::Cnn)]
    pub model: Architecture,

    /// Kaggle CSV (label,pixel0..pixel783; plain or .gz), folder with the MNIST IDX files, `mnist` (downloaded once) or
    /// `digits` (embedded) [default: data/mnist, else the download, else the embedded digits]
    #[arg(long, value_name = "PATH|NAME", value_parser = text_path)]
    pub data: Option<PathBuf>,

    /// Fraction of the images to validate on, as in scikit-learn's train_test_split
    #[arg(long, value_name = "FRACTION", default_value_t = 0.2, value_parser = fraction)]
    pub test_size: f64,

    /// Seed of the split, as in scikit-learn's train_test_split
    #[arg(long, value_name = "N", default_value_t = 1212)]
    pub random_state: u32,

    /// What the network sees of a pixel
    #[arg(long, value_enum, default_value_t = Scale::Raw)]
    pub scale: Scale,

    /// Iterations to fit whole epochs into: epochs = int(n_iters / (n_train / batch_size))
    #[arg(long, value_name = "N", default_value_t = 2500)]
    pub n_iters: u64,

    /// Epochs to train, instead of --n-iters
    #[arg(long, value_name = "N", conflicts_with = "n_iters", value_parser = clap::value_parser!(u64).range(1..))]
    pub epochs: Option<u64>,

    /// End after N iterations, however many epochs that is
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_steps: Option<u64>,

    /// Images an iteration
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
    pub batch_size: i64,

    /// torch.optim's algorithm [default: sgd for cnn, adam for lenet5]
    #[arg(long, value_enum)]
    pub optimizer: Option<Algorithm>,

    /// Learning rate
    #[arg(long, default_value_t = 0.001, value_parser = non_negative)]
    pub lr: f64,

    /// Momentum of SGD
    #[arg(long, default_value_t = 0.0, value_parser = non_negative)]
    pub momentum: f64,

    /// Weight decay: an L2 penalty, decoupled for adamw [default: 0, for adamw 0.01]
    #[arg(long, value_parser = non_negative)]
    pub weight_decay: Option<f64>,

    /// Course of the learning rate over the epochs
    #[arg(long, value_enum, default_value_t = LrSchedule::None)]
    pub lr_schedule: LrSchedule,

    /// Epochs between two steps of --lr-schedule step
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub step_size: u64,

    /// Factor of each step of --lr-schedule step
    #[arg(long, default_value_t = 0.1, value_parser = non_negative)]
    pub gamma: f64,

    /// Turn, scale and shift each training image a little, anew in each epoch
    #[arg(long)]
    pub augment: bool,

    /// Start from the weights of a safetensors file, Rust's or Python's
    #[arg(long, value_name = "FILE", value_parser = text_path)]
    pub init_from: Option<PathBuf>,

    /// Train in the order of DataLoader(shuffle=True), another one each epoch
    #[arg(long)]
    pub shuffle: bool,

    /// Seed of the weights and of the order, as in torch.manual_seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: i64,

    /// Measure the validation accuracy and log it every N iterations
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub eval_every: u64,

    /// Print a line every N iterations
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    pub print_every: u64,

    /// Keep a checkpoint for --resume every N iterations
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    pub save_every: u64,

    /// auto, cpu, cuda, cuda:N or mps
    #[arg(long, default_value_t = DeviceChoice::Auto)]
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub device: DeviceChoice,

    /// Keep a pixel's channels next to each other in memory, PyTorch's torch.channels_last: other last bits
    #[arg(long)]
    #[serde(default)]
    pub channels_last: bool,

    /// Threads of one operation on the CPU [default: libtorch's choice, one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
    pub threads: Option<i32>,

    /// Folder of the results [default: runs/<model>, or runs/<model>-2 and so on where that is taken]
    #[arg(long, value_name = "DIR", value_parser = text_path)]
    pub out: Option<PathBuf>,

    /// Replace the run that is in the folder of the results
    #[arg(long)]
    pub overwrite: bool,
}

impl Options {
    /// Whether the values are in the ranges that the command line takes: those of a file need not be.
    pub fn check(&self) -> Result<()> {
        ensure!(self.batch_size >= 1, "batch_size is less than 1");
        let counts = [self.eval_every, self.print_every, self.save_every, self.step_size];
        ensure!(counts.iter().all(|&count| count >= 1), "eval_every, print_every, save_every or step_size is 0");
        ensure!(0.0 < self.test_size && self.test_size < 1.0, "test_size is not between 0 and 1");
        let numbers = [self.lr, self.momentum, self.gamma, self.weight_decay()];
        ensure!(numbers.iter().all(|number| number.is_finite()), "a number is not finite");
        Ok(())
    }

    /// The optimizer, that of the slides where none was named.
    pub fn algorithm(&self) -> Algorithm {
        self.optimizer.unwrap_or(match self.model {
            Architecture::Cnn => Algorithm::Sgd,
            Architecture::LeNet5 => Algorithm::Adam,
        })
    }

    /// The weight decay, PyTorch's default for the optimizer where none was given.
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(if self.algorithm() == Algorithm::Adamw { 0.01 } else { 0.0 })
    }
}

fn as_text<S: serde::Serializer>(value: &DeviceChoice, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

fn from_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<DeviceChoice, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// A path of valid Unicode, which config.json can keep; clap refuses others with this argument.
fn text_path(text: &str) -> Result<PathBuf, Infallible> {
    Ok(text.into())
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if 0.0 < value && value < 1.0 => Ok(value),
        _ => Err("expected a number between 0 and 1, such as 0.2".into()),
    }
}

fn non_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value),
        _ => Err("expected a number of 0 or more, such as 0.001".into()),
    }
}
