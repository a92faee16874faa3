//! The real program from end to end on the embedded digits, and what a wrong command line or folder gets.

use crate::running::{program, program_at, run, stderr, stdout};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::BufRead;
use std::path::Path;
use std::process::Output;
use tch::Tensor;

const RESULTS: [&str; 6] =
    ["accuracy.png", "best.safetensors", "config.json", "loss.png", "metrics.csv", "model.safetensors"];

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Fails unless the program ended with this exit code and these words on standard error, and printed nothing.
#[track_caller]
fn assert_refused(output: &Output, code: i32, words: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(stdout(output), "");
    for word in words {
        assert!(error.contains(word), "expected '{word}' in: {error}");
    }
    assert!(!error.contains("panicked") && !error.contains("frame #"), "{error}");
}

#[test]
fn training_prints_the_tutorials_lines_and_leaves_its_charts_numbers_and_weights() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--data", "digits", "--max-steps", "400", "--print-every", "100"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let out = dir.path().join("runs/cnn-digits");
    assert_eq!(files(&out), RESULTS);

    let metrics = fs::read_to_string(out.join("metrics.csv")).unwrap();
    let mut rows = metrics.lines();
    assert_eq!(rows.next(), Some("iteration,loss,accuracy"));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(',').collect()).collect();
    assert_eq!(
        rows.iter().map(|row| row[0]).collect::<Vec<_>>(),
        ["50", "100", "150", "200", "250", "300", "350", "400"]
    );
    let lines: Vec<_> = rows
        .iter()
        .filter(|row| row[0].ends_with("00"))
        .map(|row| format!("Iteration: {} Loss: {} Accuracy: {} %\n", row[0], row[1], row[2]))
        .collect();
    assert_eq!(stdout(&output), lines.concat(), "standard output is the tutorial's lines and nothing else");
    assert!(rows[7][1].parse::<f32>().unwrap() < 0.3 && rows[7][2].parse::<f32>().unwrap() > 93.0, "{metrics}");

    let stderr = stderr(&output);
    assert!(stderr.contains("1437 images to train on, 360 to validate on"), "{stderr}");
    let best = rows.iter().map(|row| row[2].parse::<f64>().unwrap()).fold(0.0, f64::max);
    let last = rows[7][2].parse::<f64>().unwrap();
    assert!(
        stderr.contains(&format!("accuracy: {last:.2} % at the end, at best {best:.2} % after iteration ")),
        "{stderr}"
    );
    assert!(stderr.contains("trained in ") && stderr.contains("results: runs/cnn-digits\n"), "{stderr}");
    for next in ["evaluate", "explain"] {
        assert!(stderr.contains(&format!("cargo run --release -- {next} --run runs/cnn-digits\n")), "{stderr}");
    }
    assert!(!stderr.contains(['\r', '\x1b']), "no progress bar where no terminal is: {stderr:?}");

    let config: serde_json::Value = serde_json::from_slice(&fs::read(out.join("config.json")).unwrap()).unwrap();
    for (key, value) in [("model", "cnn"), ("optimizer", "sgd"), ("scale", "raw"), ("data", "digits")] {
        assert_eq!(config["options"][key], value);
    }
    assert_eq!(config["data"], "digits");
    assert_eq!((config["iterations"].as_u64(), config["options"]["lr"].as_f64()), (Some(400), Some(0.001)));

    let mut weights = Tensor::read_safetensors(out.join("model.safetensors")).unwrap();
    weights.sort_by(|a, b| a.0.cmp(&b.0));
    let shapes: Vec<_> = weights.iter().map(|(name, tensor)| (name.as_str(), tensor.size())).collect();
    let expected = [
        ("cnn1.bias", vec![16]),
        ("cnn1.weight", vec![16, 1, 3, 3]),
        ("cnn2.bias", vec![32]),
        ("cnn2.weight", vec![32, 16, 3, 3]),
        ("fc1.bias", vec![10]),
        ("fc1.weight", vec![10, 800]),
    ];
    assert_eq!(shapes, expected);

    for (chart, color) in [("loss.png", [0x1f, 0x77, 0xb4]), ("accuracy.png", [0xff, 0, 0])] {
        let image = image::open(out.join(chart)).unwrap().into_rgb8();
        let count = |wanted: [u8; 3]| image.pixels().filter(|pixel| pixel.0 == wanted).count();
        let (line, dark) = (count(color), image.pixels().filter(|pixel| pixel.0.iter().all(|&c| c < 96)).count());
        assert!(line > 1000, "{chart}: {line} pixels of the line");
        assert!(dark > 4000, "{chart}: {dark} pixels of text and axes");
        assert!(count([255; 3]) > image.pixels().len() / 2, "{chart}: a white ground");
    }
}

