//! `play` as anything on this machine could speak to it: answered with an error where it is wrong, and alive after it.

use crate::page::{Page, alive, ask, raw, train};
use crate::running::{program, run, stderr};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn whatever_is_wrong_is_answered_with_an_error_and_survived() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("secret.txt"), "secret").unwrap();
    let page = Page::open(dir.path());
    let refused = |path: &str, body: Option<&[u8]>, word: &str| {
        let method = if body.is_some() { "POST" } else { "GET" };
        let (status, text) = ask(method, &format!("{}{path}", page.address), body);
        assert!((400..500).contains(&status) && text.contains(word), "{path}: {status} {text}");
        assert!(!text.contains("secret") && !text.contains("panicked") && !text.contains("Exception raised"), "{text}");
        alive(&page);
    };
    let (cnn, blank) = ("run=cnn&weights=untrained", &[0u8; 784][..]);
    refused("secret.txt", None, "");
    refused("../secret.txt", None, "");
    refused("%2e%2e/secret.txt", None, "");
    refused("api/runs", Some(b"{}"), "");
    for run in ["nowhere", "../..", "/etc", "runs/%00", ""] {
        refused(&format!("api/pixels?run={run}&weights=untrained"), Some(blank), "there is no run");
        refused(&format!("api/convolutions?run={run}&weights=last"), None, "there is no run");
        refused(&format!("api/digit?run={run}&weights=last&index=0&mistake=false"), None, "there is no run");
    }
    refused("api/pixels?run=cnn&weights=last", Some(blank), "there is no run");
    refused("api/pixels?run=cnn&weights=good", Some(blank), "weights");
    refused("api/pixels", Some(blank), "run");
    refused(&format!("api/pixels?{cnn}"), Some(&[0; 783]), "784 bytes");
    refused(&format!("api/pixels?{cnn}"), Some(&vec![0; 1 << 20]), "784 bytes");
    refused(&format!("api/picture?{cnn}"), Some(b"no picture"), "expected a JPEG, PNG");
    refused(&format!("api/digit?{cnn}&index=-1&mistake=false"), None, "");
    refused(&format!("api/digit?{cnn}&index=0&mistake=false&label=12"), None, "there is none");
    for place in
        ["layer=7&channel=0&row=0&column=0", "layer=0&channel=16&row=0&column=0", "layer=0&channel=0&row=-1&column=0"]
    {
        refused(&format!("api/sum?{cnn}&{place}"), Some(blank), "has no ");
    }
    refused(&format!("api/kernel?{cnn}&layer=1&channel=0"), None, "layer 1 is not a convolution");
    refused(&format!("api/kernel?{cnn}&layer=99&channel=0"), None, "layer 99 is not a convolution");
    for channel in [-1, 16] {
        refused(&format!("api/kernel?{cnn}&layer=0&channel={channel}"), None, "has no kernel");
    }
    for (layer, first, count, word) in [
        (8, 0, 1, "the network has no layer 8"),
        (7, 0, 1, "layer 7 has no maps"),
        (1, -1, 1, "1 maps from -1 on: expected 1 to 16 of the 16 that layer 1 has"),
        (1, 0, 0, "0 maps"),
        (4, 0, 17, "17 maps"),
        (4, 31, 2, "2 maps from 31 on"),
        (4, i64::MAX, 2, "maps from"),
    ] {
        refused(&format!("api/maps?{cnn}&layer={layer}&first={first}&count={count}"), Some(blank), word);
    }
    refused(&format!("api/maps?{cnn}&layer=0&first=0&count=1"), Some(&[0; 783]), "784 bytes");
    refused(&format!("api/sum?{cnn}&layer=0&channel=0&row=0&column=99999999999999999999"), Some(blank), "");
    refused(&format!("api/picture?{cnn}"), Some(&vec![0; 100 << 20]), "104857600 bytes are too many");
    for bytes in [
        &b"\0\xff\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/arguments HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ] {
        let reply = raw(&page, bytes);
        assert!(!reply.contains(" 200 "), "{reply}");
        alive(&page);
    }
}

