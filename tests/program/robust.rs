//! What a classroom does to a program: it is killed, its disk is full, its folder goes, its files come from elsewhere.
#![cfg(unix)]

use crate::running::{program, program_at, run, stderr, stdout};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};
use tch::Tensor;

/// Fails unless the program ended with an error of ours that has these words.
#[track_caller]
fn assert_refused(output: &Output, words: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    for word in words {
        assert!(error.contains(word), "expected '{word}' in: {error}");
    }
    assert!(!error.contains("panicked") && !error.contains("frame #"), "{error}");
}

fn spawn(dir: &Path, arguments: &[&str]) -> Child {
    program(dir, arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_for(what: &Path, child: &mut Child) {
    wait_until(child, || what.exists());
}

#[track_caller]
fn wait_until(child: &mut Child, what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none(), "it did not come");
        sleep(Duration::from_millis(2));
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_cnn-tutorial");

/// A training that does not end of itself.
const ENDLESS: [&str; 8] = ["--data", "digits", "--max-steps", "1000000", "--eval-every", "5", "--print-every", "5"];

#[test]
fn killed_a_hundred_times_at_any_moment_a_run_loses_nothing_but_what_came_after_its_last_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["--data", "digits", "--optimizer", "adam", "--shuffle", "--threads", "1", "--max-steps", "600"];
    let more = ["--eval-every", "3", "--print-every", "100", "--save-every", "2", "--batch-size", "20"];
    let options = [&options[..], &more].concat();
    assert!(run(dir.path(), &[&options[..], &["--out", "whole"]].concat()).status.success());
    let out = dir.path().join("killed");
    let (mut kills, mut within, mut logged, mut seed) = (0, 0, 0, 12345u64);
    loop {
        let resume = out.join("checkpoint.safetensors").exists();
        let fresh = [&options[..], &["--out", "killed", "--overwrite"]].concat();
        let started = SystemTime::now();
        let mut child = spawn(dir.path(), if resume { &["--resume", "killed"] } else { &fresh });
        // Most of them when the training has begun, however long this machine takes until then.
        if kills % 4 > 0 && kills < 100 {
            let begun = || fs::metadata(out.join("metrics.csv")).and_then(|file| file.modified());
            wait_until(&mut child, || begun().is_ok_and(|begun| begun > started));
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Instant::now() + Duration::from_millis((seed >> 33) % 400);
        while Instant::now() < moment && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(1));
        }
        if kills >= 100 {
            assert!(child.wait().unwrap().success());
            let left = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let left: Vec<_> = left.filter(|name| name.starts_with("partial")).collect();
            break assert!(left.is_empty(), "what killed programs had begun to write is gone: {left:?}");
        }
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        assert_ne!(output.status.code(), Some(1), "{}", stderr(&output));
        kills += 1;
        if out.join("model.safetensors").exists() && !out.join("checkpoint.safetensors").exists() {
            assert_same_results(dir.path());
            fs::remove_dir_all(&out).unwrap(); // at its end: the next one begins anew
            (logged, within) = (0, within + 1);
            continue;
        }
        // Whatever is there is whole, and nothing that was logged before a checkpoint is gone.
        for name in ["best.safetensors", "checkpoint.safetensors"].map(|name| out.join(name)) {
            assert!(!name.exists() || tch::Tensor::read_safetensors(&name).is_ok(), "{name:?} after {kills} kills");
        }
        if out.join("checkpoint.safetensors").exists() {
            let tensors = tch::Tensor::read_safetensors(out.join("checkpoint.safetensors")).unwrap();
            let iteration = &tensors.iter().find(|(name, _)| name == "iteration").unwrap().1;
            let metrics = fs::read_to_string(out.join("metrics.csv")).unwrap();
            let rows = metrics.lines().skip(1).filter(|row| row.split(',').count() == 3).count() as i64;
            assert!(rows >= i64::try_from(iteration).unwrap() / 3, "after {kills} kills: {iteration:?}\n{metrics}");
            assert!(i64::try_from(iteration).unwrap() >= logged, "a checkpoint went back");
            within += usize::from(i64::try_from(iteration).unwrap() > logged);
            logged = i64::try_from(iteration).unwrap();
        }
    }
    assert!(within >= 20, "{within} of {kills} found a training that had come further");
    assert_same_results(dir.path());
}

