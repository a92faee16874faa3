//! What the pages show is what comes: every block of output in README.md and docs/*.md stands under its command, which is run
//! here and its output compared.

#![cfg(unix)]
use crate::common::{has_avx2, python};
use crate::own_project::own_project;
use crate::portable::published_lines;
use crate::running::{program, stderr, stdout};
use crate::tutorial::{example, folder};
use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Commands that are not run: those that begin so, and why.
const NOT_RUN: [(&str, &str); 4] = [
    ("./scripts/compare.sh --device cuda", "a GPU, and two whole trainings on MNIST"),
    ("./scripts/compare.sh", "two whole trainings on MNIST, and times"),
    ("./scripts/random_networks.sh --seed 2026 --count 1000", "minutes; 200 of them belong to the tests"),
    ("./scripts/setup.sh", "a download; the tests of setup.rs run it with stand-ins"),
];

/// Whole trainings, minutes long: their lines are held to those that PyTorch printed, in assets/portable.json.
const PUBLISHED: [(&str, &str, &str); 4] = [
    ("./scripts/train.sh --portable", "cnn", "mnist or digits"),
    ("cargo run --release --example tutorial -- --portable", "cnn", "mnist"),
    ("cargo run --release -- --portable --data mnist", "cnn", "mnist"),
    ("cargo run --release -- --portable --data mnist --model lenet5", "lenet5", "mnist"),
];

/// A command and the output below it.
struct Shown {
    place: String,
    command: String,
    output: Vec<String>,
}

fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(format!("{ROOT}/docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = docs.filter(|page| page.extension().is_some_and(|extension| extension == "md")).collect();
    pages.push(format!("{ROOT}/README.md").into());
    pages.sort();
    pages
}

fn shown(page: &Path) -> Vec<Shown> {
    let (mut all, mut fence): (Vec<Shown>, Option<String>) = (Vec::new(), None);
    for (line, number) in fs::read_to_string(page).unwrap().lines().zip(1..) {
        let place = format!("{}:{number}", page.display());
        match (&fence, line.strip_prefix("```")) {
            (None, Some(language)) => fence = Some(language.to_owned()),
            (Some(_), Some(_)) => fence = None,
            (Some(language), None) if language == "console" => match line.strip_prefix("$ ") {
                Some(command) => all.push(Shown { place, command: command.to_owned(), output: Vec::new() }),
                None => all.last_mut().expect(&place).output.push(line.to_owned()),
            },
            _ => {}
        }
    }
    all.retain(|shown| !shown.output.is_empty());
    all
}

/// What the command prints in `dir`, both streams as a terminal shows them; nothing where it cannot be run here.
fn printed(command: &str, dir: &Path) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let words: Vec<&str> = words.iter().copied().filter(|word| *word != "--").collect();
    let program = match &words[..] {
        ["cd", "examples/own_project", ..] => Command::new(own_project()?),
        ["cargo", "run", "--release", "--example", name, arguments @ ..] => {
            let mut example = Command::new(example(name));
            example.args(arguments);
            example
        }
        ["cargo", "run", "--release", arguments @ ..] | ["./scripts/train.sh", arguments @ ..] => {
            program(dir, arguments)
        }
        [".venv/bin/python", arguments @ ..] => {
            let mut twin = Command::new(python()?);
            twin.args(arguments);
            twin
        }
        _ => panic!("no rule for: {command}"),
    };
    let mut both = Command::new("sh");
    both.args(["-c", "exec \"$0\" \"$@\" 2>&1"]).arg(program.get_program()).args(program.get_args());
    both.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(dir);
    both.env("GOMP_SPINCOUNT", "0").env("CUDA_VISIBLE_DEVICES", "").env("RUST_BACKTRACE", "0");
    Some(stdout(&both.output().unwrap()))
}

