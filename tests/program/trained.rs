//! What a trained network is good for: weights to Python and back, evaluation, prediction.

use crate::common::{digits, python};
use crate::running::{run, stderr, stdout};
use cnn_tutorial::data::train_test_split;
use cnn_tutorial::models::{CNNModel, LeNet5};
use cnn_tutorial::nn::{CrossEntropyLoss, Module};
use image::{GrayImage, Luma, imageops};
use std::fs;
use std::path::Path;
use std::process::Command;
use tch::{Device, Kind, Tensor, nn::VarStore};

fn train(dir: &Path, model: &str, steps: &str) {
    let arguments = ["--data", "digits", "--model", model, "--max-steps", steps, "--out", model, "--scale", "unit"];
    let adam = ["--optimizer", "adam", "--lr", "0.003", "--shuffle"];
    let output = run(dir, &[&arguments[..], &adam].concat());
    assert!(output.status.success(), "{}", stderr(&output));
}

/// Loads weights strictly into the Python twin, saves them again and the logits of the first 50 digits.
const PYTHON: &str = r"
import sys
sys.path.insert(0, sys.argv[1])
import torch
from safetensors.torch import load_file, save_file
from tutorial import CNNModel, LeNet5, read_data
model = CNNModel() if sys.argv[2] == 'cnn' else LeNet5(10)
model.load_state_dict(load_file(f'{sys.argv[2]}/model.safetensors'), strict=True)
features, _ = read_data('digits')
with torch.no_grad():
    logits = model(torch.from_numpy(features[:50].reshape(-1, 1, 28, 28)) / 255)
save_file({'logits': logits}, 'logits.safetensors')
save_file(model.state_dict(), 'python.safetensors')
";

#[test]
fn weights_go_to_python_and_back_with_the_same_logits_to_the_last_bit() {
    let Some(python) = python() else { return };
    for model in ["cnn", "lenet5"] {
        let dir = tempfile::tempdir().unwrap();
        train(dir.path(), model, "40");
        let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");
        let twin = Command::new(python).args(["-c", PYTHON, scripts, model]).current_dir(dir.path()).output().unwrap();
        assert!(twin.status.success(), "{}", stderr(&twin));
        let expected = &Tensor::read_safetensors(dir.path().join("logits.safetensors")).unwrap()[0].1;
        let mut vs = VarStore::new(Device::Cpu);
        let network: Box<dyn Module> = match model {
            "cnn" => Box::new(CNNModel::new(&vs.root()).unwrap()),
            _ => Box::new(LeNet5::new(&vs.root(), 10).unwrap()),
        };
        vs.load(dir.path().join(model).join("model.safetensors")).unwrap();
        let images = digits().images.narrow(0, 0, 50).to_kind(Kind::Float) / 255.0;
        let found = tch::no_grad(|| network.forward(&images)).unwrap();
        assert!(found.equal(expected), "{model}: {found}\n{expected}");

        // Python's file is taken to start from; at a learning rate of 0 it stays as it is.
        let arguments = ["--data", "digits", "--model", model, "--init-from", "python.safetensors", "--lr", "0"];
        let output = run(dir.path(), &[&arguments[..], &["--max-steps", "2", "--out", "again"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let read = |out: &str| fs::read(dir.path().join(out).join("model.safetensors")).unwrap();
        assert!(read(model) == read("again"), "{model}");
    }
}

#[test]
fn weights_of_another_model_are_refused_to_start_from() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), "cnn", "1");
    let refused = |file: &str, word: &str| {
        let output = run(dir.path(), &["--data", "digits", "--model", "lenet5", "--init-from", file]);
        let error = stderr(&output);
        assert!(output.status.code() == Some(1) && error.contains(word) && error.contains(file), "{error}");
        assert!(!dir.path().join("runs").exists());
    };
    refused("cnn/model.safetensors", "belong to another model");
    refused("none.safetensors", "cannot be read");
}

