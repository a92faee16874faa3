//! Images that are no digits: in colour, of another size, their classes with names.

use crate::page::{Page, ask};
use crate::running::{run, stderr, stdout};
use cnn_tutorial::data::read_cifar10_train;
use cnn_tutorial::explain::Explained;
use cnn_tutorial::figures::{Content, Figure, Panel};
use cnn_tutorial::nn::{Conv2d, Linear, Module};
use image::{Rgb, RgbImage};
use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};
use tch::{Device, Kind, TchError, Tensor, nn::VarStore};

const SHAPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/shapes");
const GARMENTS: [&str; 10] = ["coat", "ankle boot", "bag", "cap", "sock", "vest", "scarf", "glove", "belt", "tie"];

struct Colored {
    conv: Conv2d,
    deep: Conv2d,
    fc: Linear,
}

impl Colored {
    fn new(vs: &VarStore) -> Self {
        let conv = |name: &str, i, o| Conv2d::new(&vs.root() / name, i, o, 3).unwrap();
        let fc = Linear::new(&vs.root() / "fc", 5 * 28 * 28, 10).unwrap();
        Self { conv: conv("conv", 3, 4), deep: conv("deep", 4, 5), fc }
    }
}

impl Module for Colored {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        self.fc.forward(&self.deep.forward(&self.conv.forward(x)?)?.f_flatten(1, -1)?)
    }
}

fn figures(
    model: &Colored,
    start: Option<&Colored>,
    image: &Tensor,
    classes: &[String],
) -> Vec<(&'static str, Figure)> {
    let (start, kernel_size, stride) = (start.map(|start| start as _), 2.into(), 2.into());
    let explained = Explained { model, start, title: "", image, caption: "", classes, kernel_size, stride };
    explained.figures().unwrap()
}

#[track_caller]
fn pictures(panel: &Panel) -> &[RgbImage] {
    let Content::Pictures(pictures) = &panel.content else { panic!("{} is not in colour", panel.title) };
    pictures
}

#[test]
fn an_rgb_image_is_shown_in_colour_as_one_picture_whatever_range_its_pixels_have() {
    let shapes = read_cifar10_train(SHAPES).unwrap();
    let bytes = shapes.images.narrow(0, 0, 1);
    let at = |x: u32, y: u32| [0, 1, 2].map(|c| bytes.int64_value(&[0, c, y.into(), x.into()]) as u8);
    let expected = RgbImage::from_fn(32, 32, |x, y| Rgb(at(x, y)));
    let model = Colored::new(&VarStore::new(Device::Cpu));
    let raw = bytes.to_kind(Kind::Float);
    let input = |image: &Tensor| {
        let mut figures = figures(&model, None, image, &shapes.classes);
        figures.remove(1).1.rows.remove(0).remove(0)
    };
    for image in [&raw, &(&raw / Tensor::from(255f32))] {
        let panel = input(image);
        assert_eq!((panel.note.as_str(), pictures(&panel)), ("[3, 32, 32]", &[expected.clone()][..]));
    }
    // Neither 0 to 1 nor 0 to 255: the image's own range.
    let normalized = (&raw - 100.0) / 50.0;
    let panel = input(&normalized);
    let [picture] = pictures(&panel) else { panic!("one picture") };
    let channels = || picture.pixels().flat_map(|pixel| pixel.0);
    assert_eq!((channels().min(), channels().max()), (Some(0), Some(255)));
    assert!(panel.note.contains("dark is -") && panel.note.contains("bright 2"), "{}", panel.note);

    let dir = tempfile::tempdir().unwrap();
    for (name, figure) in figures(&model, None, &raw, &shapes.classes) {
        figure.draw(&dir.path().join(name)).unwrap();
    }
    let page = image::open(dir.path().join("layers.png")).unwrap().into_rgb8();
    let color = Rgb(at(12, 20)); // inside the shape
    assert!(color.0.iter().max().unwrap() - color.0.iter().min().unwrap() > 100, "{color:?}");
    assert!(page.pixels().filter(|&&pixel| pixel == color).count() > 50, "its colours stand in the figure");
}

