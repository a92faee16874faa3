//! The command line, but for the options of a training run, which are in `options.rs`.

use super::architecture::Architecture;
use super::choices::Algorithm;
use super::data::Source;
use super::device::DeviceChoice;
use super::network::Network;
use super::options::{Options, RESULTS};
use anyhow::Result;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use cnn_tutorial::nn::Pair;
use std::path::PathBuf;

#[cfg(test)]
mod tests;

/// Trains the CNN or the LeNet-5 of "Introduction to Convolutional Neural Nets" on MNIST and draws its loss and
/// accuracy. Without options it is the tutorial as its slides have it.
#[derive(Debug, Parser)]
#[command(version, allow_negative_numbers = true, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub options: Options,

    /// Go on with the run in a folder, from its last checkpoint, with its own options. With --data, if its data are in
    /// a file or folder of your own; with --device, to go on somewhere else than it began
    #[arg(long, help_heading = RESULTS, value_name = "DIR")]
    pub resume: Option<PathBuf>,
}

/// What there is besides training.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Draws what each layer does: its kernels, a digit on its way through the network, the pools beside each other
    Explain(ExplainOptions),
    /// Measures a run's network: loss, accuracy, precision, recall and F1 of each digit, confusions, worst mistakes
    Evaluate(EvaluateOptions),
    /// Opens a page on this machine: draw a digit and watch it go through the network, try a convolution's and a pool's
    /// arguments
    Play(PlayOptions),
    /// Tells which digits are on pictures, or on the images of Kaggle's test.csv
    Predict(PredictOptions),
    /// Looks whether this machine can train: libtorch, CPU, CUDA, data, the folder of the results
    Doctor {
        /// Print it as JSON, for a bug report
        #[arg(long)]
        json: bool,
    },
    /// Prints a table of the network's layers: arguments, output shapes, parameters, multiply-adds
    Summary {
        /// Network to print
        #[arg(long, default_value = "cnn")]
        model: Architecture,
    },
}

#[derive(Debug, Args)]
pub struct ExplainOptions {
    #[command(flatten)]
    pub run: RunOptions,

    /// A network freshly drawn, not trained, instead of a run's
    #[arg(long, conflicts_with_all = ["run", "best"])]
    pub model: Option<Architecture>,

    /// Where the digit comes from, as for training [default: the data of the run, if they have a name]
    #[arg(long, value_name = "PATH|NAME")]
    pub data: Option<Source>,

    /// Which image of the data, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub index: u64,

    /// A picture of a digit instead, JPEG, PNG, WebP, BMP or GIF
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "index"])]
    pub image: Option<PathBuf>,

    /// Window of the pools beside each other: one number, or two for height and width such as 2,3
    #[arg(long, value_name = "N|H,W", default_value = "2", value_parser = |text: &str| Pair::parse(text, 1))]
    pub kernel_size: Pair,

    /// How far that window moves [default: the kernel size]
    #[arg(long, value_name = "N|H,W", value_parser = |text: &str| Pair::parse(text, 1))]
    pub stride: Option<Pair>,
}

#[derive(Debug, Args)]
pub struct PlayOptions {
    /// Folder of the run to begin with [default: the newest in runs/]; the page offers those in runs/ too
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,

    /// Where digits come from [default: the data of the run, if they have a name]
    #[arg(long, value_name = "PATH|NAME")]
    pub data: Option<Source>,

    /// Port of the page on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 7828)]
    pub port: u16,

    /// Only print the address
    #[arg(long)]
    pub no_browser: bool,
}

/// Which weights of which run.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Folder of the run [default: the newest in runs/]
    #[arg(long, value_name = "DIR", num_args = 0..=1)]
    pub run: Option<Option<PathBuf>>,

    /// Use the weights with the least validation loss, instead of the last ones
    #[arg(long)]
    pub best: bool,

    /// Where to compute: auto, cpu, cuda, cuda:N or mps
    #[arg(long, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,
}

impl RunOptions {
    pub fn open(&self) -> Result<Network> {
        Network::open(self.run.as_ref().and_then(|dir| dir.as_deref()), self.best, self.device)
    }
}

#[derive(Debug, Args)]
pub struct EvaluateOptions {
    #[command(flatten)]
    pub run: RunOptions,

    /// Data to measure on, as for training. MNIST means its 10,000 test images; the file that the run was trained on
    /// means the part that it was validated on; any other file means all of it [default: the data of the run, if they
    /// have a name]
    #[arg(long, value_name = "PATH|NAME")]
    pub data: Option<Source>,

    /// Measure on the part of the run's data that it was validated on, even if they are MNIST. Use this to choose options,
    /// and keep the test images for the end
    #[arg(long)]
    pub validation: bool,

    /// Print evaluation.json instead of the table
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PredictOptions {
    #[command(flatten)]
    pub run: RunOptions,

    /// Pictures of a digit each: JPEG, PNG, WebP, BMP or GIF
    #[arg(value_name = "IMAGE", required_unless_present = "csv")]
    pub images: Vec<PathBuf>,

    /// Write what the network saw of them to predictions.png in the run's folder
    #[arg(long, conflicts_with = "csv")]
    pub show: bool,

    /// Kaggle's test.csv: pixel0..pixel783 without labels, plain or .gz
    #[arg(long, value_name = "FILE", conflicts_with = "images", requires = "submission")]
    pub csv: Option<PathBuf>,

    /// Where to write ImageId,Label for Kaggle
    #[arg(long, value_name = "FILE", requires = "csv")]
    pub submission: Option<PathBuf>,
}

impl Cli {
    /// Reads the command line; a wrong one ends the program with exit code 2, as clap does.
    pub fn from_command_line() -> Self {
        let matches = Self::command().get_matches();
        let cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let refuse = |message: &str| Self::command().error(ErrorKind::ArgumentConflict, message).exit();
        let given = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let command = Self::command();
        let options =
            command.get_arguments().filter(|option| !["resume", "data", "device"].contains(&option.get_id().as_str()));
        if let (Some(_), Some(option)) =
            (&cli.resume, options.into_iter().find(|option| given(option.get_id().as_str())))
        {
            let name = option.get_long().unwrap_or_default();
            refuse(&format!("--resume goes on with the options of the run: --{name} cannot be given again"));
        }
        if cli.options.algorithm() != Algorithm::Sgd && f64::from(cli.options.momentum) != 0.0 {
            refuse("--momentum goes with --optimizer sgd: Adam has its betas instead");
        }
        if cli.options.print_every < cli.options.eval_every {
            refuse("--print-every must not be less than --eval-every: a line tells the last accuracy measured");
        }
        cli
    }
}