/// A convolution as the page sends it, with some of its fields replaced.
fn arguments(changes: Value) -> Vec<u8> {
    let mut arguments = json!({"layer": "Conv2d", "input": [vec![vec![1.0; 7]; 7]],
        "kernel": [[vec![vec![1.0; 3]; 3]]], "kernel_size": 3, "stride": 1, "padding": 0, "bias": [0.0], "norm_type": 2.0,
        "at": [0, 0, 0]});
    for (name, value) in changes.as_object().unwrap() {
        arguments[name] = value.clone();
    }
    arguments.to_string().into_bytes()
}

#[test]
fn arguments_that_no_layer_can_have_are_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    let url = format!("{}api/arguments", page.address);
    let (status, text) = ask("POST", &url, Some(&arguments(json!({"stride": [2, 3], "padding": 1}))));
    let outcome: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, outcome["output"][0].as_array().unwrap().len()), (200, 4), "{text}");
    let map = |height: usize, width: usize| vec![vec![1.0; width]; height];
    for (change, word) in [
        (json!({"stride": 0}), "stride is (0, 0): expected whole numbers from 1 to 11"),
        (json!({"stride": -1}), "stride"),
        (json!({"stride": 1.5}), ""),
        (json!({"stride": [1, 1, 1]}), ""),
        (json!({"stride": i64::MAX}), "stride"),
        (json!({"padding": 99}), "padding is (99, 99): expected whole numbers from 0 to 11"),
        (json!({"padding": i64::MIN}), "padding"),
        (json!({"kernel_size": 9, "kernel": [[map(9, 9)]]}), "a kernel of 9 does not fit into an input of 7"),
        (json!({"kernel_size": 2}), "the kernel has [3, 3] numbers: expected kernel_size, [2, 2]"),
        (json!({"kernel_size": 0, "kernel": []}), "kernel_size"),
        (json!({"kernel_size": 99, "kernel": [[map(99, 99)]]}), "kernel_size"),
        (json!({"kernel": [[[[1, 2, 3], [1, 2], [1, 2, 3]]]]}), "rows of different length"),
        (json!({"kernel": [[[[1e300, 2, 3], [1, 2, 3], [1, 2, 3]]]]}), ""),
        (json!({"kernel": [[[["NaN", 2, 3], [1, 2, 3], [1, 2, 3]]]]}), ""),
        (json!({"bias": null}), ""),
        (json!({"bias": [null]}), ""),
        (json!({"bias": [1e39]}), "the bias is 1000000000000000000000000000000000000000: expected a 32-bit number"),
        (json!({"bias": [1.0, 2.0]}), "2 numbers are the bias: expected one for each of 1 channels of the output"),
        (json!({"bias": []}), "0 numbers are the bias"),
        (json!({"kernel": []}), "the kernel is for 0 channels of the output: expected 1 to 4"),
        (json!({"kernel": vec![[map(3, 3)]; 5], "bias": vec![0.0; 5]}), "the kernel is for 5 channels of the output"),
        (json!({"kernel": [[]]}), "the kernel has 0 channels: expected 1 to 16"),
        (
            json!({"kernel": [[map(3, 3), map(3, 3)]]}),
            "the kernel has 2 channels: expected 1, one for each of the input",
        ),
        (json!({"kernel": [vec![map(3, 3)], vec![map(3, 3); 2]], "bias": [0, 0]}), "the kernel has 2 channels"),
        (json!({"kernel": [[map(3, 3)], [map(3, 2)]], "bias": [0, 0]}), "the kernel has [3, 2] numbers"),
        (json!({"input": []}), "the input has 0 channels: expected 1 to 16"),
        (json!({"input": [[]]}), "the input is 0x0"),
        (json!({"input": [map(7, 7), map(6, 7)]}), "the input has channels of different height"),
        (json!({"input": vec![map(7, 7); 17]}), "the input has 17 channels: expected 1 to 16"),
        (json!({"input": [map(40, 40)]}), "the input is 40x40: expected 1x1 to 32x32 numbers"),
        (json!({"layer": "LPPool2d", "norm_type": 0.0}), "norm_type is 0: expected a number from 1 to 1000"),
        (json!({"layer": "LPPool2d", "norm_type": 1e308}), "norm_type"),
        (json!({"layer": "Conv3d"}), ""),
    ] {
        let (status, text) = ask("POST", &url, Some(&arguments(change.clone())));
        assert!((400..500).contains(&status) && text.contains(word), "{change}: {status} {text}");
        alive(&page);
    }
    for body in [&b"{"[..], b"", b"[]", b"{\"layer\": NaN}", &[b'['; 60_000]] {
        let (status, text) = ask("POST", &url, Some(body));
        assert!((400..500).contains(&status), "{status} {text}");
    }
    let large = json!({"layer": "LPPool2d", "norm_type": 1000.0, "input": [vec![vec![200.0; 7]; 7]]});
    let (status, text) = ask("POST", &url, Some(&arguments(large)));
    assert!(status == 200 && text.contains(r#""value":"inf""#), "what 32 bits cannot hold is said in words: {text}");
    alive(&page);
}

/// Asks it to end, once, and waits for that.
#[cfg(unix)]
pub fn assert_ctrl_c_ends(page: &mut Page) {
    assert_eq!(unsafe { libc::kill(page.program.id() as i32, libc::SIGINT) }, 0);
    let start = Instant::now();
    let status = loop {
        if let Some(status) = page.program.try_wait().unwrap() {
            break status;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_it_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    let mut page = Page::open(dir.path());
    let _still_open = TcpStream::connect(page.host()).unwrap();
    assert_ctrl_c_ends(&mut page);
}

#[test]
fn mnist_that_is_not_there_is_not_downloaded_and_other_digits_are_named_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), "cnn", "5");
    let config = dir.path().join("runs/cnn/config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    let mirror = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", mirror.local_addr().unwrap());
    let page = Page::open_with(dir.path(), |command| command.env("MNIST_MIRROR", address));
    for (data, reason) in [
        ("mnist", "MNIST in data/mnist: not there; `play --data mnist` fetches MNIST"),
        ("own.csv", "runs/cnn was trained on own.csv: give that again, --data own.csv"),
    ] {
        std::fs::write(&config, text.replacen("\"data\": \"digits\"", &format!("\"data\": \"{data}\""), 1)).unwrap();
        ask("GET", &format!("{}api/runs", page.address), None);
        let url = format!("{}api/digit?run=runs/cnn&weights=last&index=0&mistake=false", page.address);
        let (status, text) = ask("GET", &url, None);
        let example: Value = serde_json::from_str(&text).unwrap();
        let expected = format!("scikit-learn's digits, embedded in the program (not the run's own data: {reason})");
        assert_eq!((status, example["data"].as_str().unwrap()), (200, expected.as_str()));
    }
    mirror.set_nonblocking(true).unwrap();
    assert!(mirror.accept().is_err(), "the mirror was asked");
}

