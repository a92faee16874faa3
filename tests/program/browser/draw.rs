//! The tab "Draw": what lies on the pad, and whose answer is shown.

use super::open;
use crate::common::digits;
use crate::page::Browser;
use image::{GrayImage, Luma, imageops};
use serde_json::json;
use std::path::Path;

/// Pixels of the pad that are not black, left of, on, and right of its middle.
fn inked(browser: &Browser) -> [u64; 3] {
    [(0, 44), (44, 24), (68, 44)].map(|(left, width)| {
        let data = format!("pen.getImageData({left}, 0, {width}, 112).data");
        browser.script(&format!("return {data}.filter((grey, i) => i % 4 === 0 && grey > 0).length")).as_u64().unwrap()
    })
}

fn photograph(path: &Path) {
    let pixels: Vec<u8> = digits().images.get(0).flatten(0, -1).try_into().unwrap();
    let ink = GrayImage::from_vec(28, 28, pixels).unwrap();
    let ink = imageops::resize(&ink, 300, 300, imageops::FilterType::CatmullRom);
    let mut paper = GrayImage::from_pixel(500, 400, Luma([235]));
    ink.enumerate_pixels().for_each(|(x, y, ink)| paper.put_pixel(x + 100, y + 30, Luma([235 - ink.0[0] / 5 * 4])));
    paper.save(path).unwrap();
}

#[test]
fn the_first_stroke_on_a_digit_that_was_put_on_the_pad_begins_a_drawing_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let _page = open(dir.path(), &browser);
    let photo = dir.path().join("photo.png");
    photograph(&photo);
    for source in ["data", "mistake", "photograph", "key"] {
        for keyboard in [false, true] {
            browser.script("$('origin').textContent = ''");
            match source {
                "data" => browser.click("#example"),
                "mistake" => browser.click("#mistake"),
                "photograph" => browser.keys("#photo", photo.to_str().unwrap()),
                _ => browser.keys("#pad", "0"),
            }
            browser.wait("/image|photo/.test($('origin').textContent)");
            browser.settle();
            let [left, _, right] = inked(&browser);
            assert!(left > 0 && right > 0, "{source}: a digit lies on the pad");

            // A stroke down the middle is alone there; one on its left joins it.
            let (up, down, west) = ("\u{E013}", "\u{E015}", "\u{E012}");
            if keyboard {
                browser.script("Object.assign(cursor, { x: 56, y: 32, down: false })");
                browser.keys("#pad", &format!(" {} ", down.repeat(12)));
            } else {
                browser.mouse("#pad", &[(0, -50), (0, -20), (0, 50)], true);
            }
            browser.settle();
            let [left, middle, right] = inked(&browser);
            assert!(left == 0 && middle > 100 && right == 0, "{source}: {left} {middle} {right}");
            if keyboard {
                browser.keys("#pad", &format!("{} {} ", west.repeat(7), up.repeat(12)));
            } else {
                browser.mouse("#pad", &[(-50, -50), (-50, -20), (-50, 50)], true);
            }
            browser.settle();
            let both = inked(&browser);
            assert!(both[0] > 100 && both[1] == middle, "{source}: {both:?} after {middle}");
        }
    }
    // A dot beside a digit is no digit yet, and the answer shown is not the one to the digit that is gone.
    browser.keys("#pad", "6");
    browser.wait("$('origin').textContent.startsWith('A 6')");
    browser.settle();
    browser.mouse("#pad", &[(-90, -90), (-90, -90)], true);
    browser.wait("$('doubt').textContent === 'This is not yet a digit.'");
    browser.settle();
    assert_eq!(browser.script("return state.answer.seen.some((grey) => grey > 0)"), false);
    assert_eq!(browser.text("#doubt"), "This is not yet a digit.");
}

