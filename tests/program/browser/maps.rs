//! The tab "Draw": the logits and their softmax, and all layers beside each other.

use super::{numbers, open};
use crate::page::Browser;
use serde_json::{Value, json};

#[test]
fn logits_and_softmax_can_be_followed_with_pencil_and_paper() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let _page = open(dir.path(), &browser);
    for run in ["cnn", "lenet5"] {
        browser.click(&format!("#run option[value={run}]"));
        browser.keys("#pad", "3");
        browser.wait(&format!("state.answer.network.startsWith('{run}')"));
        browser.settle();
        let softmax = browser.script("return state.answer.softmax");
        let [logits, exps] = ["logits", "exps"].map(|name| numbers(softmax[name].clone()));
        let [largest, sum] = ["largest", "sum"].map(|name| softmax[name].as_f64().unwrap());
        let probabilities = numbers(browser.script("return state.answer.probabilities"));
        assert_eq!((logits.len(), largest as f32), (10, logits.iter().copied().fold(f32::MIN, f32::max)));
        assert!((exps.iter().map(|&exp| f64::from(exp)).sum::<f64>() - sum).abs() < 1e-5 * sum);
        for digit in 0..10 {
            let exp = f64::from(exps[digit]);
            assert!((exp - (f64::from(logits[digit]) - largest).exp()).abs() < 1e-5, "{digit}");
            assert!((f64::from(probabilities[digit]) - exp / sum).abs() < 1e-6, "{digit}");

            // What is shown, and the sum that makes the logit.
            let row = format!(".logits tbody tr:nth-child({})", digit + 1);
            let shown = browser.script(&format!(
                "return [...document.querySelectorAll('{row} td span')].map((cell) => parseFloat(cell.textContent))"
            ));
            for (shown, expected) in
                numbers(shown).into_iter().zip([logits[digit], exps[digit], 100.0 * probabilities[digit]])
            {
                assert!(
                    (shown - expected).abs() <= 0.0051 * expected.abs().max(1.0),
                    "{digit}: {shown}, not {expected}"
                );
            }
            browser.script(&format!("document.querySelector('{row}').scrollIntoView()"));
            browser.mouse(&format!("{row} th"), &[(0, 0), (2, 0)], false);
            browser.wait(&format!("document.querySelector('#sum b').textContent.endsWith(', map {digit}')"));
            browser.settle();
            let value: f32 = browser.text("#sum .value").parse().unwrap();
            assert!((value - logits[digit]).abs() <= 1e-3 * value.abs().max(1.0), "{value}, not {}", logits[digit]);
            assert!(browser.text(".quotient").starts_with(&format!("{digit}: exp(")), "{}", browser.text(".quotient"));
        }
        let shown = browser.text(".logits tfoot b").parse::<f64>().unwrap();
        assert!((shown - sum).abs() < 1e-5 * sum, "{shown}, not {sum}");
        let title: f64 = browser
            .text(".logits th:nth-child(3)")
            .split('−')
            .nth(1)
            .unwrap()
            .trim_matches([' ', '(', ')'])
            .parse()
            .unwrap();
        assert!((title - largest).abs() < 1e-3 * largest.abs().max(1.0), "{title}, not {largest}");

        browser.keys(".logits", "\u{E013}");
        browser.wait("state.pick.channel === 8");
        browser.settle();
        assert!(browser.text(".logits .picked").starts_with('8'));
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// The corners that the lines lead from and to, and those of the outlined pixel and of its windows, in pixels of the screen.
fn lines_and_frames(browser: &Browser) -> [Vec<Vec<i64>>; 4] {
    let script = "
        const box = document.querySelector('#layers').getBoundingClientRect();
        const corners = (frame) => {
          const { left, right, top, bottom } = frame.getBoundingClientRect();
          return [left, top, right, top, left, bottom, right, bottom].map(Math.round);
        };
        const { layer } = state.pick;
        const frames = [layer, layer - 1].map((i) => [...document.querySelectorAll(`#layers > :nth-child(${i + 1}) :is(.frame, .picked)`)]);
        const ends = [...document.querySelectorAll('#lines path')].map((path) => path.getAttribute('d').match(/[\\d.-]+/g).map(Number));
        const placed = ends.map((all) => all.map((at, i) => Math.round(at + (i % 2 ? box.top : box.left))));
        const every = (all, start) => [0, 4, 8, 12].flatMap((i) => all.slice(i + start, i + start + 2));
        return [placed.map((all) => every(all, 0)), placed.map((all) => every(all, 2)), ...frames.map((of) => of.map(corners))];";
    serde_json::from_value(browser.script(script)).unwrap()
}

#[test]
fn all_layers_beside_each_other_fit_a_projector_with_lines_from_a_pixel_to_its_windows() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let _page = open(dir.path(), &browser);
    browser.click("#at-once");
    assert_eq!(browser.script("return $('at-once').getAttribute('aria-pressed')"), "true");
    // By layer: how many windows a pixel of it has in the maps before. Where a pixel is made of all of them that is one.
    for (run, windows) in [("cnn", vec![0, 1, 1, 1, 16, 1, 1, 1]), ("lenet5", vec![0, 1, 1, 1, 6, 1, 1, 1, 1, 1, 1, 1])]
    {
        browser.click(&format!("#run option[value={run}]"));
        browser.wait(&format!("state.answer.network.startsWith('{run}')"));
        browser.settle();
        let rooms = "['#layers', '#draw .middle', 'html'].map((name) => document.querySelector(name))";
        let overflows = browser.script(&format!(
            "return {rooms}.map((room) => [room.scrollWidth - room.clientWidth, room.scrollHeight - room.clientHeight])"
        ));
        assert_eq!(overflows, json!([[0, 0], [0, 0], [0, 0]]), "{run}");
        let boxes = browser.script(
            "return [...document.querySelectorAll('#layers :is(canvas, table)')].map((of) => of.getBoundingClientRect())",
        );
        let boxes = boxes.as_array().unwrap();
        let side = |of: &Value, name: &str| of[name].as_f64().unwrap();
        assert_eq!(boxes.len(), windows.len());
        assert!(
            boxes
                .iter()
                .all(|of| side(of, "right") <= 1280.0 && side(of, "bottom") <= 720.0 && side(of, "width") > 1.0)
        );
        assert!(boxes.windows(2).all(|two| side(&two[0], "right") < side(&two[1], "left")), "{run}: left to right");

        for (layer, &windows) in windows.iter().enumerate() {
            let selector = format!("#layers > :nth-child({}) :is(canvas, tbody tr:nth-child(3))", layer + 1);
            let top = browser
                .script(&format!("return Math.round(document.querySelector('{selector}').clientHeight / 2) - 2"));
            browser.mouse(&selector, &[(0, 0), (1, 3 - top.as_i64().unwrap().max(3))], false);
            browser.wait(&format!("state.pick?.layer === {layer}"));
            browser.settle();
            let [from, to, pixel, frames] = lines_and_frames(&browser);
            assert_eq!((from.len(), frames.len()), (windows, windows), "{run}, layer {layer}");
            assert!(from.iter().all(|corners| *corners == pixel[0]), "{run}, layer {layer}: {from:?}, not {pixel:?}");
            assert_eq!(to, frames, "{run}, layer {layer}");
            let brief = browser.text("#brief");
            assert!(
                brief.starts_with(&browser.text("#layers > :nth-child(1) b")) || brief.contains(", map "),
                "{brief}"
            );
        }
    }
    let colours = "[getComputedStyle(document.querySelector('#lines path')).stroke, getComputedStyle(document.querySelector('.picked')).outlineColor]";
    let colours = browser.script(&format!("return {colours}"));
    assert_eq!(colours[0], colours[1]);

    // The keyboard moves the pixel, and the lines with it.
    let place = "return [state.pick.layer, state.pick.channel, state.pick.row, state.pick.column]";
    browser.keys("#layers > :nth-child(2) canvas", "\u{E00F}\u{E014}\u{E015}");
    browser.wait("state.pick.layer === 1");
    browser.settle();
    assert_eq!(browser.script(place), json!([1, 1, 15, 15]));
    let [from, to, pixel, frames] = lines_and_frames(&browser);
    assert_eq!((from, to), (pixel, frames));

    // Back in the list the same pixel is explained; a telephone may scroll the layers, not the page.
    browser.click("#at-once");
    browser.settle();
    assert_eq!(browser.script(place), json!([1, 1, 15, 15]));
    assert_eq!(browser.script("return document.querySelectorAll('#lines path').length"), 0);
    browser.resize(390, 844);
    browser.script("$('at-once').scrollIntoView()");
    browser.click("#at-once");
    browser.settle();
    assert_eq!(browser.script("return document.documentElement.scrollWidth"), 390);
    let last = "document.querySelector('#layers > :nth-last-child(2)')";
    let beyond = browser.script(&format!("return $('layers').scrollWidth - {last}.offsetLeft - {last}.offsetWidth"));
    assert_eq!(beyond, 0, "there is nothing to scroll to after the logits");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
