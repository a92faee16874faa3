//! The program around the tutorial: what `cargo run` needs besides the library.
//!
//! [`cli`] and [`options`] read the command line, [`train`] trains as it says, with [`session`] after each iteration;
//! [`evaluate`], [`predict`], [`explain`] and [`play`] use a finished run's [`network`]. [`run`], [`config`], [`metrics`],
//! [`weights`] and [`checkpoint`] are the files of a run.

/// Writes a line to standard error, as `eprintln!` does; but where nobody listens any more, the program goes on.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod architecture;
mod checkpoint;
mod choices;
mod cli;
mod config;
mod confusion;
mod cuda;
mod data;
mod device;
mod doctor;
mod download;
mod evaluate;
mod explain;
mod files;
mod layout;
mod libtorch;
mod lr_scheduler;
mod metrics;
mod network;
mod number;
mod options;
mod photo;
mod play;
mod predict;
mod recorded;
mod results;
mod run;
mod schedule;
mod session;
mod signals;
mod train;
mod weights;

use anyhow::Result;
use cli::{Cli, Command};
use cnn_tutorial::summary::summary;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use tch::{Device, nn::VarStore};

/// Does what the command line asks for, reports an error and ends the program.
pub fn main() -> ! {
    device::keep_freed_memory();
    let code = match run_command(&Cli::from_command_line()) {
        Ok(code) => code,
        Err(error) => {
            let message = in_words(&error);
            let remedy = if ["out of memory", "can't allocate memory"].iter().any(|words| message.contains(words)) {
                "; give a smaller --batch-size, or end other programs"
            } else {
                ""
            };
            say!("error: {}{remedy}", printable(&message));
            1
        }
    };
    let _ = std::io::stdout().flush();
    // Safety: ends the process. `process::exit` has libtorch take itself apart first, which takes 0.2 s.
    unsafe { libc::_exit(code.into()) }
}

/// What `work` returns, or `None` if it panics, as tch's plain methods do. Nothing is printed then.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    result.ok()
}

/// An error without what libtorch appends to its own, which helps nobody here: a stack, and advice on how to debug CUDA.
fn in_words(error: &anyhow::Error) -> String {
    let mut message = format!("{error:#}");
    for appended in ["\nException raised from", "\nframe #0", "\nSearch for `cuda", "\nCUDA kernel errors might"] {
        message.truncate(message.find(appended).unwrap_or(message.len()));
    }
    message
}

/// A message in which names and values from files may stand: such as they are, they could take over a terminal or fill it.
fn printable(message: &str) -> String {
    let mut characters = message.chars();
    let start = characters.by_ref().take(LONGEST_MESSAGE);
    let mut text = String::new();
    start.for_each(|c| if c.is_control() && c != '\n' { text.extend(c.escape_default()) } else { text.push(c) });
    if characters.next().is_some() { text + " ..." } else { text }
}

const LONGEST_MESSAGE: usize = 4000;

fn run_command(cli: &Cli) -> Result<u8> {
    let done = |()| 0;
    match (&cli.command, &cli.resume) {
        (None, None) => train::train(&cli.options, None),
        (None, Some(dir)) => train::resume(dir, cli.options.data.as_ref(), cli.options.device),
        (Some(Command::Doctor { json }), _) => doctor::doctor(*json),
        (Some(Command::Evaluate(options)), _) => evaluate::evaluate(options).map(done),
        (Some(Command::Explain(options)), _) => explain::explain(options).map(done),
        (Some(Command::Play(options)), _) => play::play(options).map(done),
        (Some(Command::Predict(options)), _) => predict::predict(options).map(done),
        (Some(Command::Summary { model }), _) => {
            let vs = VarStore::new(Device::Cpu);
            let table = summary(&*(model.new)(&vs.root())?)?;
            let _ = std::io::stdout().write_all(table.as_bytes()); // whoever reads may have left (`| head -1`)
            Ok(0)
        }
    }
}