#[test]
fn on_a_terminal_a_bar_tells_loss_and_accuracy() {
    let dir = tempfile::tempdir().unwrap();
    let command = format!("{} --data digits --max-steps 80 --eval-every 2", env!("CARGO_BIN_EXE_cnn-tutorial"));
    let mut terminal = std::process::Command::new("script"); // part of every Linux
    let terminal = terminal.args(["-qec", &command, "/dev/null"]).current_dir(dir.path()).env("TERM", "xterm").output();
    let Ok(output) = terminal else { return crate::common::not_run("the program script, of bsdutils") };
    let text = stdout(&output);
    assert!(text.contains("/80 loss ") && text.contains(", accuracy "), "{text:?}");
}

#[test]
fn help_puts_every_option_into_a_group() {
    let dir = tempfile::tempdir().unwrap();
    let help = stdout(&run(dir.path(), &["--help"]));
    let groups = ["Options:", "Network:", "Data:", "Training:", "Results:", "Machine:"];
    let places: Vec<_> = groups.iter().map(|group| help.find(&format!("\n{group}\n")).expect(group)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(
        help[places[0]..places[1]].matches("  --").count() + help[places[0]..places[1]].matches(", --").count(),
        2
    );
    assert!(help[places[3]..places[4]].contains("--lr "), "{help}");
}

#[test]
fn config_json_names_the_versions_of_tch_and_libtorch_and_the_datas_checksum() {
    let dir = tempfile::tempdir().unwrap();
    assert!(run(dir.path(), &["--data", "digits", "--max-steps", "1"]).status.success());
    let config = fs::read_to_string(dir.path().join("runs/cnn-digits/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let tch = crate::common::locked_tch();
    assert_eq!(config["tch_version"], tch);
    let libtorch = crate::common::libtorch_of(&tch);
    assert!(config["libtorch_version"].as_str().unwrap().starts_with(&libtorch), "{config}");
    let digits = crate::common::digits();
    let pixels: Vec<u8> = digits.images.flatten(0, -1).try_into().unwrap();
    let labels: Vec<u8> = digits.labels.to_kind(tch::Kind::Uint8).try_into().unwrap();
    let sha256: String = Sha256::digest([pixels, labels].concat()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(config["dataset_sha256"], sha256);
    assert_eq!((config["n_train"].as_i64(), config["n_test"].as_i64()), (Some(1437), Some(360)));
    let threads = std::thread::available_parallelism().unwrap().get() as u64;
    assert!((1..=threads).contains(&config["computed_with_threads"].as_u64().unwrap()));
}

#[test]
fn lenet5_trains_with_adam_under_its_own_name() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--data", "digits", "--model", "lenet5", "--max-steps", "300"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let out = dir.path().join("runs/lenet5-digits");
    assert_eq!(files(&out), RESULTS);
    let config = fs::read_to_string(out.join("config.json")).unwrap();
    assert!(config.contains("\"optimizer\": \"adam\""), "{config}");
    let metrics = fs::read_to_string(out.join("metrics.csv")).unwrap();
    let accuracy: f32 = metrics.trim_end().rsplit_once(',').unwrap().1.parse().unwrap();
    assert!(accuracy > 93.0, "{metrics}");
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_another_seed_others() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = |out: &str, seed: &str| {
        let arguments =
            ["--data", "digits", "--max-steps", "40", "--eval-every", "10", "--shuffle", "--seed", seed, "--out", out];
        assert!(run(dir.path(), &arguments).status.success());
        fs::read(dir.path().join(out).join("metrics.csv")).unwrap()
    };
    let first = metrics("a", "7");
    assert_eq!(first, metrics("b", "7"));
    assert_ne!(first, metrics("c", "-8"));
    // As in PyTorch: 64 bits, with a sign or without.
    assert_eq!(metrics("d", "18446744073709551615"), metrics("e", "-1"));
    assert_eq!(metrics("f", "9223372036854775808"), metrics("g", "-9223372036854775808"));
    let evaluated = run(dir.path(), &["evaluate", "--run", "d"]);
    assert!(evaluated.status.success(), "config.json keeps it: {}", stderr(&evaluated));
}

#[test]
fn no_run_is_overwritten_unless_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let train = |more: &[&str]| {
        let arguments = [&["--data", "digits", "--max-steps", "10", "--eval-every", "5"], more].concat();
        run(dir.path(), &arguments)
    };
    for expected in ["runs/cnn-digits", "runs/cnn-digits-2", "runs/cnn-digits-3"] {
        let output = train(&[]);
        assert!(stderr(&output).contains(&format!("results: {expected}\n")), "{}", stderr(&output));
        assert_eq!(files(&dir.path().join(expected)), RESULTS);
    }
    let metrics = || fs::read(dir.path().join("runs/cnn-digits/metrics.csv")).unwrap();
    let before = metrics();
    assert_refused(
        &train(&["--out", "runs/cnn-digits", "--seed", "5"]),
        1,
        &["runs/cnn-digits holds a run already", "--overwrite"],
    );
    assert_eq!(metrics(), before);
    assert!(train(&["--overwrite", "--seed", "5"]).status.success());
    assert_ne!(metrics(), before);
}

#[test]
fn a_new_network_has_nothing_of_the_old_one_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--data", "digits", "--max-steps", "10", "--eval-every", "5"];
    assert!(run(dir.path(), &arguments).status.success());
    assert!(run(dir.path(), &["evaluate"]).status.success());
    assert!(run(dir.path(), &["explain"]).status.success());
    assert!(files(&dir.path().join("runs/cnn-digits")).len() > RESULTS.len() + 5);
    assert!(run(dir.path(), &[&arguments[..], &["--overwrite"]].concat()).status.success());
    assert_eq!(files(&dir.path().join("runs/cnn-digits")), RESULTS);
}

#[test]
fn a_run_that_failed_or_that_python_made_neither_blocks_its_folder_nor_is_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--data", "digits", "--max-steps", "10", "--eval-every", "5"];
    assert!(run(dir.path(), &[&arguments[..], &["--out", "runs/good"]].concat()).status.success());
    let failing = ["--data", "digits", "--lr", "1e6", "--out", "runs/bad"];
    for _ in 0..2 {
        assert_refused(&run(dir.path(), &failing), 1, &["the loss became NaN"]);
    }
    let python = dir.path().join("runs/python");
    fs::create_dir(&python).unwrap();
    fs::write(python.join("config.json"), "{\"model\": \"cnn\", \"threads\": null}").unwrap();
    fs::copy(dir.path().join("runs/good/model.safetensors"), python.join("model.safetensors")).unwrap();
    let output = run(dir.path(), &["evaluate"]);
    assert!(
        output.status.success() && stderr(&output).contains("run: runs/good, the newest finished one"),
        "{}",
        stderr(&output)
    );
    assert!(run(dir.path(), &[&arguments[..], &["--out", "runs/bad"]].concat()).status.success());
}

