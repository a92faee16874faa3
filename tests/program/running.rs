//! The real binary.

use crate::common::not_run;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// What cargo is told where this package is compiled for one test: unoptimised it takes half the time.
pub const UNOPTIMISED: [&str; 2] = ["--config", "profile.release.package.cnn-tutorial.opt-level=0"];

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
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(proxy).env_remove(proxy.to_uppercase()); // those of this machine
    }
    // Bits are equal on the CPU: where there is a GPU, it is not to be chosen.
    command.env("CUDA_VISIBLE_DEVICES", "");
    command
}

pub fn run(dir: &Path, arguments: &[&str]) -> Output {
    program(dir, arguments).output().unwrap()
}

/// The option's value that means the first NVIDIA GPU, if there is one.
pub fn card() -> Option<&'static str> {
    let listed = Command::new("nvidia-smi").arg("-L").output().is_ok_and(|output| stdout(&output).contains("GPU 0"));
    if !listed {
        not_run("an NVIDIA GPU");
    }
    listed.then_some("cuda")
}

/// Lets the program see the GPU.
pub fn with_card(command: &mut Command) -> &mut Command {
    command.env_remove("CUDA_VISIBLE_DEVICES")
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The losses in a run's `metrics.csv`.
pub fn losses(dir: &Path, run: &str) -> Vec<f64> {
    let metrics = fs::read_to_string(dir.join(run).join("metrics.csv")).unwrap();
    metrics.lines().skip(1).map(|row| row.split(',').nth(1).unwrap().parse().unwrap()).collect()
}
