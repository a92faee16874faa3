//! What the page is told of a training, several times a second.

use super::super::answer::{Answer, Num, answer, maps};
use super::told::{Begun, Moment, Told};
use super::{Trainer, Training};
use crate::program::run::config::{Config, read_config};
use crate::program::run::metrics::Row;
use crate::program::run::network::{self, Network, most_confident_mistakes, probabilities};
use crate::program::run::weights::set_weights;
use anyhow::{Context, Result, bail};
use cnn_tutorial::nn::{LayerKind, Stage};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tch::{Device, Tensor};

/// The most points of a curve that are told at once.
const MOST_POINTS: usize = 3000;
/// The most mistakes that are shown.
const MOST_MISTAKES: usize = 24;

/// What the page has already.
#[derive(Deserialize)]
pub struct Known {
    /// Of which training.
    training: u64,
    losses: usize,
    rows: usize,
    lines: usize,
    /// After how many iterations the network is to be shown; without it, as it is now.
    moment: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Phase {
    Starting,
    Running,
    Paused,
    Ending,
    Finished,
    Stopped,
    Failed,
}

/// Where the training stands, and what is new.
#[derive(Serialize)]
pub struct Update {
    training: u64,
    phase: Phase,
    /// What it has said last, and what went wrong.
    said: String,
    error: Option<String>,
    run: Option<String>,
    model: &'static str,
    epochs: u64,
    iterations: u64,
    batches: u64,
    iteration: u64,
    lr: f64,
    lr_from: Vec<String>,
    /// Whether the learning rate may be changed: a schedule has its own.
    lr_may_change: bool,
    /// Iteration and loss of what is new, and how many losses the page has with these.
    losses: Vec<(u64, Num)>,
    losses_known: usize,
    rows: Vec<(u64, Num, Num)>,
    lines: Vec<String>,
    /// After how many iterations there are moments to look back at.
    moments: Vec<u64>,
    /// Of which iteration a single step is at hand.
    step: Option<u64>,
    shown: Option<Shown>,
    /// Milliseconds until the page should look again.
    pace: u64,
}

/// The network at a moment.
#[derive(Serialize)]
struct Shown {
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
    /// What is new since `known`, and what the network makes of the pixels `seen`. Nothing where no training was started.
    pub fn update(&mut self, known: &Known, seen: Vec<u8>, pace: u64) -> Result<Option<Update>> {
        let started = self.started;
        let Some(training) = &mut self.training else { return Ok(None) };
        let anew = known.training != started;
        let count = |known: usize| if anew { 0 } else { known };
        let phase = training.phase()?;
        let shown = training.shown(if anew { None } else { known.moment }, seen)?;
        let told = training.told();
        let Begun { epochs, iterations, batches, .. } = told.begun_or_nothing();
        let losses = told.losses.get(count(known.losses)..).unwrap_or_default();
        let every = losses.len().div_ceil(MOST_POINTS).max(1);
        let first = told.losses.len() - losses.len();
        let losses = losses.iter().enumerate().skip(every - 1).step_by(every);
        let rows = told.rows.get(count(known.rows)..).unwrap_or_default().iter();
        Ok(Some(Update {
            training: started,
            phase,
            said: told.said.clone(),
            error: told.error.clone(),
            run: told.begun.as_ref().map(|begun| begun.dir.display().to_string()),
            model: training.options.model.title,
            epochs,
            iterations,
            batches,
            iteration: told.iteration,
            lr: told.lr,
            lr_from: told.lr_from.iter().map(ToString::to_string).collect(),
            lr_may_change: training.options.has_one_lr(),
            losses: losses.map(|(i, &loss)| ((first + i + 1) as u64, loss.into())).collect(),
            losses_known: told.losses.len(),
            rows: rows.map(told_row).collect(),
            lines: told.lines.get(count(known.lines)..).unwrap_or_default().to_vec(),
            moments: told.moments.iter().map(|moment| moment.iteration).collect(),
            step: told.step.as_ref().map(|step| step.iteration),
            shown,
            pace,
        }))
    }