#[test]
fn keys_with_a_wrappers_prefix_are_told_with_the_remedy_and_others_are_named_in_order() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), "cnn", "1");
    let weights = Tensor::read_safetensors(dir.path().join("cnn/model.safetensors")).unwrap();
    let error = |rename: &dyn Fn(&str) -> String| {
        let renamed: Vec<_> = weights.iter().map(|(name, tensor)| (rename(name), tensor.shallow_clone())).collect();
        Tensor::write_safetensors(&renamed, dir.path().join("renamed.safetensors")).unwrap();
        let output = run(dir.path(), &["--data", "digits", "--init-from", "renamed.safetensors"]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stderr(&output)
    };
    for (prefix, words) in [
        ("module.", ["DataParallel", "model.module.state_dict()"]),
        ("_orig_mod.", ["torch.compile", "model._orig_mod.state_dict()"]),
    ] {
        let error = error(&|name| format!("{prefix}{name}"));
        assert!(words.iter().all(|word| error.contains(word)) && error.contains("renamed.safetensors"), "{error}");
    }
    // One key alone may be called so.
    let rename = |name: &str| if name.starts_with("fc1") { name.to_owned() } else { format!("module.{name}") };
    let message = error(&rename);
    assert!(
        message.contains("lacks cnn1.bias, cnn1.weight, cnn2.bias, cnn2.weight;")
            && message.contains("holds module.cnn1.bias, module.cnn1.weight, module.cnn2.bias, module.cnn2.weight"),
        "{message}"
    );
    assert!((0..4).all(|_| error(&rename) == message), "the same each time");
}

#[test]
fn weights_that_are_not_finite_or_no_floating_point_numbers_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), "cnn", "1");
    let path = dir.path().join("cnn/model.safetensors");
    let weights = Tensor::read_safetensors(&path).unwrap();
    for (word, change) in [
        ("not finite", (|bias| bias * f64::NAN) as fn(&Tensor) -> Tensor),
        ("not finite", |bias| bias + f64::INFINITY),
        ("found Int64", |bias| bias.to_kind(Kind::Int64)),
        ("found Bool", |bias| bias.to_kind(Kind::Bool)),
    ] {
        let change = |(name, tensor): &(String, Tensor)| {
            (name.clone(), if name == "cnn1.bias" { change(tensor) } else { tensor.shallow_clone() })
        };
        let changed: Vec<_> = weights.iter().map(change).collect();
        Tensor::write_safetensors(&changed, &path).unwrap();
        for arguments in [
            &["--data", "digits", "--init-from", "cnn/model.safetensors", "--max-steps", "1"][..],
            &["evaluate", "--run", "cnn"],
            &["explain", "--run", "cnn"],
        ] {
            let output = run(dir.path(), arguments);
            let error = stderr(&output);
            assert!(output.status.code() == Some(1), "{error}");
            assert!(
                error.contains("model.safetensors: ") && error.contains("cnn1.bias") && error.contains(word),
                "{error}"
            );
        }
    }
}

