//! What the page plays with: runs, their networks once opened, and digits.

use super::answer::{Answer, Num, Sum, answer, rows, sum_at};
use super::runs::{Choice, RunEntry};
use crate::program::data::Source;
use crate::program::run::config::{Config, read_config};
use crate::program::run::folder;
use crate::program::run::network::{self, Network, Weights, most_confident_mistakes, probabilities};
use crate::program::run::options::{ARCHITECTURES, Scale, Seed};
use anyhow::{Context, Result, bail};
use cnn_tutorial::data::Dataset;
use cnn_tutorial::nn::{LayerKind, Stage};
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tch::{Device, Tensor};

/// Networks and data that were opened stay open: a stroke has to be answered at once.
pub struct Player {
    first: Option<PathBuf>,
    data: Option<Source>,
    networks: HashMap<Choice, Network>,
    /// The data of each run, and what they are in words.
    examples: HashMap<String, (Dataset, String)>,
    mistakes: HashMap<Choice, Vec<i64>>,
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

/// What the run in `dir` was trained with. Errors where that was no digits: the page has no other pictures.
fn digits_config(dir: &Path) -> Result<Config> {
    let config = read_config(dir)?;
    config.check_digits(dir, "play")?;
    Ok(config)
}

impl Player {
    /// `first` is the folder of the run to begin with. Errors where it is no run, or one that knows no digits.
    pub fn new(first: Option<PathBuf>, data: Option<Source>) -> Result<Self> {
        if let Some(dir) = &first {
            Network::open(dir, &digits_config(dir)?, Weights::Last, Device::Cpu)?;
        }
        Ok(Self { first, data, networks: HashMap::new(), examples: HashMap::new(), mistakes: HashMap::new() })
    }

    /// The runs as they are now, the one to begin with first; where there is none, untrained networks. What was opened is
    /// forgotten: it may have been trained anew.
    pub fn runs(&mut self) -> Vec<RunEntry> {
        self.networks.clear();
        self.examples.clear();
        self.mistakes.clear();
        let mut entries: Vec<RunEntry> = self.folders().iter().filter_map(|dir| RunEntry::of(dir)).collect();
        if entries.is_empty() {
            entries.extend(ARCHITECTURES.iter().copied().map(RunEntry::untrained));
        }
        entries
    }

    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = folder::finished();
        if let Some(first) = &self.first {
            folders.retain(|dir| dir != first);
            folders.insert(0, first.clone());
        }
        folders
    }

    /// The folder of the run that `name` stands for. No path is made of `name`: it is looked for in the list.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        let found = self.folders().into_iter().find(|dir| dir.display().to_string() == name);
        found.with_context(|| format!("there is no run {name:?}: load the page anew"))
    }

    fn network(&mut self, choice: &Choice) -> Result<&Network> {
        if !self.networks.contains_key(choice) {
            let network = self.open(choice)?;
            self.networks.insert(choice.clone(), network);
        }
        self.networks.get(choice).context("the network was not kept")
    }

    fn open(&self, Choice { run, weights }: &Choice) -> Result<Network> {
        let architecture = ARCHITECTURES.iter().copied().find(|architecture| architecture.name == *run);
        if let (Some(architecture), Weights::Untrained) = (architecture, weights) {
            return Network::untrained(architecture, Seed::default(), Scale::Raw, Device::Cpu);
        }
        let dir = self.folder(run)?;
        Network::open(&dir, &digits_config(&dir)?, *weights, Device::Cpu)
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

    /// Opens what the run was measured on, or the embedded digits where that is not to be had.
    fn open_examples(&mut self, run: &str) -> Result<()> {
        if self.examples.contains_key(run) {
            return Ok(());
        }
        let of_run = self.folder(run).and_then(|dir| digits_config(&dir)?.test_data(&dir, self.data.as_ref(), false));
        let of_run = of_run.or_else(|error| match &self.data {
            Some(_) => Err(error),
            None => Ok((Source::Digits.load()?, Source::Digits.to_string())),
        });
        self.examples.insert(run.to_owned(), of_run?);
        Ok(())
    }

    fn find_mistakes(&mut self, choice: &Choice) -> Result<()> {
        if self.mistakes.contains_key(choice) {
            return Ok(());
        }
        self.network(choice)?;
        let (Some(network), Some((dataset, _))) = (self.networks.get(choice), self.examples.get(&choice.run)) else {
            bail!("the network or its data were not kept")
        };
        let labels = Vec::<i64>::try_from(&dataset.labels)?;
        let mistakes = most_confident_mistakes(&labels, &probabilities(&network.logits(&dataset.images)?)?);
        self.mistakes.insert(choice.clone(), mistakes.into_iter().map(|i| i as i64).collect());
        Ok(())
    }

    pub fn digit(&mut self, choice: &Choice, index: u64, mistake: bool, label: Option<i64>) -> Result<Example> {
        self.open_examples(&choice.run)?;
        if mistake {
            self.find_mistakes(choice)?;
        }
        let (dataset, data) = self.examples.get(&choice.run).context("the data were not kept")?;
        let labels = Vec::<i64>::try_from(&dataset.labels)?;
        let mistakes = self.mistakes.get(choice).filter(|_| mistake);
        let every: Vec<i64> = mistakes.cloned().unwrap_or_else(|| (0..dataset.len()).collect());
        let wanted: Vec<i64> = every.into_iter().filter(|&i| label.is_none_or(|l| labels[i as usize] == l)).collect();
        let count = wanted.len();
        let index = *wanted.get(index.checked_rem(count as u64).unwrap_or(0) as usize).context("there is none")?;
        let pixels = dataset.images.f_get(index)?.f_flatten(0, -1)?.try_into()?;
        Ok(Example { pixels, label: labels[index as usize], index, count, data: data.clone() })
    }
}
