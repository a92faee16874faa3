//! What may stand in a folder and is not the program's: links, pipes, devices, files of a person's own.
#![cfg(unix)]

use crate::running::{run, stderr, stdout};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cnn-tutorial");
const QUICK: [&str; 10] =
    ["--data", "digits", "--max-steps", "4", "--eval-every", "2", "--print-every", "2", "--threads", "1"];
/// Every file that a run may have.
const FILES: [&str; 14] = [
    "config.json",
    "metrics.csv",
    "model.safetensors",
    "best.safetensors",
    "checkpoint.safetensors",
    "loss.png",
    "accuracy.png",
    "evaluation.json",
    "confusion.png",
    "mistakes.png",
    "predictions.png",
    "filters.png",
    "layers.png",
    "pooling.png",
];

fn train(dir: &Path, more: &[&str]) -> Output {
    run(dir, &[&QUICK[..], more].concat())
}

#[track_caller]
fn succeeds(output: Output) -> Output {
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

/// Fails unless the program ended with this exit code and with these words on standard error.
#[track_caller]
fn assert_refused(output: &Output, code: i32, words: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{error}");
    for word in words {
        assert!(error.contains(word), "expected '{word}' in: {error}");
    }
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn partial(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("partial-")).collect()
}

#[test]
fn nothing_is_written_through_a_link_that_stands_in_the_folder_of_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let precious = dir.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    succeeds(train(dir.path(), &["--out", "run"]));
    let at = |name: &str| dir.path().join("run").join(name);
    let check = |names: &[&str]| {
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        for name in names {
            assert!(fs::symlink_metadata(at(name)).unwrap().is_file(), "{name} is a file of its own");
        }
    };
    let measured = ["evaluation.json", "confusion.png", "mistakes.png"];
    for name in measured {
        symlink("../precious", at(name)).unwrap();
        symlink("../precious", at(&format!("partial-{name}"))).unwrap();
    }
    succeeds(run(dir.path(), &["evaluate", "--run", "run"]));
    check(&measured);
    let mut left = partial(&dir.path().join("run"));
    left.sort();
    assert_eq!(left, ["partial-confusion.png", "partial-evaluation.json", "partial-mistakes.png"], "those planted");
    for name in FILES {
        let _ = fs::remove_file(at(name));
        symlink("../precious", at(name)).unwrap();
    }
    succeeds(train(dir.path(), &["--out", "run", "--overwrite"]));
    check(&["config.json", "metrics.csv", "model.safetensors", "best.safetensors", "loss.png", "accuracy.png"]);

    // A resumed run reads what the link leads to, and writes to a file of its own. It goes on only to fail.
    assert_refused(&run(dir.path(), &["--data", "digits", "--lr", "1e6", "--out", "stopped"]), 1, &["NaN"]);
    let metrics = dir.path().join("stopped/metrics.csv");
    fs::remove_file(&metrics).unwrap();
    let logged = "iteration,loss,accuracy\n1,0.5,50.0\n";
    fs::write(&precious, logged).unwrap();
    symlink("../precious", &metrics).unwrap();
    assert_refused(&run(dir.path(), &["--resume", "stopped"]), 1, &["NaN"]);
    assert_eq!(fs::read_to_string(&precious).unwrap(), logged);
    assert!(fs::symlink_metadata(&metrics).unwrap().is_file());
}

#[test]
fn several_evaluations_of_one_run_at_once_all_succeed_and_leave_nothing_half_written() {
    let dir = tempfile::tempdir().unwrap();
    succeeds(train(dir.path(), &["--out", "run"]));
    std::thread::scope(|scope| {
        let all = [(); 3].map(|()| scope.spawn(|| run(dir.path(), &["evaluate", "--run", "run", "--json"])));
        let all = all.map(|evaluation| stdout(&succeeds(evaluation.join().unwrap())));
        let kept = fs::read_to_string(dir.path().join("run/evaluation.json")).unwrap();
        assert!(all.iter().all(|text| *text == kept));
    });
    assert_eq!(partial(&dir.path().join("run")), [""; 0]);
}

