//! The command line: every option, its default and its help are written here and nowhere else.

use crate::data::Scale;
use crate::device::DeviceChoice;
use crate::models::Architecture;
use crate::optim::Algorithm;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Trains the CNN or the LeNet-5 of "Introduction to Convolutional Neural Nets" on MNIST and draws its loss and
/// accuracy. Without options it is the tutorial as its slides have it.
#[derive(Debug, Parser)]
#[command(version, allow_negative_numbers = true, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub options: Options,
}

/// What there is besides training.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Draws what each layer does: its kernels, a digit on its way through the network, the pools beside each other
    Explain(ExplainOptions),
    /// Prints a table of the network's layers: arguments, output shapes, parameters, multiply-adds
    Summary {
        /// Network to print
        #[arg(long, value_enum, default_value_t = Architecture::Cnn)]
        model: Architecture,
    },
}

#[derive(Debug, Args)]
pub struct ExplainOptions {
    /// Folder of a run, whose network is explained [default: a network freshly drawn]
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,

    /// Network to draw freshly
    #[arg(long, value_enum, default_value_t = Architecture::Cnn, conflicts_with = "run")]
    pub model: Architecture,

    /// Where the digit comes from, as for training [default: the data of the run]
    #[arg(long, value_name = "PATH|NAME")]
    pub data: Option<PathBuf>,

    /// Which image of the data, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub index: u64,

    /// A picture of a digit instead, PNG or JPEG
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "index"])]
    pub image: Option<PathBuf>,
}

/// The options of a training run, which `config.json` keeps.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
pub struct Options {
    /// Network to train
    #[arg(long, value_enum, default_value_t = Architecture::Cnn)]
    pub model: Architecture,

    /// Kaggle CSV (label,pixel0..pixel783; plain or .gz), folder with the MNIST IDX files, `mnist` (downloaded once) or
    /// `digits` (embedded) [default: data/mnist, else the download, else the embedded digits]
    #[arg(long, value_name = "PATH|NAME")]
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

    /// Weight decay (L2 penalty)
    #[arg(long, default_value_t = 0.0, value_parser = non_negative)]
    pub weight_decay: f64,

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

    /// auto, cpu, cuda, cuda:N or mps
    #[arg(long, default_value_t = DeviceChoice::Auto)]
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub device: DeviceChoice,

    /// Threads of one operation on the CPU [default: libtorch's choice, one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub threads: Option<i32>,

    /// Folder of the results [default: runs/<model>, or runs/<model>-2 and so on where that is taken]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Replace the run that is in the folder of the results
    #[arg(long)]
    pub overwrite: bool,
}

impl Cli {
    /// Reads the command line; a wrong one ends the program with exit code 2, as clap does.
    pub fn from_command_line() -> Self {
        let cli = Self::parse();
        let refuse = |message: &str| Self::command().error(ErrorKind::ArgumentConflict, message).exit();
        if cli.options.algorithm() == Algorithm::Adam && cli.options.momentum != 0.0 {
            refuse("--momentum goes with --optimizer sgd: Adam has its betas instead");
        }
        if cli.options.print_every < cli.options.eval_every {
            refuse("--print-every must not be less than --eval-every: a line tells the last accuracy measured");
        }
        cli
    }
}

impl Options {
    /// The optimizer, that of the slides where none was named.
    pub fn algorithm(&self) -> Algorithm {
        self.optimizer.unwrap_or(match self.model {
            Architecture::Cnn => Algorithm::Sgd,
            Architecture::LeNet5 => Algorithm::Adam,
        })
    }
}

fn as_text<S: serde::Serializer>(value: &DeviceChoice, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

fn from_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<DeviceChoice, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
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
