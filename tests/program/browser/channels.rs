//! The tab "Convolution" with several maps.

use super::convolution::{fill, open, text};
use super::numbers;
use crate::page::{Browser, Page};
use tch::Tensor;

#[test]
fn maps_of_the_output_are_sums_over_the_maps_of_the_input() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let page = Page::open(dir.path());
    open(&page, &browser);
    fill(&browser, "in_channels", "3");
    fill(&browser, "out_channels", "2");
    assert_eq!(text(&browser, "input-size"), "3 maps of 7x7");
    assert_eq!(text(&browser, "output-size"), "2 maps of 5x5");
    assert_eq!(text(&browser, "python"), "nn.Conv2d(3, 2, kernel_size=3, stride=1, padding=0)");
    assert_eq!(text(&browser, "rust"), "nn::Conv2d::new(vs / \"cnn1\", 3, 2, 3)?.stride(1).padding(0)");

    // The kernel between the last map of the input and the last of the output, and that one's bias.
    browser.click("#convolution [data-is=of_output] option[value='1']");
    browser.click("#convolution [data-is=of_input] option[value='2']");
    fill(&browser, "bias", "0.5");
    browser.fill("#convolution .grid input:nth-child(1)", "4");
    browser.settle();
    let array =
        |name: &str| Tensor::from_slice(&numbers(browser.script(&format!("return benches[0].last.{name}.flat(3)"))));
    let input = array("question.input").view([1, 3, 7, 7]);
    let kernel = array("question.kernel").view([2, 3, 3, 3]);
    let bias = array("question.bias");
    assert_eq!(Vec::<f32>::try_from(&bias).unwrap(), [0.0, 0.5]);
    assert_eq!(kernel.double_value(&[1, 2, 0, 0]), 4.0);
    assert_ne!(kernel.double_value(&[1, 1, 0, 0]), 4.0);
    let expected = input.conv2d(&kernel, Some(&bias), [1, 1], [0, 0], [1, 1], 1);
    let found = array("outcome.output").view([1, 2, 5, 5]);
    assert!(found.allclose(&expected, 1e-5, 1e-5, false), "{found}\n{expected}");

    // The sum of one pixel of the second map: a frame and a kernel for each map of the input.
    browser.keys("#convolution [data-is=output-map]", "\u{E00F}\u{E015}\u{E014}");
    browser.wait("benches[0].at.join() === '1,1,1'");
    browser.settle();
    let shown: f64 = browser.text("#convolution .sum .value").parse().unwrap();
    assert!((shown - expected.double_value(&[0, 1, 1, 1])).abs() < 1e-3, "{shown}");
    assert_eq!(browser.text("#convolution .sum .result"), browser.text("#convolution .sum .value"));
    assert_eq!(browser.script("return document.querySelectorAll('#convolution .sum table').length"), 6);
    assert!(browser.text("#convolution .sum .total").contains(" + bias 0.5 = "));
    let parts = "benches[0].last.outcome.sum.parts";
    assert_eq!(browser.script(&format!("return {parts}.length")), 3);

    fill(&browser, "in_channels", "9");
    assert_eq!(text(&browser, "refusal"), "in_channels: expected a whole number from 1 to 4");
    fill(&browser, "in_channels", "1");
    fill(&browser, "out_channels", "1");
    assert_eq!(text(&browser, "refusal"), "");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_kernel_of_the_network_on_the_maps_before_it_makes_the_networks_own_map() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let page = Page::open(dir.path());
    open(&page, &browser);
    browser.click("#convolution [data-is=preset] option[value='3 5']"); // of cnn2, which comes after maxpool1
    browser.wait("benches[0].last.question.input.length === 16");
    browser.settle();
    assert_eq!(browser.script("return benches[0].parts.input.value"), "layer 3");
    assert_eq!(text(&browser, "input-size"), "16 maps of 13x13");
    let own = browser.script("return ask('/api/maps' + choice({ layer: 4, first: 5, count: 1 }), state.seen)");
    let flat = |maps: &serde_json::Value| -> Vec<f32> {
        maps[0].as_array().unwrap().iter().flat_map(|row| numbers(row.clone())).collect()
    };
    let (found, own) = (flat(&browser.script("return benches[0].last.outcome.output")), flat(&own));
    assert_eq!(found.len(), 121);
    let largest = own.iter().fold(0f32, |most, value| most.max(value.abs()));
    let same = found.iter().zip(&own).all(|(found, own)| (found - own).abs() <= 1e-4 * largest.max(1.0));
    assert!(same && largest > 0.0, "{found:?}\n{own:?}");

    // Some of a layer's maps, the last ones too.
    fill(&browser, "in_channels", "2");
    fill(&browser, "first", "14");
    assert_eq!(browser.script("return benches[0].last.labels"), serde_json::json!(["0: map 14", "1: map 15"]));
    let maps = browser.script("return ask('/api/maps' + choice({ layer: 3, first: 14, count: 2 }), state.seen)");
    assert_eq!(browser.script("return benches[0].last.question.input"), maps);
    browser.click("#convolution [data-is=input] option[value=small]");
    browser.settle();
    assert_eq!((text(&browser, "refusal").as_str(), text(&browser, "input-size").as_str()), ("", "2 maps of 7x7"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