#[test]
fn what_a_killed_program_has_left_is_removed_by_the_next_that_writes_the_file_and_not_what_another_is_writing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("run");
    succeeds(train(dir.path(), &["--out", "run"]));
    let plant = |start: &str, name: &str| {
        let partial = format!("{start}-{name}");
        fs::File::create(folder.join(&partial)).map(|file| (partial, file)).unwrap()
    };
    let check = |arguments: &[&str], writes: &[&str]| {
        let planted = writes.iter().flat_map(|name| {
            drop(plant("partial-Ab3De6Gh9Jk2", name)); // which is of no living program
            let (written, file) = plant("partial-Lm4No7Pq1Rs5", name);
            file.lock().unwrap();
            [(written, file), plant("partial-dissertation", name), plant("partial-my-own-notes", name)]
        });
        let (mut expected, open): (Vec<_>, Vec<_>) = planted.unzip();
        succeeds(run(dir.path(), arguments));
        expected.sort();
        let mut left = partial(&folder);
        left.sort();
        assert_eq!(left, expected, "{arguments:?}");
        drop(open);
        left.iter().for_each(|name| fs::remove_file(folder.join(name)).unwrap());
    };
    let digit = dir.path().join("one.png");
    image::GrayImage::from_fn(28, 28, |x, y| image::Luma([if x / 3 == 4 && (4..24).contains(&y) { 255 } else { 0 }]))
        .save(&digit)
        .unwrap();
    check(&["evaluate", "--run", "run"], &["evaluation.json", "confusion.png", "mistakes.png"]);
    check(&["predict", "--run", "run", "--show", digit.to_str().unwrap()], &["predictions.png"]);
    check(&["explain", "--run", "run"], &["filters.png", "layers.png"]);
    check(&[&QUICK[..], &["--out", "run", "--overwrite"]].concat(), &FILES);
}

#[test]
fn files_with_a_results_name_that_no_failed_start_left_are_not_deleted_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("own");
    for name in FILES {
        fs::create_dir(&own).unwrap();
        fs::write(own.join(name), "mine").unwrap();
        assert_refused(&train(dir.path(), &["--out", "own"]), 1, &["own holds ", name, "another --out", "--overwrite"]);
        assert_eq!(fs::read_to_string(own.join(name)).unwrap(), "mine");
        assert_eq!(fs::read_dir(&own).unwrap().count(), 1, "and nothing was made beside it");
        fs::remove_dir_all(&own).unwrap();
    }
    fs::create_dir(&own).unwrap();
    fs::write(own.join("loss.png"), "mine").unwrap();
    fs::write(own.join("partial-thesis-loss.png"), "mine").unwrap();
    for here in [".", "./"] {
        assert_refused(&train(&own, &["--out", here]), 1, &["holds loss.png", "--overwrite"]);
    }
    assert_eq!(fs::read_to_string(own.join("loss.png")).unwrap(), "mine");
    symlink("nowhere", own.join("accuracy.png")).unwrap();
    assert_refused(&train(dir.path(), &["--out", "own"]), 1, &["loss.png, accuracy.png"]);
    succeeds(train(dir.path(), &["--out", "own", "--overwrite"]));
    assert_eq!(fs::read_to_string(own.join("partial-thesis-loss.png")).unwrap(), "mine");

    // Runs of this program that are no longer whole.
    let moved = dir.path().join("model.safetensors");
    fs::rename(own.join("model.safetensors"), &moved).unwrap();
    let metrics = fs::read(own.join("metrics.csv")).unwrap();
    assert_refused(&train(dir.path(), &["--out", "own"]), 1, &["own holds config.json, metrics.csv", "--overwrite"]);
    fs::write(own.join("checkpoint.safetensors"), "damaged").unwrap();
    assert_refused(&train(dir.path(), &["--out", "own"]), 1, &["checkpoint.safetensors", "--overwrite"]);
    assert_eq!(fs::read(own.join("metrics.csv")).unwrap(), metrics);
    // So short a run that it logged nothing: what is left of it could be a start that failed.
    let short = ["--data", "digits", "--max-steps", "1", "--out", "short"];
    succeeds(run(dir.path(), &short));
    fs::rename(dir.path().join("short/model.safetensors"), &moved).unwrap();
    assert_refused(&run(dir.path(), &short), 1, &["short holds config.json, metrics.csv", "--overwrite"]);
}

