//! Which digits are on pictures of one's own, or on the images of Kaggle's test.csv.

use super::cli::PredictOptions;
use super::files;
use super::network::{Network, probabilities};
use super::photo::read_photo;
use anyhow::{Context, Result};
use cnn_tutorial::data::read_unlabelled_csv;
use cnn_tutorial::page::Page;
use cnn_tutorial::pictures::{Colors, Content, Map, Panel};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use tch::Tensor;

/// Prints the digit and the probabilities of each picture, or writes Kaggle's submission.
pub fn predict(options: &PredictOptions) -> Result<()> {
    let network = options.run.open()?;
    match (&options.csv, &options.submission) {
        (Some(csv), Some(submission)) => submit(&network, csv, submission),
        _ => predict_pictures(&network, options),
    }
}

fn predict_pictures(network: &Network, options: &PredictOptions) -> Result<()> {
    let (mut text, mut rows) = (String::new(), Vec::new());
    for path in &options.images {
        let pixels = read_photo(path)?;
        let logits = network.logits(&Tensor::f_from_slice(&pixels)?.f_view([1, 1, 28, 28])?)?;
        let (probabilities, digit) = &probabilities(&logits)?[0];
        let percent = |class: usize| format!("{:.2} %", 100.0 * probabilities[class]);
        write!(text, "{}: {digit} ({})  ", path.display(), percent(*digit))?;
        (0..probabilities.len()).try_for_each(|class| write!(text, "  {class}: {}", percent(class)))?;
        text.push('\n');

        let values = pixels.iter().copied().map(f32::from).collect();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let seen = Content::Maps(vec![Map { width: 28, values }]);
        let bars = Vec::<Vec<f32>>::try_from(logits)?[0].iter().copied().zip((0..10).map(percent)).collect();
        rows.push(vec![
            Panel::new(name, "what the network saw", seen),
            Panel::new(format!("{digit}: logits and probabilities"), "", Content::Bars(bars)),
        ]);
    }
    if options.show {
        let (name, heading) = ("predictions.png", "Pictures brought to MNIST's convention".into());
        let page = Page { heading, colors: Some(Colors::grey(255.0)), rows };
        files::put(&network.dir, name, |path| page.draw(path))?;
        say!("{}", network.dir.join(name).display());
    }
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// Writes `ImageId,Label`, images counted from 1, as Kaggle's Digit Recognizer wants it.
fn submit(network: &Network, csv: &Path, submission: &Path) -> Result<()> {
    let images = read_unlabelled_csv(csv)?;
    let mut text = String::from("ImageId,Label\n");
    for (i, (_, digit)) in probabilities(&network.logits(&images)?)?.iter().enumerate() {
        writeln!(text, "{},{digit}", i + 1)?;
    }
    let dir = submission.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = submission.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{} cannot be written: give a file's name", submission.display()))?;
    files::put(dir, name, |path| Ok(std::fs::write(path, &text)?))?;
    say!("{}: {} images", submission.display(), images.size()[0]);
    Ok(())
}
