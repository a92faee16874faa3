//! Runs that are interrupted, and go on to the numbers they would have had.
#![cfg(unix)]

use crate::common::has_avx2;
use crate::running::{program, program_at, run, stderr, stdout};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tch::Tensor;

const RESULTS: [&str; 5] = ["metrics.csv", "model.safetensors", "best.safetensors", "loss.png", "accuracy.png"];

fn train(dir: &Path, options: &str, out: &str) -> Command {
    let arguments: Vec<&str> = options.split_whitespace().chain(["--data", "digits", "--out", out]).collect();
    program(dir, &arguments)
}

fn rows(dir: &Path, out: &str) -> usize {
    fs::read_to_string(dir.join(out).join("metrics.csv")).unwrap_or_default().lines().count().saturating_sub(1)
}

/// Starts a training and waits until it has logged a few numbers.
fn start(dir: &Path, options: &str, out: &str) -> Child {
    let mut command = train(dir, options, out);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // Safety: sets what a closed terminal does, also where these tests run under `nohup`.
    let closes = || {
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) };
        Ok(())
    };
    unsafe { command.pre_exec(closes) };
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    while rows(dir, out) < 4 {
        assert!(
            begun.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none(),
            "no rows were logged"
        );
        sleep(Duration::from_millis(5));
    }
    child
}

fn send(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// A run in `stopped` that Ctrl-C has ended.
fn stop(dir: &Path) {
    let child = start(dir, "--max-steps 5000 --eval-every 2", "stopped");
    send(&child, "-INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
}

fn assert_same_results(dir: &Path, expected: &str, found: &str) {
    for file in RESULTS {
        let read = |out: &str| fs::read(dir.join(out).join(file)).unwrap();
        assert!(read(expected) == read(found), "{file} of {found} differs from that of a run never interrupted");
    }
}

#[test]
fn a_killed_run_goes_on_to_the_bits_of_a_run_never_interrupted() {
    for options in [
        "--momentum 0.9",
        "--momentum 0.9 --shuffle --lr-schedule step --step-size 1",
        "--optimizer adam",
        "--optimizer adamw --shuffle --lr-schedule cosine --augment",
        "--model lenet5 --shuffle --scale unit --weight-decay 0.01",
        "--model lenet5 --portable",
    ] {
        if options.contains("--portable") && !has_avx2() {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        // An epoch has 72 iterations here.
        let options = format!(
            "{options} --batch-size 20 --max-steps 130 --eval-every 4 --print-every 20 --save-every 7 --seed 5"
        );
        assert!(train(dir.path(), &options, "whole").output().unwrap().status.success());
        let mut child = start(dir.path(), &options, "killed");
        send(&child, "-KILL");
        child.wait().unwrap();
        let killed = dir.path().join("killed");
        assert!(!killed.join("model.safetensors").exists(), "{options}: it was killed before its end");
        // Twice: the second time from where the first one was resumed.
        let mut child = program(dir.path(), &["--resume", "killed"]).stderr(Stdio::piped()).spawn().unwrap();
        let before = rows(dir.path(), "killed");
        while rows(dir.path(), "killed") <= before && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(5));
        }
        send(&child, "-KILL");
        child.wait().unwrap();
        if !killed.join("model.safetensors").exists() {
            let output = run(dir.path(), &["--resume", "killed"]);
            assert!(output.status.success(), "{options}: {}", stderr(&output));
            assert!(stderr(&output).contains("resumed after iteration "), "{}", stderr(&output));
        }
        assert_same_results(dir.path(), "whole", "killed");
        assert!(!killed.join("checkpoint.safetensors").exists());
    }
}

#[test]
fn ctrl_c_sigterm_and_a_closed_terminal_finish_the_iteration_save_and_draw_the_charts() {
    let dir = tempfile::tempdir().unwrap();
    let options = "--optimizer adam --max-steps 3000 --eval-every 5 --print-every 50";
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let out = format!("stopped{signal}");
        let child = start(dir.path(), options, &out);
        send(&child, signal);
        let output: Output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains(&format!("go on with --resume {out}")), "{}", stderr(&output));
        let mut files: Vec<_> = fs::read_dir(dir.path().join(&out))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let expected =
            ["accuracy.png", "best.safetensors", "checkpoint.safetensors", "config.json", "loss.png", "metrics.csv"];
        assert_eq!(files, expected);
    }
}

#[test]
fn under_nohup_a_closed_terminal_is_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let line = format!(
        "trap '' HUP; exec '{}' --data digits --max-steps 30 --eval-every 5 --out run",
        env!("CARGO_BIN_EXE_cnn-tutorial")
    );
    let mut child = program_at(Path::new("sh"), dir.path(), &["-c", &line]).spawn().unwrap();
    while rows(dir.path(), "run") == 0 {
        assert!(child.try_wait().unwrap().is_none());
        sleep(Duration::from_millis(1));
    }
    send(&child, "-HUP");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_second_signal_stops_at_once() {
    let dir = tempfile::tempdir().unwrap();
    // One iteration over all images takes far longer than two signals.
    let child =
        start(dir.path(), "--model lenet5 --threads 1 --batch-size 1437 --max-steps 3000 --eval-every 1", "out");
    // Without a program to send them, which could come late. Of two that are equal the second could be lost.
    for signal in [libc::SIGINT, libc::SIGTERM] {
        assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
    }
    let output = child.wait_with_output().unwrap();
    assert!(matches!(output.status.code(), Some(130 | 143)), "{:?}", output.status);
    assert!(!stderr(&output).contains("stopped after"), "{}", stderr(&output));
}