#[test]
#[cfg(unix)]
fn a_pipe_in_the_folder_of_the_runs_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), "cnn", "5");
    let bad = dir.path().join("runs/bad");
    std::fs::create_dir(&bad).unwrap();
    std::fs::copy(dir.path().join("runs/cnn/model.safetensors"), bad.join("model.safetensors")).unwrap();
    for pipe in [bad.join("config.json"), dir.path().join("runs/pipe")] {
        assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    let page = Page::open(dir.path());
    let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(100))).build().new_agent();
    let runs = agent.get(format!("{}api/runs", page.address)).call().unwrap().body_mut().read_to_string().unwrap();
    assert!(runs.contains("runs/cnn") && !runs.contains("runs/bad"), "{runs}");
}

#[test]
fn what_keeps_the_page_from_opening_is_said_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    let port = page.host().rsplit_once(':').unwrap().1;
    let refused = |arguments: &[&str], words: &[&str]| {
        let output = run(dir.path(), &[&["play", "--no-browser"], arguments].concat());
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    refused(&["--port", port], &[port, "cannot be used on 127.0.0.1", "--port"]);
    refused(&["--port", "0", "--run", "nowhere"], &["nowhere is not the folder of a run"]);
    refused(&["--port", "0", "--data", "mnist"], &["MNIST could not be downloaded", "data/mnist"]);
}

