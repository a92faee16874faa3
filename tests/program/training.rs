//! A training that the page of `play` conducts, as a browser would ask for it.

use crate::common::python;
use crate::page::{Page, ask};
use crate::running::{card, losses, program, run, stderr, with_card};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const DIGITS: [&str; 4] = ["--data", "digits", "--threads", "1"];

fn get(page: &Page, path: &str) -> Value {
    let (status, text) = ask("GET", &format!("{}{path}", page.address), None);
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// The answer's status and words to what is asked in JSON.
fn post(page: &Page, path: &str, body: &Value) -> (u16, String) {
    ask("POST", &format!("{}api/training/{path}", page.address), Some(body.to_string().as_bytes()))
}

/// Returns the training's number.
fn start(page: &Page, options: &str, until: u64) -> u64 {
    let arguments: Vec<&str> = DIGITS.into_iter().chain(options.split_whitespace()).collect();
    let (status, number) = post(page, "start", &json!({"arguments": arguments, "order": {"until": until}}));
    assert_eq!(status, 200, "{number}");
    number.parse().unwrap()
}

fn order(page: &Page, order: &Value) {
    assert_eq!(post(page, "order", order), (200, "null".into()), "{order}");
}

/// What the page is told that knows nothing yet, and looks at the moment after so many iterations.
fn look(page: &Page, moment: Option<u64>) -> Value {
    let look = |known: &str| -> Value {
        let url = format!("{}api/training?{known}&losses=0&rows=0&lines=0", page.address);
        let (status, text) = ask("POST", &url, Some(&[7; 784]));
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let now = look("training=0");
    moment.map_or_else(|| now.clone(), |at| look(&format!("training={}&moment={at}", now["training"])))
}

/// Looks at it, all the while, until it stands so.
fn until(page: &Page, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let seen = look(page, None);
        if is_so(&seen) {
            return seen;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "not {what}: {seen}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn paused_after(page: &Page, iteration: u64) -> Value {
    until(page, "paused", |seen| seen["phase"] == "paused" && seen["iteration"] == iteration)
}

fn finished(page: &Page) -> Value {
    until(page, "finished", |seen| seen["phase"] == "finished")
}

#[track_caller]
fn assert_same_bytes(dir: &Path, run: &str, expected: &str) {
    for file in ["metrics.csv", "model.safetensors", "best.safetensors"] {
        let [found, expected] = [run, expected].map(|run| fs::read(dir.join(run).join(file)).unwrap());
        assert!(found == expected && !found.is_empty(), "{file} of {run} is not that of the command line");
    }
}

#[test]
fn with_pauses_steps_looks_and_a_changed_rate_it_has_the_bytes_of_the_command_line_and_of_python() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    let options =
        "--model lenet5 --max-steps 45 --eval-every 6 --print-every 12 --shuffle --augment --scale unit --lr 0.003";
    start(&page, options, 1);
    paused_after(&page, 1);
    // What draws random numbers in the page's own process, and what looks at the training.
    for model in ["cnn", "lenet5"] {
        let (status, _) =
            ask("POST", &format!("{}api/pixels?run={model}&weights=untrained", page.address), Some(&[0; 784]));
        assert_eq!(status, 200);
    }
    let mistakes = get(&page, "api/training/mistakes");
    assert_eq!(mistakes["of"], 360);
    order(&page, &json!({"until": 2}));
    paused_after(&page, 2);
    order(&page, &json!("epoch"));
    paused_after(&page, 15);
    order(&page, &json!({"until": 20}));
    paused_after(&page, 20);
    order(&page, &json!({"lr": 0.01}));
    order(&page, &json!({"lr": 0.0005}));
    until(&page, "changed", |seen| seen["lr_from"] == json!(["21=0.0005"]));
    order(&page, &json!({"until": 1_000_000_000_000_000_u64}));
    let end = finished(&page);
    assert_eq!(end["losses"].as_array().unwrap().len(), 45);
    assert_eq!(end["rows"].as_array().unwrap().len(), 7);
    assert_eq!(end["lines"].as_array().unwrap().len(), 3);
    assert!(end["lines"][0].as_str().unwrap().starts_with("Iteration: 12 Loss: "), "{}", end["lines"]);

    let again = get(&page, "api/training/again");
    assert_eq!(get(&page, "api/run?run=runs/lenet5-digits"), again, "the finished run tells the same");
    let command = again["command"].as_str().unwrap();
    let arguments = command.strip_prefix("cargo run --release -- ").unwrap().split(' ');
    let output = run(dir.path(), &arguments.chain(["--out", "again"]).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_same_bytes(dir.path(), "runs/lenet5-digits", "again");

    let Some(python) = python() else { return };
    fs::create_dir(dir.path().join("assets")).unwrap();
    let digits = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/digits.csv.gz");
    fs::copy(digits, dir.path().join("assets/digits.csv.gz")).unwrap();
    fs::write(dir.path().join("again.py"), again["python"].as_str().unwrap()).unwrap();
    let output = Command::new(python).arg("again.py").current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let metrics = |run: &str| fs::read_to_string(dir.path().join("runs").join(run).join("metrics.csv")).unwrap();
    assert_eq!(metrics("lenet5-digits"), metrics("lenet5-python"), "{command}");
    let weights = |run: &str| {
        let mut weights =
            tch::Tensor::read_safetensors(dir.path().join("runs").join(run).join("model.safetensors")).unwrap();
        weights.sort_by(|a, b| a.0.cmp(&b.0));
        weights
    };
    for ((name, rust), (_, python)) in weights("lenet5-digits").iter().zip(&weights("lenet5-python")) {
        assert!(rust.equal(python), "{name} after Python's training");
    }
}

#[test]
fn what_the_command_line_refuses_is_refused_in_its_words_and_one_training_runs_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    let refused = |arguments: Value, words: &str| {
        let (status, text) = post(&page, "start", &json!({"arguments": arguments, "order": {"until": 1}}));
        assert!(status == 422 && text.contains(words) && !text.contains("Usage"), "{arguments}: {status} {text}");
    };
    refused(json!(["--lr", "fast"]), "expected a number of 0 or more");
    refused(json!(["--model", "vgg"]), "[possible values: cnn, lenet5");
    refused(json!(["--momentum", "0.9", "--optimizer", "adam"]), "--momentum goes with --optimizer sgd");
    refused(json!(["evaluate", "--csv", "out.csv"]), "unexpected argument 'evaluate'");
    refused(json!(["--resume", "runs/cnn"]), "unexpected argument '--resume'");
    refused(json!(["--out", ""]), "the path is empty");
    for order in [json!({"until": 5}), json!("stop"), json!({"lr": 0.1})] {
        let (status, text) = post(&page, "order", &order);
        assert!(status == 422 && text.contains("there is no training: start one"), "{order}: {text}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was begun");

    start(&page, "--max-steps 9 --eval-every 3", 4);
    paused_after(&page, 4);
    refused(json!(["--data", "digits"]), "a training is under way: stop it first");
    for (bad, words) in [
        (json!({"lr": -1}), "expected a number of 0 or more"),
        (json!({"lr": "x"}), "expected f64"),
        (json!({"until": -1}), "expected u64"),
        (json!({"jump": 3}), "jump"),
    ] {
        let (status, text) = post(&page, "order", &bad);
        assert!(status == 422 && text.contains(words) && !text.contains("deserialize"), "{bad}: {status} {text}");
    }
    order(&page, &json!("stop"));
    let stopped = until(&page, "stopped", |seen| seen["phase"] == "stopped");
    assert_eq!(stopped["iteration"], 4);
    assert_eq!(post(&page, "order", &json!({"until": 9})).0, 422);
    let output = run(dir.path(), &["--resume", "runs/cnn-digits"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let output =
        run(dir.path(), &[&DIGITS[..], &["--max-steps", "9", "--eval-every", "3", "--out", "straight"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_same_bytes(dir.path(), "runs/cnn-digits", "straight");

    start(&page, "--max-steps 9 --lr-schedule step", 2);
    paused_after(&page, 2);
    let (status, text) = post(&page, "order", &json!({"lr": 0.1}));
    assert!(status == 422 && text.contains("a schedule, which sets its learning rate"), "{status} {text}");
    order(&page, &json!({"until": 9}));
    finished(&page);
}

#[test]
fn a_training_that_waits_for_a_download_is_stopped_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mirror = std::net::TcpListener::bind("127.0.0.1:0").unwrap(); // takes requests and answers none
    let address = format!("http://{}", mirror.local_addr().unwrap());
    let page = Page::open_with(dir.path(), |command| command.env("MNIST_MIRROR", address));
    let asked = json!({"arguments": ["--data", "mnist"], "order": {"until": 1}});
    assert_eq!(post(&page, "start", &asked).0, 200);
    let _waits = mirror.accept().unwrap();
    assert_eq!(look(&page, None)["phase"], "starting");
    order(&page, &json!("stop"));
    until(&page, "stopped", |seen| seen["phase"] == "stopped");
    assert!(!dir.path().join("runs").exists());
}

#[test]
fn a_training_that_fails_says_why_and_the_next_one_can_begin() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    let first = start(&page, "--lr 1e30 --max-steps 100", 1_000_000);
    let failed = until(&page, "failed", |seen| seen["phase"] == "failed");
    assert!(failed["error"].as_str().unwrap().contains("the loss became NaN at iteration"), "{}", failed["error"]);
    let arguments = json!({"arguments": ["--data", "nowhere.csv"], "order": {"until": 1}});
    assert_eq!(post(&page, "start", &arguments).0, 200);
    let failed = until(&page, "failed", |seen| seen["training"] == first + 1 && seen["phase"] == "failed");
    assert!(failed["error"].as_str().unwrap().contains("nowhere.csv"), "{}", failed["error"]);
    fs::write(dir.path().join("mnist.npy"), b"\x93NUMPY").unwrap();
    let arguments = json!({"arguments": ["--data", "mnist.npy"], "order": {"until": 1}});
    assert_eq!(post(&page, "start", &arguments).0, 200);
    let failed = until(&page, "failed", |seen| seen["training"] == first + 2 && seen["phase"] == "failed");
    let error = failed["error"].as_str().unwrap();
    assert!(error.contains("make one with\npython3 -c") && error.contains("mnist.npy"), "all its lines: {error}");
    let fourth = start(&page, "--max-steps 2 --model lenet5", 2);
    assert_eq!(fourth, first + 3);
    until(&page, "finished", |seen| seen["training"] == fourth && seen["phase"] == "finished");
}

fn number(followed: &Value, name: &str) -> f64 {
    let lines = followed["lines"].as_array().unwrap();
    let line = lines.iter().find(|line| line["name"] == name);
    line.unwrap_or_else(|| panic!("there is no {name}: {followed}"))["value"].as_f64().unwrap()
}

/// What a sum such as "0.9 · buffer before + gradient" comes to; nothing for what is said in words or with brackets.
fn computed(followed: &Value, formula: &str) -> Option<f64> {
    if formula.is_empty() || formula.contains(['(', ',', '/']) || formula.contains(" of ") {
        return None;
    }
    let factor = |text: &str| -> f64 {
        let (sign, text) = text.strip_prefix('−').map_or((1.0, text), |rest| (-1.0, rest));
        let square = text.strip_suffix('²').map(|name| number(followed, name).powi(2));
        sign * text.parse().ok().or(square).unwrap_or_else(|| number(followed, text))
    };
    Some(formula.split(" + ").map(|term| term.split(" · ").map(factor).product::<f64>()).sum())
}

#[test]
fn a_single_step_is_followed_number_by_number_for_each_optimizer() {
    let mut sums_computed = 0;
    for (options, sums) in [
        ("--optimizer sgd --lr 0.01", ["gradient", "step"]),
        ("--optimizer sgd --lr 0.01 --momentum 0.9 --weight-decay 0.1", ["with weight decay", "buffer"]),
        ("--optimizer sgd --lr 0.01 --weight-decay 0.5", ["with weight decay", "step"]),
        ("--optimizer adam --lr 0.01 --weight-decay 0.5", ["m̂", "v̂"]),
        ("--optimizer adamw --lr 0.01 --weight-decay 0.5", ["v", "decayed weight"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let page = Page::open(dir.path());
        start(&page, &format!("--model lenet5 --scale unit --max-steps 20 {options}"), 3);
        paused_after(&page, 3);
        let (status, text) =
            ask("GET", &format!("{}api/training/step?parameter=conv2.weight&index=0", page.address), None);
        assert!(status == 422 && text.contains("there was no single step yet"), "{text}");
        order(&page, &json!({"until": 4}));
        paused_after(&page, 4);
        let followed = get(&page, "api/training/step?parameter=conv2.weight&index=187");
        assert_eq!((&followed["iteration"], &followed["place"]), (&json!(4), &json!([1, 1, 2, 2])), "{options}");
        assert!(sums.iter().all(|name| number(&followed, name).is_finite()));
        let old = if options.contains("adamw") { "decayed weight" } else { "weight" };
        let (old, step, new) = (number(&followed, old), number(&followed, "step"), number(&followed, "new weight"));
        assert!(
            step != 0.0 && (old + step - new).abs() <= 2e-7 * old.abs().max(1e-2),
            "{options}: {old} + {step} = {new}"
        );
        for line in followed["lines"].as_array().unwrap() {
            let (formula, value) = (line["formula"].as_str().unwrap(), line["value"].as_f64().unwrap());
            if let Some(found) = computed(&followed, formula) {
                assert!(
                    (found - value).abs() < 1e-5 * value.abs().max(1e-4),
                    "{options}: {line} is {found}, {followed}"
                );
                sums_computed += 1;
            }
        }
        assert_eq!(get(&page, "api/training/step?index=3")["parameter"], "conv1.weight", "the first kernel");
        let kernel = &followed["kernel"];
        assert_eq!(kernel[0][2][2], followed["lines"][0]["value"], "the kernel that the number is of");
        assert_eq!(kernel[1][2][2], followed["lines"][1]["value"]);
        for (wrong, words) in [
            ("parameter=conv2.weight&index=2400", "has 2400 numbers"),
            ("parameter=conv2.weight&index=-1", "has 2400 numbers"),
            ("parameter=nothing&index=0", "the network has no nothing"),
        ] {
            let (status, text) = ask("GET", &format!("{}api/training/step?{wrong}", page.address), None);
            assert!(status == 422 && text.contains(words), "{wrong}: {text}");
        }
    }
    assert_eq!(sums_computed, 2 + 4 + 3 + 4 + 3);
}

#[test]
fn one_can_look_back_at_the_network_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    start(&page, "--max-steps 12 --lr 0.01", 5);
    let then = paused_after(&page, 5);
    order(&page, &json!({"until": 100}));
    let end = finished(&page);
    assert_ne!(end["shown"]["answer"]["probabilities"], then["shown"]["answer"]["probabilities"]);
    assert_eq!(then["shown"]["iteration"], 5);
    assert!(look(&page, Some(5))["shown"] == then["shown"]);
    let untrained = format!("{}api/pixels?run=cnn&weights=untrained", page.address);
    // There is a run now, and the untrained networks are not offered beside it.
    let (_, text) = ask("POST", &untrained, Some(&[7; 784]));
    let untrained: Value = serde_json::from_str(&text).unwrap();
    let sum = |whose: &str| {
        let url = format!("{}api/{whose}layer=6&channel=3&row=0&column=0", page.address);
        let (status, text) = ask("POST", &url, Some(&[7; 784]));
        assert_eq!(status, 200, "{text}");
        text
    };
    assert_eq!(sum("training/sum?"), sum("sum?run=runs/cnn-digits&weights=last&"));
    assert_ne!(sum("training/sum?"), sum("training/sum?moment=5&"));
    let start = look(&page, Some(0));
    assert!(start["shown"]["answer"] == untrained);
    assert_eq!(start["shown"]["kernels"]["start"], start["shown"]["kernels"]["now"]);
    assert_ne!(end["shown"]["kernels"]["start"], end["shown"]["kernels"]["now"]);
}

#[test]
#[cfg(unix)]
fn ctrl_c_and_a_killed_page_leave_a_checkpoint_with_the_changed_rate_that_goes_on_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let options = "--model lenet5 --scale unit --max-steps 60 --eval-every 10 --save-every 1000 --shuffle";
    for (signal, out) in [(libc::SIGINT, "ctrl-c"), (libc::SIGKILL, "killed")] {
        let mut page = Page::open(dir.path());
        start(&page, &format!("{options} --out {out}"), 15);
        paused_after(&page, 15);
        order(&page, &json!({"lr": 0.02}));
        order(&page, &json!({"until": 25}));
        paused_after(&page, 25);
        assert_eq!(unsafe { libc::kill(page.program.id() as i32, signal) }, 0);
        let status = page.program.wait().unwrap();
        assert_eq!(status.code(), (signal == libc::SIGINT).then_some(0));
        // A killed page leaves its training to end by itself.
        let start = Instant::now();
        let resumed = loop {
            let output = run(dir.path(), &["--resume", out]);
            if output.status.success() || start.elapsed() > Duration::from_secs(60) {
                break output;
            }
            assert!(stderr(&output).contains("another process is training in"), "{}", stderr(&output));
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(resumed.status.success(), "{}", stderr(&resumed));
        assert!(stderr(&resumed).contains("resumed after iteration 25"), "{}", stderr(&resumed));
    }
    let straight = DIGITS.into_iter().chain(options.split_whitespace());
    let output =
        program(dir.path(), &straight.chain(["--lr-from", "16=0.02", "--out", "straight"]).collect::<Vec<_>>());
    let output = { output }.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    for out in ["ctrl-c", "killed"] {
        assert_same_bytes(dir.path(), out, "straight");
    }
}

#[test]
fn a_stopped_training_is_resumed_on_this_page_and_on_another_and_ends_with_the_bytes_of_a_straight_one() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/digits.csv.gz"), dir.path().join("own.csv.gz")).unwrap();
    let options = "--threads 1 --model lenet5 --scale unit --max-steps 60 --eval-every 10 --print-every 10 --shuffle";
    let arguments: Vec<&str> = ["--data", "own.csv.gz"].into_iter().chain(options.split(' ')).collect();
    let stand = |page: &Page, training: u64, phase: &str| {
        until(page, phase, |seen| seen["training"] == training && seen["phase"] == phase)
    };
    let resume = |page: &Page, body: Value| post(page, "resume", &body);
    let page = Page::open(dir.path());
    assert_eq!(post(&page, "start", &json!({"arguments": arguments, "order": {"until": 15}})).0, 200);
    let before = paused_after(&page, 15);
    let (status, text) = resume(&page, json!({"run": "runs/lenet5", "order": {"until": 40}}));
    assert!(status == 422 && text.contains("a training is under way: stop it first"), "{text}");
    order(&page, &json!({"lr": 0.02}));
    order(&page, &json!("stop"));
    let first = before["training"].as_u64().unwrap();
    let stopped = stand(&page, first, "stopped");
    assert_eq!(stopped["resume"], "cargo run --release -- --resume runs/lenet5 --data own.csv.gz");
    for (run, words) in [("../runs/lenet5", "there is no run"), ("cnn", "cnn is not trained")] {
        let (status, text) = resume(&page, json!({"run": run, "order": {"until": 40}}));
        assert!(status == 422 && text.contains(words), "{text}");
    }
    for given in [json!({}), json!({"data": "digits"})] {
        let mut asked = json!({"run": "runs/lenet5", "order": {"until": 40}});
        asked.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        let (status, text) = resume(&page, asked);
        let words = "runs/lenet5 was trained on own.csv.gz: give that again, --data";
        assert!(status == 422 && text.contains(words), "{text}");
    }
    assert_eq!(resume(&page, json!({"run": "runs/lenet5", "data": "own.csv.gz", "order": {"until": 40}})).0, 200);
    let seen = paused_after(&page, 40);
    assert_eq!((&seen["training"], &seen["lr_from"]), (&json!(first + 1), &json!(["16=0.02"])));
    let count = |seen: &Value, what: &str| seen[what].as_array().unwrap().len();
    assert_eq!(["losses", "rows", "lines"].map(|what| count(&seen, what)), [40, 4, 4]);
    assert!(seen["losses"].as_array().unwrap().starts_with(before["losses"].as_array().unwrap()));
    assert_eq!(get(&page, "api/training/mistakes")["of"], 360);
    assert_eq!((&seen["moments"][0], &seen["shown"]["iteration"]), (&json!(0), &json!(40)));
    order(&page, &json!("stop"));
    stand(&page, first + 1, "stopped");
    // Stopped while it starts, it can be resumed all the same.
    assert_eq!(resume(&page, json!({"run": "runs/lenet5", "data": "own.csv.gz", "order": {"until": 40}})).0, 200);
    order(&page, &json!("stop"));
    assert_eq!(stand(&page, first + 2, "stopped")["run"], "runs/lenet5");

    let page = Page::open(dir.path());
    assert_eq!(resume(&page, json!({"run": "runs/lenet5", "data": "own.csv.gz", "order": {"until": 50}})).0, 200);
    let seen = paused_after(&page, 50);
    assert_eq!(["losses", "rows", "lines"].map(|what| count(&seen, what)), [10, 5, 1]);
    assert_eq!((&seen["losses"][0][0], &seen["moments"][0]), (&json!(41), &json!(0)));
    let kernels = &seen["shown"]["kernels"];
    assert!(kernels["start"] == before["shown"]["kernels"]["start"] && kernels["start"] != kernels["now"]);
    let [was, now, difference] = ["start", "now", "difference"].map(|which| kernels[which][0][0][0].as_f64().unwrap());
    assert!((difference - (now - was)).abs() < 1e-6 && difference != 0.0, "{difference} from {was} to {now}");
    order(&page, &json!({"until": 60}));
    finished(&page);
    let output = run(dir.path(), &[&arguments[..], &["--lr-from", "16=0.02", "--out", "straight"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_same_bytes(dir.path(), "runs/lenet5", "straight");
    assert_eq!(resume(&page, json!({"run": "runs/lenet5", "data": "own.csv.gz", "order": {"until": 70}})).0, 200);
    let failed = stand(&page, seen["training"].as_u64().unwrap() + 1, "failed");
    assert!(failed["error"].as_str().unwrap().contains("is finished: there is nothing to resume"), "{failed}");

    // Another page does not know what a training with given weights began with.
    start(&page, "--init-from runs/lenet5/model.safetensors --model lenet5 --max-steps 9", 4);
    paused_after(&page, 4);
    order(&page, &json!("stop"));
    until(&page, "stopped", |seen| seen["phase"] == "stopped" && seen["iteration"] == 4);
    let page = Page::open(dir.path());
    assert_eq!(resume(&page, json!({"run": "runs/lenet5-digits", "order": {"until": 6}})).0, 200);
    let seen = paused_after(&page, 6);
    assert!(seen["shown"]["answer"].is_object() && seen["shown"]["kernels"].is_null(), "{}", seen["shown"]["kernels"]);
}

#[test]
fn on_a_card_it_has_the_bytes_of_the_command_line_and_goes_on_on_either_device() {
    let Some(card) = card() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open_with(dir.path(), with_card);
    let succeeds = |arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let output = with_card(&mut program(dir.path(), &arguments)).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    };
    let options = "--model lenet5 --scale unit --max-steps 60 --eval-every 5 --shuffle --deterministic";
    for (number, (device, other)) in [(card, "cpu"), ("cpu", card)].into_iter().enumerate() {
        let [stopped, moved, straight] = ["stopped", "moved", "straight"].map(|name| format!("{name}-{number}"));
        let training = start(&page, &format!("{options} --device {device} --out {stopped}"), 30);
        until(&page, "paused", |seen| {
            seen["training"] == training && seen["phase"] == "paused" && seen["iteration"] == 30
        });
        order(&page, &json!("stop"));
        until(&page, "stopped", |seen| seen["phase"] == "stopped");
        let [from, to] = [&stopped, &moved].map(|name| dir.path().join(name));
        assert!(Command::new("cp").arg("-r").args([&from, &to]).status().unwrap().success());
        succeeds(&format!("--resume {stopped}"));
        succeeds(&format!("--resume {moved} --device {other}"));
        succeeds(&format!("{} {options} --device {device} --out {straight}", DIGITS.join(" ")));
        assert_same_bytes(dir.path(), &stopped, &straight);
        for (there, here) in losses(dir.path(), &moved).iter().zip(losses(dir.path(), &straight)) {
            assert!((there - here).abs() < 0.02 + 0.05 * here.abs(), "{there} on {other}, {here} on {device}");
        }
    }
}