    /// What the network of a moment gets wrong of the images that the training is validated on.
    pub fn mistakes(&mut self, moment: Option<u64>) -> Result<Mistakes> {
        let training = self.training()?;
        let config = training.config()?;
        let weights = training.weights(moment)?.context("the training has not begun")?;
        if let Some(known) = training.mistakes.as_ref().filter(|known| known.iteration == weights.iteration) {
            return Ok(known.clone());
        }
        if training.examples.is_none() {
            let dir = training.told().begun_or_nothing().dir;
            config.check_digits(&dir, "this page")?;
            training.examples = Some(config.test_data(&dir, Some(&config.data), true)?.0);
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
}

pub fn told_row(row: &Row) -> (u64, Num, Num) {
    (row.iteration, (row.loss as f32).into(), (row.accuracy as f32).into())
}

impl Told {
    pub fn begun_or_nothing(&self) -> Begun {
        self.begun.clone().unwrap_or(Begun { dir: "".into(), epochs: 0, iterations: 0, batches: 0 })
    }
}

impl Training {
    fn phase(&mut self) -> Result<Phase> {
        let status = self.status()?;
        let told = self.told();
        Ok(match status.map(|status| status.code()) {
            Some(Some(0)) => Phase::Finished,
            // What ends a training early, as the program's exit code tells it.
            Some(Some(code)) if code >= 128 && told.error.is_none() => Phase::Stopped,
            Some(_) => Phase::Failed,
            None if self.orders.is_none() => Phase::Ending,
            None if told.begun.is_none() || told.latest.is_none() => Phase::Starting,
            None if told.paused => Phase::Paused,
            None => Phase::Running,
        })
    }

    /// What `config.json` tells of the run.
    pub fn config(&self) -> Result<Config> {
        let begun = self.told().begun.clone();
        read_config(&begun.context("the training has not begun")?.dir)
    }

    /// The weights of a moment, where there is one already.
    fn weights(&self, moment: Option<u64>) -> Result<Option<Moment>> {
        Ok(self.told().moment(moment).map(Moment::share))
    }

    fn set_network(&mut self, moment: &Moment) -> Result<()> {
        if self.network.is_none() {
            let options = &self.options;
            self.network = Some(Network::untrained(options.model, options.seed, options.scale, Device::Cpu)?);
        }
        let network = self.network.as_ref().context("there is no network")?;
        if self.set_to != Some(moment.iteration) {
            set_weights(&network.vs, moment.share().weights, "the training")?;
            self.set_to = Some(moment.iteration);
        }
        Ok(())
    }

    fn shown(&mut self, moment: Option<u64>, seen: Vec<u8>) -> Result<Option<Shown>> {
        let Some(moment) = self.weights(moment)? else { return Ok(None) };
        self.set_network(&moment)?;
        let network = self.network.as_ref().context("there is no network")?;
        let input = network.input(&network::image(&seen)?)?;
        // Images of another size do not fit the network, and then there is no answer.
        let Ok(stages) = network.stages(&input) else {
            return Ok(Some(Shown { iteration: moment.iteration, answer: None, kernels: None }));
        };
        let start = self.told().moments.first().map(Moment::share);
        let kernels = start.and_then(|start| kernels(&stages, &start.weights).transpose()).transpose()?;
        let answer = Some(answer(seen, &input, &stages)?);
        Ok(Some(Shown { iteration: moment.iteration, answer, kernels }))
    }
}

fn kernels(stages: &[Stage], start: &HashMap<String, Tensor>) -> Result<Option<Kernels>> {
    let convolution = stages.iter().find_map(|stage| match (stage.kind, &stage.parameters) {
        (LayerKind::Conv2d(_), Some([weight, _])) => Some((&stage.name, weight)),
        _ => None,
    });
    let Some((name, now)) = convolution else { return Ok(None) };
    let Some(start) = start.get(&format!("{name}.weight")) else { return Ok(None) };
    let first_channel = |weight: &Tensor| -> Result<Vec<_>> { Ok(maps(&weight.f_detach()?.f_select(1, 0)?)?) };
    let difference = first_channel(&now.f_detach()?.f_sub(start)?)?;
    Ok(Some(Kernels { layer: name.clone(), start: first_channel(start)?, now: first_channel(now)?, difference }))
}