/// Whether a printed line is the one shown. Seconds may be others; a number with a point may differ by one in the last digit that
/// is shown, for processors round in different places. What follows `...` at the end of a shown line is left out.
fn is_alike(shown: &str, printed: &str) -> bool {
    if let Some(beginning) = shown.strip_suffix("...")
        && !beginning.is_empty()
    {
        return printed.starts_with(beginning);
    }
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (expected, found) = (words(shown), words(printed));
    let are_seconds = |i: usize| expected.get(i + 1).is_some_and(|unit| unit.trim_end_matches(',') == "s");
    let is_close = |i: usize| {
        let Some((_, decimals)) = expected[i].split_once('.') else { return false };
        let (Ok(one), Ok(other)) = (expected[i].parse::<f64>(), found[i].parse::<f64>()) else { return false };
        (one - other).abs() <= 1.01 * 10f64.powi(-(decimals.len() as i32))
    };
    expected.len() == found.len()
        && (0..expected.len()).all(|i| expected[i] == found[i] || are_seconds(i) || is_close(i))
}

/// Whether what was printed is what is shown; a line of three points stands for any number of lines.
fn are_alike(shown: &[String], printed: &[&str]) -> bool {
    match (shown, printed) {
        ([], []) => true,
        ([points, rest @ ..], _) if points == "..." => (0..=printed.len()).any(|n| are_alike(rest, &printed[n..])),
        ([line, rest @ ..], [first, others @ ..]) => is_alike(line, first) && are_alike(rest, others),
        _ => false,
    }
}

#[test]
fn every_output_that_the_docs_show_is_what_the_command_above_it_prints() {
    let (mut ran, mut published) = (0, 0);
    let known = [("cnn", "mnist"), ("lenet5", "mnist"), ("cnn", "digits"), ("lenet5", "digits")];
    for page in pages() {
        // A page's commands have one folder: the next one sees what the last one left.
        let dir = folder();
        for Shown { place, command, output } in shown(&page) {
            if let Some((_, model, data)) = PUBLISHED.iter().find(|(prefix, ..)| command == *prefix) {
                let lines: String = output
                    .iter()
                    .filter(|line| line.starts_with("Iteration: "))
                    .map(|line| format!("{line}\n"))
                    .collect();
                let mut sets = known.iter().filter(|(name, set)| name == model && data.contains(set));
                assert!(sets.any(|(model, data)| published_lines(model, data) == lines), "{place}: {command}\n{lines}");
                published += 1;
            } else if !NOT_RUN.iter().any(|(prefix, _)| command.starts_with(prefix)) && has_avx2() {
                let Some(printed) = printed(&command, dir.path()) else { continue };
                let lines: Vec<&str> = printed.trim_end_matches('\n').lines().collect();
                assert!(are_alike(&output, &lines), "{place}: {command} prints\n{printed}");
                ran += 1;
            }
        }
        // A picture of the page that a command drew is the one that was drawn.
        for drawn in fs::read_dir(dir.path().join("assets")).unwrap().map(|entry| entry.unwrap().path()) {
            if drawn.extension().is_some_and(|extension| extension == "png") {
                let kept = Path::new(ROOT).join("assets").join(drawn.file_name().unwrap());
                let [drawn, kept] = [&drawn, &kept].map(|path| image::open(path).unwrap().into_rgb8());
                assert!(drawn == kept, "{}: a picture is drawn in another way by now", page.display());
            }
        }
    }
    assert!(published >= 5 && (ran >= 12 || !has_avx2()), "{published} {ran}");
}

#[test]
fn every_block_of_output_stands_under_its_command() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let mut fences = text.lines().zip(1..).filter(|(line, _)| line.starts_with("```"));
        while let (Some((opening, number)), Some(_)) = (fences.next(), fences.next()) {
            // What examples/tutorial.rs prints is shown in parts.
            let part = text.lines().nth(number).unwrap();
            let in_parts = ["convolution: ", "with stride 2", "max: "].iter().any(|start| part.starts_with(start));
            assert!(opening != "```" || in_parts, "{}:{number}: output without a command", page.display());
        }
    }
}

