//! The tab "Train" of the page, in a real browser.

use crate::common::python;
use crate::page::{Browser, Page, train};
use crate::running::stderr;
use serde_json::json;
use std::fs;
use std::process::Command;

const ADDRESS: &str = "#train?model=lenet5&data=digits&scale=unit&shuffle=&lr=0.003&threads=1&eval-every=40";

#[test]
fn a_training_is_started_watched_changed_looked_back_at_and_handed_on() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    train(dir.path(), "cnn", "100");
    let page = Page::open(dir.path());
    browser.resize(1280, 720);
    let address = format!("{}{ADDRESS}&max-steps=1600", page.address);
    browser.open_page(&address);
    browser.wait("training.fields && fieldOf('model').value === 'lenet5' && fieldOf('shuffle').checked");

    // A step alone, its numbers, and the kernel number that is pointed at.
    browser.click("#one");
    browser.wait("training.phase === 'paused' && training.update.iteration === 1");
    browser.wait("document.querySelector('#step .step')");
    assert!(browser.text("#step").contains("Step 1 of Adam: conv1.weight[0, 0, 0, 0]"), "{}", browser.text("#step"));
    browser.script("document.querySelectorAll('#step figure td')[7].click()");
    browser.wait("document.querySelector('#step b').textContent.includes('conv1.weight[0, 0, 1, 2]')");
    browser.click("#ten");
    browser.wait("training.phase === 'paused' && training.update.iteration === 11");

    // A pixel of the second convolution while it waits, and the same one a step later.
    browser.keys("#layers > :nth-child(5) canvas", "\u{E014}");
    browser.wait("document.querySelector('#sum-live .result')");
    browser.settle();
    let value = || browser.text("#sum-live .value");
    let (before, place) = (value(), browser.text("#sum-live p b"));
    assert_eq!(place, "conv2, map 0, row 5, column 6");
    assert_eq!(
        browser.script("return document.querySelectorAll('#layers .frame').length"),
        7,
        "a pixel, 6 maps' frames"
    );
    browser.click("#one");
    browser.wait("training.phase === 'paused' && training.update.iteration === 12");
    browser.wait(&format!("document.querySelector('#sum-live .value').textContent !== '{before}'"));
    assert_eq!(browser.text("#sum-live p b"), place);
    let [sum, shown]: [f64; 2] = [browser.text("#sum-live .result"), value()].map(|number| number.parse().unwrap());
    assert!((sum - shown).abs() < 1e-3 * shown.abs().max(0.1), "the sum is {sum}, the map has {shown}");
    browser.click("#sum-close");
    browser.wait("!document.querySelector('#sum-live .value') && !document.querySelector('#layers .frame')");
    browser.click("#epoch");
    browser.wait("training.phase === 'paused' && training.update.iteration === 15");

    // It trains; meanwhile a digit is drawn, and the network of the moment answers.
    browser.click("#go");
    browser.wait("training.phase === 'running' && training.update.iteration > 20");
    assert_eq!(
        browser.script("return [fieldOf('lr').disabled, $('layers').inert, $('sum-live').hidden]"),
        json!([true, true, true])
    );
    let before = browser.script("return state.answers");
    browser.mouse("#pad", &[(0, -50), (0, -20), (0, 20), (0, 50)], true);
    browser.wait(&format!("state.answers > {before} + 3 && $('origin').textContent === 'Your drawing.'"));
    browser.wait("state.seen[14 * 28 + 14] > 100 && state.answer.seen.join() === state.seen.join()");
    browser.click("#pause");
    browser.wait("training.phase === 'paused'");
    let at = browser.script("return training.update.iteration").as_u64().unwrap();
    browser.keys("#live-lr", "0.0005\u{E007}");
    browser.wait("$('changes').textContent.endsWith('=0.0005')");
    assert_eq!(browser.text("#changes"), format!("Changed on the way, iteration=rate: {}=0.0005", at + 1));
    browser.keys("#live-lr", "-1\u{E007}");
    browser.wait("$('message').textContent.includes('expected a number of 0 or more')");

    // The page is loaded anew, with other settings: the training, its curves and its options are still there.
    browser.open("about:blank");
    browser.open_page(&format!("{}#train?seed=7&lr=9&augment=&out=elsewhere", page.address));
    browser.wait("training.phase === 'paused' && $('loss-chart').width > 100");
    browser.wait("fieldOf('model').value === 'lenet5'");
    let options = format!(
        "#train?model=lenet5&data=digits&scale=unit&max-steps=1600&optimizer=adam&lr=0.003&lr-from={}%3D0.0005\
         &shuffle=&eval-every=40&device=cpu&threads=1",
        at + 1
    );
    assert_eq!(browser.script("return location.hash"), json!(options));
    let measured = format!("% after iteration {}", at - at % 40);
    assert!(at < 40 || browser.text("#numbers").ends_with(&measured), "{}", browser.text("#numbers"));
    let known = "[training.update.iteration, training.losses.length, training.rows.length, training.losses[0][0]]";
    assert_eq!(browser.script(&format!("return {known}")), json!([at, at, at / 40, 1]));

    // Back to the start, and to now again.
    let slide = |place: &str| {
        browser.script(&format!("$('moment').value = {place}; $('moment').dispatchEvent(new Event('input'))"));
    };
    browser.script("window.now = state.answer.probabilities.join()");
    slide("0");
    browser.wait("$('moment-words').textContent === 'After iteration 0, then'");
    assert_eq!(browser.script("return window.now === state.answer.probabilities.join()"), false);
    // It stays at its moment when others go.
    slide("3");
    browser.wait("training.moment === training.moments[3] && training.update.shown.iteration === training.moment");
    let place = "render({ ...training.update, moments: training.moments.filter((_, i) => i % 2) }, true);
        return [$('moment').value, $('moment').getAttribute('aria-valuetext')]";
    let iteration = browser.script("return training.moment");
    assert_eq!(browser.script(place), json!(["1", format!("after iteration {iteration}")]));
    browser.wait("Number($('moment').max) === training.moments.length");
    slide("$('moment').max");
    browser.wait(&format!("$('moment-words').textContent === 'After iteration {at}, now'"));
    browser.wait("window.now === state.answer.probabilities.join()");

    browser.script("document.querySelectorAll('#course details').forEach((part) => { part.open = true; })");
    browser.click("#show-mistakes");
    browser.wait("document.querySelector('.mistake')");
    assert!(browser.text("#mistakes-left").contains("of 360 validation images"), "{}", browser.text("#mistakes-left"));
    browser.click(".mistake");
    browser.wait("state.answer.seen.join() === state.seen.join()");
    // The pad's own button gives the mistakes of this network, and not of the run on the tab "Draw".
    browser.click("#mistake");
    // Where more are left than are shown, it says so behind the iteration.
    browser.wait(&format!("/ after iteration {at}[.,]/.test($('origin').textContent)"));
    browser.wait("$('origin').textContent.includes(`read as ${state.answer.digit} `)");

    // Beside another run, to the end, and the same again.
    browser.click("#beside input");
    browser.wait("document.querySelector('#differences table')");
    let differences = browser.text("#differences");
    assert!(differences.contains("lenet5cnn") && differences.contains("lr_from"), "{differences}");
    browser.click("#go");
    browser.wait("training.phase === 'finished'");
    assert_eq!(browser.script("return [training.losses.length, training.rows.length]"), json!([1600, 40]));
    browser.wait("state.runs.some((run) => run.name === 'runs/lenet5-digits')");
    browser.click("#copy-command");
    browser.wait("$('again-text').value.startsWith('cargo run --release -- --model lenet5')");
    browser.click("#copy-python");
    browser.wait("$('again-text').value.includes('import torch')");
    let script = browser.script("return $('again-text').value");
    browser.click("#copy-link");
    let link = format!("{}{options}", page.address);
    browser.wait(&format!("$('again-text').value === {}", json!(link)));
    // Opened, it gives the arguments of the same training, not those of the one that has ended here.
    browser.open("about:blank");
    browser.open_page(&link.replace("lr=0.003", "lr=0.002"));
    browser.wait("training.phase === 'finished'");
    browser.script("ask('/api/training/again').then(({ arguments: words }) => { window.again = words.join(' '); })");
    browser.wait("window.again?.replace('--lr 0.003', '--lr 0.002') === asArguments(settings()).join(' ')");
    assert_eq!(browser.complaints().into_iter().filter(|line| !line.contains("422")).collect::<Vec<_>>(), [""; 0]);

    let Some(python) = python() else { return };
    fs::create_dir(dir.path().join("assets")).unwrap();
    let digits = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/digits.csv.gz");
    fs::copy(digits, dir.path().join("assets/digits.csv.gz")).unwrap();
    // To some way behind the changed learning rate: to the end it would take long.
    let (whole, shorter) = (r#""--max-steps","1600""#, format!(r#""--max-steps","{}""#, (at + 100).min(1600)));
    assert!(script.as_str().unwrap().contains(whole), "{script}");
    fs::write(dir.path().join("again.py"), script.as_str().unwrap().replace(whole, &shorter)).unwrap();
    let output = Command::new(python).arg("again.py").current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let metrics = |run: &str| fs::read_to_string(dir.path().join("runs").join(run).join("metrics.csv")).unwrap();
    let (rust, python) = (metrics("lenet5-digits"), metrics("lenet5-python"));
    assert_eq!(python.lines().count() as u64, 1 + (at + 100).min(1600) / 40);
    assert!(rust.starts_with(&python), "{rust}\n{python}");
}

