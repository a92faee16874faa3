//! A network of one's own in the program, as docs/tutorial.md tells: its files are followed in a copy of this package.
#![cfg(unix)]

use crate::common::{digits, python};
use crate::page::{Browser, Page, ask};
use crate::python::{assert_equal_to, train_each_in_python};
use crate::running::{UNOPTIMISED, card, program_at, stderr, stdout, with_card};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A network with layers and arithmetic of its own, and one layer that gives a single number for an image.
const LAYERS: &str = r#"
pub struct OwnLayers(Depthwise, nn::Conv2d, nn::MaxPool2d, nn::Linear);

impl OwnLayers {
    pub fn new(vs: &Path) -> Result<Self, TchError> {
        let conv1 = Depthwise::new(vs / "conv1", 1)?;
        let conv2 = nn::Conv2d::new(vs / "conv2", 1, 8, 3)?.padding(1);
        Ok(Self(conv1, conv2, nn::MaxPool2d::new(4), nn::Linear::new(vs / "fc1", 8 * 7 * 7, 10)?))
    }
}

impl Module for OwnLayers {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let own = |kind, xs: &Tensor, out| nn::forward_hook(kind, LayerKind::Other(kind), None, xs, out);
        let out = self.1.forward(&self.0.forward(xs)?)?.f_add(xs)?;
        let out = self.2.forward(&own("sigmoid", &out, out.f_sigmoid())?)?; //              [N, 8, 7, 7]
        let tokens = own("tokens", &out, out.f_flatten(2, 3))?; //                          [N, 8, 49]
        let mean = own("mean", &tokens, tokens.f_mean_dim([1i64, 2].as_slice(), false, None))?; // [N]
        let out = self.3.forward(&tokens.f_flatten(1, -1)?)?;
        out.f_add(&mean.f_unsqueeze(1)?)?.f_div_scalar(3)
    }
}
"#;

