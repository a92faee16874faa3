//! The network at a moment of a training: what it makes of a digit, its kernels, and what it gets wrong.

use super::super::answer::{Answer, Num, answer, maps};
use super::super::sum::{Place, Sum, sum};
use super::moments::Moment;
use super::{Trainer, Training};
use crate::program::run::live::Tensors;
use crate::program::run::network::{self, Network};
use crate::program::run::predictions::{most_confident_mistakes, probabilities};
use crate::program::run::weights::set_weights;
use anyhow::{Context, Result, bail};
use cnn_tutorial::nn::Stage;
use serde::Serialize;
use std::sync::Arc;
use tch::{Device, Tensor};

/// The most mistakes that are shown.
const MOST_MISTAKES: usize = 24;

/// The network at a moment.
#[derive(Serialize)]
pub struct Shown {
    iteration: u64,
    /// Nothing where it was trained on something else than digits.
    answer: Option<Answer>,
    kernels: Option<Kernels>,
}

/// The kernels of the first convolution, for its first input channel.
#[derive(Serialize)]
struct Kernels {
    layer: String,
    start: Vec<Vec<Vec<Num>>>,
    now: Vec<Vec<Vec<Num>>>,
    difference: Vec<Vec<Vec<Num>>>,
}

/// The validation images that the network of a moment takes for another digit.
#[derive(Clone, Serialize)]
pub struct Mistakes {
    iteration: u64,
    count: usize,
    of: usize,
    first: Vec<Mistake>,
}

#[derive(Clone, Serialize)]
struct Mistake {
    pixels: Vec<u8>,
    label: i64,
    digit: usize,
    probability: Num,
}

impl Trainer {
    /// What the network of a moment gets wrong of the images that the training is validated on.
    pub fn mistakes(&mut self, moment: Option<u64>) -> Result<Mistakes> {
        let training = self.training()?;
        let config = training.config()?;
        let weights = training.weights(moment).context("the training has not begun")?;
        if let Some(known) = training.mistakes.as_ref().filter(|known| known.iteration == weights.iteration) {
            return Ok(known.clone());
        }
        if training.examples.is_none() {
            let dir = training.dir().context("the training has not begun")?;
            config.check_digits(&dir, "this page")?;
            training.examples = Some(config.test_data(&dir, training.options.data.as_ref(), true)?.0);
        }
        training.set_network(&weights)?;
        let (Some(network), Some(examples)) = (&training.network, &training.examples) else {
            bail!("there is no network")
        };
        let labels = Vec::<i64>::try_from(&examples.labels)?;
        let predictions = probabilities(&network.logits(&examples.images)?)?;
        let mistakes = most_confident_mistakes(&labels, &predictions);
        let first = mistakes.iter().take(MOST_MISTAKES).map(|&i| {
            let (probabilities, digit) = &predictions[i];
            let pixels = examples.images.f_get(i as i64)?.f_flatten(0, -1)?.try_into()?;
            Ok(Mistake { pixels, label: labels[i], digit: *digit, probability: probabilities[*digit].into() })
        });
        let first = first.collect::<Result<_>>()?;
        let mistakes = Mistakes { iteration: weights.iteration, count: mistakes.len(), of: labels.len(), first };
        training.mistakes = Some(mistakes.clone());
        Ok(mistakes)
    }

    /// How the network of a moment makes a pixel from the image `seen`.
    pub fn sum(&mut self, moment: Option<u64>, seen: &[u8], place: &Place) -> Result<Sum> {
        let training = self.training()?;
        let weights = training.weights(moment).context("the training has not begun")?;
        training.set_network(&weights)?;
        sum(training.network.as_ref().context("there is no network")?, seen, place)
    }
}

impl Training {
    /// The weights of a moment, where there is one already.
    fn weights(&self, moment: Option<u64>) -> Option<Arc<Moment>> {
        self.told().moments.at(moment).cloned()
    }

    fn set_network(&mut self, moment: &Moment) -> Result<()> {
        if self.network.is_none() {
            let options = &self.options;
            self.network = Some(Network::untrained(options.model, options.seed, options.scale, Device::Cpu)?);
        }
        let network = self.network.as_ref().context("there is no network")?;
        if self.set_to != Some(moment.iteration) {
            set_weights(&network.vs, &moment.tensors.part("weights.")?, "the training")?;
            self.set_to = Some(moment.iteration);
        }
        Ok(())
    }

    /// What the network of this moment makes of the pixels `seen`; `start` is the moment before the first iteration.
    pub fn shown(&mut self, moment: &Moment, start: Option<&Moment>, seen: Vec<u8>) -> Result<Shown> {
        self.set_network(moment)?;
        let network = self.network.as_ref().context("there is no network")?;
        let input = network.input(&network::image(&seen)?)?;
        // Images of another size do not fit the network, and then there is no answer.
        let Ok(stages) = network.stages(&input) else {
            return Ok(Shown { iteration: moment.iteration, answer: None, kernels: None });
        };
        let kernels = start.and_then(|start| kernels(&stages, &start.tensors).transpose()).transpose()?;
        let is_digits = self.config().map_or(true, |config| config.is_digits());
        let answer = is_digits.then(|| answer(seen, &input, &stages)).transpose()?;
        Ok(Shown { iteration: moment.iteration, answer, kernels })
    }
}

fn kernels(stages: &[Stage], start: &Tensors) -> Result<Option<Kernels>> {
    let first_channel = |weight: &Tensor| -> Result<Vec<_>> { Ok(maps(&weight.f_detach()?.f_select(1, 0)?)?) };
    for Stage { name, parameters, .. } in stages {
        // A layer of one's own may be one, too.
        let Some(now) = parameters.first().filter(|weight| weight.dim() == 4) else { continue };
        let Some(start) = start.get(&format!("weights.{name}.weight"))? else { continue };
        let difference = first_channel(&now.f_detach()?.f_sub(&start)?)?;
        let (start, now) = (first_channel(&start)?, first_channel(now)?);
        return Ok(Some(Kernels { layer: name.clone(), start, now, difference }));
    }
    Ok(None)
}