#[test]
fn kernels_over_three_channels_are_shown_in_colour_with_one_scale_for_start_and_end() {
    let vs = [VarStore::new(Device::Cpu), VarStore::new(Device::Cpu)];
    let [start, end] = [0, 1].map(|i| Colored::new(&vs[i]));
    tch::no_grad(|| {
        for (weight, factor) in [(&start.conv.weight, 0.5), (&end.conv.weight, 2.0)] {
            let numbers = (Tensor::arange(4 * 27, tch::kind::FLOAT_CPU) - 53.5) / 53.5 * factor;
            weight.shallow_clone().copy_(&numbers.view([4, 3, 3, 3]));
        }
    });
    let image = Tensor::zeros([1, 3, 32, 32], tch::kind::FLOAT_CPU);
    let figures = figures(&end, Some(&start), &image, &[]);
    let [first, second] = &figures[0].1.rows[..] else { panic!("two convolutions") };
    let ends = |panel: &Panel| {
        let kernels = pictures(panel);
        assert_eq!((kernels.len(), kernels[0].dimensions()), (4, (3, 3)));
        // The first number is red of the first kernel, the last one blue of the last.
        [kernels[0].get_pixel(0, 0).0[0], kernels[3].get_pixel(2, 2).0[2]]
    };
    assert_eq!([0, 1, 2].map(|i| ends(&first[i])), [[96, 159], [0, 255], [0, 255]]);
    assert!(first[0].note.contains("in colour, input channels: 3\ngrey is 0, bright 2, dark -2"), "{}", first[0].note);
    assert_eq!(first[2].note, "\ngrey is 0, bright 1.5, dark -1.5");
    assert!(matches!(&second[0].content, Content::Maps(maps) if maps.len() == 5), "those over four are summed");
}

#[test]
fn bars_bear_the_classes_names_and_begin_behind_the_longest() {
    let model = Colored::new(&VarStore::new(Device::Cpu));
    let image = Tensor::zeros([1, 3, 32, 32], tch::kind::FLOAT_CPU);
    let names: Vec<String> = GARMENTS[..9].iter().map(|&name| name.into()).collect();
    let figures = figures(&model, None, &image, &names);
    let Content::Bars(bars) = &figures[1].1.rows[0].last().unwrap().content else { panic!("no bars") };
    let found: Vec<&str> = bars.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(found, [&GARMENTS[..9], &["9"]].concat(), "one without a name has its number");

    let dir = tempfile::tempdir().unwrap();
    let left_of_bars = |name: &str| {
        let bars = Content::Bars(vec![(name.into(), -1.0, "1 %".into()), ("b".into(), 1.0, "99 %".into())]);
        let path = dir.path().join("bars.png");
        Figure { heading: String::new(), colors: None, rows: vec![vec![Panel::new("", "", bars)]] }
            .draw(&path)
            .unwrap();
        let page = image::open(path).unwrap().into_rgb8();
        let bar = Rgb([0xe0, 0x82, 0x14]);
        let (left, row) =
            page.enumerate_pixels().filter(|(.., pixel)| **pixel == bar).map(|(x, y, _)| (x, y)).min().unwrap();
        let ground = *page.get_pixel(0, 0);
        let gap = (0..left).rev().take_while(|&x| (row..row + 14).all(|y| *page.get_pixel(x, y) == ground)).count();
        (left, gap)
    };
    let (short, long) = (left_of_bars("7"), left_of_bars("a very long name of a class, Ankle boots"));
    assert!(long.0 > short.0 + 250, "{short:?} {long:?}");
    assert!(short.1 > 3 && long.1 > 3, "no name touches its bar: {short:?} {long:?}");
}

/// A folder in MNIST's format whose classes have names: the digits called garments, to train and to test on.
fn garments(dir: &Path) {
    let digits = crate::common::digits();
    let idx = |dimensions: &[i64], tensor: &Tensor| {
        let head = [0, 0, 8, dimensions.len() as u8];
        let sizes = dimensions.iter().flat_map(|&dimension| (dimension as u32).to_be_bytes());
        let bytes = Vec::<u8>::try_from(tensor.to_kind(Kind::Uint8).flatten(0, -1)).unwrap();
        head.into_iter().chain(sizes).chain(bytes).collect::<Vec<u8>>()
    };
    fs::create_dir(dir.join("garments")).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.join("garments").join(name), bytes).unwrap();
    for (part, first, n) in [("train", 0, 1500), ("t10k", 1500, 200)] {
        let rows = |tensor: &Tensor| tensor.narrow(0, first, n);
        write(&format!("{part}-images-idx3-ubyte"), &idx(&[n, 28, 28], &rows(&digits.images)));
        write(&format!("{part}-labels-idx1-ubyte"), &idx(&[n], &rows(&digits.labels)));
    }
    write("batches.meta.txt", (GARMENTS.join("\n") + "\n\n").as_bytes());
}