#[test]
fn evaluate_measures_the_images_the_run_was_validated_on() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), "cnn", "100");
    let output = run(dir.path(), &["evaluate", "--run", "cnn"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let table = stdout(&output);
    let json = fs::read_to_string(dir.path().join("cnn/evaluation.json")).unwrap();
    let evaluation: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(evaluation["n"], 360);
    let metrics = fs::read_to_string(dir.path().join("cnn/metrics.csv")).unwrap();
    let logged: f64 = metrics.trim_end().rsplit_once(',').unwrap().1.parse().unwrap();
    let accuracy = evaluation["accuracy"].as_f64().unwrap();
    assert!((accuracy - logged).abs() < 1e-4, "{accuracy}, and the training logged {logged} for the same weights");
    assert!(table.contains(&format!("accuracy {accuracy:.2} %")), "{table}");
    let confusion: Vec<Vec<u64>> = serde_json::from_value(evaluation["confusion"].clone()).unwrap();
    assert_eq!(confusion.iter().flatten().sum::<u64>(), 360);
    assert_eq!((0..10).map(|i| confusion[i][i]).sum::<u64>() as f64, (accuracy * 3.6).round());
    let (_, cv) = train_test_split(&digits(), 0.2, 1212).unwrap();
    let mut vs = VarStore::new(Device::Cpu);
    let network = CNNModel::new(&vs.root()).unwrap();
    vs.load(dir.path().join("cnn/model.safetensors")).unwrap();
    let images = cv.images.to_kind(Kind::Float) / 255.0;
    let loss = tch::no_grad(|| CrossEntropyLoss.forward(&network.forward(&images).unwrap(), &cv.labels).unwrap());
    let (loss, told) = (f64::try_from(loss).unwrap(), evaluation["loss"].as_f64().unwrap());
    assert!((loss - told).abs() < 1e-5 && table.contains(&format!("loss {told:.6}  accuracy")), "{loss}: {table}");
    for (i, line) in table.lines().skip(4).enumerate() {
        let class = &evaluation["classes"][i];
        let measures = ["precision", "recall", "f1"].map(|measure| format!("{:.4}", class[measure].as_f64().unwrap()));
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells[1..4], measures, "{line}");
        assert_eq!(cells[4], class["support"].to_string(), "{line}");
        let counts: Vec<u64> = line.split_whitespace().skip(5).map(|count| count.parse().unwrap()).collect();
        assert_eq!(counts, confusion[i], "{line}");
    }
    for picture in ["confusion.png", "mistakes.png"] {
        let picture = image::open(dir.path().join("cnn").join(picture)).unwrap().into_luma8();
        assert!(
            picture.width() >= 1000 && picture.pixels().any(|p| p.0[0] < 60) && picture.pixels().any(|p| p.0[0] > 200)
        );
    }
    let output = run(dir.path(), &["evaluate", "--run", "cnn", "--json"]);
    assert_eq!(stdout(&output), json);
    let output = run(dir.path(), &["evaluate", "--run", "cnn", "--best"]);
    assert!(output.status.success(), "{}", stderr(&output));

    train(dir.path(), "lenet5", "3");
    let output = run(dir.path(), &["evaluate", "--run", "lenet5", "--best"]);
    let words = "lenet5/best.safetensors is not there: the run ended before its first evaluation, after 50 iterations";
    assert!(output.status.code() == Some(1) && stderr(&output).contains(words), "{}", stderr(&output));
}

#[test]
fn evaluate_takes_mnists_test_images_and_without_a_folder_the_newest_run() {
    let Some(mnist) = crate::common::mnist() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mnist = mnist.to_str().unwrap();
    let output = run(dir.path(), &["evaluate"]);
    assert!(
        output.status.code() == Some(1) && stderr(&output).contains("no finished run in the folder runs"),
        "{}",
        stderr(&output)
    );
    assert!(run(dir.path(), &["--data", "digits", "--max-steps", "1"]).status.success());
    std::thread::sleep(std::time::Duration::from_millis(20));
    let trained = run(dir.path(), &["--data", mnist, "--max-steps", "300", "--model", "lenet5", "--scale", "unit"]);
    assert!(trained.status.success());
    let output = run(dir.path(), &["evaluate", "--json", "--data", mnist]);
    assert!(stderr(&output).contains("run: runs/lenet5, the newest finished one"), "{}", stderr(&output));
    let evaluation: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(evaluation["n"], 10_000);
    assert!(evaluation["accuracy"].as_f64().unwrap() > 85.0, "{evaluation}");
    let output = run(dir.path(), &["evaluate", "--validation", "--json", "--data", mnist]);
    let evaluation: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(evaluation["n"], 12_000);
    let metrics = fs::read_to_string(dir.path().join("runs/lenet5/metrics.csv")).unwrap();
    let logged: f64 = metrics.trim_end().rsplit_once(',').unwrap().1.parse().unwrap();
    assert!((evaluation["accuracy"].as_f64().unwrap() - logged).abs() < 1e-4, "{evaluation} {logged}");
}

#[test]
#[cfg(unix)] // a symbolic link
fn a_run_that_fell_back_to_the_digits_stays_one_on_the_digits_when_mnist_is_there() {
    let Some(mnist) = crate::common::mnist() else { return };
    let dir = tempfile::tempdir().unwrap();
    assert!(run(dir.path(), &["--max-steps", "100"]).status.success(), "no mirror answers");
    fs::create_dir(dir.path().join("data")).unwrap();
    std::os::unix::fs::symlink(mnist, dir.path().join("data/mnist")).unwrap();
    let output = run(dir.path(), &["evaluate", "--json"]);
    let evaluation: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(evaluation["n"], 360);
}

