//! What the page plays with: runs, their networks once opened, and digits.

use super::answer::{Answer, Num, answer, maps, number};
use super::arguments::MOST_IN_CHANNELS;
use super::kept::Kept;
use super::runs::{Choice, Named, RunEntry, Runs, digits_config};
use super::sum::{Place, Sum, sum};
use super::training::{Again, again};
use crate::program::data::Source;
use crate::program::run::network::{self, Network};
use crate::program::run::predictions::{most_confident_mistakes, probabilities};
use anyhow::{Context, Result, bail, ensure};
use cnn_tutorial::data::{Dataset, digits};
use cnn_tutorial::nn::{LayerKind, Stage};
use serde::Serialize;
use std::sync::Arc;
use tch::Tensor;

/// Runs, and what of them was opened.
pub struct Player {
    runs: Arc<Runs>,
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

/// A convolution of a network's.
#[derive(Serialize)]
pub struct Convolution {
    /// Counted from 0, after the input.
    layer: usize,
    name: String,
    /// `[out_channels, in_channels, height, width]`
    shape: Vec<i64>,
}

/// What makes one map of a convolution's output.
#[derive(Serialize)]
pub struct Kernel {
    /// For each channel of the input, rows of numbers.
    weight: Vec<Vec<Vec<Num>>>,
    bias: Num,
}

impl Player {
    pub fn new(runs: Arc<Runs>, data: Option<Source>) -> Self {
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

    /// What a run has logged, and how to have it again.
    pub fn again(&self, run: &str) -> Result<Again> {
        let dir = self.runs.folder(run)?;
        again(&dir, &digits_config(&dir)?)
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

    pub fn sum(&mut self, choice: &Choice, seen: &[u8], place: &Place) -> Result<Sum> {
        sum(self.network(choice)?, seen, place)
    }

    pub fn convolutions(&mut self, choice: &Choice) -> Result<Vec<Convolution>> {
        let (_, stages) = self.stages(choice, &[0; 784])?;
        let convolutions = stages.into_iter().enumerate().filter_map(|(layer, stage)| match stage.kind {
            LayerKind::Conv2d(_) if stage.parameters.len() == 2 => {
                Some(Convolution { layer, name: stage.name, shape: stage.parameters[0].size() })
            }
            _ => None,
        });
        Ok(convolutions.collect())
    }

    pub fn kernel(&mut self, choice: &Choice, layer: usize, channel: i64) -> Result<Kernel> {
        let (_, stages) = self.stages(choice, &[0; 784])?;
        let convolution = stages.get(layer).filter(|stage| matches!(stage.kind, LayerKind::Conv2d(_)));
        let Some([weight, bias]) = convolution.map(|stage| &stage.parameters[..]) else {
            bail!("layer {layer} is not a convolution")
        };
        let exists = (0..weight.size()[0]).contains(&channel);
        ensure!(exists, "layer {layer} has no kernel {channel}: expected 0 to {}", weight.size()[0] - 1);
        let [weight, bias] = [weight.f_detach()?.f_get(channel)?, bias.f_detach()?.f_get(channel)?];
        Ok(Kernel { weight: maps(&weight)?, bias: number(&bias)? })
    }

    /// Some of a layer's maps, from `first` on; layer 0 is the input.
    pub fn maps(
        &mut self,
        choice: &Choice,
        seen: &[u8],
        layer: usize,
        [first, count]: [i64; 2],
    ) -> Result<Vec<Vec<Vec<Num>>>> {
        let (input, stages) = self.stages(choice, seen)?;
        let all = match layer.checked_sub(1) {
            None => input,
            Some(layer) => {
                stages.into_iter().nth(layer).with_context(|| format!("the network has no layer {}", layer + 1))?.output
            }
        };
        let all = all.f_get(0)?;
        ensure!(all.dim() == 3, "layer {layer} has no maps");
        let last = all.size()[0];
        ensure!(
            first >= 0 && (1..=MOST_IN_CHANNELS as i64).contains(&count) && first <= last - count,
            "{count} maps from {first} on: expected 1 to {MOST_IN_CHANNELS} of the {last} that layer {layer} has"
        );
        Ok(maps(&all.f_narrow(0, first, count)?)?)
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
    ensure!(is_digits, "{source} has images that are not digits of 28x28 pixels: give other --data");
    Ok((dataset, source.to_string()))
}

fn check_at_hand(source: &Source) -> Result<()> {
    ensure!(source.is_at_hand(), "{source}: not there; `play --data mnist` fetches MNIST");
    Ok(())
}