#[test]
fn an_empty_path_is_refused_as_one() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        &["--out", ""][..],
        &["--data", ""],
        &["--resume", ""],
        &["--init-from="],
        &["evaluate", "--run", ""],
        &["evaluate", "--data", ""],
        &["explain", "--run", ""],
        &["explain", "--image", ""],
        &["play", "--run", ""],
        &["predict", ""],
        &["predict", "--csv", "", "--submission", "out.csv"],
        &["predict", "--csv", "test.csv", "--submission", ""],
    ] {
        assert_refused(&run(dir.path(), arguments), 2, &["the path is empty"]);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made");
}

/// Kaggle's test.csv of one digit, and a run to read it.
fn prepare_submission(dir: &Path) -> String {
    succeeds(train(dir, &["--out", "run"]));
    let row = |values: Vec<String>| values.join(",") + "\n";
    let csv = row((0..784).map(|i| format!("pixel{i}")).collect()) + &row(vec!["7".into(); 784]);
    fs::write(dir.join("test.csv"), &csv).unwrap();
    csv
}

#[test]
fn a_submission_goes_into_a_pipe_or_device_and_through_a_link_which_stay_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    prepare_submission(dir.path());
    let predict = |submission: &str| {
        let arguments = ["predict", "--run", "run", "--csv", "test.csv", "--submission", submission];
        succeeds(
            Command::new("timeout").arg("100").arg(PROGRAM).args(arguments).current_dir(dir.path()).output().unwrap(),
        )
    };
    predict("plain.csv");
    let expected = fs::read_to_string(dir.path().join("plain.csv")).unwrap();
    assert!(expected.starts_with("ImageId,Label\n1,"), "{expected}");

    let pipe = dir.path().join("pipe");
    make_fifo(&pipe);
    let reader = Command::new("timeout").args(["100", "cat"]).arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    predict("pipe");
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "it stays a pipe");
    let read = stdout(&reader.wait_with_output().unwrap());
    assert_eq!(read, expected);

    let link = |target: &str| {
        let _ = fs::remove_file(dir.path().join("link"));
        symlink(target, dir.path().join("link")).unwrap();
    };
    let is_link = || fs::symlink_metadata(dir.path().join("link")).unwrap().is_symlink();
    link("/dev/null");
    predict("link");
    assert!(is_link() && fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    fs::write(dir.path().join("elsewhere.csv"), "an older one, which is longer than the new one\n").unwrap();
    link("elsewhere.csv");
    predict("link");
    assert!(is_link(), "the link stays");
    assert_eq!(fs::read_to_string(dir.path().join("elsewhere.csv")).unwrap(), expected);
    link("new.csv");
    predict("link");
    assert!(
        is_link() && fs::read_to_string(dir.path().join("new.csv")).unwrap() == expected,
        "also where nothing is yet"
    );
    link("/dev/stdout");
    assert_eq!(stdout(&predict("link")), expected);
    assert!(is_link());
    let line = format!("echo before > all; '{PROGRAM}' predict --run run --csv test.csv --submission link >> all");
    succeeds(Command::new("bash").args(["-c", &line]).current_dir(dir.path()).output().unwrap());
    assert_eq!(fs::read_to_string(dir.path().join("all")).unwrap(), format!("before\n{expected}"));
    let folder = run(dir.path(), &["predict", "--run", "run", "--csv", "test.csv", "--submission", "run"]);
    assert_refused(&folder, 1, &["run is a folder", "give a file's name"]);
}

#[test]
fn a_submission_that_is_the_file_with_the_images_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let csv = prepare_submission(dir.path());
    fs::hard_link(dir.path().join("test.csv"), dir.path().join("hard.csv")).unwrap();
    symlink("test.csv", dir.path().join("soft.csv")).unwrap();
    for submission in ["test.csv", "run/../test.csv", "hard.csv", "soft.csv"] {
        let arguments = ["predict", "--run", "run", "--csv", "test.csv", "--submission", submission];
        assert_refused(&run(dir.path(), &arguments), 1, &[submission, "the same file as --csv", "another name"]);
        assert_eq!(fs::read_to_string(dir.path().join("test.csv")).unwrap(), csv);
    }
    let arguments = ["predict", "--run", "run", "--csv", "test.csv", "--submission", "run/model.safetensors"];
    assert_refused(&run(dir.path(), &arguments), 1, &["is model.safetensors of the run", "another name"]);
    succeeds(run(dir.path(), &["evaluate", "--run", "run"]));
}