#[test]
fn predict_names_the_digits_on_pictures() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), "lenet5", "400");
    let digits = digits();
    let labels: Vec<i64> = (&digits.labels).try_into().unwrap();
    let mut arguments = vec!["predict".to_owned(), "--run".into(), "lenet5".into(), "--show".into()];
    for i in 0..20 {
        let pixels: Vec<u8> = digits.images.get(i).flatten(0, -1).try_into().unwrap();
        let digit = GrayImage::from_vec(28, 28, pixels).unwrap();
        let ink = imageops::resize(&digit, 280, 280, imageops::FilterType::CatmullRom);
        let mut page = GrayImage::from_pixel(500, 400, Luma([235]));
        for (x, y, pixel) in ink.enumerate_pixels() {
            // As a pen writes: ink or none. Enlarged, the embedded digits are smears.
            page.put_pixel(x + 200, y + 20, Luma([if pixel.0[0] > 110 { 35 } else { 235 }]));
        }
        let name = format!("digit {i}.jpg");
        page.save(dir.path().join(&name)).unwrap();
        arguments.push(name);
    }
    let output = run(dir.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    let right = text.lines().zip(&labels).enumerate().filter(|(i, (line, label))| {
        assert_eq!(line.matches('%').count(), 11, "a probability for each digit: {line}");
        let percent: f32 = line.split_once('(').unwrap().1.split_once(" %").unwrap().0.parse().unwrap();
        assert_eq!(percent < 70.0, line.ends_with("  not sure"), "{line}");
        line.starts_with(&format!("digit {i}.jpg: {label} ("))
    });
    let right = right.count();
    assert!(right >= 18, "{right} of 20 right:\n{text}");
    assert!(dir.path().join("lenet5/predictions.png").exists());

    std::fs::write(dir.path().join("broken.jpg"), "no picture").unwrap();
    let output = run(dir.path(), &["predict", "--run", "lenet5", "broken.jpg", "digit 0.jpg", "."]);
    assert_eq!(output.status.code(), Some(1), "two pictures could not be read");
    assert!(stdout(&output).starts_with("digit 0.jpg: "), "the other's answer: {}", stdout(&output));
    for error in ["broken.jpg cannot be read", ". is a folder", "2 of 3 pictures"] {
        assert!(stderr(&output).contains(error), "{error}: {}", stderr(&output));
    }
    let output = run(dir.path(), &["predict", "--run", "lenet5"]);
    assert_eq!(output.status.code(), Some(2), "pictures or --csv");
}

#[test]
fn what_the_readme_tells_to_do_after_training_works() {
    let dir = tempfile::tempdir().unwrap();
    let trained =
        run(dir.path(), &["--data", "digits", "--max-steps", "50", "--eval-every", "50", "--out", "runs/cnn"]);
    assert!(trained.status.success(), "{}", stderr(&trained));
    let pixels: Vec<u8> = digits().images.get(0).flatten(0, -1).try_into().unwrap();
    let row = |values: Vec<String>| values.join(",") + "\n";
    let csv = row((0..784).map(|i| format!("pixel{i}")).collect()) + &row(pixels.iter().map(u8::to_string).collect());
    fs::write(dir.path().join("test.csv"), csv).unwrap();
    let digit = GrayImage::from_vec(28, 28, pixels).unwrap();
    imageops::resize(&digit, 280, 280, imageops::FilterType::CatmullRom).save(dir.path().join("photo.jpg")).unwrap();

    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut found = 0;
    for line in readme.split("cargo run --release -- ").skip(1) {
        let line = line.split(['`', '\n', '#']).next().unwrap();
        let arguments: Vec<_> = line.split_whitespace().collect();
        if ["evaluate", "predict", "explain", "summary", "doctor", "--help"].contains(&arguments[0]) {
            let output = run(dir.path(), &arguments);
            assert!(output.status.success(), "{line}: {}", stderr(&output));
            found += 1;
        }
    }
    assert!(found >= 7, "{found}");
    assert_eq!(fs::read_to_string(dir.path().join("submission.csv")).unwrap().lines().count(), 2);
}