#[track_caller]
fn assert_same_results(dir: &Path) {
    for file in ["metrics.csv", "model.safetensors", "best.safetensors", "loss.png", "accuracy.png"] {
        let read = |out: &str| fs::read(dir.join(out).join(file)).unwrap();
        assert!(read("whole") == read("killed"), "{file} differs from that of a run never interrupted");
    }
}

#[test]
fn of_two_runs_in_one_folder_the_second_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = [&ENDLESS[..], &["--out", "out"]].concat();
    let mut child = spawn(dir.path(), &arguments);
    wait_for(&dir.path().join("out/best.safetensors"), &mut child);
    let in_use = "another process is training in out: wait until it has finished";
    let or_elsewhere = format!("{in_use}, or give another --out");
    assert_refused(&run(dir.path(), &[&arguments[..], &["--overwrite"]].concat()), &[&or_elsewhere]);
    // Its checkpoint is not looked at: it may be replaced, or go, at any moment.
    fs::write(dir.path().join("out/checkpoint.safetensors"), "").unwrap();
    assert_refused(&run(dir.path(), &["--resume", "out"]), &[&format!("{in_use}\n")]);
    child.kill().unwrap();
    child.wait().unwrap();
    let best = dir.path().join("out/best.safetensors");
    fs::remove_file(&best).unwrap();
    let rows = || fs::read_to_string(dir.path().join("out/metrics.csv")).unwrap().lines().count();
    let (mut child, before) = (spawn(dir.path(), &["--resume", "out"]), 2);
    // A killed run's folder is free again: the resumed one logs.
    wait_until(&mut child, || rows() > before);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_full_disk_ends_the_run_with_the_files_name_and_what_was_kept_can_be_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let options = "--data digits --max-steps 200 --eval-every 5 --print-every 100 --save-every 10";
    let options: Vec<&str> = options.split(' ').collect();
    assert!(run(dir.path(), &[&options[..], &["--out", "whole"]].concat()).status.success());
    // A limit on the size of files stands in for a full disk: a write fails half-way.
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_cnn-tutorial")])
        .args([&options[..], &["--out", "killed"]].concat())
        .env("CUDA_VISIBLE_DEVICES", "")
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&dir.path().join("killed/best.safetensors"), &mut child);
    let pid = child.id().to_string();
    assert!(Command::new("prlimit").args(["--pid", &pid, "--fsize=20000"]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_refused(&output, &[".safetensors cannot be written", "File too large"]);
    let left: Vec<_> = fs::read_dir(dir.path().join("killed")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("partial")), "{left:?}");
    let output = run(dir.path(), &["--resume", "killed"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_same_results(dir.path());
}

#[test]
fn a_folder_that_vanishes_during_training_is_an_error_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = spawn(dir.path(), &[&ENDLESS[..], &["--out", "out", "--save-every", "5"]].concat());
    wait_for(&dir.path().join("out/best.safetensors"), &mut child);
    fs::rename(dir.path().join("out"), dir.path().join("elsewhere")).unwrap();
    assert_refused(&child.wait_with_output().unwrap(), &["out/", "cannot be written", "No such file or directory"]);
    assert!(dir.path().join("elsewhere/checkpoint.safetensors").exists());
}

#[test]
fn a_reader_who_leaves_does_not_end_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let train = "--data digits --max-steps 40 --eval-every 5 --print-every 5 --out";
    for (out, redirection) in [("stdout", "| head -1"), ("stderr", "2>&1 >/dev/null | head -c 1"), ("none", ">&- 2>&-")]
    {
        let script = format!("\"{}\" {train} {out} {redirection}", env!("CARGO_BIN_EXE_cnn-tutorial"));
        let status = Command::new("sh").args(["-c", &script]).current_dir(dir.path()).stdout(Stdio::null()).status();
        assert!(status.unwrap().success());
        let metrics = fs::read_to_string(dir.path().join(out).join("metrics.csv")).unwrap();
        assert_eq!(metrics.lines().count(), 9, "{out}: {metrics}");
        assert!(dir.path().join(out).join("accuracy.png").exists(), "{out}");
    }
}

