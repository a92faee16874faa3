//! The program around the tutorial: what `cargo run` needs besides the library.
//!
//! Five floors; each uses only those below it.
//!
//! 5. [`cli`] reads the command line, and this file does what it asks for.
//! 4. [`commands`]: one file or folder for each, its options beside its function.
//! 3. [`run`]: the options of a training, the files it leaves, and the network they hold.
//! 2. [`data`]: where images come from; [`machine`]: device, CUDA, libtorch, signals.
//! 1. [`messages`]: lines and errors in words; [`files`]: files that are whole or not there, and how they are read.

#[macro_use]
mod messages;

mod cli;
pub mod commands; // this and what else is public is for the fuzz targets
pub mod data;
mod files;
mod machine;
pub mod run;

use anyhow::Result;
use cli::{Cli, Command};
use commands::train::Conductor;
use commands::{doctor, evaluate, explain, play, predict, summary, train};
use std::io::{self, Write};

/// Does what the command line asks for, reports an error and ends the program.
pub fn main() -> ! {
    machine::keep_freed_memory();
    let cli = Cli::from_command_line();
    let code = match run_command(&cli) {
        Ok(code) => code,
        Err(error) => {
            let message = messages::in_words(&error);
            // As CUDA, libtorch, C++ and oneDNN say it; the last says "primitive descriptor" where it does not have what is asked for
            let needs_memory =
                ["out of memory", "can't allocate memory", "std::bad_alloc", "could not create a primitive"];
            let needs_memory = needs_memory.iter().any(|words| message.contains(words));
            let remedy = match &cli.command {
                _ if !needs_memory || message.contains("primitive descriptor") => "",
                None => "; memory does not suffice: give a smaller --batch-size, or end other programs",
                Some(_) => "; memory does not suffice: end other programs",
            };
            say!("error: {}{remedy}", messages::shortened(&message));
            1
        }
    };
    let _ = io::stdout().flush();
    // Safety: ends the process. `process::exit` would wait until libtorch has taken itself apart.
    unsafe { libc::_exit(code.into()) }
}

/// The program's exit code.
fn run_command(cli: &Cli) -> Result<u8> {
    let conductor = cli.conducted.then(Conductor::new).transpose()?;
    match (&cli.command, &cli.resume) {
        (None, None) => return train::train(&cli.options, None, conductor),
        (None, Some(dir)) => return train::resume(dir, cli.options.data.as_ref(), cli.options.device, conductor),
        (Some(Command::Doctor(options)), _) => return doctor::doctor(options),
        (Some(Command::Evaluate(options)), _) => evaluate::evaluate(options),
        (Some(Command::Explain(options)), _) => explain::explain(options),
        (Some(Command::Play(options)), _) => play::play(options),
        (Some(Command::Predict(options)), _) => predict::predict(options),
        (Some(Command::Summary(options)), _) => summary::summary(options),
    }?;
    Ok(0)
}