#[test]
fn a_run_trained_meanwhile_is_offered_and_answers_a_stroke() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    assert!(!ask("GET", &format!("{}api/runs", page.address), None).1.contains("runs/cnn"));
    train(dir.path(), "cnn", "20");
    let runs = ask("GET", &format!("{}api/runs", page.address), None).1;
    assert!(runs.contains(r#"{"name":"runs/cnn","title":"CNN","weights":["last","untrained"]}"#), "{runs}");
    let stroke = dir.path().join("one.png");
    image::GrayImage::from_fn(112, 112, |x, y| {
        image::Luma([if (50..60).contains(&x) && (16..96).contains(&y) { 255 } else { 0 }])
    })
    .save(&stroke)
    .unwrap();
    let url = format!("{}api/picture?run=runs/cnn&weights=last", page.address);
    let (status, answer) = ask("POST", &url, Some(&std::fs::read(stroke).unwrap()));
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["probabilities"].as_array().unwrap().len(), 10);
    assert!(answer["seen"].as_array().unwrap().iter().any(|grey| grey == 255), "{answer}");
    let most = answer["probabilities"].as_array().unwrap().iter().filter_map(Value::as_f64).fold(0.0, f64::max);
    assert_eq!(answer["sure"], most >= 0.7, "{answer}");
}

#[test]
fn named_data_are_there_for_untrained_networks_too() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open_with(dir.path(), |command| command.args(["--data", "digits"]));
    let (status, text) =
        ask("GET", &format!("{}api/digit?{}&index=0&mistake=false", page.address, "run=cnn&weights=untrained"), None);
    assert!(status == 200 && text.contains("scikit-learn's digits, embedded in the program"), "{text}");
}

#[test]
fn data_of_a_run_trained_anew_are_opened_anew() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), "cnn", "5");
    let page = Page::open(dir.path());
    let data = || {
        ask("GET", &format!("{}api/runs", page.address), None);
        let which = "index=0&mistake=false&run=runs/cnn&weights=last";
        let (status, example) = ask("GET", &format!("{}api/digit?{which}", page.address), None);
        assert_eq!(status, 200, "{example}");
        let example: Value = serde_json::from_str(&example).unwrap();
        (example["count"].as_u64().unwrap(), example["data"].as_str().unwrap().to_owned())
    };
    assert_eq!(data(), (360, "scikit-learn's digits, embedded in the program, the part for validation".into()));
    let anew = "--data digits --max-steps 5 --eval-every 5 --test-size 0.5 --out runs/cnn --overwrite";
    assert!(run(dir.path(), &anew.split(' ').collect::<Vec<_>>()).status.success());
    assert_eq!(data().0, 899);
}

/// What the page offers of this run: its weights, in their order.
fn weights(page: &Page, run: &str) -> Value {
    let (_, runs) = ask("GET", &format!("{}api/runs", page.address), None);
    let runs: Value = serde_json::from_str(&runs).unwrap();
    let found = runs.as_array().unwrap().iter().find(|found| found["name"] == run);
    found.unwrap_or_else(|| panic!("no {run}: {runs}"))["weights"].clone()
}