#[test]
fn neither_a_locale_nor_a_home_that_cannot_be_written_nor_a_folders_name_changes_anything() {
    let dir = tempfile::tempdir().unwrap();
    let train = |out: &str| {
        let arguments = ["--data", "digits", "--max-steps", "20", "--eval-every", "5", "--out", out];
        let mut command = program(dir.path(), &arguments);
        command.stdin(Stdio::null());
        command
    };
    assert!(train("plain").output().unwrap().status.success());
    let output = train("Übung 1/κόλπος").env("LC_ALL", "de_DE.UTF-8").env("HOME", "/dev/null/home").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    for file in ["metrics.csv", "model.safetensors", "loss.png"] {
        let read = |out: &str| fs::read(dir.path().join(out).join(file)).unwrap();
        assert!(read("plain") == read("Übung 1/κόλπος"), "{file}");
    }
    // Not Unicode at all: config.json could not keep it.
    let output = train("x").arg("--init-from").arg(OsStr::from_bytes(b"\xff")).output().unwrap();
    assert!(output.status.code() == Some(2) && stderr(&output).contains("UTF-8"), "{}", stderr(&output));
    let output = run(dir.path(), &["evaluate", "--run", "Übung 1/κόλπος"]);
    assert!(output.status.success() && stdout(&output).contains("accuracy"), "{}", stderr(&output));
}

#[test]
fn nothing_in_a_run_from_elsewhere_does_worse_than_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--data", "digits", "--max-steps", "10", "--eval-every", "5", "--out", "run"];
    assert!(run(dir.path(), &arguments).status.success());
    let at = |name: &str| dir.path().join("run").join(name);
    let (config, weights) =
        (fs::read_to_string(at("config.json")).unwrap(), fs::read(at("model.safetensors")).unwrap());
    let evaluate = || run(dir.path(), &["evaluate", "--run", "run"]);
    assert!(evaluate().status.success());

    // Weights: cut off, of another kind, with a header that lies.
    for (bytes, word) in [
        (weights[..weights.len() - 1].to_vec(), "cannot be read"),
        (weights[..7].to_vec(), "cannot be read"),
        (Vec::new(), "cannot be read"),
        ([&u64::MAX.to_le_bytes()[..], &weights[8..]].concat(), "cannot be read"),
        (String::from_utf8_lossy(&weights).replacen("[16,1,3,3]", "[16,1,3,9]", 1).into_bytes(), "cannot be read"),
        (b"\x80\x02}q\x00X\x03\x00\x00\x00abc".to_vec(), "cannot be read"), // a pickle
        (b"PK\x03\x04 a zip, as torch.save writes".to_vec(), "cannot be read"),
    ] {
        fs::write(at("model.safetensors"), bytes).unwrap();
        assert_refused(&evaluate(), &["model.safetensors", word]);
    }
    fs::write(at("model.safetensors"), &weights).unwrap();

    // Options: out of range, of another type, cut off.
    for (value, replacement) in [
        ("\"batch_size\": 100", "\"batch_size\": 0"),
        ("\"batch_size\": 100", "\"batch_size\": -1"),
        ("\"eval_every\": 5", "\"eval_every\": 0"),
        ("\"test_size\": 0.2", "\"test_size\": 2"),
        ("\"model\": \"cnn\"", "\"model\": \"../../cnn\""),
        ("\"lr\": 0.001", "\"lr\": 1e999"),
        ("\"lr\": 0.001", "\"lr\": -1"),
        ("\"image_size\": [", "\"image_size\": [1,"),
        ("\"classes\": [", "\"classes\": [7,"),
        ("\"computed_with_threads\": ", "\"computed_with_threads\": 100000"),
        ("}", ""),
    ] {
        let changed = config.replacen(value, replacement, 1);
        assert_ne!(changed, config, "{value}");
        fs::write(at("config.json"), changed).unwrap();
        assert_refused(&evaluate(), &["config.json is damaged"]);
    }

    // A path in it is not followed, neither for reading nor for writing.
    let secret = dir.path().join("secret.csv");
    fs::write(&secret, "secret").unwrap();
    let changed = config.replacen("\"data\": \"digits\"", &format!("\"data\": {:?}", secret.to_str().unwrap()), 1);
    let changed = changed.replacen("\"out\": \"run\"", "\"out\": \"elsewhere\"", 1);
    assert!(changed.contains("elsewhere"), "{changed}");
    fs::write(at("config.json"), changed).unwrap();
    for arguments in [&["evaluate"][..], &["explain"], &["evaluate", "--validation"]] {
        let output = run(dir.path(), &[arguments, &["--run", "run"]].concat());
        assert_refused(&output, &["give that again, --data", "secret.csv"]);
        assert!(!stderr(&output).contains("'secret'"), "{}", stderr(&output));
    }
    fs::copy(at("best.safetensors"), at("checkpoint.safetensors")).unwrap();
    assert_refused(&run(dir.path(), &["--resume", "run"]), &["give that again, --data"]);
    let output = run(dir.path(), &["evaluate", "--run", "run", "--data", "digits"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!dir.path().join("elsewhere").exists());
}

