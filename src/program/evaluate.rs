//! How good a trained network is: loss, accuracy, the measures of each class, confusions and the worst mistakes.

use super::cli::EvaluateOptions;
use super::confusion::draw_confusion;
use super::data::Source;
use super::network::{Network, probabilities};
use super::{data, files};
use anyhow::{Result, ensure};
use cnn_tutorial::data::{Dataset, train_test_split};
use cnn_tutorial::nn::CrossEntropyLoss;
use cnn_tutorial::page::Page;
use cnn_tutorial::pictures::{Colors, Content, Map, Panel};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;

/// What `evaluation.json` holds; the measures are scikit-learn's `classification_report`'s.
#[derive(Serialize)]
struct Evaluation {
    dataset: String,
    n: usize,
    /// Mean cross entropy.
    loss: f64,
    /// Percent.
    accuracy: f64,
    classes: Vec<Class>,
    /// Row: the label; column: what it was taken for.
    confusion: Vec<Vec<usize>>,
}

#[derive(Serialize)]
struct Class {
    digit: usize,
    precision: f64,
    recall: f64,
    f1: f64,
    support: usize,
}

/// Measures the network of a run, prints the table and writes `evaluation.json`, `confusion.png` and `mistakes.png`.
pub fn evaluate(options: &EvaluateOptions) -> Result<()> {
    let network = options.run.open()?;
    let (dataset, source) = test_data(&network, options.data.as_ref(), options.validation)?;
    let logits = network.logits(&dataset.images)?;
    let loss = CrossEntropyLoss.forward(&logits, &dataset.labels)?;
    let labels = Vec::<i64>::try_from(&dataset.labels)?;
    let predictions = probabilities(&logits)?;
    let mut confusion = vec![vec![0usize; 10]; 10];
    for (&label, (_, predicted)) in labels.iter().zip(&predictions) {
        confusion[label as usize][*predicted] += 1;
    }
    let correct: usize = (0..10).map(|digit| confusion[digit][digit]).sum();
    let evaluation = Evaluation {
        dataset: source,
        n: labels.len(),
        loss: f64::try_from(loss)?,
        accuracy: 100.0 * correct as f64 / labels.len() as f64,
        classes: (0..10).map(|digit| Class::new(digit, &confusion)).collect(),
        confusion,
    };

    let json = serde_json::to_string_pretty(&evaluation)? + "\n";
    files::put(&network.dir, "evaluation.json", |path| Ok(std::fs::write(path, &json)?))?;
    let title = format!("{:.2} % of {} right", evaluation.accuracy, evaluation.n);
    files::put(&network.dir, "confusion.png", |path| {
        draw_confusion(path, &title, &evaluation.dataset, &evaluation.confusion)
    })?;
    let heading = format!("The most confident of {} mistakes", evaluation.n - correct);
    let rows = vec![mistakes(&dataset, &labels, &predictions)?];
    let mistakes = Page { heading, colors: Some(Colors::grey(255.0)), rows };
    files::put(&network.dir, "mistakes.png", |path| mistakes.draw(path))?;
    let text = if options.json { json } else { evaluation.table()? };
    let _ = std::io::stdout().write_all(text.as_bytes());
    say!("written to {}: evaluation.json, confusion.png, mistakes.png", network.dir.display());
    Ok(())
}

/// MNIST's test images; of the run's own data the part it was validated on; of other data all. And what they are in
/// words.
pub fn test_data(network: &Network, data: Option<&Source>, validation: bool) -> Result<(Dataset, String)> {
    let source = network.config.source(&network.dir, data)?;
    if !validation && let Some(test) = source.load_test()? {
        return Ok((test, format!("{source}, the test images")));
    }
    let dataset = source.load()?;
    if data::sha256(&dataset)? != network.config.dataset_sha256 {
        ensure!(!validation, "{source}: the data are not those the run was trained on; --data measures on others");
        return Ok((dataset, source.to_string()));
    }
    let split = &network.config.options;
    let (_, test) = train_test_split(&dataset, split.test_size.into(), split.random_state)?;
    Ok((test, format!("{source}, the part for validation")))
}