#[track_caller]
fn assert_refused(output: &Output, words: &[&str]) {
    let error = stderr(output);
    assert_eq!((output.status.code(), stdout(output).as_str()), (Some(1), ""), "{error}");
    for word in words {
        assert!(error.contains(word), "expected '{word}' in: {error}");
    }
    assert!(!error.contains("panicked") && !error.contains("frame #"), "{error}");
}

const TRAIN: [&str; 11] =
    ["--max-steps", "60", "--scale", "unit", "--optimizer", "adam", "--lr", "0.003", "--shuffle", "--out", "run"];

#[test]
fn a_run_on_classes_with_names_is_measured_and_explained_by_them() {
    let dir = tempfile::tempdir().unwrap();
    garments(dir.path());
    let output = run(dir.path(), &[&TRAIN[..], &["--data", "garments"]].concat());
    assert!(stderr(&output).contains("evaluate --run run --data garments"), "the next command: {}", stderr(&output));
    let read = |name: &str| fs::read_to_string(dir.path().join("run").join(name)).unwrap();
    let config: serde_json::Value = serde_json::from_str(&read("config.json")).unwrap();
    assert_eq!(config["image_size"], serde_json::json!([1, 28, 28]));
    assert_eq!(config["classes"], serde_json::json!(GARMENTS));

    let output = run(dir.path(), &["evaluate", "--run", "run", "--data", "garments"]);
    let table = stdout(&output);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].contains("garments, the test images: 200 images"), "{table}");
    let head = lines[3];
    assert!(head.starts_with("     class  precision  recall      f1  images   taken for coat  ankle boot "), "{table}");
    assert!(lines[5].starts_with("ankle boot  "), "{table}");
    assert!(lines[4..].iter().all(|line| line.chars().count() == head.chars().count()), "{table}");
    let evaluation: serde_json::Value = serde_json::from_str(&read("evaluation.json")).unwrap();
    for (class, name) in evaluation["classes"].as_array().unwrap().iter().zip(GARMENTS) {
        assert!(class["class"] == name && class["digit"].is_null(), "{class}");
    }
    let wide = image::open(dir.path().join("run/confusion.png")).unwrap().width();
    let output = run(dir.path(), &[&TRAIN[..10], &["digits", "--data", "digits"]].concat());
    assert!(output.status.success() && run(dir.path(), &["evaluate", "--run", "digits"]).status.success());
    let narrow = image::open(dir.path().join("digits/confusion.png")).unwrap().width();
    assert!(wide > narrow + 80, "names have room: {wide} and {narrow} pixels");

    let layers = |data: &str| {
        let output = run(dir.path(), &["explain", "--run", "run", "--data", data]);
        assert!(output.status.success(), "{}", stderr(&output));
        fs::read(dir.path().join("run/layers.png")).unwrap()
    };
    assert_ne!(layers("garments"), layers("digits"), "the same image, another name");

    for kind in ["images-idx3", "labels-idx1"] {
        fs::remove_file(dir.path().join(format!("garments/t10k-{kind}-ubyte"))).unwrap();
    }
    let table = stdout(&run(dir.path(), &["evaluate", "--run", "run", "--data", "garments"]));
    assert!(table.contains("garments, the part for validation: 300 images"), "without test images: {table}");

    // Its labels mean something else.
    let output = run(dir.path(), &["evaluate", "--run", "run", "--data", "digits"]);
    let words = [
        "run was trained on 1x28x28 images of coat, ankle boot",
        "embedded in the program has 1x28x28 images of digits",
    ];
    assert_refused(&output, &words);
    let output = run(dir.path(), &["evaluate", "--run", "digits", "--data", SHAPES]);
    assert_refused(&output, &["digits was trained on 1x28x28 images of digits", "has 3x32x32 images of red circle"]);
}

#[test]
fn what_reads_digits_alone_says_so_of_a_run_on_other_images() {
    let dir = tempfile::tempdir().unwrap();
    garments(dir.path());
    assert!(run(dir.path(), &[&TRAIN[..10], &["runs/a", "--data", "garments"]].concat()).status.success());
    let of_run = "runs/a was trained on 1x28x28 images of coat, ankle boot";
    let instead = "`explain --run runs/a --data garments --index 0`";
    for command in [&["predict", "digit.png"][..], &["explain", "--image", "digit.png"]] {
        let output = run(dir.path(), &[command, &["--run", "runs/a"]].concat());
        assert_refused(&output, &["reads digits, 1x28x28", of_run, instead]);
    }
    assert_refused(
        &run(dir.path(), &["play", "--no-browser", "--port", "0", "--run", "runs/a"]),
        &["play reads digits", of_run],
    );

    let page = Page::open(dir.path());
    let runs = || ask("GET", &format!("{}api/runs", page.address), None).1;
    assert!(!runs().contains("runs/a") && runs().contains("cnn"), "networks that are not trained: {}", runs());
    let (status, answer) = ask("POST", &format!("{}api/digit?run=runs/a&weights=last", page.address), Some(&[0; 784]));
    assert!((400..500).contains(&status), "{status} {answer}");
    crate::page::train(dir.path(), "cnn", "5");
    assert!(!runs().contains("runs/a") && runs().contains("runs/cnn"), "{}", runs());
}