#[test]
fn numbers_that_no_training_logs_are_left_out_of_a_resumed_run() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        ["--data", "digits", "--max-steps", "400", "--eval-every", "5", "--save-every", "5", "--batch-size", "20"];
    for rows in ["1,1e308,-1e308", "1,nan,50", "1,1e16,50\n2,10000000000000002,50", "\u{0},,", "1,0.5"] {
        let mut child = spawn(dir.path(), &[&options[..], &["--out", "run"]].concat());
        wait_for(&dir.path().join("run/best.safetensors"), &mut child);
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        let metrics = dir.path().join("run/metrics.csv");
        let whole = fs::read_to_string(&metrics).unwrap();
        let (head, rest) = whole.split_once('\n').unwrap();
        fs::write(&metrics, format!("{head}\n{rows}\n{rest}")).unwrap();
        let output = Command::new("timeout") // drawing such numbers would not end
            .args(["60", env!("CARGO_BIN_EXE_cnn-tutorial"), "--resume", "run"])
            .env("GOMP_SPINCOUNT", "0")
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{rows}: {}", stderr(&output));
        let kept = fs::read_to_string(&metrics).unwrap();
        assert!(kept.lines().all(|row| row.split(',').count() == 3 && !row.starts_with("1,")), "{kept}");
        fs::remove_dir_all(dir.path().join("run")).unwrap();
    }
}

#[test]
fn a_bad_row_of_metrics_csv_costs_no_other_row() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        ["--data", "digits", "--max-steps", "400", "--eval-every", "5", "--save-every", "5", "--batch-size", "20"];
    assert!(run(dir.path(), &[&options[..], &["--out", "whole"]].concat()).status.success());
    let mut child = spawn(dir.path(), &[&options[..], &["--out", "run"]].concat());
    let metrics = dir.path().join("run/metrics.csv");
    wait_until(&mut child, || fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() > 4));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let text = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, text.replacen("\n5,", "\n5,x", 1)).unwrap();
    let damaged = fs::read_to_string(&metrics).unwrap();
    let output = run(dir.path(), &["--resume", "run"]);
    assert!(output.status.success());
    let words = "as it was it is in metrics-unread.csv";
    assert!(stderr(&output).contains(words), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(dir.path().join("run/metrics-unread.csv")).unwrap(), damaged);
    let whole = fs::read_to_string(dir.path().join("whole/metrics.csv")).unwrap();
    let without: String = whole.lines().filter(|row| !row.starts_with("5,")).map(|row| row.to_owned() + "\n").collect();
    assert_eq!(fs::read_to_string(&metrics).unwrap(), without);
}

