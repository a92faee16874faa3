//! Every logged number against Python's, run beside the program on this machine: equal to the last bit.

use crate::common::{has_avx2, python};
use crate::running::{run, stderr, stdout};
use cnn_tutorial::repr::python_repr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Trains with each of its arguments, one option a line, in a process forked from one that has loaded PyTorch and drawn
/// something: that takes longer than these trainings, and so does an orderly end. Each goes to its folder, `0` and so on, with
/// what it prints in `lines`.
const TRAIN_EACH: &str = "
import io, os, sys
sys.path.insert(0, sys.argv[1])
import torch._dynamo # the first optimizer would load it
import tutorial
tutorial.plt.savefig(io.BytesIO())
for i, options in enumerate(sys.argv[2:]):
    if os.fork() == 0:
        os.chdir(str(i))
        sys.argv = ['tutorial.py', *options.split('\\n'), '--out', 'python']
        sys.stdout = open('lines', 'w')
        tutorial.main()
        sys.stdout.close()
        os._exit(0)
    if os.wait()[1]:
        sys.exit(options)
";

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");

/// Trains in the folder `dir` with each of these arguments, with the tutorial.py in `scripts`, and returns what each has printed.
#[track_caller]
pub fn train_each_in_python(python: &Path, scripts: &str, dir: &Path, trainings: &[Vec<&str>]) -> Vec<String> {
    let folders: Vec<_> = (0..trainings.len()).map(|i| dir.join(i.to_string())).collect();
    folders.iter().for_each(|folder| fs::create_dir(folder).unwrap());
    let mut command = Command::new(python);
    command.args(["-c", TRAIN_EACH, scripts]).args(trainings.iter().map(|arguments| arguments.join("\n")));
    let output = command.current_dir(dir).env("CUDA_VISIBLE_DEVICES", "").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    folders.iter().map(|folder| fs::read_to_string(folder.join("lines")).unwrap()).collect()
}

fn arguments<'a>(data: &[&'a str], options: &'a str) -> Vec<&'a str> {
    data.iter().copied().chain(options.split_whitespace()).collect()
}

#[track_caller]
fn assert_equal_to_python(data: &[&str], options: &str) {
    if options.contains("--portable") && !has_avx2() {
        return;
    }
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(python)
        .arg(format!("{SCRIPTS}/tutorial.py"))
        .args(arguments(data, options))
        .args(["--out", "python"])
        .current_dir(dir.path())
        .env("CUDA_VISIBLE_DEVICES", "")
        .output()
        .unwrap();
    assert!(output.status.success(), "{options}: {}", stderr(&output));
    let rust = run(dir.path(), &[&arguments(data, options)[..], &["--out", "rust"]].concat());
    assert_equal_to(dir.path(), &stdout(&output), &rust, options);
}

/// What the program has logged to the folder `rust` in `dir` beside what Python left in `python` and printed.
#[track_caller]
pub fn assert_equal_to(dir: &Path, python_lines: &str, rust: &Output, options: &str) {
    assert!(rust.status.success(), "{options}: {}", stderr(rust));
    assert_eq!(stdout(rust), python_lines, "{options}: printed lines");
    let metrics = |side: &str| fs::read_to_string(dir.join(side).join("metrics.csv")).unwrap();
    let expected = metrics("python");
    assert!(expected.lines().count() > 3, "{options}: {expected}");
    assert_eq!(metrics("rust"), expected, "{options}: logged numbers");
    let weights = |side: &str, file: &str| {
        let mut weights = tch::Tensor::read_safetensors(dir.join(side).join(file)).unwrap();
        weights.sort_by(|a, b| a.0.cmp(&b.0));
        weights
    };
    for file in ["model.safetensors", "best.safetensors"] {
        let (rust, python) = (weights("rust", file), weights("python", file));
        assert!(!rust.is_empty() && rust.len() == python.len(), "{options}: number of weights in {file}");
        for ((name, rust), (python_name, python)) in rust.iter().zip(&python) {
            assert!(name == python_name && rust.equal(python), "{options}: {name} of {file} after training");
        }
    }
}

/// 1,437 images to train on and 360 to validate on: both end in a partial batch, each epoch after 15 iterations.
const DIGITS: [&str; 4] = ["--data", "digits", "--print-every", "10"];