/// The block of code in docs/tutorial.md that stands under `<!-- marker -->`.
fn block(marker: &str) -> String {
    let docs = fs::read_to_string(format!("{ROOT}/docs/tutorial.md")).unwrap();
    let rest = docs.split_once(&format!("<!-- {marker} -->\n```")).expect(marker).1;
    let (_language, rest) = rest.split_once('\n').unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// A copy of the package in `dir` with the network in it, compiled. Only the package itself is: its dependencies are there.
fn program_with_own_network(dir: &Path) -> PathBuf {
    for entry in fs::read_dir(ROOT).unwrap().map(|entry| entry.unwrap().file_name()) {
        let name = entry.to_str().unwrap();
        if ["build.rs", "assets", "benches", "crates", "examples", "scripts", "tests"].contains(&name) {
            symlink(Path::new(ROOT).join(name), dir.join(name)).unwrap();
        }
    }
    let copied = ["src", "Cargo.toml", "Cargo.lock"].map(|name| format!("{ROOT}/{name}"));
    assert!(Command::new("cp").arg("-r").args(copied).arg(dir).status().unwrap().success());
    let (models, table) = ("src/models/mod.rs", "src/program/run/options/architecture.rs");
    let read = |path: &str| fs::read_to_string(dir.join(path)).unwrap();
    let write = |path: &str, text: String| fs::write(dir.join(path), text).unwrap();
    // A version of its own: else cargo would take what it compiles for this package's.
    write("Cargo.toml", read("Cargo.toml").replacen("version = \"", "version = \"1000", 1));
    let own = block("file: src/models/own.rs");
    write("src/models/own.rs", own.clone());
    // The same for images in colour.
    let changes = [("vs / \"conv1\", 1, 8, 5", "vs / \"conv1\", 3, 8, 5"), ("8 * 7 * 7", "8 * 8 * 8")];
    assert!(changes.iter().all(|(from, _)| own.contains(from)), "{own}");
    write("src/models/colour.rs", changes.iter().fold(own, |text, (from, to)| text.replace(from, to)));
    // Its depthwise convolution is that of docs/tch-users.md.
    let docs = fs::read_to_string(format!("{ROOT}/docs/tch-users.md")).unwrap();
    let depthwise = docs.split_once("/// `torch.nn.Conv2d(channels, channels").unwrap().1;
    let depthwise = depthwise.split_once("fn main()").unwrap().0;
    let imports =
        "use crate::nn::{self, LayerKind, Module};\nuse tch::nn::{Init, Path};\nuse tch::{TchError, Tensor};\n";
    write("src/models/layers.rs", format!("{imports}///{depthwise}{LAYERS}"));
    write(models, read(models) + &block(&format!("lines: {models}")) + "pub mod colour;\npub mod layers;\n");
    let lines = block(&format!("lines: {table}"));
    let [import, line] = lines.lines().collect::<Vec<_>>().try_into().unwrap();
    let colour =
        line.replace("\"own\"", "\"colour\"").replace("OwnNetwork", "cnn_tutorial::models::colour::OwnNetwork");
    let layers = line.replace("\"own\"", "\"layers\"").replace("OwnNetwork", "cnn_tutorial::models::layers::OwnLayers");
    let before = read(table);
    let known = before.lines().find(|line| line.starts_with("use cnn_tutorial::models::")).unwrap();
    write(table, before.replace(known, import).replace("\n];", &format!("\n{line}\n{colour}\n{layers}\n];")));

    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--offline"]).args(UNOPTIMISED).current_dir(dir);
    cargo.env("CARGO_BUILD_BUILD_DIR", target).env("CARGO_TARGET_DIR", dir.join("target"));
    // Cargo sets these for its tests. Build scripts that look at them would compile what is compiled already.
    let ours = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_", "LIBTORCH_LIB", "LD_LIBRARY_PATH", "OUT_DIR"]
            .iter()
            .any(|ours| name.starts_with(ours))
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| ours(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    let built = cargo.output().unwrap();
    assert!(built.status.success(), "{}", stderr(&built));
    dir.join("target/release/cnn-tutorial")
}

#[test]
fn a_network_of_ones_own_is_added_as_the_docs_tell_and_trained_resumed_measured_and_explained() {
    let dir = tempfile::tempdir().unwrap();
    let binary = program_with_own_network(dir.path());
    let succeeds = |arguments: &str| -> Output {
        let output = program_at(&binary, dir.path(), &arguments.split(' ').collect::<Vec<_>>()).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", stderr(&output));
        output
    };
    let table = stdout(&succeeds("summary --model own"));
    for row in ["bn1        BatchNorm2d(8)", "dropout1   Dropout(p=0.25)", "fc1        Linear(in_features=392"] {
        assert!(table.contains(row), "{table}");
    }

    let training = "--model own --data digits --shuffle --max-steps 60 --eval-every 4 --print-every 20 --save-every 1";
    succeeds(&format!("{training} --out whole"));
    let arguments = format!("{training} --out killed");
    let mut child = program_at(&binary, dir.path(), &arguments.split(' ').collect::<Vec<_>>());
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let read = |file: &str| fs::read(dir.path().join(file));
    while read("killed/metrics.csv").unwrap_or_default().iter().filter(|&&b| b == b'\n').count() < 4 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(read("killed/model.safetensors").is_err(), "it was killed before its end");
    succeeds("--resume killed");
    for file in ["metrics.csv", "model.safetensors", "best.safetensors"] {
        let [whole, killed] = ["whole", "killed"].map(|run| read(&format!("{run}/{file}")).unwrap());
        assert!(whole == killed, "{file} of a resumed run differs: dropout's numbers or the running statistics");
    }

    // As the page of `play` conducts it: with steps, looks and pauses in between.
    let arguments = format!("{training} --out conducted --conducted");
    let mut child = program_at(&binary, dir.path(), &arguments.split(' ').collect::<Vec<_>>());
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut orders = child.stdin.take().unwrap();
    for until in [1, 2, 9, 1000] {
        writeln!(orders, "{{\"until\": {until}}}").unwrap();
        let checkpoint = dir.path().join("conducted/checkpoint.safetensors");
        let is_there = || {
            let tensors = tch::Tensor::read_safetensors(&checkpoint).unwrap_or_default();
            let iteration = tensors.iter().find(|(name, _)| name == "iteration");
            iteration.is_some_and(|(_, iteration)| i64::try_from(iteration).unwrap() == until)
        };
        let begun = Instant::now();
        while until < 60 && !is_there() {
            assert!(begun.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none(), "not {until}");
            sleep(Duration::from_millis(20));
        }
    }
    assert!(child.wait().unwrap().success());
    for file in ["metrics.csv", "model.safetensors", "best.safetensors"] {
        let [whole, conducted] = ["whole", "conducted"].map(|run| read(&format!("{run}/{file}")).unwrap());
        assert!(whole == conducted, "{file} of a conducted run differs");
    }

    if let Some(card) = card() {
        for out in ["card", "card-again"] {
            let arguments = format!("{training} --device {card} --deterministic --out {out}");
            let mut child = program_at(&binary, dir.path(), &arguments.split(' ').collect::<Vec<_>>());
            let output = with_card(&mut child).output().unwrap();
            assert!(output.status.success(), "{}", stderr(&output));
        }
        for file in ["metrics.csv", "model.safetensors", "best.safetensors"] {
            let [once, again] = ["card", "card-again"].map(|run| read(&format!("{run}/{file}")).unwrap());
            assert!(once == again, "{file} of two runs on a card differs");
        }
        succeeds("evaluate --run card --data digits");
    }

    let [first, second] = [(); 2].map(|()| stdout(&succeeds("evaluate --run whole --data digits --json")));
    assert!(first == second && first.contains("\"accuracy\""), "dropout is off: {first} {second}");
    let pictures = stdout(&succeeds("explain --run whole --data digits --index 3"));
    assert!(["filters.png", "layers.png", "pooling.png"].iter().all(|name| pictures.contains(name)), "{pictures}");

    let shapes = format!("{ROOT}/tests/fixtures/shapes");
    let training = format!("--model colour --data {shapes} --scale unit --batch-size 40 --max-steps 150 --out colour");
    succeeds(&format!("{training} --shuffle --augment"));
    let table = stdout(&succeeds(&format!("evaluate --run colour --data {shapes}")));
    let accuracy: f64 = table.split("accuracy ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(accuracy > 20.0 && table.contains("red triangle"), "twice as good as a guess, and by name: {table}");
    succeeds(&format!("explain --run colour --data {shapes} --index 3"));
    let picture = image::open(dir.path().join("colour/filters.png")).unwrap().into_rgb8();
    let is_green = |pixel: &&image::Rgb<u8>| pixel[1] > pixel[0].max(pixel[2]) + 30;
    assert!(
        picture.pixels().filter(is_green).count() > 500,
        "the first kernels are in colour, and not in blue and red only"
    );

    put_python_beside_it(&binary, dir.path());
    look_at_own_layers(&binary, dir.path());
}

/// The same networks in Python's tutorial, as docs/tutorial.md tells, log the same numbers.
fn put_python_beside_it(binary: &Path, dir: &Path) {
    let Some(python) = python() else { return };
    let dir = dir.join("beside");
    ["", "scripts", "runs"].iter().for_each(|name| fs::create_dir(dir.join(name)).unwrap());
    symlink(format!("{ROOT}/assets"), dir.join("assets")).unwrap();
    let table = "\nMODELS = {\n";
    let tutorial = fs::read_to_string(format!("{ROOT}/scripts/tutorial.py")).unwrap();
    assert_eq!(tutorial.matches(table).count(), 1);
    let (network, line) = (block("class: scripts/tutorial.py"), block("lines: scripts/tutorial.py"));
    let in_colour = |text: &str| {
        let changes =
            [("Conv2d(1, 8", "Conv2d(3, 8"), ("8 * 7 * 7", "8 * 8 * 8"), ("OwnNetwork", "Colour"), ("own", "colour")];
        changes.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    };
    let both = format!("\n{network}{}{table}{line}{}", in_colour(&network), in_colour(&line));
    fs::write(dir.join("scripts/tutorial.py"), tutorial.replace(table, &both)).unwrap();

    let shapes = format!("{ROOT}/tests/fixtures/shapes");
    let trainings = [
        "--model own --data digits --shuffle --max-steps 40 --eval-every 10 --print-every 20".to_owned(),
        format!(
            "--model colour --data {shapes} --scale unit --augment --optimizer sgd --momentum 0.9 --batch-size 30 \
             --max-steps 40 --eval-every 10 --print-every 20"
        ),
    ];
    let arguments: Vec<Vec<_>> = trainings.iter().map(|options| options.split(' ').collect()).collect();
    let scripts = dir.join("scripts");
    let lines = train_each_in_python(python, scripts.to_str().unwrap(), &dir.join("runs"), &arguments);
    for (i, (arguments, lines)) in arguments.iter().zip(lines).enumerate() {
        let folder = dir.join("runs").join(i.to_string());
        let rust = program_at(binary, &folder, &[arguments, &["--out", "rust"][..]].concat()).output().unwrap();
        assert_equal_to(&folder, &lines, &rust, &trainings[i]);
    }
}

/// What the page shows of a network with layers and arithmetic of its own.
fn look_at_own_layers(binary: &Path, dir: &Path) {
    let page = Page::opened(&mut program_at(binary, dir, &["play", "--port", "0", "--no-browser"]));
    let digit = digits().images.get(3).flatten(0, -1);
    let digit = Vec::<u8>::try_from(digit).unwrap();
    let (status, answer) =
        ask("POST", &format!("{}api/pixels?run=layers&weights=untrained", page.address), Some(&digit));
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let layers = answer["layers"].as_array().unwrap();
    let shown: Vec<_> =
        layers.iter().map(|layer| (layer["name"].as_str().unwrap(), layer["shape"].to_string())).collect();
    let maps = |side: i64| format!("[8,{side},{side}]");
    let expected = [
        ("input", "[1,28,28]".into()),
        ("conv1", "[1,28,28]".into()),
        ("conv2", maps(28)),
        ("forward1", maps(28)),
        ("sigmoid1", maps(28)),
        ("maxpool1", maps(7)),
        ("tokens1", "[8,49]".into()),
        ("mean1", "[]".into()),
        ("forward2", "[392]".into()),
        ("fc1", "[10]".into()),
        ("forward3", "[10]".into()),
    ];
    assert_eq!(shown, expected);
    assert_eq!(layers[8]["layer"], "tokens1, again");

    let Some(browser) = Browser::start() else { return };
    browser.resize(1280, 720);
    browser.open_page(&page.address);
    browser.click("#run option[value=layers]");
    browser.wait("state.answer.network.startsWith('layers')");
    browser.settle();
    for (layer, words) in [
        (1, "A layer of your own"),
        (2, "bias"),
        (3, "No layer makes this"),
        (5, "the largest number"),
        (7, "A layer of your own"),
    ] {
        browser.keys(&format!("#layers > :nth-child({}) canvas", layer + 1), "\u{E014}");
        browser.wait(&format!("state.pick?.layer === {layer}"));
        browser.settle();
        let sum = browser.text("#sum");
        assert!(sum.contains(words) && sum.contains("output here: "), "layer {layer}: {sum}");
    }
    browser.mouse(".logits tbody tr:nth-child(3) th", &[(0, 0), (2, 0)], false);
    browser.wait("document.querySelector('#sum b').textContent === 'forward3, map 2'");
    browser.settle();
    let logit = browser.script("return state.answer.softmax.logits[2]").as_f64().unwrap();
    let value: f64 = browser.text("#sum .value").parse().unwrap();
    assert!((value - logit).abs() < 1e-3, "{value}, not {logit}");

    browser.click("nav a[href='#convolution']");
    browser.settle();
    let offered =
        browser.script("return [...benches[0].parts.input.options].map((option) => option.text.split(',')[0])");
    let own = ["input", "conv1", "conv2", "forward1", "sigmoid1", "maxpool1"];
    assert_eq!(offered, json!([&["small numbers", "your digit"], &own[..]].concat()), "maps alone can be pooled");

    // The first kernels are those of its own layer.
    browser.open_page(&format!("{}#train?model=layers&data=digits", page.address));
    browser.click("#one");
    browser.wait("$('kernels-of').textContent === 'Kernels of conv1'");
    browser.click("#stop");
    browser.wait("training.phase === 'stopped'");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
