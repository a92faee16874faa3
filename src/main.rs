//! Reads the command line, trains, reports an error.

use cnn_tutorial::{cli::Options, commands};
use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::train_model(&Options::from_command_line()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let message = format!("{error:#}");
            // libtorch appends its own stack, which helps nobody here.
            eprintln!("error: {}", message.split("\nException raised from").next().unwrap_or(&message));
            ExitCode::FAILURE
        }
    }
}
