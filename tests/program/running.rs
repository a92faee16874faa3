//! The real binary.

use std::path::Path;
use std::process::{Command, Output};

/// The program with `arguments`, in the folder `dir`, with no network: no mirror answers at this address.
pub fn program(dir: &Path, arguments: &[&str]) -> Command {
    program_at(Path::new(env!("CARGO_BIN_EXE_cnn-tutorial")), dir, arguments)
}

/// Likewise that which is at `path`.
pub fn program_at(path: &Path, dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(arguments).current_dir(dir).env("MNIST_MIRROR", "http://127.0.0.1:9");
    // Several programs at once: a thread that waits should leave its core to another.
    command.env("GOMP_SPINCOUNT", "0");
    // Bits are equal on the CPU: where there is a GPU, it is not to be chosen.
    command.env("CUDA_VISIBLE_DEVICES", "");
    command
}

pub fn run(dir: &Path, arguments: &[&str]) -> Output {
    program(dir, arguments).output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
