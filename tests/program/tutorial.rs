//! The tutorial in one file each, Python's and Rust's, the exercise, a network of one's own, and the speed test.

use crate::common::{has_avx2, mnist, python};
use crate::portable::published_lines;
use crate::running::{program, stderr, stdout};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_cnn-tutorial")).with_file_name("examples").join(name)
}

/// A folder with what the examples look for: the small digits where they are in the project.
pub fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("assets")).unwrap();
    fs::copy(format!("{ROOT}/assets/digits.csv.gz"), dir.path().join("assets/digits.csv.gz")).unwrap();
    dir
}

/// What a tutorial prints while it trains; before that stand the small sums of the first slides.
fn trained(text: &str) -> String {
    text.lines().filter(|line| line.starts_with("Iteration: ")).map(|line| format!("{line}\n")).collect()
}

fn lines_of(mut command: Command, dir: &Path) -> String {
    let output = command.current_dir(dir).env("GOMP_SPINCOUNT", "0").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

/// What it prints up to its first loss, which is that after 500 iterations; then it is stopped. A bit that was another one
/// before would show in that loss.
fn to_the_first_loss(mut command: Command, dir: &Path) -> String {
    command.current_dir(dir).env("GOMP_SPINCOUNT", "0").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut lines, mut text) = (BufReader::new(child.stdout.take().unwrap()), String::new());
    while trained(&text).is_empty() {
        if lines.read_line(&mut text).unwrap() == 0 {
            panic!("it ended before its first loss: {}", stderr(&child.wait_with_output().unwrap()));
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    text
}

#[test]
fn the_tutorial_prints_the_same_lines_in_rust_in_python_and_in_the_program() {
    let dir = folder();
    let rust = to_the_first_loss(Command::new(example("tutorial")), dir.path());
    assert_eq!(
        to_the_first_loss(program(dir.path(), &[]), dir.path()),
        trained(&rust),
        "the program with its defaults"
    );
    let Some(python) = python() else { return };
    assert_eq!(to_the_first_loss(python_twin(python), dir.path()), rust, "examples/tutorial.py");
}

/// examples/tutorial.py, its lines as it prints them.
fn python_twin(python: &Path) -> Command {
    let mut twin = Command::new(python);
    twin.args(["-u", &format!("{ROOT}/examples/tutorial.py")]).env("MPLBACKEND", "Agg").env("CUDA_VISIBLE_DEVICES", "");
    twin
}

/// The lines of examples/tutorial.rs before the training, as docs/tutorial.md shows them in parts.
fn small_sums() -> String {
    let docs = fs::read_to_string(format!("{ROOT}/docs/tutorial.md")).unwrap();
    let parts = docs
        .split("\n```\n")
        .filter(|part| ["convolution: ", "with stride 2", "max: "].iter().any(|start| part.starts_with(start)));
    parts.map(|part| format!("{part}\n")).collect()
}

#[test]
fn the_whole_tutorial_is_the_same_in_all_three_and_with_portable_as_published() {
    let is_portable = has_avx2();
    // Each in a folder of its own, all at once: with --portable they take one thread each.
    let begin = |mut command: Command| {
        let dir = folder();
        command
            .args(is_portable.then_some("--portable"))
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        (command.spawn().unwrap(), dir)
    };
    let end = |(child, dir): (Child, TempDir)| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        (stdout(&output), dir)
    };
    let charts = |dir: &Path| ["loss.png", "accuracy.png"].map(|name| fs::read(dir.join(name)).unwrap());

    let twin = python().map(|python| begin(python_twin(python)));
    let ours = begin(program(Path::new("."), &["--out", "run"]));
    let (rust, dir) = end(begin(Command::new(example("tutorial"))));
    assert!(rust.starts_with(&small_sums()), "{rust}");
    assert_eq!(trained(&rust).lines().count(), 5, "{rust}");
    assert!(!is_portable || trained(&rust) == published_lines("cnn", "digits"), "examples/tutorial.rs: {rust}");
    let (lines, ours) = end(ours);
    assert_eq!(lines, trained(&rust), "the program with its defaults");
    let run = ours.path().join("run");
    assert_eq!(fs::read_to_string(run.join("metrics.csv")).unwrap().lines().count(), 1 + 51);
    assert!(charts(dir.path()) == charts(&run), "the same charts");
    let Some(twin) = twin else { return };
    let (lines, dir) = end(twin);
    assert_eq!(lines, rust, "examples/tutorial.py");
    assert!(["loss-python.png", "accuracy-python.png"].iter().all(|name| dir.path().join(name).exists()));
}

#[test]
fn both_files_are_short_and_have_the_same_titles_in_the_same_order() {
    let titles = |name: &str, longest: usize| {
        let text = fs::read_to_string(format!("{ROOT}/examples/{name}")).unwrap();
        assert!(text.lines().count() <= longest, "{name}: {} lines", text.lines().count());
        let titles = text.lines().filter_map(|line| line.split_once("---- ")?.1.strip_suffix(" ----"));
        titles.map(str::to_owned).collect::<Vec<_>>()
    };
    let python = titles("tutorial.py", 163);
    assert_eq!(python, titles("tutorial.rs", 190));
    assert_eq!(python.len(), 11);
}

#[test]
fn the_tutorial_side_by_side_is_cut_from_both_files_as_they_are() {
    let status = Command::new("python3").args([&format!("{ROOT}/scripts/make_docs.py"), "--check"]).status();
    assert!(status.unwrap().success(), "docs/tutorial.md is out of date: python3 scripts/make_docs.py");
}

#[test]
fn the_exercise_says_what_is_to_do_first() {
    let output = Command::new(example("exercise_lenet5")).output().unwrap();
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""));
    let docs = fs::read_to_string(format!("{ROOT}/docs/teaching.md")).unwrap();
    let shown = format!("$ cargo run --release --example exercise_lenet5\n{}```", stderr(&output));
    assert!(
        shown.contains("\nNext: conv1, layer 1.") && docs.contains(&shown),
        "docs/teaching.md shows another: {shown}"
    );
}