#[test]
fn a_history_without_a_finite_number_gives_charts_without_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = "--data digits --max-steps 2 --eval-every 2 --print-every 2 --lr 1e10";
    let output = run(dir.path(), &arguments.split(' ').collect::<Vec<_>>());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(files(&dir.path().join("runs/cnn-digits")).len(), RESULTS.len() - 1, "no best weights");
}

#[test]
fn more_iterations_than_can_be_counted_do_not_wrap() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--data", "digits", "--n-iters", "18446744073709551615"];
    let mut child = program(dir.path(), &arguments).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("training: ")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let iterations: u64 = line.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(iterations > 1 << 60, "{line}");
}

#[test]
fn of_epochs_and_max_steps_what_comes_first_ends_the_training() {
    let dir = tempfile::tempdir().unwrap();
    for (max_steps, expected) in
        [("1000", "training: 15 iterations, 1 epochs"), ("4", "training: 4 iterations, 1 epochs")]
    {
        let arguments = format!("--data digits --epochs 1 --max-steps {max_steps} --eval-every 20");
        let output = run(dir.path(), &arguments.split(' ').collect::<Vec<_>>());
        assert!(output.status.success() && stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

#[test]
fn a_wrong_command_line_is_refused_with_exit_code_2() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], words: &[&str]| assert_refused(&run(dir.path(), arguments), 2, words);
    refused(&["--batch-size", "0"], &["--batch-size", "invalid value '0'", "a whole number from 1 to 4294967295"]);
    refused(&["--epochs", "1e3"], &["--epochs", "a whole number from 1 to 18446744073709551615"]);
    refused(&["--random-state", "-1"], &["--random-state", "a whole number from 0 to 4294967295"]);
    refused(&["--model", "resnet"], &["resnet", "cnn", "lenet5"]);
    refused(&["--optimizer", "sdg"], &["sdg", "possible values: sgd, adam"]);
    refused(&["--test-size", "1.5"], &["--test-size", "between 0 and 1"]);
    refused(&["--device", "gpu"], &["--device", "expected auto, cpu, cuda, cuda:N or mps"]);
    refused(&["--device", "cuda:x"], &["expected auto, cpu, cuda, cuda:N or mps"]);
    refused(&["--lr", "-1"], &["--lr", "0 or more"]);
    refused(&["--lr", "nan"], &["--lr", "0 or more"]);
    for option in ["--lr", "--momentum", "--weight-decay", "--gamma"] {
        refused(&[option, "1e39"], &[option, "0 or more", "32 bits"]);
    }
    refused(&["--threads", "1000"], &["--threads", "a whole number from 1 to 255"]);
    for seed in ["18446744073709551616", "-9223372036854775809", "1.5", ""] {
        refused(&["--seed", seed], &["--seed", "from -9223372036854775808 to 18446744073709551615"]);
    }
    refused(&["--model", "lenet5", "--momentum", "0.9"], &["--momentum goes with --optimizer sgd"]);
    refused(&["--print-every", "10"], &["--print-every must not be less than --eval-every"]);
    refused(&["--eval-evry", "10"], &["--eval-evry"]);
    assert_eq!(files(dir.path()), [""; 0], "nothing was made");
}

#[test]
fn what_cannot_be_trained_is_refused_before_a_folder_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], words: &[&str]| {
        assert_refused(&run(dir.path(), &[&["--data", "digits"], arguments].concat()), 1, words);
        assert!(!dir.path().join("runs").exists(), "no half-written result");
    };
    refused(&["--batch-size", "1438"], &["--batch-size 1438 is larger than the 1437 training images"]);
    refused(&["--n-iters", "14"], &["--n-iters 14 is not one epoch", "--max-steps 14"]);
    refused(&["--test-size", "0.9999"], &["test_size of 0.9999", "none to train on"]);
    if !Path::new("/dev/nvidiactl").exists() {
        refused(&["--device", "cuda"], &["--device cuda", "no NVIDIA driver"]);
        refused(&["--device", "cuda:1"], &["--device cuda", "no NVIDIA driver"]);
    }
    if cfg!(target_os = "linux") {
        refused(&["--device", "mps"], &["--device mps", "--device cpu"]);
    }
    assert_refused(&run(dir.path(), &["--data", "no/train.csv"]), 1, &["no/train.csv", "No such file"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_found_out_before_training() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let output = run(dir.path(), &["--data", "digits", "--out", "file/run"]);
    assert_refused(&output, 1, &["file/run", "cannot be written", "--out"]);
    assert!(!stderr(&output).contains("training:"));
}

#[test]
fn a_loss_that_becomes_nan_stops_the_training_and_names_the_iteration() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--data", "digits", "--lr", "1e6", "--out", "out"]);
    assert_refused(&output, 1, &["the loss became NaN at iteration ", "--lr"]);
    let error = stderr(&output);
    let iteration = error.split("at iteration ").nth(1).unwrap().split(':').next().unwrap().parse::<u32>().unwrap();
    assert!((2..50).contains(&iteration), "{error}");
    let out = dir.path().join("out");
    assert_eq!(files(&out), ["checkpoint.safetensors", "config.json", "metrics.csv"]);
    let kept = Tensor::read_safetensors(out.join("checkpoint.safetensors")).unwrap();
    assert!(
        kept.iter().all(|(_, tensor)| !bool::try_from(tensor.isnan().any()).unwrap()),
        "no weights of NaN are kept"
    );
}

