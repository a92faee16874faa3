//! The command line: training, whose options are in `run/options`, and the commands besides.

use super::commands::{doctor, evaluate, explain, play, predict, summary};
use super::run::options::{Options, RESULTS, path};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::path::PathBuf;

#[cfg(test)]
mod tests;

/// Trains the CNN or LeNet-5 of "Introduction to Convolutional Neural Nets" on MNIST, and draws charts of loss and accuracy.
/// Without options it does what the slides do.
#[derive(Debug, Parser)]
#[command(version, allow_negative_numbers = true, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub options: Options,

    /// Continue the run in this folder from its last checkpoint, with the options it began with. Give --data too if its data are
    /// in a file or folder of your own, and --device to continue on another device
    #[arg(long, help_heading = RESULTS, value_name = "DIR", value_parser = path())]
    pub resume: Option<PathBuf>,

    /// Begin when it is told to, and tell the page of `play` how it goes: see `run::live`
    #[arg(long, hide = true)]
    pub conducted: bool,
}

/// What there is besides training.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Draws what each layer does: its kernels, a digit on its way through the network, the pools side by side
    Explain(explain::ExplainOptions),
    /// Measures a trained network: loss, accuracy, precision, recall and F1 of each digit, confusions, worst mistakes
    Evaluate(evaluate::EvaluateOptions),
    /// Opens a page in your browser: draw a digit and watch it go through the network, train a network and watch it learn, try
    /// out the arguments of convolutions and pools
    Play(play::PlayOptions),
    /// Reads the digit on each of your pictures, or on each image of Kaggle's test.csv
    Predict(predict::PredictOptions),
    /// Checks whether this machine can train: libtorch, CPU, CUDA, the data, the folder for the results
    Doctor(doctor::DoctorOptions),
    /// Prints a table of the network's layers: arguments, output shapes, parameters, multiply-adds
    Summary(summary::SummaryOptions),
}

impl Cli {
    /// Reads the command line; a wrong one ends the program with exit code 2, as clap does.
    pub fn from_command_line() -> Self {
        let matches = Self::command().get_matches();
        let cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let refuse = |message: &str| Self::command().error(ErrorKind::ArgumentConflict, message).exit();
        let given = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let command = Self::command();
        let may_be_given = ["resume", "data", "device", "conducted"];
        let mut options = command.get_arguments().filter(|option| !may_be_given.contains(&option.get_id().as_str()));
        if cli.resume.is_some()
            && let Some(option) = options.find(|option| given(option.get_id().as_str()))
        {
            let name = option.get_long().unwrap_or_default();
            refuse(&format!("--resume goes on with the options of the run: --{name} cannot be given again"));
        }
        if let Err(message) = cli.options.check() {
            refuse(message);
        }
        cli
    }
}