#[test]
fn what_is_no_regular_file_or_far_too_large_is_named_and_neither_waited_for_nor_read_to_the_end_of_memory() {
    let dir = tempfile::tempdir().unwrap();
    succeeds(train(dir.path(), &["--out", "run"]));
    // It fails before its first checkpoint but that of the start, so it is one to resume.
    let failing = ["--data", "digits", "--lr", "1e6", "--out", "stopped"];
    assert_refused(&run(dir.path(), &failing), 1, &["NaN"]);
    type Make = fn(&Path);
    let kinds: [(&str, Make); 5] = [
        ("a pipe", make_fifo),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a socket", |path| drop(UnixListener::bind(path).unwrap())),
        ("a device", |path| symlink("/dev/zero", path).unwrap()),
        ("1099511627776 bytes", |path| fs::File::create(path).unwrap().set_len(1 << 40).unwrap()),
    ];
    for (file, arguments) in [
        ("run/config.json", &["evaluate", "--run", "run"][..]),
        ("run/model.safetensors", &["explain", "--run", "run"]),
        ("run/best.safetensors", &["evaluate", "--run", "run", "--best"]),
        ("stopped/checkpoint.safetensors", &["--resume", "stopped"]),
        ("stopped/metrics.csv", &["--resume", "stopped"]),
        ("own.safetensors", &["--data", "digits", "--init-from", "own.safetensors", "--out", "from"]),
    ] {
        let (path, aside) = (dir.path().join(file), dir.path().join("aside"));
        if path.exists() {
            fs::rename(&path, &aside).unwrap();
        }
        for (found, make) in kinds {
            make(&path);
            let limited = "ulimit -v 6000000; exec timeout 100 \"$0\" \"$@\""; // or it would take all there is
            let mut command = Command::new("bash");
            command.args(["-c", limited, PROGRAM]).args(arguments).env("OMP_NUM_THREADS", "1");
            let output = command.env("MNIST_MIRROR", "http://127.0.0.1:9").current_dir(dir.path()).output().unwrap();
            assert_refused(&output, 1, &[file, "expected a regular file", &format!("found {found}")]);
            if path.is_dir() { fs::remove_dir(&path).unwrap() } else { fs::remove_file(&path).unwrap() }
        }
        if aside.exists() {
            fs::rename(&aside, &path).unwrap();
        }
    }
    succeeds(run(dir.path(), &["evaluate", "--run", "run", "--best"]));
}

#[test]
fn no_control_character_of_a_name_reaches_the_terminal_when_all_goes_well() {
    let dir = tempfile::tempdir().unwrap();
    let name = "runs/a\u{1b}[2J\u{7}\u{9b}run";
    let check = |arguments: &[&str]| {
        let output = succeeds(run(dir.path(), arguments));
        let text = stdout(&output) + &stderr(&output);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{arguments:?}: {text:?}");
        text
    };
    let image = dir.path().join("one\u{1b}[2J.png");
    image::GrayImage::from_fn(112, 112, |x, y| {
        image::Luma([if (50..60).contains(&x) && (16..96).contains(&y) { 255 } else { 0 }])
    })
    .save(&image)
    .unwrap();
    let csv = dir.path().join("data\u{1b}[2J.csv");
    let mut file = fs::File::create(&csv).unwrap();
    file.write_all(&fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/digits.csv.gz")).unwrap()).unwrap();
    let data = csv.to_str().unwrap();
    let shown = "a\\u{1b}[2J\\u{7}\\u{9b}run";
    assert!(check(&[&QUICK[..], &["--out", name]].concat()).contains(&format!("results: runs/{shown}\n")));
    assert!(check(&["evaluate"]).contains(&format!("run: runs/{shown}, the newest finished one")));
    assert!(
        check(&["evaluate", "--run", name, "--data", data])
            .contains("data\\u{1b}[2J.csv, the part for validation: 360 images")
    );
    assert!(check(&["explain", "--run", name]).contains(&format!("runs/{shown}/layers.png")));
    assert!(check(&["predict", "--run", name, "--show", image.to_str().unwrap()]).contains("one\\u{1b}[2J.png: "));
    let (out, file) = ("other\u{1b}[2J", &[QUICK[0], data][..]);
    let text = check(&[file, &QUICK[2..], &["--out", out]].concat());
    assert!(text.contains("evaluate --run 'other\\u{1b}[2J' --data '"), "{text}");
}
