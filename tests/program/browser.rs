//! The page of `play` in a real browser.

mod channels;
mod convolution;
mod draw;
mod maps;

use crate::common::digits;
use crate::page::{Browser, Page, train};
use crate::running::{run, stdout};
use cnn_tutorial::models::CNNModel;
use cnn_tutorial::nn::{Module, stages};
use image::{GrayImage, Luma, imageops};
use serde_json::{Value, json};
use std::path::Path;
use tch::{Device, Tensor, nn::VarStore};

/// The digit and its probability that `predict` prints for a picture.
fn predicted(dir: &Path, picture: &str) -> (String, String) {
    let output = run(dir, &["predict", "--run", "runs/cnn", picture]);
    let text = stdout(&output);
    let (digit, rest) = text.split_once(": ").unwrap().1.split_once(" (").unwrap();
    (digit.to_owned(), rest.split_once(')').unwrap().0.to_owned())
}

fn answer(browser: &Browser) -> (String, String) {
    (browser.text("#digit"), browser.text("#sure"))
}

fn numbers(value: Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|n| n.as_f64().unwrap() as f32).collect()
}

fn page_with_runs(dir: &Path) -> Option<(Page, Browser)> {
    let browser = Browser::start()?;
    train(dir, "lenet5", "20");
    train(dir, "cnn", "200");
    Some((open(dir, &browser), browser))
}

/// The page on a projector, with a digit.
fn open(dir: &Path, browser: &Browser) -> Page {
    let page = Page::open(dir);
    browser.resize(1280, 720);
    browser.open_page(&page.address);
    page
}

#[test]
fn a_digit_is_drawn_seen_and_explained() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_page, browser)) = page_with_runs(dir.path()) else { return };

    // Stroke by stroke, a zero: every stroke is answered, and as `predict` answers it.
    browser.click("#clear");
    browser.wait("state.seen.every((grey) => grey === 0)");
    let mut before = browser.script("return state.answers");
    let left = [(0, -60), (-25, -45), (-38, -15), (-38, 15), (-25, 45), (0, 60)];
    for stroke in [left, left.map(|(x, y)| (-x, y))] {
        browser.mouse("#pad", &stroke, true);
        browser.wait(&format!("state.answers > {before}"));
        browser.settle();
        before = browser.script("return state.answers");
        let greys =
            browser.script("return Array.from(pen.getImageData(0, 0, 112, 112).data.filter((_, i) => i % 4 === 0))");
        let greys = numbers(greys).into_iter().map(|grey| grey as u8).collect();
        GrayImage::from_vec(112, 112, greys).unwrap().save(dir.path().join("drawn.png")).unwrap();
        assert_eq!(answer(&browser), predicted(dir.path(), "drawn.png"));
    }
    assert_eq!(browser.text("#digit"), "0");

    // A pixel of the second convolution: the sum shown is what the layer has put there.
    browser.mouse("#layers > :nth-child(5) canvas", &[(-5, -5), (2, 2)], false);
    browser.wait("document.querySelector('#sum .value')");
    browser.settle();
    let place = browser.script("return [state.pick.layer - 1, state.pick.channel, state.pick.row, state.pick.column]");
    let place: Vec<i64> = serde_json::from_value(place).unwrap();
    let mut vs = VarStore::new(Device::Cpu);
    let model = CNNModel::new(&vs.root()).unwrap();
    vs.load(dir.path().join("runs/cnn/model.safetensors")).unwrap();
    let seen =
        Tensor::from_slice(&numbers(browser.script("return Array.from(state.seen)"))).view([1, 1, 28, 28]) / 255.0;
    let (_, stages) = stages(|| tch::no_grad(|| model.forward(&seen)).unwrap());
    let stage = &stages[place[0] as usize];
    assert_eq!(stage.name, "cnn2");
    let expected = stage.output.double_value(&[0, place[1], place[2], place[3]]);
    for shown in ["#sum .value", "#sum .result"] {
        let found: f64 = browser.text(shown).parse().unwrap();
        assert!((found - expected).abs() < 1e-3 * expected.abs().max(0.1), "{shown}: {found}, expected {expected}");
    }
    let tables = browser.script("return document.querySelectorAll('#sum table').length");
    let frames = browser.script("return document.querySelectorAll('#layers > :nth-child(4) .frame').length");
    assert_eq!((tables, frames), (32.into(), 16.into()), "a frame and a kernel for each of 16 maps, each outlined");

    // With the keyboard: a digit from the data, a pixel further, a drawing of one's own.
    browser.keys("#pad", "4");
    browser.wait("document.querySelector('#origin').textContent.startsWith('A 4, image')");
    browser.keys("#layers > :nth-child(5) canvas", "\u{E014}");
    browser.wait(&format!("state.pick.column === {}", place[3] + 1));
    browser.click("#clear");
    browser.keys("#pad", " \u{E015}\u{E015}\u{E015}\u{E015}\u{E015}\u{E015}\u{E015}\u{E015} ");
    browser.wait("state.seen.some((grey) => grey > 200)");
    browser.click("#mistake");
    browser.wait("document.querySelector('#origin').textContent.startsWith('Mistake 1 of')");
    browser.settle();
    let origin = browser.text("#origin");
    assert!(!origin.contains(&format!(": a {},", browser.text("#digit"))), "{origin} {:?}", answer(&browser));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn on_a_telephone_a_finger_draws_and_points_and_the_page_keeps_still() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let page = Page::open(dir.path());
    browser.resize(390, 844);
    browser.open_page(&page.address);
    let before = browser.script("return state.answers");
    browser.click("#clear");
    browser.settle();
    // A dot in the corner is not yet a digit: said beside the answer, and not as an error.
    browser.finger("#pad", &[(-110, -110), (-110, -110)]);
    browser.wait("document.querySelector('#doubt').textContent === 'This is not yet a digit.'");
    assert_eq!(browser.text("#message"), "");
    browser.click("#clear");
    browser.settle();
    browser.finger("#pad", &[(0, -60), (0, -20), (0, 20), (0, 60)]);
    browser.wait(&format!("state.answers > {before} + 1"));
    browser.settle();
    assert_eq!(browser.script("return [stroke, scrollY, $('origin').textContent]"), json!([null, 0, "Your drawing."]));
    let column = "Array.from({ length: 112 }, (_, y) => pen.getImageData(56, y, 1, 1).data[0])";
    let inked = browser.script(&format!("return {column}.filter((grey) => grey > 128).length"));
    assert!(inked.as_u64().unwrap() > 60, "the stroke is {inked} pixels long");
    browser.script("document.querySelector('#layers > :nth-child(3)').scrollIntoView()");
    browser.finger("#layers > :nth-child(3) canvas", &[(-5, -5), (-5, -5)]);
    browser.wait("document.querySelector('#sum .value')");
    assert_eq!(browser.script("return state.pick.layer"), 2);
    // The panel with the sum hides nothing that has the focus, and can be closed. Its totals alone are read out.
    let beyond = "const [below, panel] = ['#at-once', '#draw .right'].map((of) => document.querySelector(of));
        scrollTo(0, 0); below.focus(); return below.getBoundingClientRect().bottom - panel.getBoundingClientRect().top";
    let beyond = browser.script(beyond).as_f64().unwrap();
    assert!(beyond <= 0.0, "{beyond} pixels lie below the panel");
    assert_eq!(browser.script("return $('sum').querySelector('[role=status]:has(.value) table')"), json!(null));
    browser.click("#draw .right summary");
    assert_eq!(browser.script("return $('sum').checkVisibility()"), false);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn where_the_network_is_not_sure_the_page_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_page, browser)) = page_with_runs(dir.path()) else { return };
    let mut seen = [false, false];
    for (weights, digit) in
        ["last", "untrained"].into_iter().flat_map(|weights| [1, 4, 8].map(|digit| (weights, digit)))
    {
        browser.click(&format!("#weights option[value={weights}]"));
        browser.keys("#pad", &digit.to_string());
        browser.wait(&format!("document.querySelector('#origin').textContent.startsWith('A {digit}, image')"));
        browser.settle();
        let sure = browser.script("return Math.max(...state.answer.probabilities) >= 0.7") == true;
        seen[usize::from(sure)] = true;
        assert_eq!(browser.text("#doubt"), if sure { "" } else { "The network is not sure." });
    }
    assert_eq!(seen, [true; 2], "both were tried");
}

