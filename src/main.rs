//! Reads the command line, does what it asks for, reports an error.

use cnn_tutorial::cli::{Cli, Command};
use cnn_tutorial::{commands, device, doctor, explain, predict, report, summary};
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    device::keep_freed_memory();
    let cli = Cli::from_command_line();
    let done = |()| 0;
    let result = match (&cli.command, &cli.resume) {
        (None, None) => commands::train_model(&cli.options),
        (None, Some(dir)) => commands::resume(dir, cli.options.data.as_deref()),
        (Some(Command::Doctor { json }), _) => doctor::doctor(*json),
        (Some(Command::Evaluate(options)), _) => report::evaluate(options).map(done),
        (Some(Command::Explain(options)), _) => explain::explain(options).map(done),
        (Some(Command::Predict(options)), _) => predict::predict(options).map(done),
        (Some(Command::Summary { model }), _) => summary::summary(*model).map(done),
    };
    match result {
        Ok(code) => code.into(),
        Err(error) => {
            let message = format!("{error:#}");
            // libtorch appends its own stack, which helps nobody here.
            let message = message.split("\nException raised from").next().unwrap_or(&message);
            let _ = writeln!(io::stderr(), "error: {message}");
            ExitCode::FAILURE
        }
    }
}
