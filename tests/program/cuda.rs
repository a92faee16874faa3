//! CUDA: what a driver that is too old gets, whether libtorch's CUDA part loads, and, where there is a GPU, training on it.
#![cfg(target_os = "linux")]

use crate::common::not_run;
use crate::running::{card, losses, program, run, stderr, stdout, with_card};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A folder with a driver that does nothing but say which CUDA it supports.
fn driver(version: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let source = format!(
        "int cuDriverGetVersion(int *version) {{ *version = {version}; return 0; }}\n\
         int cuInit(unsigned flags) {{ return 100; /* no device */ }}\n"
    );
    fs::write(dir.path().join("driver.c"), source).unwrap();
    let library = dir.path().join("libcuda.so.1");
    let mut compiler = Command::new("c++");
    compiler.args(["-x", "c", "-shared", "-fPIC", "-o"]).arg(&library).arg(dir.path().join("driver.c"));
    assert!(compiler.status().unwrap().success());
    dir
}

fn run_with(driver: &Path, dir: &Path, arguments: &[&str]) -> Output {
    let before = std::env::var("LD_LIBRARY_PATH").unwrap_or_default();
    let path = format!("{}:{before}", driver.display());
    program(dir, arguments).env("LD_LIBRARY_PATH", path.trim_end_matches(':')).output().unwrap()
}

/// The libtorch in use was built for CUDA 13.0, as the one that scripts/setup.sh installs is.
fn is_built_for_cuda_13(dir: &Path) -> bool {
    let is = stdout(&run(dir, &["doctor"])).contains("+cu130");
    if !is {
        not_run("libtorch for CUDA 13.0");
    }
    is
}

#[test]
fn a_driver_that_is_too_old_is_told_from_no_driver_and_auto_computes_on_the_cpu() {
    let dir = tempfile::tempdir().unwrap();
    if !is_built_for_cuda_13(dir.path()) {
        return;
    }
    let old = driver(12040);
    let words = "the driver supports CUDA 12.4, this libtorch is built for 13.0: update the driver, or set LIBTORCH";
    let train = ["--data", "digits", "--max-steps", "5", "--eval-every", "5"];
    let output = run_with(old.path(), dir.path(), &[&train[..], &["--device", "cuda"]].concat());
    assert!(output.status.code() == Some(1) && stderr(&output).contains(words), "{}", stderr(&output));
    let output = run_with(old.path(), dir.path(), &train);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output).matches("warning: computing on the CPU: ").count(), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains(words) && stderr(&output).contains("on cpu with"), "{}", stderr(&output));
    let output = run_with(old.path(), dir.path(), &["doctor"]);
    assert!(output.status.success() && stdout(&output).contains(words), "{}", stdout(&output));
    let output = run_with(old.path(), dir.path(), &["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "CUDA").unwrap();
    assert!(found["found"].as_str().unwrap().contains(words), "{report}");
}

#[test]
fn libtorchs_cuda_part_loads_through_the_programs_own_path_and_misses_only_a_card() {
    let dir = tempfile::tempdir().unwrap();
    if !is_built_for_cuda_13(dir.path()) {
        return;
    }
    let mark = format!("torch-{}-cuda", crate::common::libtorch_of(&crate::common::locked_tch()));
    if !Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.venv")).join(mark).exists() {
        return not_run("./scripts/setup.sh --cuda");
    }
    let new = driver(13000);
    let output = run_with(new.path(), dir.path(), &["--data", "digits", "--device", "cuda"]);
    let error = stderr(&output);
    assert!(output.status.code() == Some(1) && error.contains("libtorch finds 0 CUDA device(s) here"), "{error}");
}

/// The program on the GPU, if there is one.
fn on_gpu(dir: &Path, arguments: &[&str]) -> Option<Output> {
    card().map(|_| with_card(&mut program(dir, arguments)).output().unwrap())
}

