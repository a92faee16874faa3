//! `explain`, `summary` and the examples: pictures of the layers, and what bad input gets.

use crate::common::{digits, python};
use crate::running::{run, stderr, stdout};
use cnn_tutorial::explain::Explained;
use cnn_tutorial::figures::{Colors, Content, Figure, Panel};
use cnn_tutorial::models::{CNNModel, LeNet5};
use cnn_tutorial::nn::{Module, stages};
use image::{GrayImage, Luma, Rgb, RgbImage};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use tch::{Device, Kind, TchError, Tensor, nn};

const PICTURES: [&str; 3] = ["filters.png", "layers.png", "pooling.png"];

fn train(dir: &Path, model: &str) {
    let output = run(dir, &["--data", "digits", "--model", model, "--max-steps", "60", "--out", model]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn explain_draws_its_pictures_for_both_networks_trained_and_fresh_and_names_them() {
    let dir = tempfile::tempdir().unwrap();
    for model in ["cnn", "lenet5"] {
        train(dir.path(), model);
        let fresh = format!("runs/{model}-untrained");
        for (arguments, folder) in [(["--run", model], model), (["--model", model], &fresh)] {
            let output = run(dir.path(), &[&["explain", "--data", "digits", "--index", "3"], &arguments[..]].concat());
            assert!(output.status.success(), "{}", stderr(&output));
            assert_eq!(
                stderr(&output).contains("an untrained network"),
                folder == fresh,
                "a fresh network is said to be one"
            );
            let paths = PICTURES.map(|name| format!("{folder}/{name}"));
            assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), paths);
            for path in paths {
                let picture = image::open(dir.path().join(&path)).unwrap().into_rgb8();
                let (width, height) = picture.dimensions();
                assert!(width == 1920 && (600..=1080).contains(&height), "{path}: {width}x{height} is no landscape");
                let colors: HashSet<_> = picture.pixels().collect();
                assert!(colors.len() > 200, "{path}: {} colours", colors.len());
            }
        }
    }
    let layers = |folder: &str| fs::read(dir.path().join(folder).join("layers.png")).unwrap();
    assert_ne!(layers("cnn"), layers("runs/cnn-untrained"), "the weights of the run are used");
    let before = layers("cnn");
    assert!(run(dir.path(), &["explain", "--run", "cnn", "--index", "4"]).status.success(), "the run's own data");
    assert_ne!(layers("cnn"), before, "another digit, another picture");
}

/// How many pixels of a page a number takes: 28 of them make the width of the input.
fn scale(picture: &RgbImage) -> u32 {
    let framed = widths_of_frames(picture);
    (2..60).rev().find(|scale| framed.contains(&(28 * scale + 2))).unwrap_or_else(|| panic!("no input: {framed:?}"))
}

/// The lengths of horizontal lines in the colour of the maps' edges.
fn widths_of_frames(picture: &RgbImage) -> HashSet<u32> {
    let mut widths = HashSet::new();
    for row in picture.rows() {
        let mut width = 0;
        for pixel in row.chain([&Rgb([0; 3])]) {
            if pixel.0 == [0xa0, 0xa8, 0xb0] {
                width += 1;
            } else {
                widths.insert(std::mem::take(&mut width));
            }
        }
    }
    widths
}

#[test]
fn maps_of_the_layers_have_one_scale_of_pixels_but_the_smallest_and_zero_is_white() {
    let dir = tempfile::tempdir().unwrap();
    assert!(run(dir.path(), &["explain", "--model", "cnn", "--data", "digits", "--index", "7"]).status.success());
    let picture = image::open(dir.path().join("runs/cnn-untrained/layers.png")).unwrap().into_rgb8();
    let (scale, widths) = (scale(&picture), widths_of_frames(&picture));
    for (size, enlarged) in [(28, 1), (26, 1), (13, 1), (11, 1), (5, 2)] {
        assert!(widths.contains(&(size * enlarged * scale + 2)), "{size} numbers at {scale} pixels: {widths:?}");
    }
    let digit: Vec<u8> = digits().images.get(7).flatten(0, -1).try_into().unwrap();
    let largest = *digit.iter().max().unwrap();
    let expected = |value: u8| match value {
        0 => [0xff; 3],
        value if value == largest => [0x08, 0x30, 0x6b],
        _ => [0; 3],
    };
    // Somewhere in the figure is the digit: white where it is zero, the deepest blue where it is largest.
    let shows_it = |left: u32, top: u32| {
        (0..784u32).zip(&digit).filter(|(_, value)| [0, largest].contains(value)).all(|(i, &value)| {
            let at = (left + i % 28 * scale + scale / 2, top + i / 28 * scale + scale / 2);
            picture.get_pixel(at.0, at.1).0 == expected(value)
        })
    };
    assert!((100..500).any(|top| shows_it(40, top)));
}

