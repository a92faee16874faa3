//! `doctor`: whether this machine can train, and what is wrong if it cannot.

mod digits;

use crate::program::data::{MNIST_DIR, Source, verify_mnist};
use crate::program::machine::device::{self, DeviceChoice};
use crate::program::machine::{libtorch, processor};
use crate::program::messages::{escaped, in_words, print};
use anyhow::{Context, Result, ensure};
use clap::Args;
use cnn_tutorial::portable;
use serde::Serialize;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs, thread};
use tch::utils;

#[derive(Debug, Args)]
pub struct DoctorOptions {
    /// Print what was found as JSON, for a bug report
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    can_train: bool,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    /// What was found; where something is wrong, with the remedy.
    found: String,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Not here, and not needed.
    Absent,
    Failed,
}

/// Prints what was found, as a table or as JSON. Returns the program's exit code: 0 if training can run.
pub fn doctor(options: &DoctorOptions) -> Result<u8> {
    let needed = |name, found: Result<String>| Check::new(name, Status::Failed, found);
    let optional = |name, found: Result<String>| Check::new(name, Status::Absent, found);
    let cpu = cpu();
    let digits = portable::enable(); // before libtorch computes anything
    let cuda = device::describe_cuda(); // before libtorch looks for it, see `device::open`
    let checks = vec![
        needed(
            "program",
            Ok(format!("cnn-tutorial {}, tch {}, {}", env!("CARGO_PKG_VERSION"), libtorch::TCH, env::consts::OS)),
        ),
        needed("libtorch", libtorch()),
        needed("CPU", Ok(cpu)),
        optional("CUDA", cuda),
        optional("MPS", device::open(DeviceChoice::Mps).map(|_| "two numbers were added on it".into())),
        optional("digits", digits.and_then(|()| digits::gives_published())),
        needed("data", mnist()),
        needed("results", results()),
    ];
    let report = Report { can_train: checks.iter().all(|check| check.status != Status::Failed), checks };
    let text = if options.json { serde_json::to_string_pretty(&report)? + "\n" } else { escaped(&report.table()) };
    print(&text)?;
    Ok(u8::from(!report.can_train))
}

impl Check {
    fn new(name: &'static str, otherwise: Status, found: Result<String>) -> Self {
        let status = if found.is_ok() { Status::Ok } else { otherwise };
        Self { name, status, found: found.unwrap_or_else(|error| in_words(&error)) }
    }
}

impl Report {
    fn table(&self) -> String {
        let row = |Check { name, status, found }: &Check| {
            let status = match status {
                Status::Ok => "ok",
                Status::Absent => "-",
                Status::Failed => "FAILED",
            };
            format!("{status:<7} {name:<9} {found}\n")
        };
        let verdict = if self.can_train { "training can run" } else { "training cannot run as it is" };
        self.checks.iter().map(row).collect::<String>() + verdict + "\n"
    }
}

fn libtorch() -> Result<String> {
    let (version, expected) = (libtorch::version_in_use(), libtorch::expected());
    let folder = libtorch::loaded_from().map_or("a folder unknown".into(), |folder| folder.display().to_string());
    ensure!(
        version.split('+').next() == Some(expected),
        "{version} in {folder}, but the tch of this program is {}, and {}: unset LIBTORCH, LIBTORCH_USE_PYTORCH and \
         LD_LIBRARY_PATH, run ./scripts/setup.sh and build again",
        libtorch::TCH,
        libtorch::pairs_in_words()
    );
    Ok(format!("{version} in {folder}"))
}

fn cpu() -> String {
    let parts = [("oneDNN", utils::has_mkldnn()), ("MKL", utils::has_mkl()), ("OpenMP", utils::has_openmp())];
    let parts: String = parts.into_iter().filter(|part| part.1).map(|part| format!(", {}", part.0)).collect();
    let cores = thread::available_parallelism().map_or("an unknown number of".into(), |n| n.to_string());
    format!("{}{parts}; {} threads on {cores} cores", processor::describe(), tch::get_num_threads())
}

fn mnist() -> Result<String> {
    if Source::Kaggle.is_at_hand() {
        let images = Source::Kaggle.load()?.len();
        return Ok(format!(
            "{}, {images} images, which a training takes unless --data names other data",
            Source::Kaggle
        ));
    }
    Ok(match verify_mnist(Path::new(MNIST_DIR))? {
        4 => format!("MNIST in {MNIST_DIR}, the checksums of its 4 files hold"),
        n => format!("{n} of MNIST's 4 files in {MNIST_DIR}; the next training downloads the others"),
    })
}

fn results() -> Result<String> {
    let folder = Path::new("runs");
    let is_new = !folder.exists();
    let written = fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder)?.write_all(b"x"));
    if is_new {
        let _ = fs::remove_dir(folder);
    }
    written.context("the folder runs cannot be written here: give --out DIR to each training")?;
    Ok("the folder runs can be written".into())
}
