//! `--portable`: the published digits, on whatever x86 processor this is.

use crate::common::has_avx2;
use crate::running::{program, run, stderr, stdout};
use cnn_tutorial::portable::VARIABLES;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SHORT: [&str; 8] = ["--data", "digits", "--max-steps", "6", "--eval-every", "2", "--print-every", "6"];

fn files(dir: &Path, run: &str) -> [Vec<u8>; 2] {
    ["metrics.csv", "model.safetensors"].map(|name| fs::read(dir.join(run).join(name)).unwrap())
}

/// The lines that PyTorch printed, which scripts/portable.py wrote down.
pub fn published_lines(model: &str, data: &str) -> String {
    let table = fs::read_to_string(format!("{ROOT}/assets/portable.json")).unwrap();
    let table: serde_json::Value = serde_json::from_str(&table).unwrap();
    let mut trainings = table["trainings"].as_array().unwrap().iter();
    let training = trainings.find(|training| training["model"] == model && training["data"] == data).unwrap();
    training["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned() + "\n").collect()
}

#[test]
fn the_variables_are_set_before_libtorch_reads_them() {
    if !has_avx2() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for model in ["--model=cnn", "--model=lenet5"] {
        let train =
            |out: &str, more: &[&str]| program(dir.path(), &[&SHORT[..], &[model, "--out", out], more].concat());
        let inside = train("inside", &["--portable", "--overwrite"]).output().unwrap();
        assert!(inside.status.success(), "{}", stderr(&inside));
        let outside = train("outside", &["--portable", "--overwrite"]).envs(VARIABLES).output().unwrap();
        assert!(outside.status.success(), "{}", stderr(&outside));
        assert_eq!(files(dir.path(), "inside"), files(dir.path(), "outside"), "{model}");
        // What anybody else has set does not count.
        let others = VARIABLES.map(|(name, _)| (name, "AVX512"));
        let other = train("other", &["--portable", "--overwrite"]).envs(others).env("OMP_NUM_THREADS", "3").output();
        assert!(other.unwrap().status.success());
        assert_eq!(files(dir.path(), "inside"), files(dir.path(), "other"), "{model}");
    }
}

#[test]
fn a_portable_run_is_measured_with_the_same_digits() {
    if !has_avx2() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let training = run(dir.path(), &[&SHORT[..], &["--portable", "--out", "run"]].concat());
    assert!(training.status.success(), "{}", stderr(&training));
    let evaluation = |variables: &[(&str, &str)]| {
        let mut evaluate = program(dir.path(), &["evaluate", "--run", "run"]);
        let output = evaluate.envs(variables.iter().copied()).env("OMP_NUM_THREADS", "1").output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        fs::read_to_string(dir.path().join("run/evaluation.json")).unwrap()
    };
    assert_eq!(evaluation(&[]), evaluation(&VARIABLES));
}

#[test]
fn a_gpu_is_refused_with_the_reason_for_a_new_run_and_for_one_that_goes_on() {
    if !has_avx2() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let assert_refused = |arguments: &[&str], code: i32| {
        let output = run(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let text = stderr(&output);
        assert!(text.contains("--portable is for the CPU: a GPU rounds in ways of its own"), "{arguments:?}: {text}");
    };
    assert_refused(&["--portable", "--device", "cuda"], 2);
    let mut training = program(dir.path(), &["--data", "digits", "--portable", "--out", "run"]);
    let mut training = training.stderr(Stdio::null()).spawn().unwrap();
    while !dir.path().join("run/checkpoint.safetensors").exists() {
        assert!(training.try_wait().unwrap().is_none(), "ended without a checkpoint");
        sleep(Duration::from_millis(5));
    }
    training.kill().unwrap();
    training.wait().unwrap();
    assert_refused(&["--resume", "run", "--device", "cuda"], 1);
}

#[test]
fn doctor_finds_the_published_digits_here() {
    if !has_avx2() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let text = stdout(&run(dir.path(), &["doctor"]));
    assert!(text.contains("ok      digits    this machine gives the published digits\n"), "{text}");
}