#[test]
fn positive_is_blue_and_negative_orange_in_the_pictures_and_on_the_page() {
    let colors = Colors::around_zero(1.0);
    let css = include_str!("../../assets/play/style.css");
    let of_page = |name: &str| -> Vec<[u8; 3]> {
        let name = format!("--{name}: #");
        let colors = css.match_indices(&name).map(|(at, _)| &css[at + name.len()..][..6]);
        let channel = |hex: &str, i: usize| u8::from_str_radix(&hex[2 * i..][..2], 16).unwrap();
        colors.map(|hex| [0, 1, 2].map(|i| channel(hex, i))).collect()
    };
    let (plus, minus) = (of_page("plus"), of_page("minus"));
    assert_eq!([plus[0], minus[0]], [1.0, -1.0].map(|value| colors.color(value).0));
    assert_eq!((plus.len(), minus.len()), (2, 2), "a palette for the light and one for the dark");
    for value in [0.1, 0.5, 1.0] {
        let [[r, _, b], [minus_r, minus_g, minus_b]] = [value, -value].map(|value| colors.color(value).0);
        assert!(b > r && minus_r > minus_g && minus_g > minus_b, "{value}");
    }
    assert!(plus.iter().all(|[r, _, b]| b > r) && minus.iter().all(|[r, g, b]| r > g && g > b), "{plus:?} {minus:?}");
    assert_eq!(colors.color(0.0).0, [0xff; 3]);
    let [r, _, b] = Colors::pooled(1.0, 4.0).color(4.0).0;
    assert!(b > r, "more than white is positive too");
}

fn figure_of<'a>(figures: &'a [(&str, Figure)], name: &str) -> &'a Figure {
    &figures.iter().find(|(found, _)| *found == name).unwrap().1
}

fn values(panel: &Panel) -> Vec<f32> {
    let Content::Maps(maps) = &panel.content else { panic!("{}: bars", panel.title) };
    maps.iter().flat_map(|map| map.values.clone()).collect()
}

fn explained<'a>(model: &'a dyn Module, start: Option<&'a dyn Module>, image: &'a Tensor) -> Explained<'a> {
    let (kernel_size, stride) = (2.into(), 2.into());
    Explained { model, start, title: "A network", image, caption: "a digit", classes: &[], kernel_size, stride }
}

#[test]
fn mean_maximum_and_sum_are_drawn_in_the_same_colours_with_their_frames_outlined() {
    let network = CNNModel::new(&nn::VarStore::new(Device::Cpu).root()).unwrap();
    let image = digits().images.narrow(0, 3, 1).to_kind(Kind::Float);
    let figures = explained(&network, None, &image).figures().unwrap();
    let figure = figure_of(&figures, "pooling.png");
    let panels = &figure.rows[0];
    let titles: Vec<_> = panels.iter().map(|panel| panel.title.as_str()).collect();
    assert_eq!(titles, ["relu1", "mean", "maximum", "almost the maximum", "root of squares", "sum"]);
    let colors = figure.colors.as_ref().expect("the same for all");
    let [mean, largest, sum] = [1, 2, 5].map(|i| values(&panels[i]));
    assert!(mean.iter().zip(&sum).all(|(mean, sum)| (4.0 * mean - sum).abs() < 1e-5));
    let differ = |a: &[f32], b: &[f32]| a.iter().zip(b).filter(|(a, b)| colors.color(**a) != colors.color(**b)).count();
    assert!(differ(&mean, &sum) > 30 && differ(&mean, &largest) > 30 && differ(&largest, &sum) > 30);
    assert_eq!((panels[0].frames.len(), panels[0].frames[14]), (13 * 13, [2, 2, 2, 2]));

    let dir = tempfile::tempdir().unwrap();
    figure.draw(&dir.path().join("pooling.png")).unwrap();
    let picture = image::open(dir.path().join("pooling.png")).unwrap().into_rgb8();
    let count = |color: [u8; 3]| picture.pixels().filter(|pixel| pixel.0 == color).count();
    assert!(count([0x1f, 0x77, 0xb4]) > 3000, "frames: {}", count([0x1f, 0x77, 0xb4]));
    assert!(count([0x2c, 0xa0, 0x2c]) > 500, "marks: {}", count([0x2c, 0xa0, 0x2c]));
}