#[test]
fn without_a_network_the_digits_serve_with_a_warning_but_never_for_data_that_was_named() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--max-steps", "5", "--eval-every", "5"]);
    assert!(output.status.success());
    let error = stderr(&output);
    assert_eq!(error.lines().filter(|line| line.starts_with("WARNING: this is NOT MNIST")).count(), 1, "{error}");
    let remedy = "copy its four files to data/mnist, or set MNIST_MIRROR to a server that has them";
    assert!(error.find(remedy).unwrap() < error.find("127.0.0.1:9").unwrap(), "what to do comes before why: {error}");
    assert!(error.contains("data: scikit-learn's digits"), "{error}");
    assert!(error.contains("results: runs/cnn-digits\n"), "runs/cnn stays free for MNIST: {error}");
    let output = run(dir.path(), &["--data", "mnist"]);
    assert_refused(&output, 1, &["could not be downloaded", "127.0.0.1:9", "--data digits"]);
    assert!(!dir.path().join("data").exists());
}

#[test]
fn kaggles_file_in_the_folder_data_is_taken_as_on_the_slides_and_is_the_runs_own_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    fs::create_dir_all(dir.path().join("data")).unwrap();
    fs::copy(format!("{root}/assets/digits.csv.gz"), dir.path().join("data/train.csv")).unwrap();
    let output = run(dir.path(), &["--max-steps", "5", "--eval-every", "5"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let told = "data: Kaggle's digits in data/train.csv: 1437 images to train on, 360 to validate on\n";
    assert!(
        stderr(&output).starts_with(told) && stderr(&output).contains("results: runs/cnn\n"),
        "{}",
        stderr(&output)
    );
    let evaluated = run(dir.path(), &["evaluate", "--run", "runs/cnn"]);
    assert!(evaluated.status.success(), "a name of the run's data, no path: {}", stderr(&evaluated));
    let doctor = stdout(&run(dir.path(), &["doctor"]));
    assert!(doctor.contains("Kaggle's digits in data/train.csv, 1797 images, which a training takes"), "{doctor}");
    fs::remove_file(dir.path().join("data/train.csv")).unwrap();
    assert_refused(&run(dir.path(), &["--data", "kaggle"]), 1, &["data/train.csv", "No such file"]);
}

#[test]
fn a_reader_that_leaves_does_not_cost_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--data", "digits", "--max-steps", "20", "--eval-every", "1", "--print-every", "1"];
    let mut child = program(dir.path(), &arguments).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert_eq!(files(&dir.path().join("runs/cnn-digits")), RESULTS);
}