#[test]
fn however_often_a_run_is_resumed_rows_that_could_not_be_read_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let [metrics, unread] = ["metrics.csv", "metrics-unread.csv"].map(|file| dir.path().join("run").join(file));
    // Trains until a few rows more are logged, then interrupts it, and has a spreadsheet save the file.
    let few_rows = |arguments: &[&str], spoil: bool| {
        let mut child = spawn(dir.path(), arguments);
        let begun = Instant::now();
        let rows =
            || fs::read_to_string(&metrics).map_or(0, |text| text.lines().filter(|row| row.contains(',')).count());
        wait_until(&mut child, || begun.elapsed() > Duration::from_millis(1500) && rows() > 4);
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        let text = fs::read_to_string(&metrics).unwrap();
        let text = if spoil { text.replace(',', ";") } else { text };
        fs::write(&metrics, &text).unwrap();
        (stderr(&output), text)
    };
    let (_, first) = few_rows(&[&ENDLESS[..], &["--out", "run", "--save-every", "5"]].concat(), true);
    let (words, second) = few_rows(&["--resume", "run"], true);
    assert!(words.contains(" rows, 0 can be read; as it was it is in metrics-unread.csv"), "{words}");
    assert_eq!(fs::read_to_string(&unread).unwrap(), first);
    few_rows(&["--resume", "run"], false);
    assert_eq!(fs::read_to_string(&unread).unwrap(), first.clone() + &second);
    let (words, _) = few_rows(&["--resume", "run"], false);
    assert!(words.contains(" can be read\n"), "what is missing is said again: {words}");
    assert_eq!(fs::read_to_string(&unread).unwrap(), first + &second);
    few_rows(&[&ENDLESS[..], &["--out", "run", "--overwrite"]].concat(), false);
    assert!(!unread.exists(), "it belongs to the run that was replaced");
}

#[test]
fn weights_that_are_not_finite_do_not_replace_a_checkpoint_that_can_be_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["--data", "digits", "--lr", "3e38", "--max-steps", "100", "--save-every", "1", "--out", "run"];
    let remedy = ["became infinite or NaN by iteration 1: try a smaller --lr, or --scale unit"];
    assert_refused(&run(dir.path(), &options), &remedy);
    let checkpoint = Tensor::read_safetensors(dir.path().join("run/checkpoint.safetensors")).unwrap();
    for (name, tensor) in checkpoint.iter().filter(|(name, _)| name.starts_with("model.")) {
        assert!(bool::try_from(tensor.isfinite().all()).unwrap(), "{name}");
    }
    assert_refused(&run(dir.path(), &["--resume", "run"]), &remedy);
}

#[test]
fn where_a_file_may_not_grow_the_error_is_that_of_a_full_disk_and_the_same_start_succeeds_later() {
    let dir = tempfile::tempdir().unwrap();
    let options = "--data digits --max-steps 10 --eval-every 5 --print-every 5 --out run";
    let start = |limit: &str| {
        let line = format!("ulimit -f {limit}; exec \"$0\" {options}");
        program_at(Path::new("bash"), dir.path(), &["-c", &line, PROGRAM]).output().unwrap()
    };
    assert_refused(&start("8"), &["run/checkpoint.safetensors cannot be written", "File too large"]);
    assert_refused(&run(dir.path(), &["--resume", "run"]), &["run is not the folder of a run"]);
    assert!(start("unlimited").status.success(), "nothing stands in its way");
}