impl Class {
    /// A quotient of nothing is 0, as in scikit-learn.
    fn new(digit: usize, confusion: &[Vec<usize>]) -> Self {
        let ratio = |a: f64, b: f64| if b == 0.0 { 0.0 } else { a / b };
        let hits = confusion[digit][digit] as f64;
        let support: usize = confusion[digit].iter().sum();
        let predicted: usize = confusion.iter().map(|row| row[digit]).sum();
        let (precision, recall) = (ratio(hits, predicted as f64), ratio(hits, support as f64));
        Self { digit, precision, recall, f1: ratio(2.0 * precision * recall, precision + recall), support }
    }
}

impl Evaluation {
    fn table(&self) -> Result<String> {
        let mut text = format!("{}: {} images\n", self.dataset, self.n);
        writeln!(
            text,
            "loss {:.6}  accuracy {:.2} %  error {:.2} %\n",
            self.loss,
            self.accuracy,
            100.0 - self.accuracy
        )?;
        writeln!(
            text,
            "digit  precision  recall      f1  images   taken for 0     1     2     3     4     5     6     7     8     9"
        )?;
        for (class, row) in self.classes.iter().zip(&self.confusion) {
            let Class { digit, precision, recall, f1, support } = class;
            let counts: String = row.iter().map(|count| format!("{count:6}")).collect();
            writeln!(text, "{digit:>5}  {precision:9.4}  {recall:6.4}  {f1:6.4}  {support:6}        {counts}")?;
        }
        Ok(text)
    }
}

/// The images that are taken for another digit, those the network was surest of first.
pub fn most_confident_mistakes(labels: &[i64], predictions: &[(Vec<f32>, usize)]) -> Vec<usize> {
    let mut wrong: Vec<usize> = (0..labels.len()).filter(|&i| predictions[i].1 as i64 != labels[i]).collect();
    wrong.sort_by(|&a, &b| confidence(&predictions[b]).total_cmp(&confidence(&predictions[a])));
    wrong
}

fn confidence((probabilities, predicted): &(Vec<f32>, usize)) -> f32 {
    probabilities[*predicted]
}

/// The 30 mistakes that the network was surest of.
fn mistakes(dataset: &Dataset, labels: &[i64], predictions: &[(Vec<f32>, usize)]) -> Result<Vec<Panel>> {
    let wrong = most_confident_mistakes(labels, predictions);
    let panel = |&i: &usize| -> Result<Panel> {
        let values: Vec<u8> = dataset.images.f_get(i as i64)?.f_flatten(0, -1)?.try_into()?;
        let map = Map { width: 28, values: values.into_iter().map(f32::from).collect() };
        let title = format!("{}, taken for {}", labels[i], predictions[i].1);
        Ok(Panel::new(title, format!("{:.1} % sure", 100.0 * confidence(&predictions[i])), Content::Maps(vec![map])))
    };
    wrong.iter().take(30).map(panel).collect()
}

#[cfg(test)]
mod tests {
    use super::Class;

    #[test]
    fn precision_recall_and_f1_are_those_of_the_class_and_0_where_there_is_nothing_to_divide() {
        let mut confusion = vec![vec![0; 10]; 10];
        (confusion[3][3], confusion[3][5], confusion[8][3]) = (6, 2, 4);
        let three = Class::new(3, &confusion);
        assert_eq!((three.precision, three.recall, three.support), (0.6, 0.75, 8));
        assert!((three.f1 - 2.0 / 3.0).abs() < 1e-15); // 2 * 0.6 * 0.75 / 1.35
        let five = Class::new(5, &confusion);
        assert_eq!((five.precision, five.recall, five.f1, five.support), (0.0, 0.0, 0.0, 0));
    }
}
