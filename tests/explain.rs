//! `explain`, `summary` and the examples: pictures of the layers, and what bad input gets.

mod common;

use cnn_tutorial::models::{CNNModel, LeNet5};
use cnn_tutorial::nn::{Module, record};
use common::{digits, python, run, stderr, stdout};
use image::{GrayImage, Luma};
use std::fs;
use std::path::Path;
use std::process::Command;
use tch::{Device, Tensor, nn};

const PICTURES: [&str; 3] = ["filters.png", "layers.png", "pooling.png"];

fn train(dir: &Path, model: &str) {
    let output = run(dir, &["--data", "digits", "--model", model, "--max-steps", "60", "--out", model]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn explain_draws_its_pictures_for_both_networks_trained_and_fresh_and_names_them() {
    let dir = tempfile::tempdir().unwrap();
    for (model, convolutions) in [("cnn", 2), ("lenet5", 3)] {
        train(dir.path(), model);
        let fresh = format!("runs/{model}-untrained");
        for (arguments, folder) in [(["--run", model], model), (["--model", model], &fresh)] {
            let output = run(dir.path(), &[&["explain", "--data", "digits", "--index", "3"], &arguments[..]].concat());
            assert!(output.status.success(), "{}", stderr(&output));
            assert_eq!(stderr(&output).contains("not trained"), folder == fresh, "a fresh network is said to be one");
            let paths = PICTURES.map(|name| format!("{folder}/{name}"));
            assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), paths);
            for path in paths {
                let picture = image::open(dir.path().join(&path)).unwrap().into_rgb8();
                assert!(
                    picture.width() == 1600 && picture.height() > 300 * convolutions,
                    "{path}: {:?}",
                    picture.dimensions()
                );
                let greys: std::collections::HashSet<_> = picture.pixels().filter(|p| p.0[0] == p.0[1]).collect();
                assert!(greys.len() > 50, "{path}: {} greys", greys.len());
            }
        }
    }
    let layers = |folder: &str| fs::read(dir.path().join(folder).join("layers.png")).unwrap();
    assert_ne!(layers("cnn"), layers("runs/cnn-untrained"), "the weights of the run are used");
    let before = layers("cnn");
    assert!(run(dir.path(), &["explain", "--run", "cnn", "--index", "4"]).status.success(), "the run's own data");
    assert_ne!(layers("cnn"), before, "another digit, another picture");
}

#[test]
fn the_input_panel_shows_the_digit_itself() {
    let dir = tempfile::tempdir().unwrap();
    assert!(run(dir.path(), &["explain", "--model", "cnn", "--data", "digits", "--index", "7"]).status.success());
    let picture = image::open(dir.path().join("runs/cnn-untrained/layers.png")).unwrap().into_luma8();
    let digit: Vec<u8> = digits().images.get(7).flatten(0, -1).try_into().unwrap();
    let largest = f32::from(*digit.iter().max().unwrap());
    let expected = |i: usize| (f32::from(digit[i]) / largest * 255.0).round() as u8;
    // Somewhere on the page, each pixel of the digit is a square of 7 by 7.
    let shows_it = |left: u32, top: u32| {
        (0..784)
            .all(|i| picture.get_pixel(left + i as u32 % 28 * 7 + 3, top + i as u32 / 28 * 7 + 3).0[0] == expected(i))
    };
    assert!((0..400).any(|top| shows_it(40, top)));
}

