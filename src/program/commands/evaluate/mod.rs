//! How good a trained network is: loss, accuracy, the measures of each class, confusions and the worst mistakes.

mod confusion;

use crate::program::data::Source;
use crate::program::files;
use crate::program::messages::{escaped, print};
use crate::program::run::folder::{CONFUSION, EVALUATION, MISTAKES};
use crate::program::run::network::{RunOptions, TrainedRun};
use crate::program::run::predictions::{confidence, most_confident_mistakes, probabilities};
use anyhow::{Result, ensure};
use clap::Args;
use cnn_tutorial::data::{Dataset, digits};
use cnn_tutorial::explain::depict;
use cnn_tutorial::figures::{Colors, Figure, Panel};
use cnn_tutorial::nn::CrossEntropyLoss;
use confusion::draw_confusion;
use serde::Serialize;
use std::fmt::Write as _;
use tch::Kind;

#[derive(Debug, Args)]
pub struct EvaluateOptions {
    #[command(flatten)]
    run: RunOptions,

    /// Data to measure on, as for training. MNIST and CIFAR-10 stand for their 10,000 test images, the file that the run was
    /// trained on for the part that was kept for validation, and any other file for all its images [default: the data of the
    /// run, if they have a name]
    #[arg(long, value_name = "PATH|NAME")]
    data: Option<Source>,

    /// Measure on the part of the run's data that was kept for validation, even if there are test images. Use this to choose
    /// options, and keep the test images for the end
    #[arg(long)]
    validation: bool,

    /// Print evaluation.json instead of the table
    #[arg(long)]
    json: bool,
}

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
    #[serde(flatten)]
    name: Name,
    precision: f64,
    recall: f64,
    f1: f64,
    support: usize,
}

/// A class in `evaluation.json`.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Digit(usize),
    Class(String),
}

/// Measures the network of a run, prints the table and writes `evaluation.json`, `confusion.png` and `mistakes.png`.
pub fn evaluate(options: &EvaluateOptions) -> Result<()> {
    let TrainedRun { dir, config, network } = options.run.open()?;
    let (dataset, source) = config.test_data(&dir, options.data.as_ref(), options.validation)?;
    let logits = network.logits(&dataset.images)?;
    let labels = Vec::<i64>::try_from(&dataset.labels)?;
    let predictions = probabilities(&logits)?;
    let (classes, n_classes) = (&dataset.classes, dataset.classes.len());
    ensure!(
        logits.size()[1] == n_classes as i64,
        "the network tells {} classes apart, and the data have {n_classes}: its last layer must give as many numbers",
        logits.size()[1]
    );
    let loss = CrossEntropyLoss.forward(&logits, &dataset.labels)?;
    let mut confusion = vec![vec![0usize; n_classes]; n_classes];
    for (&label, (_, predicted)) in labels.iter().zip(&predictions) {
        confusion[label as usize][*predicted] += 1;
    }
    let correct: usize = (0..n_classes).map(|class| confusion[class][class]).sum();
    let is_digits = *classes == digits();
    let name = |class: usize| if is_digits { Name::Digit(class) } else { Name::Class(classes[class].clone()) };
    let evaluation = Evaluation {
        dataset: source,
        n: labels.len(),
        loss: f64::try_from(loss)?,
        accuracy: 100.0 * correct as f64 / labels.len() as f64,
        classes: (0..n_classes).map(|class| Class::new(name(class), class, &confusion)).collect(),
        confusion,
    };

    let json = serde_json::to_string_pretty(&evaluation)? + "\n";
    // First: whatever becomes of the files, this is known.
    let text = if options.json { json.clone() } else { escaped(&evaluation.table(classes)?) };
    print(&text)?;
    files::put(&dir, EVALUATION, |path| Ok(std::fs::write(path, &json)?))?;
    let title = format!("{:.2} % of {} right", evaluation.accuracy, evaluation.n);
    files::put(&dir, CONFUSION, |path| {
        draw_confusion(path, &title, &evaluation.dataset, classes, &evaluation.confusion)
    })?;
    let heading = format!("The most confident of {} mistakes", evaluation.n - correct);
    let rows = vec![mistakes(&dataset, &labels, &predictions)?];
    let mistakes = Figure { heading, colors: Some(Colors::grey(255.0)), rows };
    files::put(&dir, MISTAKES, |path| mistakes.draw(path))?;
    say!("written to {}: {EVALUATION}, {CONFUSION}, {MISTAKES}", dir.display());
    Ok(())
}

