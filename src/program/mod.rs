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
    machine::signals::ignore_largest_file();
    let code = match run_command(&cli) {
        Ok(code) => code,
        Err(error) => {
            let message = messages::in_words(&error);
            let remedy = match (needs_memory(&message), &cli.command, &cli.resume) {
                (false, ..) => "",
                (true, None, None) => "; memory does not suffice: give a smaller --batch-size, or end other programs",
                (true, ..) => "; memory does not suffice: end other programs",
            };
            say!("error: {}{remedy}", messages::shortened(&message));
            1
        }
    };
    let _ = io::stdout().flush();
    // Safety: ends the process. `process::exit` would wait until libtorch has taken itself apart.
    unsafe { libc::_exit(code.into()) }
}

/// Whether an error is one of too little memory, in the words of CUDA, its libraries, libtorch, C++ or oneDNN.
fn needs_memory(message: &str) -> bool {
    let words = [
        "out of memory",
        "STATUS_ALLOC_FAILED",
        "can't allocate memory",
        "std::bad_alloc",
        "could not create a primitive",
        "could not execute a primitive",
    ];
    // oneDNN says "primitive descriptor" where it does not have what it is asked for.
    words.iter().any(|words| message.contains(words)) && !message.contains("primitive descriptor")
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

#[cfg(test)]
mod tests {
    use super::needs_memory;

    #[test]
    fn too_little_memory_is_known_by_the_words_of_each_library() {
        for message in [
            "CUDA out of memory. Tried to allocate 2.00 MiB",
            "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)",
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 62170368 bytes.",
            "the network fails: ReLU() cannot take an input of [1437, 16, 26, 26]: could not create a primitive",
        ] {
            assert!(needs_memory(message), "{message}");
        }
        for message in ["could not create a primitive descriptor for a matmul primitive", "the disk is full"] {
            assert!(!needs_memory(message), "{message}");
        }
    }
}