#[test]
fn bad_input_to_explain_is_an_error_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), "cnn");
    train(dir.path(), "lenet5");
    fs::write(dir.path().join("text.png"), "no picture").unwrap();
    GrayImage::from_pixel(50, 50, Luma([200])).save(dir.path().join("blank.png")).unwrap();
    let refused = |arguments: &[&str], words: &[&str]| {
        let output = run(dir.path(), &[&["explain"], arguments].concat());
        let error = stderr(&output);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""), "{error}");
        for word in words {
            assert!(error.contains(word), "expected '{word}' in: {error}");
        }
        assert!(!error.contains("panicked"), "{error}");
    };
    refused(&["--run", "cnn", "--image", "text.png"], &["text.png", "PNG or JPEG"]);
    refused(&["--run", "cnn", "--image", "blank.png"], &["blank.png", "no digit found"]);
    refused(&["--run", "cnn", "--image", "none.png"], &["none.png", "cannot be opened"]);
    refused(&["--run", "cnn", "--index", "1797"], &["--index 1797 is out of range", "1797 images, 0 to 1796"]);
    refused(&["--run", "nowhere"], &["nowhere is not the folder of a run", "config.json"]);
    let weights = |model: &str| dir.path().join(model).join("model.safetensors");
    fs::copy(weights("lenet5"), weights("cnn")).unwrap();
    refused(&["--run", "cnn"], &["model.safetensors", "of another model"]);
    fs::write(weights("cnn"), "damaged").unwrap();
    refused(&["--run", "cnn"], &["model.safetensors cannot be read"]);
    fs::remove_file(weights("cnn")).unwrap();
    refused(&["--run", "cnn"], &["model.safetensors cannot be read", "when it is finished"]);
    fs::write(dir.path().join("cnn/config.json"), "{}").unwrap();
    refused(&["--run", "cnn"], &["config.json", "damaged"]);
    let output = run(dir.path(), &["explain", "--run", "lenet5", "--model", "cnn"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn layers_are_recorded_under_the_names_they_have_in_the_struct() {
    let vs = nn::VarStore::new(Device::Cpu);
    let names = |network: &dyn Module| {
        let image = Tensor::zeros([1, 1, 28, 28], tch::kind::FLOAT_CPU);
        let (_, stages) = record(|| network.forward(&image).unwrap());
        let (_, again) = record(|| network.forward(&image).unwrap());
        assert_eq!(stages.len(), again.len());
        stages.into_iter().map(|stage| stage.name).collect::<Vec<_>>()
    };
    assert_eq!(
        names(&CNNModel::new(&(vs.root() / "cnn")).unwrap()),
        ["cnn1", "relu1", "maxpool1", "cnn2", "relu2", "maxpool2", "fc1"]
    );
    let lenet5 = ["conv1", "tanh1", "avgpool1", "conv2", "tanh2", "avgpool2", "conv3", "tanh3", "fc1", "tanh4", "fc2"];
    assert_eq!(names(&LeNet5::new(&(vs.root() / "lenet5"), 10).unwrap()), lenet5);
}

/// Prints for each layer of Python's twin: its output shape, parameters and multiply-adds; then the totals.
const TORCHINFO: &str = r"
import sys
sys.path.insert(0, sys.argv[1])
from torchinfo import summary
from tutorial import CNNModel, LeNet5
table = summary(CNNModel() if sys.argv[2] == 'cnn' else LeNet5(10), input_size=(1, 1, 28, 28), verbose=0)
for layer in table.summary_list[1:]:
    print(layer.output_size[1:], layer.num_params, layer.macs)
print(table.total_params, table.total_mult_adds)
";

#[test]
fn summary_prints_the_numbers_that_torchinfo_prints_for_pythons_twin() {
    let dir = tempfile::tempdir().unwrap();
    for model in ["cnn", "lenet5"] {
        let output = run(dir.path(), &["summary", "--model", model]);
        assert!(output.status.success(), "{}", stderr(&output));
        let table = stdout(&output);
        let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        let (total, rows) = rows.split_last().unwrap();
        let found: Vec<String> = rows
            .iter()
            .map(|row| {
                let shape = row.join(" ").rsplit_once('[').unwrap().1.split(']').next().unwrap().to_owned();
                let [.., parameters, mult_adds] = row[..] else { panic!("{row:?}") };
                format!("[{shape}] {parameters} {mult_adds}").replace('-', "0")
            })
            .collect();
        let total = format!("{} {}", total[1], total[2]);
        assert_eq!(total, if model == "cnn" { "12810 677610" } else { "61706 423038" });
        let Some(python) = python() else { continue };
        let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");
        let torchinfo = Command::new(python).args(["-c", TORCHINFO, scripts, model]).output().unwrap();
        assert!(torchinfo.status.success(), "{}", stderr(&torchinfo));
        let expected = stdout(&torchinfo);
        assert_eq!(found.join("\n") + "\n" + &total + "\n", expected, "{model}");
    }
}

#[test]
fn the_examples_print_the_slides_small_matrices() {
    let examples = Path::new(env!("CARGO_BIN_EXE_cnn-tutorial")).with_file_name("examples");
    let text = |name: &str| {
        let output = Command::new(examples.join(name)).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    let convolution = text("convolution");
    assert!(convolution.contains("stride 2, padding 1: (5 + 2*1 - 3) / 2 + 1 = 3\n    1   -1    0\n"), "{convolution}");
    assert_eq!(convolution.matches("stride ").count(), 6);
    let pooling = text("pooling");
    assert!(pooling.contains("the largest of four\n    8.00    6.00\n    5.00    7.00\n"), "{pooling}");
    assert!(pooling.contains("the mean of four\n    4.00    3.00\n    2.00    3.00\n"), "{pooling}");
    assert!(
        pooling.contains("norm_type=2, kernel_size=2, stride=2): (sum of x^2)^(1/2)\n    9.49    7.07\n"),
        "{pooling}"
    );
}
