//! What several test programs need: Python's fixtures, the small digits, real MNIST.
#![allow(dead_code)] // each test program uses a part of it

use cnn_tutorial::data::{Dataset, read_csv};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tch::Tensor;

/// Holds what the tutorial needs in Python, when `./scripts/setup.sh --python` was run; required in CI.
pub fn python() -> Option<&'static Path> {
    let python = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.venv/bin/python"));
    let ready = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.venv"))
        .is_ok_and(|entries| entries.flatten().any(|e| e.file_name().to_string_lossy().ends_with("-python")));
    assert!(ready || std::env::var_os("CI").is_none(), "CI has to run ./scripts/setup.sh --python before the tests");
    if !ready {
        not_run("./scripts/setup.sh --python");
    }
    ready.then_some(python)
}

/// The folder of Python's numbers, and whether they were computed on this machine and so have to be equal bit for bit.
pub fn fixtures() -> (&'static Path, bool) {
    static FIXTURES: OnceLock<(PathBuf, bool)> = OnceLock::new();
    let (dir, exact) = FIXTURES.get_or_init(|| match python() {
        Some(python) => {
            let dir = tempfile::tempdir().unwrap().keep();
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/make_fixtures.py");
            let status = Command::new(python).args([script, dir.to_str().unwrap()]).status().unwrap();
            assert!(status.success(), "{script} failed");
            (dir, true)
        }
        None => (Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures")).to_owned(), false),
    });
    (dir, *exact)
}

pub fn tensors(file: &str) -> HashMap<String, Tensor> {
    Tensor::read_safetensors(fixtures().0.join(file)).unwrap().into_iter().collect()
}

/// Fails unless the tensors are equal: bit for bit where Python ran on this machine, else up to `rounding`.
pub fn assert_same(found: &Tensor, expected: &Tensor, rounding: f64, what: &str) {
    assert_eq!(found.size(), expected.size(), "{what}");
    let same = if fixtures().1 { found.equal(expected) } else { found.allclose(expected, rounding, rounding, false) };
    assert!(same, "{what}: found {found:?}\n{found}\nexpected\n{expected}");
}

/// The digits that are embedded in the program.
pub fn digits() -> Dataset {
    read_csv(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/digits.csv.gz"))).unwrap()
}

/// Whether this processor can give the digits of `--portable`.
pub fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    let has = false;
    if !has {
        not_run("an x86 processor with AVX2");
    }
    has
}

/// Says that a test was not run, where a person sees it: libtest swallows what `eprintln!` prints.
pub fn not_run(needs: &str) {
    let thread = std::thread::current();
    let test = thread.name().filter(|name| *name != "main").unwrap_or(env!("CARGO_CRATE_NAME"));
    let _ = writeln!(std::io::stderr(), "NOT RUN: {test}: needs {needs}");
}

/// The tch that Cargo.lock has.
pub fn locked_tch() -> String {
    let lock = include_str!("../../Cargo.lock");
    lock.split("name = \"tch\"\nversion = \"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The libtorch that goes with a tch.
pub fn libtorch_of(tch: &str) -> String {
    let mut pairs = include_str!("../../assets/libtorch.txt").lines();
    pairs.find_map(|line| line.strip_prefix(tch)?.strip_prefix(' ')).unwrap().to_owned()
}

/// The folder with MNIST, when there is one; required in CI.
pub fn mnist() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = ["../shared/mnist", "data/mnist"].map(|dir| root.join(dir)).into_iter().find(|dir| dir.is_dir());
    assert!(dir.is_some() || std::env::var_os("CI").is_none(), "CI has to have MNIST in ../shared/mnist or data/mnist");
    if dir.is_none() {
        not_run("MNIST in data/mnist");
    }
    dir
}