#[test]
fn on_a_telephone_a_training_is_stopped_and_a_refusal_is_said_and_the_other_tabs_are_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let page = Page::open(dir.path());
    browser.resize(390, 844);
    browser.open_page(&format!("{}{ADDRESS}&nonsense=1", page.address));
    browser
        .wait("training.fields && $('message').textContent === 'The address names nonsense, which is no option here.'");
    assert_eq!(browser.script("return document.documentElement.scrollWidth <= innerWidth"), true);
    browser.fill("#options [name=lr]", "fast");
    browser.click("#go");
    browser.wait("$('message').textContent.includes(\"invalid value 'fast' for '--lr <LR>'\")");
    browser.fill("#options [name=lr]", "0.01");
    assert!(browser.script("return location.hash").as_str().unwrap().contains("lr=0.01"));
    browser.click("#epoch");
    browser.wait("training.phase === 'paused' && training.update.iteration === 15");
    browser.click("#go");
    browser.wait("training.phase === 'running' && training.update.iteration > 2");
    browser.click("#stop");
    browser.wait("training.phase === 'stopped'");
    let words = browser.text("#phase");
    assert!(words.contains("To go on: Resume, or cargo run --release -- --resume runs/lenet5-digits"), "{words}");
    assert_eq!(browser.script("return fieldOf('lr').disabled"), false);

    // It goes on where it was stopped.
    let known = "[training.losses.length === training.update.iteration, training.losses[0][0]]";
    let at = browser.script("return training.update.iteration");
    browser.click("#resume");
    browser.wait(&format!("training.phase === 'running' && training.update.iteration > {at} + 2"));
    browser.click("#pause");
    browser.wait("training.phase === 'paused'");
    assert_eq!(browser.script(&format!("return {known}")), json!([true, 1]));
    assert_eq!(browser.script("return $('resume').hidden"), true);
    browser.click("#stop");
    browser.wait("training.phase === 'stopped'");

    // The digit and its maps go back to the tab "Draw", where the run that is chosen answers.
    browser.script("location.hash = '#draw'");
    browser.wait("!$('draw').hidden && $('digit-home').contains(pad) && !$('layers').inert");
    browser.wait("$('run').value === 'runs/lenet5-digits' && state.run === $('run').value && busy === 0");
    // What is pointed at there is not outlined on this tab.
    browser.script("pick(4, { channel: 3, row: 5, column: 5 })");
    browser.wait("document.querySelector('#layers .frame')");
    browser.script("location.hash = '#train'");
    browser.wait("state.live && !document.querySelector('#layers .frame')");

    // On the page of a later day.
    browser.wait("state.runs.some(({ weights }) => weights.includes('checkpoint'))");
    let at = browser.script("return training.update.iteration");
    browser.open("about:blank");
    drop(page);
    let page = Page::open(dir.path());
    browser.open_page(&format!("{}#train?model=cnn", page.address));
    browser.script("document.querySelectorAll('#course details').forEach((part) => { part.open = true; })");
    browser.click("#beside button");
    browser.wait(&format!("training.phase === 'running' && training.update.iteration > {at} + 2"));
    assert_eq!(
        browser.script("return [training.losses[0][0], training.moments[0]]"),
        json!([at.as_u64().unwrap() + 1, 0])
    );
    browser.wait("fieldOf('model').value === 'lenet5' && fieldOf('lr').value === '0.01'");
    browser.click("#stop");
    browser.wait("training.phase === 'stopped'");
    assert_eq!(browser.complaints().into_iter().filter(|line| !line.contains("422")).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn what_the_page_shows_is_of_the_run_and_the_training_that_it_names() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start() else { return };
    let page = Page::open(dir.path());
    browser.open_page(&page.address);

    // A link with settings, opened where the page is open; what it names that is none is said.
    browser.script("location.hash = '#train?model=lenet5&data=missing.csv&scale=twofold&shuffle=no&threads=1'");
    browser
        .wait("fieldOf('model').value === 'lenet5' && fieldOf('scale').value === 'raw' && !fieldOf('shuffle').checked");
    assert_eq!(browser.text("#message"), "The address names scale=twofold, shuffle=no, which is no option here.");

    // A training that could not begin has no network: that of the run answers.
    browser.click("#go");
    browser.wait("training.phase === 'failed'");
    assert_eq!(
        browser.script("return ['phase', 'where'].map((name) => $(name).textContent.includes('missing.csv'))"),
        json!([true, false])
    );
    let before = browser.script("return state.answers");
    browser.script("example({})");
    browser.wait(&format!("state.answers > {before} && state.answer.seen.join() === state.seen.join()"));

    // A warning stays in sight when other lines have followed.
    let rows: String = (0..60).map(|i| format!("{}{}\n", i % 10, ",1".repeat(784))).collect();
    let head = (0..784).map(|i| format!(",pixel{i}")).collect::<String>();
    fs::write(dir.path().join("faint.csv"), format!("label{head}\n{rows}")).unwrap();
    browser.fill("#options [name=data]", "faint.csv");
    browser.fill("#options [name=max-steps]", "6");
    browser.fill("#options [name=batch-size]", "20");
    browser.click("#epoch");
    browser.wait("training.phase === 'paused' && training.update.iteration === 3");
    let warning = browser.text("#warnings");
    assert!(warning.contains("faint.csv: no pixel is more than 1, expected 0 to 255"), "{warning}");
    browser.click("#go");
    browser.wait("training.phase === 'finished'");

    // On the tab "Draw" the run that is chosen is the one that answers, and so it is where a layer's maps are an input.
    for tab in ["draw", "convolution"] {
        browser.script("location.hash = '#train'");
        browser.wait("state.live && training.update.shown && state.answer.layers[1].name === 'conv1'");
        browser.script(&format!("location.hash = '#{tab}'"));
        browser.wait("!state.live && $('run').value === 'runs/lenet5' && $('run').value === state.run");
        browser.wait("$('weights').value === state.weights && state.answer.network.startsWith(state.run)");
    }

    // A network of other images has no answer to a digit; on the tab "Draw" the run's is there.
    fs::create_dir(dir.path().join("garments")).unwrap();
    let images = [&[0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 28, 0, 0, 0, 28][..], &[90; 20 * 784]].concat();
    let labels = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5].repeat(2); // Fashion-MNIST's first
    fs::write(dir.path().join("garments/train-images-idx3-ubyte"), images).unwrap();
    fs::write(dir.path().join("garments/train-labels-idx1-ubyte"), [vec![0, 0, 8, 1, 0, 0, 0, 20], labels].concat())
        .unwrap();
    browser.script("location.hash = '#train'");
    browser.wait("state.live");
    browser.fill("#options [name=data]", "garments");
    browser.fill("#options [name=batch-size]", "4");
    browser.click("#go");
    let shown = "['foreign', 'digit-panel', 'layers'].map((name) => !$(name).hidden)";
    browser.wait(&format!("training.phase === 'finished' && {shown}.join() === 'true,false,false'"));
    browser.script("location.hash = '#draw'");
    browser.wait(&format!("!state.live && {shown}.join() === 'false,true,true'"));

    // The program ends and is started again: the page that stayed open can begin a training.
    browser.script("location.hash = '#train'");
    browser.wait("state.live && training.id > 0");
    let host = page.host().to_owned();
    drop(page);
    browser.wait("$('message').textContent.startsWith('The program does not answer any more')");
    let before = browser.script("return state.answers");
    let _page = Page::open_again(dir.path(), &host);
    browser.wait("training.id === 0 && $('message').textContent === '' && !$('go').disabled");
    assert_eq!(browser.script("return [training.losses.length, fieldOf('data').disabled]"), json!([0, false]));
    let remains = "[$('progress').value, $('moment').disabled, $('live-lr').disabled]";
    assert_eq!(browser.script(&format!("return {remains}")), json!([0, true, true]));
    browser.wait(&format!("state.answers > {before}")); // the run's, where the training's was
    // Clicks may be faster than the steps.
    browser.script("for (let i = 0; i < 3; i++) $('one').click()");
    browser.wait("training.phase === 'paused' && training.update.iteration === 3 && training.losses.length === 3");
    browser.wait("$('step').textContent.startsWith('Step 3 of')");
}