#[cfg(target_os = "linux")]
#[test]
fn data_come_from_standard_input_or_from_another_program_as_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let csv = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/digits.csv.gz");
    let train = |data: &str, out: &str| {
        let line = format!(
            "exec '{}' --max-steps 20 --eval-every 5 --print-every 5 --out {out} --data {data}",
            env!("CARGO_BIN_EXE_cnn-tutorial")
        );
        let output = program_at(Path::new("bash"), dir.path(), &["-c", &line]).output().unwrap();
        assert!(output.status.success(), "{data}: {}", stderr(&output));
        stdout(&output)
    };
    let expected = train(csv, "file");
    assert_eq!(expected.lines().count(), 4, "{expected}");
    assert_eq!(train(&format!("/dev/stdin < {csv}"), "stdin"), expected);
    assert_eq!(train(&format!("<(gzip -dc {csv})"), "substitution"), expected);
}

#[cfg(target_os = "linux")]
#[test]
fn where_memory_does_not_suffice_the_error_tells_to_take_smaller_batches() {
    let dir = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_cnn-tutorial");
    let options = "--data digits --batch-size 1437 --max-steps 2 --threads 1 --out run --overwrite";
    let mut refused = 0;
    // It ends in another place of libtorch or oneDNN with each: in a layer, in the loss, on the way back, in the evaluation.
    for kilobytes in (520_000..=800_000).step_by(28_000) {
        for model in ["cnn", "lenet5"] {
            let line = format!("ulimit -v {kilobytes}; exec '{program}' {options} --model {model}");
            let output = program_at(Path::new("bash"), dir.path(), &["-c", &line]).output().unwrap();
            if stderr(&output).contains("training: 2 iterations") && !output.status.success() {
                assert_refused(&output, 1, &["memory does not suffice: give a smaller --batch-size"]);
                refused += 1;
            }
        }
    }
    assert!(refused >= 5, "{refused}");
}