/// Leaves a training in the folder `stopped` that was killed.
fn stop(dir: &Path, stopped: &str) {
    let arguments =
        "--data digits --scale unit --optimizer adam --lr 0.003 --eval-every 20 --save-every 20 --max-steps 4000";
    let mut child = program(dir, &[&arguments.split(' ').collect::<Vec<_>>()[..], &["--out", stopped]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Once there is a second row, there is a checkpoint with some training in it.
    let metrics = dir.join(stopped).join("metrics.csv");
    while std::fs::read_to_string(&metrics).map_or(0, |rows| rows.lines().count()) < 4 {
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_run_that_is_not_finished_is_shown_with_the_weights_of_its_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    stop(dir.path(), "runs/stopped");
    train(dir.path(), "cnn", "50");
    let page = Page::open(dir.path());
    assert_eq!(weights(&page, "runs/stopped"), json!(["checkpoint", "best", "untrained"]));
    assert_eq!(weights(&page, "runs/cnn"), json!(["last", "best", "untrained"]));
    let (_, runs) = ask("GET", &format!("{}api/runs", page.address), None);
    assert!(runs.starts_with(r#"[{"name":"runs/cnn""#), "a finished run comes first: {runs}");
    let answer = |weights: &str| {
        let url = format!("{}api/pixels?run=runs/stopped&weights={weights}", page.address);
        ask("POST", &url, Some(&[100; 784]))
    };
    let [checkpoint, untrained] = ["checkpoint", "untrained"].map(answer);
    assert!(checkpoint.0 == 200 && untrained.0 == 200, "{} {}", checkpoint.1, untrained.1);
    assert_ne!(checkpoint.1, untrained.1, "it has learned something");
    let (status, text) = answer("last");
    assert!(status == 422 && text.contains("is not finished"), "{text}");

    // A run that had ended there would have these weights.
    let checkpoint_file =
        tch::Tensor::read_safetensors(dir.path().join("runs/stopped/checkpoint.safetensors")).unwrap();
    let model: Vec<_> =
        checkpoint_file.iter().filter_map(|(name, t)| Some((name.strip_prefix("model.")?, t))).collect();
    tch::Tensor::write_safetensors(&model, dir.path().join("runs/stopped/model.safetensors")).unwrap();
    ask("GET", &format!("{}api/runs", page.address), None);
    assert_eq!(answer("last"), checkpoint);
}

#[test]
fn a_page_begins_with_the_run_and_the_weights_that_were_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let begins = |arguments: &[&str]| {
        let page = Page::open_with(dir.path(), |command| command.args(arguments));
        let (_, runs) = ask("GET", &format!("{}api/runs", page.address), None);
        let runs: Value = serde_json::from_str(&runs).unwrap();
        format!("{} {}", runs[0]["name"].as_str().unwrap(), runs[0]["weights"][0].as_str().unwrap())
    };
    let refused = |arguments: &[&str]| {
        let output = run(dir.path(), &[&["play", "--no-browser", "--port", "0"], arguments].concat());
        assert_eq!(output.status.code(), Some(1));
        stderr(&output)
    };
    assert!(
        refused(&["--best"]).contains("there is no run on digits in the folder runs: train one, or leave --best out")
    );
    stop(dir.path(), "runs/stopped");
    assert_eq!(begins(&[]), "runs/stopped checkpoint");
    assert_eq!(begins(&["--best"]), "runs/stopped best");
    train(dir.path(), "cnn", "50");
    assert_eq!(begins(&[]), "runs/cnn last");
    assert_eq!(begins(&["--best"]), "runs/cnn best");
    assert_eq!(begins(&["--run", "runs/stopped"]), "runs/stopped checkpoint");
    assert_eq!(begins(&["--run", "runs/stopped", "--best"]), "runs/stopped best");
    std::fs::remove_file(dir.path().join("runs/cnn/best.safetensors")).unwrap();
    assert!(refused(&["--best"]).contains("runs/cnn/best.safetensors"));
    assert!(refused(&["--run", "nowhere"]).contains("nowhere is not the folder of a run"));

    let says = |arguments: &[&str]| {
        let arguments = [&["play", "--no-browser", "--port", "0", "--run", "runs/stopped"], arguments].concat();
        let mut child = program(dir.path(), &arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        line
    };
    let on = "--resume runs/stopped goes on with it\n";
    let begins = "runs/stopped is not finished: the page begins with its";
    assert_eq!(says(&[]), format!("{begins} weights at its last checkpoint; {on}"));
    assert_eq!(says(&["--best"]), format!("{begins} best weights so far; {on}"));
}