#[test]
fn a_photograph_is_read_and_other_runs_and_weights_answer_differently() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_page, browser)) = page_with_runs(dir.path()) else { return };
    let pixels: Vec<u8> = digits().images.get(3).flatten(0, -1).try_into().unwrap();
    let ink =
        imageops::resize(&GrayImage::from_vec(28, 28, pixels).unwrap(), 300, 300, imageops::FilterType::CatmullRom);
    let mut paper = GrayImage::from_pixel(500, 400, Luma([235]));
    ink.enumerate_pixels().for_each(|(x, y, ink)| paper.put_pixel(x + 180, y + 30, Luma([235 - ink.0[0] / 5 * 4])));
    paper.save(dir.path().join("photo.jpg")).unwrap();
    browser.keys("#photo", dir.path().join("photo.jpg").to_str().unwrap());
    browser.wait("document.querySelector('#origin').textContent.startsWith('photo.jpg')");
    browser.settle();
    assert_eq!(answer(&browser), predicted(dir.path(), "photo.jpg"));
    assert_eq!(browser.text("#digit"), "3");

    let names = || {
        browser
            .script("return [...document.querySelectorAll('#layers h3 b')].map((name) => name.textContent).join(' ')")
    };
    assert_eq!(names(), "input cnn1 relu1 maxpool1 cnn2 relu2 maxpool2 fc1");
    let mut answers = vec![answer(&browser).1];
    for weights in ["best", "untrained"] {
        browser.click(&format!("#weights option[value={weights}]"));
        browser.wait(&format!("state.weights === '{weights}'"));
        browser.settle();
        answers.push(answer(&browser).1);
        assert!(browser.text("#before").contains("runs/cnn"), "the answer before is kept beside it");
    }
    assert_ne!(answers[0], answers[2]);
    browser.click("#run option[value='runs/lenet5']");
    browser.wait("state.run === 'runs/lenet5' && state.answer.layers.length === 12");
    assert_eq!(names(), "input conv1 tanh1 avgpool1 conv2 tanh2 avgpool2 conv3 tanh3 fc1 tanh4 fc2");
    assert_eq!(browser.complaints(), Vec::<String>::new());

    GrayImage::from_pixel(500, 400, Luma([235])).save(dir.path().join("blank.png")).unwrap();
    browser.keys("#photo", dir.path().join("blank.png").to_str().unwrap());
    browser.wait("document.querySelector('#message').textContent.startsWith('blank.png: no digit found: nothing')");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    std::fs::write(dir.path().join("text.png"), "no picture").unwrap();
    browser.keys("#photo", dir.path().join("text.png").to_str().unwrap());
    browser.wait("document.querySelector('#message').textContent.includes('expected a JPEG, PNG')");
    let complaints = browser.complaints();
    assert!(complaints.len() == 1 && complaints[0].contains("/api/picture"), "{complaints:?}");
}