#[test]
fn the_exercise_filled_in_is_the_networks_own_file() {
    let answer = fs::read_to_string(format!("{ROOT}/src/models/lenet5.rs")).unwrap().replace("pub ", "");
    let exercise = fs::read_to_string(format!("{ROOT}/examples/exercise_lenet5/main.rs")).unwrap();
    let part = |text: &str| {
        let end = text.find("impl Module for LeNet5").unwrap();
        let end = end + text[end..].find("\n}\n").unwrap();
        text[text.find("struct LeNet5").unwrap()..end].to_owned()
    };
    let (answer, exercise) = (part(&answer), part(&exercise));
    let mut filled = String::new();
    for line in exercise.lines() {
        match line.split_once("to_do(\"").map(|(_, rest)| rest.split('"').next().unwrap()) {
            None => filled += &format!("{line}\n"),
            // A field is one line of the answer, a part of forward all lines up to the next part.
            Some(name) if !name.contains(' ') => {
                let line =
                    answer.lines().find(|line| line.trim().starts_with(&format!("{name}: ")) && line.contains("new("));
                filled += &format!("{}\n", line.unwrap());
            }
            Some(name) => {
                let (title, _) = name.split_once(" of forward").unwrap();
                let title = format!("// {}{}", title[..1].to_uppercase(), &title[1..]);
                let block = answer
                    .split("fn forward")
                    .nth(1)
                    .unwrap()
                    .split(&title)
                    .nth(1)
                    .unwrap_or_else(|| panic!("{title}"));
                let lines = block.lines().skip(1).take_while(|line| !line.trim().is_empty() && *line != "    }");
                lines.for_each(|line| filled += &format!("{line}\n"));
            }
        }
    }
    // Not their comments: the exercise's explain more.
    let code = |text: &str| -> Vec<_> {
        let code = text.lines().filter(|line| !line.trim().starts_with("//"));
        code.map(str::trim_end).map(str::to_owned).collect()
    };
    assert_eq!(code(&filled), code(&answer));
}

#[test]
fn a_network_of_ones_own_learns_colours_where_it_is_given_a_folder_in_cifar_10s_format() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(example("own_network"));
    command.arg(format!("{ROOT}/tests/fixtures/shapes"));
    let text = lines_of(command, dir.path());
    assert!(text.contains("Conv2d(3, 12, kernel_size=5") && text.contains("[12, 7, 7]"), "{text}");
    let accuracy = text.lines().filter_map(|line| line.split_once("Accuracy: ")?.1.strip_suffix(" %")).next_back();
    assert!(accuracy.unwrap().parse::<f32>().unwrap() > 70.0, "{text}"); // 50 % at most for who cannot tell red from blue
    let layers = image::open(dir.path().join("runs/own-network/layers.png")).unwrap().into_rgb8();
    let is_blue_or_red = |[red, _, blue]: [u8; 3]| red.abs_diff(blue) > 150;
    assert!(layers.pixels().filter(|pixel| is_blue_or_red(pixel.0)).count() > 1000);
}

#[test]
fn a_network_of_ones_own_is_trained_summarised_and_explained_in_one_file() {
    let dir = folder();
    let text = lines_of(Command::new(example("own_network")), dir.path());
    assert!(text.contains("pool1") || text.contains("lppool1"), "{text}");
    let accuracy = text.lines().filter_map(|line| line.split_once("Accuracy: ")?.1.strip_suffix(" %")).next_back();
    assert!(accuracy.unwrap().parse::<f32>().unwrap() > 95.0, "{text}");
    for name in ["filters.png", "layers.png", "pooling.png"] {
        assert!(dir.path().join("runs/own-network").join(name).exists(), "{name}");
    }
}

#[test]
fn the_speed_test_prints_the_same_lines_in_rust_and_in_python() {
    let dir = folder();
    let mut cases = vec!["--seeds 2 --steps 12".to_owned()]; // two epochs of the small digits, the last batch smaller
    if let Some(mnist) = mnist() {
        let mnist = mnist.canonicalize().unwrap();
        cases.extend(["", "--validate"].map(|options| format!("--steps 4 --data {} {options}", mnist.display())));
    }
    for options in cases {
        let mut rust = Command::new(example("speedrun"));
        rust.args(options.split_whitespace());
        let rust = lines_of(rust, dir.path());
        assert!(
            rust.starts_with("seed 0: loss ") && rust.contains("mean accuracy ") == options.contains("--seeds"),
            "{rust}"
        );
        let Some(python) = python() else { return };
        let mut twin = Command::new(python);
        twin.arg(format!("{ROOT}/examples/speedrun.py")).args(options.split_whitespace());
        assert_eq!(lines_of(twin, dir.path()), rust, "examples/speedrun.py {options}");
    }
}