/// Runs the model that the code in docs/beside-python.md exported on the first 50 digits.
const ONNX: &str = r"
import sys
import numpy as np, onnxruntime, pandas as pd
images = pd.read_csv(sys.argv[1]).drop(columns='label').values[:50].reshape(-1, 1, 28, 28)
session = onnxruntime.InferenceSession('cnn.onnx')
logits, = session.run(None, {'images': images.astype(np.float32)})
print(*logits.ravel())
";

#[test]
#[cfg(unix)] // a symbolic link
fn the_docs_lines_export_a_trained_network_to_onnx_with_the_same_logits() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    assert!(run(dir.path(), &["--data", "digits", "--max-steps", "100", "--out", "runs/cnn"]).status.success());
    std::os::unix::fs::symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts"), dir.path().join("scripts")).unwrap();
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/beside-python.md")).unwrap();
    let export =
        docs.split("```python\n").find(|code| code.contains("onnx.export")).unwrap().split("```").next().unwrap();
    let csv = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/digits.csv.gz");
    let [exported, found] = [&["-c", export][..], &["-c", ONNX, csv]]
        .map(|arguments| Command::new(python).args(arguments).current_dir(dir.path()).output().unwrap());
    assert!(exported.status.success() && found.status.success(), "{}{}", stderr(&exported), stderr(&found));
    let found: Vec<f64> = stdout(&found).split_whitespace().map(|logit| logit.parse().unwrap()).collect();

    let mut vs = VarStore::new(Device::Cpu);
    let network = CNNModel::new(&vs.root()).unwrap();
    vs.load(dir.path().join("runs/cnn/model.safetensors")).unwrap();
    let images = digits().images.narrow(0, 0, 50).to_kind(Kind::Float);
    let expected = Vec::<f64>::try_from(tch::no_grad(|| network.forward(&images)).unwrap().flatten(0, -1)).unwrap();
    let largest = expected.iter().fold(0.0, |largest: f64, logit| largest.max(logit.abs()));
    assert!(found.len() == 500 && expected.len() == 500);
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-5 * largest, "{found} {expected}: onnxruntime rounds, but not so much");
    }
}

#[test]
fn predict_writes_kaggles_submission_for_its_unlabelled_csv() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), "cnn", "150");
    let digits = digits();
    let mut csv = (0..784).map(|i| format!("pixel{i}")).collect::<Vec<_>>().join(",") + "\n";
    for i in 0..1200 {
        let pixels: Vec<u8> = digits.images.get(i).flatten(0, -1).try_into().unwrap();
        csv += &(pixels.iter().map(u8::to_string).collect::<Vec<_>>().join(",") + "\n");
    }
    fs::write(dir.path().join("test.csv"), &csv).unwrap();
    let predict = ["predict", "--run", "cnn", "--csv", "test.csv", "--submission", "out.csv"];
    let output = run(dir.path(), &predict);
    assert!(output.status.success(), "{}", stderr(&output));
    let submission = fs::read_to_string(dir.path().join("out.csv")).unwrap();
    let mut lines = submission.lines();
    assert_eq!(lines.next(), Some("ImageId,Label"));
    let labels: Vec<i64> = (&digits.labels).try_into().unwrap();
    let rows: Vec<_> = lines.map(|line| line.split_once(',').unwrap()).collect();
    assert_eq!(rows.len(), 1200);
    assert!(rows.iter().zip(1..).all(|(row, id)| row.0 == id.to_string()));
    let right = rows.iter().zip(&labels).filter(|(row, label)| row.1 == label.to_string()).count();
    assert!(right > 1080, "{right} of 1200 right");

    fs::write(dir.path().join("test.csv"), csv.replacen("pixel0", "label", 1)).unwrap();
    let output = run(dir.path(), &predict);
    assert!(output.status.code() == Some(1) && stderr(&output).contains("it looks like Kaggle's train.csv"));
}
