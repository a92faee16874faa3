//! Networks and trainings that are drawn from a seed, each beside PyTorch: all that they come to is equal, bit for bit.
//!
//! `--seed S --count N` after `cargo test --release --test random_networks --` draws others, and more of them; with `--portable`
//! this program may run in an emulator of another processor, while Python runs on this one. With `--device cuda
//! --deterministic` both train on a card, and a network that does the same in each step is trained once more, recorded.

#[path = "../common/mod.rs"]
mod common;
mod layer;
mod network;

use cnn_tutorial::cuda;
use network::Case;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::{Command, ExitCode, Stdio};
use tch::{Device, Kind, Tensor};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: u64| {
        let value = arguments.iter().position(|argument| argument == name).map(|i| arguments.get(i + 1));
        value.map_or(default, |value| value.and_then(|value| value.parse().ok()).expect(name))
    };
    let (seed, count) = (number("--seed", 0), number("--count", 200));
    // `cargo test NAME` asks every test program for its tests of that name.
    let others = arguments.first().is_some_and(|first| !first.starts_with("--") && !"random_networks".contains(first));
    if others || arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let portable = arguments.iter().any(|argument| argument == "--portable");
    if portable {
        cnn_tutorial::portable::enable().unwrap(); // and for Python, which is given the same variables
    }
    let [on_card, deterministic] = ["cuda", "--deterministic"].map(|name| arguments.iter().any(|a| a == name));
    let device = if on_card { cuda::open(0).unwrap() } else { Device::Cpu };
    if deterministic {
        cuda::set_deterministic().unwrap();
    }
    let Some(python) = common::python() else { return ExitCode::SUCCESS };

    let folder = tempfile::tempdir().unwrap();
    let mut python = Command::new(python);
    python
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/random_networks.py"))
        .args([&seed.to_string(), &count.to_string()])
        .arg(folder.path())
        .args(portable.then_some("--portable"))
        .args(deterministic.then_some("--deterministic"));
    if on_card {
        python.args(["--device", "cuda"]);
    } else {
        python.env("CUDA_VISIBLE_DEVICES", "");
    }
    let mut python = python.stdout(Stdio::piped()).spawn().unwrap();
    let (mut equal, mut refused, mut recorded, mut other) = (0, 0, 0, 0);
    for line in BufReader::new(python.stdout.take().unwrap()).lines() {
        let case: Case = serde_json::from_str(&line.unwrap()).unwrap();
        refused += u64::from(case.error.is_some());
        let again = on_card && case.error.is_none() && case.is_static();
        let eager = difference(&case, device, false);
        let difference =
            eager.or_else(|| Some(format!("recorded: {}", difference(&case, device, true).filter(|_| again)?)));
        recorded += u64::from(again && difference.is_none());
        match difference {
            None => equal += 1,
            // Here PyTorch's own numbers are others each time.
            Some(difference) if case.repeats == Some(false) => {
                println!("# network {} of seed {seed} is another in PyTorch each time: {difference}", case.number);
                other += 1;
            }
            Some(difference) => {
                println!("# network {} of seed {seed}: {difference}\n{}\n", case.number, case.python);
            }
        }
        if let Some(file) = &case.file {
            std::fs::remove_file(file).unwrap();
        }
        std::io::stdout().flush().unwrap();
    }
    assert!(python.wait().unwrap().success(), "scripts/random_networks.py failed");
    println!("{refused} of them are refused, by PyTorch and here");
    if on_card {
        println!("{recorded} of them are trained recorded, too; {other} differ where PyTorch differs from itself");
    }
    println!("{equal} of {count} networks equal to PyTorch's, bit for bit");
    if equal + other == count { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What PyTorch's own Python refuses, libtorch does not: here it is refused with the same words.
const WORDS: [&str; 4] = [
    "optimizer got an empty parameter list",
    "Invalid learning rate: -",
    "Invalid weight_decay value: -",
    "batch_size should be a positive integer value",
];

/// What is not as in PyTorch.
fn difference(case: &Case, device: Device, recorded: bool) -> Option<String> {
    // With gradients, which a panic before would have left switched off.
    let trained = panic::catch_unwind(AssertUnwindSafe(|| tch::with_grad(|| case.train(device, recorded))));
    let mut found = match (trained, &case.error) {
        (Err(_), _) => return Some("a panic".into()),
        (Ok(Err(error)), Some(expected)) => {
            let error = format!("{error:#}");
            if error.contains("Exception raised from") || error.contains("frame #0") {
                return Some(format!("the error shows libtorch's stack: {error}"));
            }
            let other_words = |words: &&&str| expected.contains(**words) && !error.contains(**words);
            let words = WORDS.iter().find(other_words)?;
            return Some(format!("refused with {error}, where PyTorch says {words}"));
        }
        (Ok(Err(error)), None) => return Some(format!("refused, which PyTorch trains: {error:#}")),
        (Ok(Ok(_)), Some(error)) => return Some(format!("trained, which PyTorch refuses: {error}")),
        (Ok(Ok(found)), None) => found,
    };
    let expected = Tensor::read_safetensors(case.file.as_ref().unwrap()).unwrap();
    let mut expected: Vec<(String, Tensor)> = expected.into_iter().collect();
    // The first loss that differs says more than the weights that follow from it.
    expected.sort_by_key(|(name, _)| (name != "losses", name.clone()));
    // Once a loss is no number, oneDNN's gradients of what a ReLU has made 0 are none either, where PyTorch's are 0.
    let has_ended = bool::try_from(expected[0].1.isfinite().all().logical_not()).unwrap();
    if has_ended && case.training.layout == "onednn" {
        return first_difference(&found.remove("losses").unwrap(), &expected[0].1)
            .map(|difference| format!("losses {difference}"));
    }
    for (name, expected) in expected {
        let Some(found) = found.remove(&name) else { return Some(format!("{name} is missing")) };
        if let Some(difference) = first_difference(&found, &expected) {
            return Some(format!("{name} {difference}"));
        }
    }
    // PyTorch keeps nothing for a parameter that has not had a gradient, and no steps for SGD.
    let is_sgd = case.training.optimizer.0 == "SGD";
    found.retain(|name, kept| {
        !(is_sgd && name.starts_with("step.")) && bool::try_from(kept.count_nonzero(None).ne(0)).unwrap()
    });
    found.keys().min().map(|name| format!("{name} is kept, for which PyTorch keeps nothing"))
}

/// Where two tensors differ first; NaN is equal to NaN.
fn first_difference(found: &Tensor, expected: &Tensor) -> Option<String> {
    if found.size() != expected.size() {
        return Some(format!("is {:?} instead of {:?}", found.size(), expected.size()));
    }
    if found.is_floating_point() && found.kind() != expected.kind() {
        return Some(format!("is {:?} instead of {:?}", found.kind(), expected.kind()));
    }
    let [found, expected] = [found, expected].map(|tensor| tensor.to_kind(Kind::Double).flatten(0, -1));
    let [found, expected] = [found, expected].map(|tensor| Vec::<f64>::try_from(tensor).unwrap());
    let differs = |(a, b): &(&f64, &f64)| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan());
    let differing = found.iter().zip(&expected).filter(differs).count();
    let first = found.iter().zip(&expected).position(|pair| differs(&pair))?;
    let (a, b) = (found[first], expected[first]);
    Some(format!("differs in {differing} of {} numbers, first at {first}: {a:e} instead of {b:e}", found.len()))
}

/// All that a training has come to, by PyTorch's names.
type Results = HashMap<String, Tensor>;