#[test]
fn a_run_from_before_images_had_sizes_and_classes_names_is_one_on_digits() {
    let dir = tempfile::tempdir().unwrap();
    assert!(run(dir.path(), &[&TRAIN[..], &["--data", "digits"]].concat()).status.success());
    let path = dir.path().join("run/config.json");
    let mut config: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for field in ["image_size", "classes"] {
        assert!(config.as_object_mut().unwrap().remove(field).is_some(), "{field}");
    }
    let before = stdout(&run(dir.path(), &["evaluate", "--run", "run"]));
    fs::write(&path, config.to_string()).unwrap();
    let output = run(dir.path(), &["evaluate", "--run", "run"]);
    assert!(output.status.success() && stdout(&output) == before, "{}", stderr(&output));
}

#[test]
fn the_slides_networks_refuse_images_in_colour_by_layer_and_shape_before_a_folder_is_made() {
    let dir = tempfile::tempdir().unwrap();
    for (model, layer) in [("cnn", "cnn1, Conv2d(1, 16, "), ("lenet5", "conv1, Conv2d(1, 6, ")] {
        let output = run(dir.path(), &["--data", SHAPES, "--model", model]);
        assert_refused(
            &output,
            &[&format!("--model {model} does not fit"), "3x32x32", layer, "an input of [1, 3, 32, 32]"],
        );
        assert!(stderr(&output).contains("shapes in CIFAR-10's format: 320 images to train on, 80 to validate on"));
    }
    fs::create_dir(dir.path().join("empty")).unwrap();
    let output = run(dir.path(), &["--data", "empty"]);
    assert_refused(
        &output,
        &["a folder with the MNIST files, or with CIFAR-10's binary version or train.csv", "--data mnist"],
    );
    assert!(!dir.path().join("runs").exists());
}

#[test]
fn summary_takes_the_size_of_the_images() {
    let dir = tempfile::tempdir().unwrap();
    let summary = |size: &str| run(dir.path(), &["summary", "--model", "lenet5", &format!("--input-size={size}")]);
    assert_eq!(stdout(&summary("1,28,28")), stdout(&run(dir.path(), &["summary", "--model", "lenet5"])));
    assert_refused(&summary("3,32,32"), &["conv1, Conv2d(1, 6, ", "an input of [1, 3, 32, 32]"]);
    assert_refused(&summary("1,32,40"), &["the network fails after tanh3", "gives [N, 120, 2, 4]"]);
    for wrong in ["3,32", "0,32,32", "1,28,28,1", "-1,28,28", "a,b,c", ""] {
        let output = summary(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(stderr(&output).contains("three positive numbers such as 3,32,32"), "{}", stderr(&output));
    }
}

/// The first of the embedded digits as a CSV, each pixel as `edit` makes it.
fn digits_csv(n: i64, header: bool, edit: impl Fn(i64) -> i64) -> String {
    let digits = crate::common::digits();
    let head = (0..784).map(|i| format!(",pixel{i}")).collect::<String>();
    let rows = (0..n).map(|i| {
        let pixels = Vec::<i64>::try_from(digits.images.get(i).flatten(0, -1).to_kind(Kind::Int64)).unwrap();
        let pixels: String = pixels.into_iter().map(|pixel| format!(",{}", edit(pixel))).collect();
        format!("{}{pixels}\n", digits.labels.int64_value(&[i]))
    });
    let rows: String = rows.collect();
    if header { format!("label{head}\n{rows}") } else { rows }
}

#[test]
fn images_that_look_scaled_or_inverted_or_whose_order_is_assumed_are_warned_of_and_the_program_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("good.csv", &digits_csv(200, true, |pixel| pixel));
    write("scaled.csv", &digits_csv(200, true, |pixel| pixel / 128));
    write("inverted.csv", &digits_csv(200, true, |pixel| 255 - pixel));
    write("bare.csv", &digits_csv(200, false, |pixel| pixel));
    let scaled = "warning: scaled.csv: no pixel is more than 1, expected 0 to 255";
    let inverted = "warning: inverted.csv: the border of the images is 255 on average, expected about 0";
    let bare = "note: bare.csv has no names over its columns: taken for the label first, then the pixels row by row";
    for (name, words) in [("good", ""), ("scaled", scaled), ("inverted", inverted), ("bare", bare)] {
        let data = format!("{name}.csv");
        let check = |output: Output| {
            let error = stderr(&output);
            assert!(output.status.success(), "{error}");
            let said = error.lines().filter(|line| line.starts_with("warning: ") || line.starts_with("note: "));
            let said: Vec<&str> = said.collect();
            assert!(said.len() == usize::from(name != "good") && said.concat().contains(words), "{name}: {error}");
        };
        check(run(dir.path(), &[&TRAIN[..], &["--overwrite", "--data", &data]].concat()));
        check(run(dir.path(), &["evaluate", "--run", "run", "--data", &data]));
        let text = fs::read_to_string(dir.path().join(&data)).unwrap();
        let unlabelled: String = text.lines().map(|line| line.split_once(',').unwrap().1.to_owned() + "\n").collect();
        fs::create_dir_all(dir.path().join("test")).unwrap();
        write(&format!("test/{data}"), &unlabelled);
        let csv = format!("test/{data}");
        let output = run(dir.path(), &["predict", "--run", "run", "--csv", &csv, "--submission", "s.csv"]);
        let error = stderr(&output);
        let part = words
            .split(": ")
            .last()
            .unwrap()
            .split(',')
            .next()
            .unwrap()
            .trim_start_matches("taken for the label first");
        assert!(output.status.success() && error.contains(part), "{name}: {error}");
        assert_eq!(error.contains("warning: ") || error.contains("note: "), name != "good", "{name}: {error}");
    }
}