#[test]
fn every_option_gives_pythons_numbers() {
    // 32 iterations are two epochs with their partial batches and the beginning of the third.
    let all = [
        "--model cnn --max-steps 32 --eval-every 5",
        "--model cnn --max-steps 32 --eval-every 7 --shuffle --momentum 0.9 --weight-decay 0.01 --scale unit",
        "--model cnn --max-steps 32 --eval-every 8 --optimizer adam --lr 0.01",
        "--model cnn --max-steps 32 --eval-every 10 --optimizer adam --shuffle --weight-decay 0.1 --seed 123456789012",
        "--model lenet5 --max-steps 32 --eval-every 5",
        "--model lenet5 --max-steps 32 --eval-every 7 --shuffle --weight-decay 0.05 --scale unit --seed -3",
        "--model lenet5 --max-steps 32 --eval-every 8 --optimizer sgd --momentum 0.5 --lr 0.01",
        "--model lenet5 --max-steps 32 --eval-every 10 --optimizer sgd --weight-decay 0.3 --shuffle",
        "--model cnn --max-steps 60 --eval-every 10 --batch-size 37 --test-size 0.35 --random-state 7 --seed 18446744073709551615",
        "--model lenet5 --epochs 4 --eval-every 10 --optimizer adamw --lr 0.003 --lr-schedule cosine --augment --scale unit",
        "--model cnn --epochs 5 --max-steps 200 --eval-every 10 --lr-schedule step --step-size 2 --gamma 0.5 --momentum 0.9 --augment",
        "--model lenet5 --max-steps 32 --eval-every 10 --lr-from 11=0.01 --lr-from 12=0.0001 --lr-from 27=0.02",
        "--model cnn --max-steps 32 --eval-every 10 --momentum 0.9 --lr-from 1=0.005 --lr-from 26=0",
        "--model cnn --max-steps 32 --eval-every 5 --channels-last",
        "--model lenet5 --max-steps 32 --eval-every 10 --channels-last --shuffle --augment --scale unit",
        "--model cnn --max-steps 10 --eval-every 3 --batch-size 359 --channels-last", // the last batch is a single image
        "--model cnn --max-steps 10 --eval-every 3 --batch-size 359",
        "--model lenet5 --max-steps 10 --eval-every 3 --batch-size 359",
        "--model lenet5 --n-iters 70 --eval-every 10 --batch-size 64 --threads 1 --shuffle --seed 4",
    ];
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let lines = train_each_in_python(python, SCRIPTS, dir.path(), &all.map(|options| arguments(&DIGITS, options)));
    for (i, (options, lines)) in all.into_iter().zip(lines).enumerate() {
        let folder = dir.path().join(i.to_string());
        let rust = run(&folder, &[&arguments(&DIGITS, options)[..], &["--out", "rust"]].concat());
        assert_equal_to(&folder, &lines, &rust, options);
    }
}

#[test]
fn with_portable_the_program_has_pythons_numbers() {
    for options in [
        "--model lenet5 --max-steps 60 --eval-every 10 --portable",
        "--model cnn --max-steps 40 --eval-every 10 --portable --threads 2 --optimizer adamw --shuffle --augment --scale unit",
    ] {
        assert_equal_to_python(&DIGITS, options);
    }
}

#[test]
fn real_mnist_gives_pythons_numbers_from_idx_files_and_from_a_csv() {
    let Some(mnist) = crate::common::mnist() else { return };
    let idx = mnist.to_str().unwrap();
    assert_equal_to_python(&["--data", idx, "--print-every", "20"], "--max-steps 60 --eval-every 20 --shuffle");
    let csv = mnist.join("kaggle-train.csv.gz");
    if Path::new(&csv).exists() {
        let data = ["--data", csv.to_str().unwrap(), "--print-every", "20"];
        assert_equal_to_python(&data, "--model lenet5 --max-steps 60 --eval-every 20");
    }
}

#[test]
fn numbers_are_written_as_python_writes_them() {
    // Each text is what Python's repr() prints for it.
    for text in [
        "94.86904907226562",
        "96.0",
        "0.0",
        "-0.0",
        "0.08604087680578232",
        "0.0001",
        "9.5e-05",
        "1e-07",
        "1.401298464324817e-45",
        "-2.5e-10",
        "1e+16",
        "3.4028234663852886e+38",
        "1e+100",
        "123456789012345.6",
        "inf",
        "-inf",
        "2.3841855067985307e-07",
        "0.00012345679",
    ] {
        assert_eq!(python_repr(text.parse().unwrap()), text);
    }
    assert_eq!(python_repr(f64::NAN), "nan");
}

/// Tells what `tutorial.read_data` makes of each of its arguments.
const READ_EACH: &str = "
import sys
sys.path.insert(0, sys.argv[1])
from tutorial import read_data
for data in sys.argv[2:]:
    try:
        features, labels = read_data(data)
        print(data, features.shape, int(features.sum()), int(labels.sum()))
    except SystemExit as refused:
        print('refused', refused)
";

#[test]
fn pythons_script_reads_the_folders_that_the_program_reads_and_says_what_it_does_not() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let folders = ["root/MNIST/raw", "root/FashionMNIST/raw", "raw", "from-kaggle", "empty"];
    folders.iter().for_each(|folder| fs::create_dir_all(dir.path().join(folder)).unwrap());
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    for folder in ["root/MNIST/raw", "raw"] {
        let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28][..], &[3; 1568]].concat();
        write(&format!("{folder}/train-images-idx3-ubyte"), &images);
        write(&format!("{folder}/train-labels-idx1-ubyte"), &[0, 0, 8, 1, 0, 0, 0, 2, 7, 5]);
    }
    let row = ",3".repeat(784);
    let csv = format!("label{}\n7{row}\n5{row}\n", (0..784).map(|i| format!(",pixel{i}")).collect::<String>());
    write("from-kaggle/train.csv", csv.as_bytes());
    write("semicolons.csv", csv.replace(',', ";").as_bytes());
    write("bare.csv", csv.split_once('\n').unwrap().1.as_bytes());
    let read = ["root", "raw", "from-kaggle", "from-kaggle/train.csv"];
    let refused = ["empty", "missing", "semicolons.csv", "bare.csv"];
    let output = Command::new(python)
        .args(["-c", READ_EACH, SCRIPTS])
        .args(read.iter().chain(&refused))
        .current_dir(dir.path())
        .output()
        .unwrap();
    let expected = read.iter().map(|data| format!("{data} (2, 784) 4704 12"));
    let refused = refused.iter().map(|data| format!("refused {data}: expected a CSV of label and 784 pixels"));
    let lines = stdout(&output);
    assert_eq!(lines.lines().count(), 8, "{lines}{}", stderr(&output));
    for (line, expected) in lines.lines().zip(expected.chain(refused)) {
        assert!(line.starts_with(&expected), "{line}, expected {expected}");
    }
}
