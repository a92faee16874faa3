//! The tabs "Convolution" and "Pooling".

use super::numbers;
use crate::page::{Browser, Page};
use cnn_tutorial::nn::{Conv2d, Module};
use serde_json::json;
use tch::{Device, Tensor, nn::VarStore};

pub fn text(browser: &Browser, name: &str) -> String {
    browser.text(&format!("#convolution [data-is={name}]"))
}

pub fn fill(browser: &Browser, name: &str, value: &str) {
    browser.fill(&format!("#convolution [data-is={name}]"), &format!("{value}\u{E007}"));
    browser.settle();
}

pub fn open(page: &Page, browser: &Browser) {
    browser.resize(1280, 720);
    browser.open_page(&format!("{}#convolution", page.address));
}

#[test]
fn a_convolution_and_a_pool_do_what_their_arguments_say() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let page = Page::open(dir.path());
    browser.resize(1280, 720);
    browser.open_page(&format!("{}#convolution", page.address));
    let text = |part: &str, name: &str| browser.text(&format!("#{part} [data-is={name}]"));
    let fill = |part: &str, name: &str, value: &str| {
        browser.fill(&format!("#{part} [data-is={name}]"), &format!("{value}\u{E007}"));
        browser.settle();
    };
    for (stride, padding, size, height) in [
        ("1", "0", "5x5", "⌊(7 + 2·0 − 3) / 1⌋ + 1 = ⌊4.00⌋ + 1 = 5"),
        ("3", "0", "2x2", "⌊(7 + 2·0 − 3) / 3⌋ + 1 = ⌊1.33⌋ + 1 = 2"),
        ("2, 1", "1, 2", "4x9", "⌊(7 + 2·1 − 3) / 2⌋ + 1 = ⌊3.00⌋ + 1 = 4"),
    ] {
        fill("convolution", "stride", stride);
        fill("convolution", "padding", padding);
        assert_eq!(
            (text("convolution", "output-size").as_str(), text("convolution", "height").as_str()),
            (size, height)
        );
    }
    assert_eq!(text("convolution", "python"), "nn.Conv2d(1, 1, kernel_size=3, stride=(2, 1), padding=(1, 2))");
    assert_eq!(text("convolution", "rust"), "nn::Conv2d::new(vs / \"cnn1\", 1, 1, 3)?.stride((2, 1)).padding((1, 2))");

    // Every number of the output, with a kernel and a bias typed in.
    browser.fill("#convolution .grid input:nth-child(6)", "2.5");
    fill("convolution", "bias", "-1");
    let matrix = |script: &str| {
        let rows = browser.script(script);
        let rows: Vec<Vec<f32>> = rows.as_array().unwrap().iter().map(|row| numbers(row.clone())).collect();
        let shape = [1, 1, rows.len() as i64, rows[0].len() as i64];
        Tensor::from_slice(&rows.concat()).view(shape)
    };
    let layer = Conv2d::new(VarStore::new(Device::Cpu).root(), 1, 1, 3).unwrap().stride((2, 1)).padding((1, 2));
    let kernel = [-1.0, 0.0, 1.0, -2.0, 0.0, 2.5, -1.0, 0.0, 1.0];
    tch::no_grad(|| layer.weight.shallow_clone().copy_(&Tensor::from_slice(&kernel).view([1, 1, 3, 3])));
    let _ = tch::no_grad(|| layer.bias.shallow_clone().fill_(-1.0));
    let expected = tch::no_grad(|| layer.forward(&matrix("return SMALL.convolution"))).unwrap();
    let found = matrix("return benches[0].last.outcome.output[0]");
    assert!(found.allclose(&expected, 1e-5, 1e-5, false), "{found}\n{expected}");
    browser.keys("#convolution [data-is=output-map]", "\u{E015}\u{E014}\u{E014}");
    browser.wait("benches[0].at.join() === '0,1,2'");
    browser.settle();
    let shown: f64 = browser.text("#convolution .sum .value").parse().unwrap();
    assert_eq!(shown, expected.double_value(&[0, 0, 1, 2]));
    assert_eq!(browser.text("#convolution .sum .result"), browser.text("#convolution .sum .value"));
    browser.click("#convolution [data-is=preset] option[value='0 3']");
    browser.wait("benches[0].kernels.all[0][0].name === '0 3'");
    browser.settle();
    let weight = browser.script("return ask('/api/kernel' + choice({ layer: 0, channel: 3 }))")["weight"].take();
    assert_eq!(browser.script("return benches[0].last.question.kernel[0]"), weight);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    fill("convolution", "kernel_size", "11");
    fill("convolution", "padding", "0");
    assert!(text("convolution", "refusal").contains("a kernel of 11 does not fit into an input of 7"));
    let complaints = browser.complaints();
    assert!(!complaints.is_empty() && complaints.iter().all(|text| text.contains("/api/arguments")), "{complaints:?}");
    fill("convolution", "kernel_size", "3, 2");
    assert_eq!(text("convolution", "refusal"), "");
    browser.complaints();

    browser.click("nav a[href='#pooling']");
    browser.wait("benches[1].last");
    let value = || browser.text("#pooling .sum .value").parse::<f64>().unwrap();
    let frame = [0.1f64, 0.3, 0.8, 0.2]; // of the first pixel
    assert_eq!((value(), text("pooling", "output-size").as_str()), (0.8, "3x3"));
    browser.click("#pooling option[value=AvgPool2d]");
    browser.settle();
    assert_eq!(value(), 0.35);
    browser.click("#pooling option[value=LPPool2d]");
    for (norm_type, words) in [("1", "is the sum"), ("2", "between the sum"), ("32", "close to the maximum")] {
        fill("pooling", "norm_type", norm_type);
        let p: f64 = norm_type.parse().unwrap();
        let expected = frame.iter().map(|x| x.powf(p)).sum::<f64>().powf(1.0 / p);
        assert!((value() - expected).abs() < 1e-3, "norm_type {p}: {}, expected {expected}", value());
        assert!(text("pooling", "words").contains(words), "{}", text("pooling", "words"));
    }
    fill("pooling", "kernel_size", "3");
    fill("pooling", "stride", "1");
    assert_eq!(
        (text("pooling", "output-size").as_str(), text("pooling", "rust").as_str()),
        ("4x4", "nn::LPPool2d::new(32.0, 3).stride(1)")
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());

    for (width, height) in [(1280, 720), (390, 844), (320, 640)] {
        browser.resize(width, height);
        for part in ["draw", "convolution", "pooling", "train"] {
            browser.click(&format!("nav a[href='#{part}']"));
            browser.settle();
            let needed = browser.script("return document.documentElement.scrollWidth").as_u64().unwrap();
            assert!(needed <= width.into(), "{part} is {needed} wide on a screen of {width}");
        }
    }
}