#[test]
fn what_cannot_be_read_of_a_run_is_not_called_damaged_and_a_pipe_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = spawn(dir.path(), &[&ENDLESS[..], &["--out", "run", "--save-every", "5"]].concat());
    wait_for(&dir.path().join("run/best.safetensors"), &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    let [checkpoint, aside] = ["run/checkpoint.safetensors", "aside"].map(|name| dir.path().join(name));
    fs::rename(&checkpoint, &aside).unwrap();
    fs::create_dir(&checkpoint).unwrap();
    let output = run(dir.path(), &["--resume", "run"]);
    assert_refused(&output, &["run/checkpoint.safetensors: expected a regular file"]);
    assert!(!stderr(&output).contains("damaged"), "{}", stderr(&output));
    fs::remove_dir(&checkpoint).unwrap();
    fs::rename(&aside, &checkpoint).unwrap();
    fs::remove_file(dir.path().join("run/metrics.csv")).unwrap();
    let words = ["put back what this run has logged, or start a new training", "run/metrics.csv cannot be read"];
    assert_refused(&run(dir.path(), &["--resume", "run"]), &words);
    assert!(Command::new("mkfifo").arg(dir.path().join("pipe")).status().unwrap().success());
    let resume = ["60", PROGRAM, "--resume", "pipe"];
    assert_refused(
        &program_at(Path::new("timeout"), dir.path(), &resume).output().unwrap(),
        &["pipe is not the folder of a run"],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_line_that_a_full_disk_does_not_take_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["--data", "digits", "--max-steps", "10", "--eval-every", "5", "--print-every", "5", "--out", "run"];
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = program(dir.path(), &options).stdout(full).output().unwrap();
    assert!(output.status.success() && stderr(&output).contains("warning: a line could not be printed: No space left"));
}

#[test]
fn a_resumed_run_refuses_options_that_are_not_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = spawn(dir.path(), &[&ENDLESS[..], &["--out", "run", "--save-every", "5"]].concat());
    wait_for(&dir.path().join("run/best.safetensors"), &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    let path = dir.path().join("run/config.json");
    let config = fs::read_to_string(&path).unwrap();
    for (value, other, name) in [
        ("\"lr\": 0.001", "\"lr\": 0.01", "lr"),
        ("\"batch_size\": 100", "\"batch_size\": 50", "batch_size"),
        ("\"seed\": 0", "\"seed\": 1", "seed"),
        ("\"shuffle\": false", "\"shuffle\": true", "shuffle"),
        ("\"max_steps\": 1000000", "\"max_steps\": 99", "max_steps"),
    ] {
        let changed = config.replacen(value, other, 1);
        assert_ne!(changed, config);
        fs::write(&path, changed).unwrap();
        assert_refused(&run(dir.path(), &["--resume", "run"]), &[&format!("another {name} than the checkpoint")]);
    }
}

/// The embedded digits, unzipped.
fn read_digits(dir: &Path) -> Vec<u8> {
    let output = Command::new("gzip").arg("-dc").arg(dir.join("my digits.csv")).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn a_change_of_the_learning_rate_that_has_reached_the_checkpoint_alone_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["--data", "digits", "--max-steps", "60", "--eval-every", "5", "--threads", "1"];
    let straight = run(dir.path(), &[&options[..], &["--lr-from", "16=0.02", "--out", "whole"]].concat());
    assert!(straight.status.success(), "{}", stderr(&straight));
    let mut child = program(dir.path(), &[&options[..], &["--out", "killed", "--conducted"]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let config = dir.path().join("killed/config.json");
    let changed = || fs::read_to_string(&config).is_ok_and(|text| text.contains("16=0.02"));
    let mut orders = child.stdin.take().unwrap();
    writeln!(orders, "{{\"until\": 15}}").unwrap();
    wait_for(&config, &mut child);
    let before = fs::read_to_string(&config).unwrap();
    wait_until(&mut child, || rows(dir.path()) == 3);
    writeln!(orders, "{{\"lr\": 0.02}}").unwrap();
    wait_until(&mut child, changed);
    child.kill().unwrap();
    child.wait().unwrap();
    fs::write(&config, before).unwrap(); // as if it had ended between the two files
    let output = run(dir.path(), &["--resume", "killed"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_same_results(dir.path());
    assert!(changed(), "config.json tells it, too");
}

/// How many evaluations the run `killed` has logged.
fn rows(dir: &Path) -> usize {
    fs::read_to_string(dir.join("killed/metrics.csv")).map_or(0, |text| text.lines().skip(1).count())
}

#[test]
fn what_an_evaluation_found_is_printed_also_where_the_runs_folder_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--data", "digits", "--max-steps", "5", "--eval-every", "5", "--out", "run"];
    assert!(run(dir.path(), &arguments).status.success());
    // In the way of the file, whoever one is.
    fs::create_dir(dir.path().join("run/evaluation.json")).unwrap();
    let output = run(dir.path(), &["evaluate", "--run", "run", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("run/evaluation.json cannot be written"), "{}", stderr(&output));
    assert!(stdout(&output).contains("\"accuracy\""), "{}", stdout(&output));
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_printed_for_want_of_room_is_an_error_and_a_reader_who_has_left_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--data", "digits", "--max-steps", "5", "--eval-every", "5", "--out", "run"];
    assert!(run(dir.path(), &arguments).status.success());
    for command in ["evaluate --run run --json", "summary", "doctor", "explain --run run"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = program(dir.path(), &arguments).stdout(full).output().unwrap();
        assert_refused(&output, &["standard output cannot be written", "No space left on device"]);
        let mut child = program(dir.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        assert!(child.wait().unwrap().success(), "{command}");
    }
}

#[test]
fn what_a_folder_from_elsewhere_holds_does_not_reach_the_terminal_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--data", "digits", "--max-steps", "5", "--eval-every", "5", "--out", "run"];
    assert!(run(dir.path(), &arguments).status.success());
    let path = dir.path().join("run/config.json");
    let config = fs::read_to_string(&path).unwrap();
    for value in ["\\u001b[2J\\u0007", &"long ".repeat(100_000)] {
        for name in ["\"model\": \"cnn\"", "\"data\": \"digits\""] {
            let (key, _) = name.split_once(' ').unwrap();
            fs::write(&path, config.replacen(name, &format!("{key} \"{value}\""), 1)).unwrap();
            let output = run(dir.path(), &["evaluate", "--run", "run"]);
            assert_refused(&output, &[]);
            let error = stderr(&output);
            assert!(error.len() < 5000 && !error.contains(['\x1b', '\x07']), "{} bytes: {:.200}", error.len(), error);
        }
    }
}

#[test]
fn a_run_on_a_file_is_resumed_and_measured_with_the_file_given_again() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/digits.csv.gz"), dir.path().join("my digits.csv")).unwrap();
    let data = ["--data", "my digits.csv"];
    let options = ["--max-steps", "5000", "--eval-every", "5", "--save-every", "5", "--out", "run"];
    let mut child = spawn(dir.path(), &[&data[..], &options].concat());
    wait_for(&dir.path().join("run/best.safetensors"), &mut child);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let error = stderr(&child.wait_with_output().unwrap());
    assert!(error.contains("go on with --resume run --data 'my digits.csv'"), "{error}");
    assert_refused(&run(dir.path(), &["--resume", "run"]), &["--data 'my digits.csv'"]);
    // Of other data it is said that they are others, whatever else does not fit: here no batch.
    let text = String::from_utf8(read_digits(dir.path())).unwrap();
    fs::write(dir.path().join("few.csv"), text.lines().take(61).collect::<Vec<_>>().join("\n")).unwrap();
    let few = run(dir.path(), &["--resume", "run", "--data", "few.csv"]);
    assert_refused(
        &few,
        &["run: the data have changed since the run began (my digits.csv): bring back what they were"],
    );
    assert_refused(&run(dir.path(), &["--resume", "run", "--data", "digits.csv"]), &["digits.csv cannot be opened"]);
    let rows = || fs::read_to_string(dir.path().join("run/metrics.csv")).unwrap().lines().count();
    let before = rows();
    let mut child = spawn(dir.path(), &["--resume", "run", data[0], data[1]]);
    wait_until(&mut child, || rows() > before);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn two_thousand_iterations_take_no_more_memory_than_the_first_hundred() {
    let dir = tempfile::tempdir().unwrap();
    for model in ["cnn", "lenet5"] {
        let options = format!(
            "--data digits --model {model} --max-steps 2000 --batch-size 20 --eval-every 20 --print-every 100 --shuffle \
             --augment --out {model}"
        );
        let mut child = spawn(dir.path(), &options.split_whitespace().collect::<Vec<_>>());
        let metrics = dir.path().join(model).join("metrics.csv");
        let status = format!("/proc/{}/status", child.id());
        let (mut early, mut late) = (0, 0);
        while child.try_wait().unwrap().is_none() {
            let rows = fs::read_to_string(&metrics).unwrap_or_default().lines().count();
            let kilobytes = fs::read_to_string(&status).unwrap_or_default();
            let kilobytes =
                kilobytes.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
            let kilobytes: u64 = kilobytes.unwrap_or(0);
            match rows {
                6..=10 => early = early.max(kilobytes), // from iteration 100 to 200
                90..=100 => late = late.max(kilobytes), // from iteration 1,800 on, before the charts are drawn
                _ => {}
            }
            sleep(Duration::from_millis(1));
        }
        assert!(early > 100_000 && late > 100_000, "{model}: {early} and {late} kB were seen");
        assert!(late < early + 8_000, "{model}: {early} kB after the first hundred iterations, {late} kB at the end");
    }
}

#[test]
fn doctor_says_what_is_there_and_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["doctor"]);
    let text = stdout(&output);
    assert!(output.status.success(), "{text}");
    let libtorch = format!("ok      libtorch  {}", crate::common::libtorch_of(&crate::common::locked_tch()));
    for word in [&*libtorch, "threads on", "-       CUDA", "0 of MNIST's 4 files", "training can run"] {
        assert!(text.contains(word), "expected '{word}' in:\n{text}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");

    let mnist = dir.path().join("data/mnist");
    fs::create_dir_all(&mnist).unwrap();
    fs::write(mnist.join("t10k-labels-idx1-ubyte.gz"), "<html>").unwrap();
    fs::write(dir.path().join("runs"), "a file where the folder should be").unwrap();
    let output = run(dir.path(), &["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["can_train"], false);
    let check = |name: &str| {
        let found = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap();
        (found["status"].as_str().unwrap().to_owned(), found["found"].as_str().unwrap().to_owned())
    };
    let (status, found) = check("data");
    assert!(status == "failed" && found.contains("t10k-labels-idx1-ubyte.gz is not MNIST's"), "{found}");
    let (status, found) = check("results");
    assert!(status == "failed" && found.contains("--out"), "{found}");
    if let Some(mnist) = crate::common::mnist() {
        fs::remove_dir_all(dir.path().join("data")).unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        std::os::unix::fs::symlink(mnist, dir.path().join("data/mnist")).unwrap();
        let text = stdout(&run(dir.path(), &["doctor"]));
        assert!(text.contains("the checksums of its 4 files hold"), "{text}");
    }
}

#[test]
fn under_valgrind_a_training_touches_only_memory_that_is_its_own() {
    let valgrind = |arguments: &[&str]| {
        let mut command = Command::new("valgrind");
        // Not uninitialised values: libtorch branches on an optional memory format that it then does not use.
        command.args(["--quiet", "--undef-value-errors=no", "--error-exitcode=99"]).args(arguments);
        command
    };
    if valgrind(&["true"]).status().is_err() {
        return crate::common::not_run("valgrind");
    }
    let dir = tempfile::tempdir().unwrap();
    // Few images, for valgrind is slow.
    let training =
        "--data digits --test-size 0.02 --batch-size 10 --max-steps 2 --eval-every 2 --print-every 2 --threads 1";
    let training: Vec<&str> = training.split(' ').collect();
    let output = valgrind(&[&[env!("CARGO_BIN_EXE_cnn-tutorial")], &training[..]].concat())
        .current_dir(dir.path())
        .env("OMP_NUM_THREADS", "1")
        .output()
        .unwrap();
    assert!(output.status.success() && !stderr(&output).contains("=="), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("Iteration: 2 "), "{}", stdout(&output));
}