#[test]
fn the_pools_have_the_frame_and_stride_that_were_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let explain = ["explain", "--model", "lenet5", "--data", "digits"];
    let pooling = |more: &[&str]| {
        let output = run(dir.path(), &[&explain[..], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        fs::read(dir.path().join("runs/lenet5-untrained/pooling.png")).unwrap()
    };
    let [first, second, third] =
        [&[][..], &["--kernel-size", "3,5"], &["--kernel-size", "3,5", "--stride", "1"]].map(pooling);
    assert!(first != second && second != third);
    let network = LeNet5::new(&nn::VarStore::new(Device::Cpu).root(), 10).unwrap();
    let image = digits().images.narrow(0, 3, 1).to_kind(Kind::Float);
    let asked = Explained { kernel_size: (3, 5).into(), stride: (2, 4).into(), ..explained(&network, None, &image) };
    let figures = asked.figures().unwrap();
    let panels = &figure_of(&figures, "pooling.png").rows[0];
    assert_eq!(values(&panels[1]).len(), 13 * 6); // (28 - 3) / 2 + 1 and (28 - 5) / 4 + 1
    assert_eq!(panels[0].frames[7], [4, 2, 5, 3]);
}

#[test]
fn filters_show_start_end_and_difference_and_sum_up_the_deep_layers() {
    let vs = [nn::VarStore::new(Device::Cpu), nn::VarStore::new(Device::Cpu)];
    let [start, end] = [0, 1].map(|i| LeNet5::new(&vs[i].root(), 10).unwrap());
    let image = digits().images.narrow(0, 3, 1).to_kind(Kind::Float);
    let figures = explained(&end, Some(&start), &image).figures().unwrap();
    let rows = &figure_of(&figures, "filters.png").rows;
    let titles: Vec<_> = rows.iter().flatten().map(|panel| panel.title.as_str()).collect();
    assert_eq!(titles[..4], ["conv1: start", "conv1: end", "conv1: difference", "conv2: start"]);
    for row in rows {
        let [start, end, difference] = [0, 1, 2].map(|i| values(&row[i]));
        let expected = end.iter().zip(&start).map(|(end, start)| end - start);
        assert!(expected.zip(&difference).all(|(expected, found)| (expected - found).abs() < 1e-5));
        assert!(difference.iter().any(|&number| number != 0.0));
    }
    let sums = Vec::<f32>::try_from(end.conv2.weight.sum_dim_intlist(1i64, false, None).flatten(0, -1)).unwrap();
    assert_eq!(values(&rows[1][1]), sums, "16 kernels, not 96");
    assert_eq!(values(&rows[2][1]).len(), 32 * 25, "32 kernels of conv3, not 120");
}

/// Without a convolution and a pool.
struct Perceptron(cnn_tutorial::nn::Linear);

impl Module for Perceptron {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        self.0.forward(&xs.f_flatten(1, -1)?)
    }
}

#[test]
fn a_network_without_pool_and_convolution_is_explained_as_far_as_it_goes() {
    let vs = nn::VarStore::new(Device::Cpu);
    let network = Perceptron(cnn_tutorial::nn::Linear::new(vs.root() / "fc1", 784, 10).unwrap());
    let image = digits().images.narrow(0, 3, 1).to_kind(Kind::Float);
    let figures = explained(&network, None, &image).figures().unwrap();
    assert_eq!(figures.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["layers.png", "pooling.png"]);
    assert_eq!(figure_of(&figures, "pooling.png").rows[0][0].title, "input");
    let dir = tempfile::tempdir().unwrap();
    for (name, figure) in &figures {
        figure.draw(&dir.path().join(name)).unwrap();
    }
}

/// Without a pool, and with images that it scales itself.
struct Scaled(cnn_tutorial::nn::Conv2d);

impl Module for Scaled {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        self.0.forward(&xs.f_div_scalar(255)?)?.f_flatten(1, -1)
    }
}