#[test]
fn what_a_comparison_overlooks_is_what_it_says() {
    let alike = |shown: &str, printed: &str| {
        let shown: Vec<String> = shown.lines().map(str::to_owned).collect();
        are_alike(&shown, &printed.lines().collect::<Vec<_>>())
    };
    assert!(alike("trained in 4.00 s, 1.0 s of them\nb", "trained in 5.50 s, 2.2 s of them\nb"));
    assert!(alike("...\nb\n...", "a\nb\nc\nd") && alike("a\n...", "a") && alike("from ...", "from here"));
    assert!(alike("loss 0.1663", "loss 0.1664") && !alike("loss 0.1663", "loss 0.1665"));
    assert!(!alike("4 s of 2", "4 s of 3") && !alike("a\nb", "a") && !alike("a", "a\nb") && !alike("...\nb", "a\nc"));
}

/// The folder in which cargo keeps the built crates.
fn deps() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_cnn-tutorial")).with_file_name("deps")
}

/// What rustc says to `text` in place of examples/tutorial.rs. Several builds of a crate may lie there: the newest that fit
/// together compile the file as it is.
fn rustc(text: &str, [library, tch, anyhow]: [&Path; 3]) -> String {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tutorial.rs"), text).unwrap();
    let output = Command::new("rustc")
        .args(["--edition", "2024", "--emit", "metadata", "--color", "never", "tutorial.rs", "-L"])
        .arg(format!("dependency={}", deps().display()))
        .args(["--extern", &format!("cnn_tutorial={}", library.display())])
        .args(["--extern", &format!("tch={}", tch.display())])
        .args(["--extern", &format!("anyhow={}", anyhow.display())])
        .current_dir(dir.path())
        .output()
        .unwrap();
    stderr(&output)
}

#[test]
fn the_compiler_answers_a_python_habit_as_the_tutorial_says() {
    let builds = |name: &str| -> Vec<PathBuf> {
        let files = fs::read_dir(deps()).unwrap().map(|entry| entry.unwrap().path());
        let is = |file: &PathBuf| {
            let file = file.file_name().unwrap().to_string_lossy().into_owned();
            file.starts_with(&format!("lib{name}-")) && file.ends_with(".rlib")
        };
        let mut files: Vec<PathBuf> = files.filter(is).collect();
        files.sort_by_key(|file| Reverse(fs::metadata(file).unwrap().modified().unwrap()));
        files
    };
    let (libraries, tchs, anyhows) = (builds("cnn_tutorial"), builds("tch"), builds("anyhow"));
    let with_tch = libraries.iter().flat_map(|library| tchs.iter().map(move |tch| (library, tch)));
    let mut sets =
        with_tch.flat_map(|(library, tch)| anyhows.iter().map(move |a| [library, tch, a].map(PathBuf::as_path)));
    let tutorial = fs::read_to_string(format!("{ROOT}/examples/tutorial.rs")).unwrap();
    let crates = sets.find(|crates| rustc(&tutorial, *crates).is_empty()).expect("compiles as it is");

    let docs = fs::read_to_string(format!("{ROOT}/docs/tutorial.md")).unwrap();
    let table = docs.split_once("<!-- mistakes -->\n").unwrap().1.split_once("<!-- end -->").unwrap().0;
    let rows: Vec<Vec<&str>> = table.lines().skip(2).map(|row| row.split('`').collect()).collect();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let (habit, says, meant) = (row[1], row[3], row[5]);
        assert!(tutorial.contains(meant), "{meant} is not in examples/tutorial.rs");
        let answer = rustc(&tutorial.replacen(meant, habit, 1), crates);
        assert!(answer.replace('`', "'").contains(says), "{habit}: expected {says}\n{answer}");
    }
}