#[test]
fn what_no_longer_belongs_to_the_arguments_is_greyed() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let page = Page::open(dir.path());
    open(&page, &browser);
    let parts = "['.maps', 'dl', '.sum'].map((name) => document.querySelector('#convolution ' + name))";
    let opacities =
        || browser.script(&format!("return {parts}.map((part) => getComputedStyle(part).opacity).join(' ')"));
    let refused =
        || browser.script("return document.querySelector('#convolution .refusal + label [aria-invalid]')?.dataset.is");
    for (name, wrong, right) in [("stride", "0", "1"), ("kernel_size", "9", "3"), ("bias", "much", "0")] {
        assert_eq!((opacities(), refused()), ("1 1 1".into(), json!(null)));
        fill(&browser, name, wrong);
        assert_ne!(text(&browser, "refusal"), "", "{name}");
        assert_eq!(refused(), name, "it is told beside its field");
        assert_eq!(opacities(), "0.25 0.25 0.25", "{name}");
        fill(&browser, name, right);
    }
    assert_eq!(opacities(), "1 1 1");
}

#[test]
fn a_kernel_that_was_changed_is_called_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let page = Page::open(dir.path());
    open(&page, &browser);
    let preset = || browser.script("return benches[0].parts.preset.value");
    let choose = |name: &str| {
        browser.click(&format!("#convolution [data-is=preset] option[value='{name}']"));
        browser.settle();
    };
    assert_eq!(preset(), "vertical edges");
    fill(&browser, "stride", "2");
    assert_eq!(preset(), "vertical edges", "the kernel is the same");
    browser.fill("#convolution .grid input:nth-child(5)", "7");
    assert_eq!(preset(), "your own");
    choose("blur");
    fill(&browser, "kernel_size", "4");
    assert_eq!(preset(), "your own");
    choose("0 2");
    fill(&browser, "kernel_size", "3");
    assert_eq!(preset(), "0 2");
    // While a 1 stands there for a moment, the kernel stays as it is.
    browser.keys("#convolution [data-is=kernel_size]", "\u{E010}\u{E003}1\u{E003}3\u{E007}");
    browser.settle();
    assert_eq!((preset(), text(&browser, "refusal")), (json!("0 2"), String::new()));
    browser.keys("#convolution [data-is=kernel_size]", "\u{E010}\u{E003}5");
    browser.script("benches[0].go(0, 1, 1)");
    browser.settle();
    assert_eq!(text(&browser, "refusal"), "", "what is being typed is not asked for yet");
    browser.keys("#convolution [data-is=kernel_size]", "\u{E003}3\u{E007}");
    browser.settle();

    // It is not called by its name where another network is chosen, which has such a kernel too.
    let kernel = || browser.script("return benches[0].last.question.kernel");
    let before = kernel();
    browser.click("nav a[href='#draw']");
    browser.settle(); // the runs are offered anew
    browser.click("#run option[value=lenet5]");
    browser.wait("benches[0].parts.preset.value === 'your own'");
    browser.settle();
    assert_eq!(kernel(), before);
}

#[test]
fn on_a_projector_the_sum_is_in_sight_beside_each_input() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let page = Page::open(dir.path());
    open(&page, &browser);
    let in_sight = |what: &str| {
        let rectangle = format!("document.querySelector('#convolution {what}').getBoundingClientRect()");
        browser.script(&format!(
            "const box = {rectangle}; return box.width > 0 && box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight"
        ))
    };
    for (input, padding, inputs, outputs) in [
        ("small", "2", "1", "1"),
        ("digit", "0", "1", "1"),
        ("digit", "2", "1", "1"),
        ("digit", "1", "4", "4"),
        ("layer 2", "0", "16", "4"),
    ] {
        browser.click(&format!("#convolution [data-is=input] option[value='{input}']"));
        fill(&browser, "padding", padding);
        fill(&browser, "in_channels", inputs);
        fill(&browser, "out_channels", outputs);
        assert_eq!(text(&browser, "refusal"), "");
        for what in [
            ".sum .value",
            ".sum table",
            "[data-is=input-map]",
            "[data-is=output-map]",
            "[data-is=move]",
            "[data-is=rust]",
        ] {
            assert_eq!(in_sight(what), true, "{what} with {input}, padding {padding}, {inputs} to {outputs}");
        }
    }
}