#[test]
fn of_a_network_without_a_pool_the_first_layers_maps_are_pooled_and_the_last_bars_are_the_networks() {
    let vs = nn::VarStore::new(Device::Cpu);
    let network = Scaled(cnn_tutorial::nn::Conv2d::new(vs.root() / "conv1", 1, 4, 20).unwrap().stride(8));
    let image = digits().images.narrow(0, 3, 1).to_kind(Kind::Float);
    let figures = explained(&network, None, &image).figures().unwrap();
    assert_eq!(figure_of(&figures, "pooling.png").rows[0][0].title, "conv1");
    let layers = &figure_of(&figures, "layers.png").rows[0];
    let titles: Vec<_> = layers.iter().map(|panel| panel.title.as_str()).collect();
    assert_eq!(titles, ["input", "forward1", "conv1", "forward2"]);
    assert!(matches!(layers[3].content, Content::Bars(_)));
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
    refused(&["--run", "cnn", "--image", "text.png"], &["text.png", "expected a JPEG, PNG"]);
    refused(&["--run", "cnn", "--image", "blank.png"], &["blank.png", "no digit found"]);
    refused(&["--run", "cnn", "--image", "none.png"], &["none.png", "cannot be opened"]);
    refused(&["--run", "cnn", "--index", "1797"], &["--index 1797 is out of range", "1797 images, 0 to 1796"]);
    refused(&["--run", "cnn", "--kernel-size", "30"], &["a frame of 30x30 is larger than the map [26, 26]", "smaller"]);
    refused(&["--run", "nowhere"], &["nowhere is not the folder of a run", "config.json"]);
    let weights = |model: &str| dir.path().join(model).join("model.safetensors");
    fs::copy(weights("lenet5"), weights("cnn")).unwrap();
    refused(&["--run", "cnn"], &["model.safetensors", "belong to another model"]);
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
fn layers_are_seen_under_the_names_they_have_in_the_struct() {
    let names = |network: &dyn Module| {
        let image = Tensor::zeros([1, 1, 28, 28], tch::kind::FLOAT_CPU);
        let (_, seen) = stages(|| network.forward(&image).unwrap());
        let (_, again) = stages(|| network.forward(&image).unwrap());
        assert_eq!(seen.len(), again.len());
        seen.into_iter().map(|stage| stage.name).collect::<Vec<_>>()
    };
    assert_eq!(
        names(&CNNModel::new(&nn::VarStore::new(Device::Cpu).root()).unwrap()),
        ["cnn1", "relu1", "maxpool1", "cnn2", "relu2", "maxpool2", "fc1"]
    );
    let lenet5 = ["conv1", "tanh1", "avgpool1", "conv2", "tanh2", "avgpool2", "conv3", "tanh3", "fc1", "tanh4", "fc2"];
    assert_eq!(names(&LeNet5::new(&nn::VarStore::new(Device::Cpu).root(), 10).unwrap()), lenet5);
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

/// What an example prints with these arguments, and how many colours its picture has.
fn example(name: &str, arguments: &str) -> (String, usize) {
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_cnn-tutorial")).with_file_name("examples").join(name);
    let output = Command::new(program).args(arguments.split_whitespace()).current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let picture = image::open(dir.path().join(format!("{name}.png"))).unwrap().into_rgb8();
    assert!(picture.pixels().any(|pixel| pixel.0 == [0x2c, 0xa0, 0x2c]), "the frame is seen");
    (stdout(&output), picture.pixels().collect::<HashSet<_>>().len())
}

#[test]
fn the_convolution_moves_a_kernel_over_three_channels_and_draws_it() {
    let (text, colors) = example("convolution", "");
    assert!(colors > 50);
    // The first place, by hand: red 1 + 1 + 1, green 1 - 1, blue 0, bias 1.
    assert!(text.contains("red + green + blue + bias: 3 + 0 + 0 + 1 = 4\n"), "{text}");
    assert!(text.contains("output\n   4   0  -1\n   4  -1  -1\n   6   3   0\n"), "{text}");
    let (text, _) = example("convolution", "--kernel-size 3 --stride 2 --padding 1");
    assert!(text.contains("Conv2d(3, 1, kernel_size=3, stride=2, padding=1)\n"), "{text}");
    assert!(text.contains("rows:    (5 + 2*1 - 3) / 2 + 1 = 3\n"), "{text}");
    let (text, _) = example("convolution", "--kernel-size 3,5 --stride 2,1 --padding 0,2");
    assert!(text.contains("rows:    (5 + 2*0 - 3) / 2 + 1 = 2\ncolumns: (5 + 2*2 - 5) / 1 + 1 = 5\n"), "{text}");
    for step in ["row 0, column 0: ", "row 0, column 1: ", "row 1, column 4: "] {
        assert!(text.contains(step), "{step}: {text}");
    }
}

#[test]
fn the_pools_move_over_three_channels_and_draw_it() {
    let (text, colors) = example("pooling", "");
    assert!(colors > 50);
    assert!(text.contains("the largest number in the frame\n    8.00    6.00       1.00    3.00 "), "{text}");
    assert!(text.contains("the mean of the frame\n    4.00    3.00       0.25    2.00 "), "{text}");
    assert!(text.contains("norm_type=2, kernel_size=2, stride=2): (sum of x^2)^(1/2)\n    9.49    7.07 "), "{text}");
    let (text, _) = example("pooling", "--kernel-size 2,3 --stride 1 --norm-type 4");
    assert!(text.contains("MaxPool2d(kernel_size=(2, 3), stride=1)"), "{text}");
    assert!(text.contains("norm_type=4") && !text.contains("norm_type=2"), "{text}");
}