#[test]
fn what_cannot_be_resumed_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let options = "--max-steps 200 --eval-every 4 --save-every 5";
    let csv = dir.path().join("digits.csv.gz");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/digits.csv.gz"), &csv).unwrap();
    let refused = |arguments: &[&str], code: i32, words: &[&str]| {
        let output = run(dir.path(), arguments);
        let error = stderr(&output);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(code), ""), "{error}");
        assert!(words.iter().all(|word| error.contains(word)) && !error.contains("panicked"), "{words:?}: {error}");
    };
    refused(&["--resume", "nowhere"], 1, &["nowhere is not the folder of a run"]);
    refused(&["--resume", "nowhere", "--lr", "0.1"], 2, &["--resume"]);
    assert!(train(dir.path(), options, "finished").output().unwrap().status.success());
    refused(&["--resume", "finished"], 1, &["finished is finished", "--init-from"]);

    let mut child = start(dir.path(), options, "damaged");
    send(&child, "-KILL");
    child.wait().unwrap();
    fs::write(dir.path().join("damaged/checkpoint.safetensors"), "damaged").unwrap();
    refused(&["--resume", "damaged"], 1, &["checkpoint.safetensors is damaged"]);
    fs::copy(dir.path().join("finished/model.safetensors"), dir.path().join("damaged/checkpoint.safetensors")).unwrap();
    refused(&["--resume", "damaged"], 1, &["checkpoint.safetensors is damaged"]);
    fs::remove_file(dir.path().join("damaged/checkpoint.safetensors")).unwrap();
    refused(&["--resume", "damaged"], 1, &["damaged ended before its first checkpoint"]);

    let arguments = ["--data", "digits.csv.gz", "--eval-every", "4", "--save-every", "5", "--out", "other"];
    let mut child = program(dir.path(), &arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    while rows(dir.path(), "other") < 4 {
        assert!(child.try_wait().unwrap().is_none());
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let text = "label".to_owned() + &(0..784).map(|i| format!(",pixel{i}")).collect::<String>() + "\n";
    let row = "3".to_owned() + &",7".repeat(784) + "\n";
    fs::write(&csv, text + &row.repeat(1797)).unwrap();
    refused(
        &["--resume", "other", "--data", "digits.csv.gz"],
        1,
        &["other: the data have changed since the run began"],
    );
}

/// Another tensor in a checkpoint.
fn change(checkpoint: &Path, name: &str, change: impl Fn(&Tensor) -> Tensor) {
    let tensors = Tensor::read_safetensors(checkpoint).unwrap().into_iter();
    let tensors = tensors.map(|(key, tensor)| (key.clone(), if key == name { change(&tensor) } else { tensor }));
    Tensor::write_safetensors(&tensors.collect::<Vec<_>>(), checkpoint).unwrap();
}

fn set_iteration(checkpoint: &Path, iteration: i64) {
    change(checkpoint, "iteration", |_| Tensor::from(iteration));
}

#[test]
fn a_checkpoint_at_the_end_is_finished_and_one_past_it_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let options = "--max-steps 300 --eval-every 4 --print-every 100 --shuffle";
    assert!(train(dir.path(), options, "whole").output().unwrap().status.success());
    let child = start(dir.path(), options, "ended");
    // A folder in the weights' place: the training ends behind its last checkpoint, before it has written them.
    let ended = dir.path().join("ended");
    fs::create_dir(ended.join("model.safetensors")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(stderr(&output).contains("model.safetensors cannot be written"), "{}", stderr(&output));
    fs::remove_dir(ended.join("model.safetensors")).unwrap();

    let checkpoint = ended.join("checkpoint.safetensors");
    set_iteration(&checkpoint, 301);
    let kept = || ["checkpoint.safetensors", "metrics.csv"].map(|name| fs::read(ended.join(name)).unwrap());
    let before = kept();
    let output = run(dir.path(), &["--resume", "ended"]);
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    for word in ["checkpoint.safetensors", "after iteration 301", "ends with iteration 300", "start a new training"] {
        assert!(error.contains(word), "expected '{word}' in: {error}");
    }
    assert!(kept() == before, "nothing was deleted or changed");

    set_iteration(&checkpoint, 300);
    let output = run(dir.path(), &["--resume", "ended"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_same_results(dir.path(), "whole", "ended");
    assert!(!checkpoint.exists());
}

#[test]
fn a_checkpoint_with_a_number_that_is_not_finite_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    stop(dir.path());
    let checkpoint = dir.path().join("stopped/checkpoint.safetensors");
    for number in [f64::NAN, f64::INFINITY] {
        change(&checkpoint, "model.cnn1.bias", |bias| bias * 0.0 + number);
        let output = run(dir.path(), &["--resume", "stopped"]);
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(
            error.contains("checkpoint") && error.contains("cnn1.bias holds a number that is not finite"),
            "{error}"
        );
    }
}

#[test]
fn a_stopped_run_is_told_from_a_damaged_one_with_what_can_be_done() {
    let dir = tempfile::tempdir().unwrap();
    stop(dir.path());
    fs::write(dir.path().join("digit.png"), "").unwrap();
    let told = |words: &[&str], but: &str| {
        for command in [&["evaluate"][..], &["explain"], &["predict", "digit.png"]] {
            let output = run(dir.path(), &[command, &["--run", "stopped"]].concat());
            let error = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{command:?}: {error}");
            assert!(words.iter().all(|word| error.contains(word)) && !error.contains(but), "{command:?}: {error}");
        }
    };
    told(&["stopped is not finished", "--resume stopped goes on with it", "--best"], "model.safetensors");
    assert!(run(dir.path(), &["evaluate", "--run", "stopped", "--best"]).status.success());
    fs::remove_file(dir.path().join("stopped/best.safetensors")).unwrap();
    told(&["stopped is not finished", "--resume stopped goes on with it"], "--best");
}