#[test]
fn a_folder_is_read_by_what_it_holds_and_called_by_its_right_name() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["fashion/FashionMNIST/raw", "from-kaggle", "nothing"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    let train = |data: &str| run(dir.path(), &[&TRAIN[..], &["--overwrite", "--data", data]].concat());

    let labels = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5];
    let images = [&[0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 28, 0, 0, 0, 28][..], &[200; 7840]].concat();
    let raw = dir.path().join("fashion/FashionMNIST/raw");
    fs::write(raw.join("train-images-idx3-ubyte"), images).unwrap();
    fs::write(raw.join("train-labels-idx1-ubyte"), [&[0, 0, 8, 1, 0, 0, 0, 10][..], &labels].concat()).unwrap();
    let error = stderr(&train("fashion"));
    assert!(error.contains("data: Fashion-MNIST in fashion: 8 images to train on"), "{error}");
    assert!(!error.contains("warning: ") && !error.contains("digit"), "garments may be bright at the border: {error}");
    let page = Page::open(dir.path());
    let arguments = ["--data", "fashion", "--batch-size", "4", "--max-steps", "1", "--out", "watched"];
    let body = serde_json::json!({"arguments": arguments, "order": {"until": 1}}).to_string();
    assert_eq!(ask("POST", &format!("{}api/training/start", page.address), Some(body.as_bytes())).0, 200);
    let begun = Instant::now();
    let shown = loop {
        assert!(begun.elapsed() < Duration::from_secs(120), "it goes on");
        let url = format!("{}api/training?training=0&losses=0&rows=0&lines=0", page.address);
        let (_, text) = ask("POST", &url, Some(&[7; 784]));
        let seen: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_ne!(seen["phase"], "failed", "{text}");
        if seen["phase"] == "finished" {
            break seen["shown"].clone();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(shown["answer"].is_null(), "it knows no digits");
    assert!(shown["kernels"]["now"].is_array(), "its kernels can be looked at all the same");

    fs::write(dir.path().join("from-kaggle/train.csv"), digits_csv(20, true, |pixel| pixel)).unwrap();
    let error = stderr(&train("from-kaggle"));
    assert!(error.contains("data: from-kaggle/train.csv: 16 images to train on"), "{error}");

    let error = stderr(&train("nothing"));
    assert!(error.starts_with("error: nothing has no file train-images-idx3-ubyte"), "{error}");
    assert!(error.contains("train.csv; `--data mnist` downloads MNIST instead"), "{error}");

    image::GrayImage::new(28, 28).save(dir.path().join("photo.csv.png")).unwrap();
    fs::rename(dir.path().join("photo.csv.png"), dir.path().join("photo.csv")).unwrap();
    assert_refused(&train("photo.csv"), &["error: photo.csv is a picture (PNG), expected a CSV", "`predict FILE`"]);
}