#[test]
fn a_gpu_trains_both_networks_to_about_the_cpus_losses_and_its_runs_are_used_on_the_cpu() {
    let dir = tempfile::tempdir().unwrap();
    for model in ["cnn", "lenet5"] {
        let options = ["--data", "digits", "--model", model, "--max-steps", "60", "--eval-every", "10", "--shuffle"];
        let arguments = [&options[..], &["--augment", "--device", "cuda", "--out", "gpu", "--overwrite"]].concat();
        let Some(output) = on_gpu(dir.path(), &arguments) else { return };
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stderr(&output).contains("on cuda:0 with"), "{}", stderr(&output));
        let arguments = [&options[..], &["--augment", "--device", "cpu", "--out", "cpu", "--overwrite"]].concat();
        assert!(run(dir.path(), &arguments).status.success());
        for (gpu, cpu) in losses(dir.path(), "gpu").iter().zip(losses(dir.path(), "cpu")) {
            assert!((gpu - cpu).abs() < 0.02 + 0.05 * cpu.abs(), "{model}: {gpu} on the GPU, {cpu} on the CPU");
        }
        for command in ["evaluate", "explain"] {
            let output = run(dir.path(), &[command, "--run", "gpu"]);
            assert!(output.status.success(), "{command}: {}", stderr(&output));
        }
    }
}

#[test]
fn with_deterministic_two_runs_on_a_gpu_have_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    for model in ["cnn", "lenet5"] {
        for out in ["once", "twice"] {
            let options =
                ["--data", "digits", "--model", model, "--max-steps", "60", "--eval-every", "10", "--shuffle"];
            let more = ["--augment", "--device", "cuda", "--deterministic", "--out", out, "--overwrite"];
            let Some(output) = on_gpu(dir.path(), &[&options[..], &more].concat()) else { return };
            assert!(output.status.success(), "{}", stderr(&output));
        }
        for file in ["metrics.csv", "model.safetensors"] {
            let [once, twice] = ["once", "twice"].map(|out| fs::read(dir.path().join(out).join(file)).unwrap());
            assert!(once == twice, "{model}: {file} differs");
        }
    }
}

#[test]
fn a_recorded_training_has_the_bits_of_one_whose_operations_are_launched_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    for (model, batch_size, out) in [("cnn", "100", "cnn"), ("lenet5", "100", "lenet5"), ("cnn", "97", "odd")] {
        for (mode, more) in [("recorded", &[][..]), ("eager", &["--eager"])] {
            let options = ["--data", "digits", "--model", model, "--batch-size", batch_size, "--max-steps", "60"];
            let out = format!("{out}-{mode}");
            let rest = ["--eval-every", "7", "--device", "cuda", "--deterministic", "--out", &out];
            let Some(output) = on_gpu(dir.path(), &[&options[..], &rest, more].concat()) else { return };
            assert!(output.status.success() && !stderr(&output).contains("warning"), "{}", stderr(&output));
        }
        for file in ["metrics.csv", "model.safetensors"] {
            let [recorded, eager] = ["recorded", "eager"]
                .map(|mode| fs::read(dir.path().join(format!("{out}-{mode}")).join(file)).unwrap());
            assert!(recorded == eager, "{model}, batches of {batch_size}: {file} differs");
        }
    }
}

#[test]
fn a_gpu_that_is_not_there_or_too_small_is_an_error_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let Some(output) = on_gpu(dir.path(), &["--data", "digits", "--device", "cuda:77"]) else { return };
    assert!(output.status.code() == Some(1) && stderr(&output).contains("--device cuda:77"), "{}", stderr(&output));
    let mut full = program(dir.path(), &["--data", "digits", "--device", "cuda", "--batch-size", "1400"]);
    full.env("PYTORCH_CUDA_ALLOC_CONF", "per_process_memory_fraction:0.0005");
    let error = stderr(&with_card(&mut full).output().unwrap());
    assert!(["smaller --batch-size", "nvidia-smi"].iter().any(|remedy| error.contains(remedy)), "{error}");
    assert!(!error.contains("frame #0") && !error.contains("panicked"), "{error}");
    let output = on_gpu(dir.path(), &["doctor"]).unwrap();
    assert!(stdout(&output).contains("compute capability"), "{}", stdout(&output));
}
