//! What the page plays with: runs, their networks once opened, and digits.

use super::answer::{Answer, Num, Sum, answer, rows, sum_at};
use super::kept::Kept;
use super::runs::{Choice, Named, RunEntry, Runs, digits_config};
use crate::program::data::{MNIST_DIR, Source};
use crate::program::run::network::{self, Network, most_confident_mistakes, probabilities};
use anyhow::{Context, Result, ensure};
use cnn_tutorial::data::{Dataset, digits};
use cnn_tutorial::nn::{LayerKind, Stage};
use serde::Serialize;
use tch::Tensor;

/// Runs, and what of them was opened.
pub struct Player {
    runs: Runs,
    data: Option<Source>,
    networks: Kept<Choice, Network>,
    /// The data of each run, and what they are in words.
    examples: Kept<String, (Dataset, String)>,
    mistakes: Kept<Choice, Vec<i64>>,
}

/// An image of the data.
#[derive(Serialize)]
pub struct Example {
    pixels: Vec<u8>,
    label: i64,
    index: i64,
    /// How many there are to go through, such as mistakes.
    count: usize,
    data: String,
}

/// The kernels of a network's first convolution, for the first input channel.
#[derive(Serialize)]
pub struct Kernels {
    layer: String,
    kernels: Vec<Vec<Vec<Num>>>,
}

impl Player {
    pub fn new(runs: Runs, data: Option<Source>) -> Self {
        let (networks, examples, mistakes) = (Kept::new(), Kept::new(), Kept::new());
        Self { runs, data, networks, examples, mistakes }
    }

    /// The runs as they are now. What was opened is forgotten: it may have been trained anew.
    pub fn runs(&mut self) -> Vec<RunEntry> {
        self.networks.clear();
        self.examples.clear();
        self.mistakes.clear();
        self.runs.entries()
    }

    fn network(&mut self, choice: &Choice) -> Result<&Network> {
        self.networks.get_or_open(choice, || self.runs.open(choice))
    }

    fn stages(&mut self, choice: &Choice, seen: &[u8]) -> Result<(Tensor, Vec<Stage>)> {
        let network = self.network(choice)?;
        let input = network.input(&network::image(seen)?)?;
        let stages = network.stages(&input)?;
        Ok((input, stages))
    }

    pub fn answer(&mut self, choice: &Choice, seen: Vec<u8>) -> Result<Answer> {
        let (input, stages) = self.stages(choice, &seen)?;
        answer(seen, &input, &stages)
    }

    pub fn sum(&mut self, choice: &Choice, seen: Vec<u8>, layer: usize, place: [i64; 3]) -> Result<Sum> {
        let (_, stages) = self.stages(choice, &seen)?;
        let stage = stages.get(layer).with_context(|| format!("the network has no layer {layer}"))?;
        let before = layer.checked_sub(1).and_then(|before| stages.get(before));
        sum_at(stage, &before.map(Stage::shape).unwrap_or_default(), place)
    }

    pub fn kernels(&mut self, choice: &Choice) -> Result<Kernels> {
        let (_, stages) = self.stages(choice, &[0; 784])?;
        let convolution = stages.into_iter().find_map(|stage| match (stage.kind, stage.parameters) {
            (LayerKind::Conv2d(_), Some([weight, _])) => Some((stage.name, weight)),
            _ => None,
        });
        let (name, weight) = convolution.context("the network has no convolution")?;
        let weight = weight.f_detach()?.f_select(1, 0)?;
        let kernels = (0..weight.size()[0]).map(|kernel| rows(&weight.f_get(kernel)?));
        Ok(Kernels { layer: name, kernels: kernels.collect::<Result<_, _>>()? })
    }

    pub fn digit(&mut self, choice: &Choice, index: u64, mistake: bool, label: Option<i64>) -> Result<Example> {
        let open_examples = || open_examples(&self.runs, self.data.as_ref(), &choice.run);
        let (dataset, data) = self.examples.get_or_open(&choice.run, open_examples)?;
        let labels = Vec::<i64>::try_from(&dataset.labels)?;
        let every: Vec<i64> = if mistake {
            let network = self.networks.get_or_open(choice, || self.runs.open(choice))?;
            let find_mistakes = || {
                let mistakes = most_confident_mistakes(&labels, &probabilities(&network.logits(&dataset.images)?)?);
                Ok(mistakes.into_iter().map(|i| i as i64).collect())
            };
            self.mistakes.get_or_open(choice, find_mistakes)?.clone()
        } else {
            (0..dataset.len()).collect()
        };
        // Mistakes may have been found in data that were another file then.
        let is_wanted = |&i: &i64| labels.get(i as usize).is_some_and(|&l| label.is_none_or(|label| label == l));
        let wanted: Vec<i64> = every.into_iter().filter(is_wanted).collect();
        let count = wanted.len();
        let index = *wanted.get(index.checked_rem(count as u64).unwrap_or(0) as usize).context("there is none")?;
        let pixels = dataset.images.f_get(index)?.f_flatten(0, -1)?.try_into()?;
        Ok(Example { pixels, label: labels[index as usize], index, count, data: data.clone() })
    }
}

/// What `given` names, or the run was measured on; where that is not at hand the embedded digits, with the reason. Nothing is
/// downloaded: somebody waits for the answer.
fn open_examples(runs: &Runs, given: Option<&Source>, run: &str) -> Result<(Dataset, String)> {
    let Named::Run(dir) = runs.find(run)? else { return of_untrained(given.unwrap_or(&Source::Digits)) };
    let config = digits_config(&dir)?;
    let examples = config.source(&dir, given).and_then(|source| {
        check_at_hand(&source)?;
        config.test_data(&dir, Some(&source), false)
    });
    match examples {
        Err(error) if given.is_none() => {
            let reason = format!("{} (not the run's own data: {error:#})", Source::Digits);
            Ok((Source::Digits.load()?, reason))
        }
        examples => examples,
    }
}

fn of_untrained(source: &Source) -> Result<(Dataset, String)> {
    check_at_hand(source)?;
    let test = source.load_test()?;
    let dataset = test.map_or_else(|| source.load(), Ok)?;
    let is_digits = dataset.image_size()? == [1, 28, 28] && dataset.classes == digits();
    ensure!(is_digits, "{source} holds other images than digits of 28x28 pixels: give --data that has such");
    Ok((dataset, source.to_string()))
}

fn check_at_hand(source: &Source) -> Result<()> {
    ensure!(source.is_at_hand(), "MNIST is not in {MNIST_DIR}; `play --data mnist` fetches it");
    Ok(())
}