impl Class {
    /// A quotient of nothing is 0, as in scikit-learn.
    fn new(name: Name, class: usize, confusion: &[Vec<usize>]) -> Self {
        let ratio = |a: f64, b: f64| if b == 0.0 { 0.0 } else { a / b };
        let hits = confusion[class][class] as f64;
        let support: usize = confusion[class].iter().sum();
        let predicted: usize = confusion.iter().map(|row| row[class]).sum();
        let (precision, recall) = (ratio(hits, predicted as f64), ratio(hits, support as f64));
        Self { name, precision, recall, f1: ratio(2.0 * precision * recall, precision + recall), support }
    }
}

impl Evaluation {
    fn table(&self, classes: &[String]) -> Result<String> {
        let mut text = format!("{}: {} images\n", self.dataset, self.n);
        writeln!(
            text,
            "loss {:.6}  accuracy {:.2} %  error {:.2} %\n",
            self.loss,
            self.accuracy,
            100.0 - self.accuracy
        )?;
        let longest = classes.iter().map(|class| class.chars().count()).max().unwrap_or(0).max(5);
        let head = if *classes == digits() { "digit" } else { "class" };
        write!(text, "{head:>longest$}  precision  recall      f1  images")?;
        // A count stands below the name of what was taken for it.
        let heads = ["   taken for "].into_iter().chain(std::iter::repeat("  "));
        let columns: Vec<String> = heads.zip(classes).map(|(before, class)| format!("{before}{class}")).collect();
        let width = |column: &String| column.chars().count().max(6);
        columns.iter().try_for_each(|column| write!(text, "{column:>0$}", width(column)))?;
        for ((name, class), row) in classes.iter().zip(&self.classes).zip(&self.confusion) {
            let Class { precision, recall, f1, support, .. } = class;
            write!(text, "\n{name:>longest$}  {precision:9.4}  {recall:6.4}  {f1:6.4}  {support:6}")?;
            row.iter().zip(&columns).try_for_each(|(count, column)| write!(text, "{count:>0$}", width(column)))?;
        }
        text.push('\n');
        Ok(text)
    }
}

/// The 30 mistakes that the network was surest of.
fn mistakes(dataset: &Dataset, labels: &[i64], predictions: &[(Vec<f32>, usize)]) -> Result<Vec<Panel>> {
    let wrong = most_confident_mistakes(labels, predictions);
    let panel = |&i: &usize| -> Result<Panel> {
        let (image, _) = depict(&dataset.images.f_get(i as i64)?.f_to_kind(Kind::Float)?)?;
        let title = format!("{}, taken for {}", dataset.classes[labels[i] as usize], dataset.classes[predictions[i].1]);
        Ok(Panel::new(title, format!("{:.1} % sure", 100.0 * confidence(&predictions[i])), image))
    };
    wrong.iter().take(30).map(panel).collect()
}

#[cfg(test)]
mod tests {
    use super::{Class, Name, mistakes};
    use cnn_tutorial::data::read_cifar10_test;
    use cnn_tutorial::figures::Content;

    #[test]
    fn mistakes_on_images_in_colour_are_shown_in_colour_with_their_classes_names() {
        let shapes = read_cifar10_test(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/shapes")).unwrap();
        let labels = Vec::<i64>::try_from(&shapes.labels).unwrap();
        let always_blue_ring = vec![([vec![0.0; 9], vec![0.9]].concat(), 9); labels.len()];
        let panels = mistakes(&shapes, &labels, &always_blue_ring).unwrap();
        let first = labels.iter().position(|&label| label != 9).unwrap();
        assert_eq!(panels[0].title, format!("{}, taken for blue ring", shapes.classes[labels[first] as usize]));
        assert!(panels.len() == 30 && panels.iter().all(|panel| matches!(&panel.content, Content::Pictures(_))));
    }

    #[test]
    fn precision_recall_and_f1_are_those_of_the_class_and_0_where_there_is_nothing_to_divide() {
        let mut confusion = vec![vec![0; 10]; 10];
        (confusion[3][3], confusion[3][5], confusion[8][3]) = (6, 2, 4);
        let three = Class::new(Name::Digit(3), 3, &confusion);
        assert_eq!((three.precision, three.recall, three.support), (0.6, 0.75, 8));
        assert!((three.f1 - 2.0 / 3.0).abs() < 1e-15); // 2 * 0.6 * 0.75 / 1.35
        let five = Class::new(Name::Digit(5), 5, &confusion);
        assert_eq!((five.precision, five.recall, five.f1, five.support), (0.0, 0.0, 0.0, 0));
    }
}