#[test]
fn a_click_and_the_space_bar_draw_a_dot_and_the_keyboard_s_pen_is_in_sight() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let _page = open(dir.path(), &browser);
    let dot = |count: u64| assert!((50..120).contains(&count), "the dot has {count} pixels");
    browser.click("#clear");
    browser.mouse("#pad", &[(0, 0), (0, 0)], true);
    dot(inked(&browser)[1]);
    let cursor = || browser.script("return [getComputedStyle($('cursor')).display, cursor.down]");
    assert_eq!(cursor(), json!(["none", false]));
    browser.click("#clear");
    browser.keys("#pad", " ");
    dot(inked(&browser)[1]);
    assert_eq!(cursor(), json!(["block", true]));
    assert_eq!(browser.text("#origin[role=status]"), "The pen is down, at 14, 14 of 28, 28.");
    browser.click("#clear");
    browser.keys("#pad", "\u{E015}");
    assert_eq!((inked(&browser), cursor()), ([0; 3], json!(["block", false])));
}

#[test]
fn one_finger_draws_and_of_a_mouse_the_first_button() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let _page = open(dir.path(), &browser);
    browser.click("#clear");
    for button in [1, 2] {
        browser.button("#pad", &[(0, -60), (0, -20), (0, 60)], button);
    }
    assert_eq!(inked(&browser), [0; 3]);
    // The second finger is on the right; a line between the two would cross the middle.
    let stroke = |x| [-60, -40, -20, 0, 20, 40].map(|y| (x, y));
    browser.two_fingers("#pad", &stroke(-60), &stroke(60));
    let [left, middle, right] = inked(&browser);
    assert!(left > 100 && middle == 0 && right == 0, "{left} {middle} {right}");
}

#[test]
fn a_digit_from_the_data_that_comes_late_overwrites_no_stroke_and_stays_away_from_a_pad_that_was_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let _page = open(dir.path(), &browser);
    browser.script("window.atOnce = fetch");
    for strokes in [false, true] {
        browser.click("#clear");
        browser.settle();
        let hold = "path.includes('/digit') ? new Promise((go) => { window.go = go; }).then(() => atOnce(path, init))";
        browser.script(&format!("window.go = null; fetch = (path, init) => {hold} : atOnce(path, init)"));
        browser.click("#example");
        browser.wait("window.go");
        if strokes {
            browser.mouse("#pad", &[(0, -60), (0, -20), (0, 60)], true);
        } else {
            browser.click("#clear");
        }
        browser.script("go()");
        browser.settle();
        let [left, middle, right] = inked(&browser);
        assert!(left == 0 && (middle > 100) == strokes && right == 0, "{left} {middle} {right}");
        let origin = if strokes { "Your drawing." } else { "Empty. The network answers all the same" };
        assert!(browser.text("#origin").starts_with(origin), "{}", browser.text("#origin"));
    }
}

#[test]
fn outlines_on_the_bars_go_with_the_digit_they_belong_to() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let _page = open(dir.path(), &browser);
    let photo = dir.path().join("photo.png");
    photograph(&photo);
    let outlines = || browser.script("return document.querySelectorAll('.bar u:not([hidden])').length");
    assert_eq!(outlines(), 0);
    let mut runs = ["lenet5", "cnn"].into_iter().cycle();
    for source in ["data", "mistake", "photograph", "clear", "stroke"] {
        let (run, other) = (runs.next().unwrap(), runs.clone().next().unwrap());
        let widths = "[...document.querySelectorAll('.bar b')].map((bar) => bar.style.width).join()";
        let before = browser.script(&format!("return {widths}"));
        browser.click(&format!("#run option[value={run}]"));
        browser.wait(&format!("state.answer.network.startsWith('{run}')"));
        browser.settle();
        assert_eq!(outlines(), 10, "{source}: the same digit, another network");
        assert_eq!(browser.script(&format!("return {}", widths.replace("bar b", "bar u"))), before);
        assert!(browser.text("#before").starts_with(&format!("Outlined: {other}, untrained weights: ")));
        match source {
            "data" => browser.keys("#pad", "3"),
            "mistake" => browser.click("#mistake"),
            "photograph" => browser.keys("#photo", photo.to_str().unwrap()),
            "clear" => browser.click("#clear"),
            _ => browser.mouse("#pad", &[(0, -60), (0, -20), (0, 60)], true),
        }
        browser.wait("document.querySelectorAll('.bar u:not([hidden])').length === 0");
        browser.settle();
        assert_eq!((outlines(), browser.text("#before").as_str()), (0.into(), ""), "{source}: another digit");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