#[cfg(target_os = "linux")]
#[test]
fn where_the_system_gives_no_more_threads_the_program_does_without_or_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let short = ["--data", "digits", "--max-steps", "2", "--eval-every", "1"];
    // No thread can have a stack as large as this.
    let train = |more: &[&str]| {
        let mut command = program(dir.path(), &[&short[..], more].concat());
        command.env("RUST_MIN_STACK", (1u64 << 47).to_string()).output().unwrap()
    };
    let output = train(&["--out", "alone"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = run(dir.path(), &[&short[..], &["--out", "usual"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    for file in ["metrics.csv", "loss.png", "accuracy.png"] {
        let [alone, usual] = ["alone", "usual"].map(|out| fs::read(dir.path().join(out).join(file)).unwrap());
        assert!(alone == usual, "{file}");
    }
    let output = train(&["--out", "two", "--threads", "2"]);
    assert_refused(&output, 1, &["--threads: no thread could be started: end other programs"]);
    let mut play = program(dir.path(), &["play", "--no-browser", "--port", "0"]);
    let output = play.env("RUST_MIN_STACK", (1u64 << 47).to_string()).output().unwrap();
    assert_refused(&output, 1, &["no thread could be started: end other programs"]);
}

#[test]
fn every_message_in_the_table_of_troubles_is_one_that_a_test_expects() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("docs/troubles.md")).unwrap();
    let folders = ["tests/program", "tests/library"].map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let tests: String = folders
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let messages: Vec<_> = table.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    assert!(messages.len() > 10, "{messages:?}");
    for message in messages {
        assert!(tests.contains(message.trim_end_matches(" ...")), "no test expects '{message}'");
    }
}
