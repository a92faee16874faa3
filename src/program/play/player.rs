//! What the page plays with: runs, their networks once opened, and digits.

use super::answer::{Answer, Num, Sum, answer, rows, sum_at};
use super::runs::{Choice, RunEntry, Weights};
use crate::program::architecture::ARCHITECTURES;
use crate::program::choices::Scale;
use crate::program::cli::PlayOptions;
use crate::program::config::read_config;
use crate::program::data::Source;
use crate::program::device::DeviceChoice;
use crate::program::evaluate::{most_confident_mistakes, test_data};
use crate::program::network::{Network, probabilities};
use crate::program::run;
use anyhow::{Context, Result, bail};
use cnn_tutorial::data::Dataset;
use cnn_tutorial::nn::{Module, Stage, record};
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;
use tch::{Device, Kind, TchError, Tensor, nn::VarStore};

/// Networks and data that were opened stay open: a stroke has to be answered at once.
pub struct Player {
    first: Option<PathBuf>,
    data: Option<Source>,
    networks: HashMap<Choice, Opened>,
    digits: HashMap<String, (Dataset, String)>,
    mistakes: HashMap<Choice, Vec<i64>>,
}

/// An image of the data.
#[derive(Serialize)]
pub struct Digit {
    pixels: Vec<u8>,
    label: i64,
    index: i64,
    /// How many there are to go through, such as mistakes.
    count: usize,
    data: String,
}

/// Those of a network's first convolution, of its first input channel.
#[derive(Serialize)]
pub struct Kernels {
    layer: String,
    kernels: Vec<Vec<Vec<Num>>>,
}

struct Opened {
    model: Box<dyn Module + Send>,
    scale: Scale,
}

impl Player {
    /// Errors where `--run` names a folder that is no run.
    pub fn new(options: &PlayOptions) -> Result<Self> {
        let first = options.run.clone();
        if let Some(dir) = &first {
            Network::open(Some(dir), false, DeviceChoice::Cpu)?;
        }
        let data = options.data.clone();
        Ok(Self { first, data, networks: HashMap::new(), digits: HashMap::new(), mistakes: HashMap::new() })
    }

    /// The runs as they are now, the one to begin with first; where there is none the networks freshly drawn. What was
    /// opened is forgotten: it may have been trained anew.
    pub fn runs(&mut self) -> Vec<RunEntry> {
        self.networks.clear();
        self.mistakes.clear();
        let mut entries: Vec<RunEntry> = self.folders().iter().filter_map(|dir| RunEntry::of(dir)).collect();
        if entries.is_empty() {
            entries.extend(ARCHITECTURES.map(RunEntry::untrained));
        }
        entries
    }

    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = run::finished();
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

    fn opened(&mut self, choice: &Choice) -> Result<&Opened> {
        if !self.networks.contains_key(choice) {
            let opened = self.open(choice)?;
            self.networks.insert(choice.clone(), opened);
        }
        self.networks.get(choice).context("the network was not kept")
    }

    fn open(&self, Choice { run, weights }: &Choice) -> Result<Opened> {
        if *weights != Weights::Untrained {
            let Network { model, config, .. } =
                Network::open(Some(&self.folder(run)?), *weights == Weights::Best, DeviceChoice::Cpu)?;
            return Ok(Opened { model, scale: config.options.scale });
        }
        let (architecture, seed, scale) = match ARCHITECTURES.into_iter().find(|a| a.name == *run) {
            Some(architecture) => (architecture, 0, Scale::Raw),
            None => {
                let options = read_config(&self.folder(run)?)?.options;
                (options.model, options.seed, options.scale)
            }
        };
        tch::manual_seed(seed); // the weights that the run began with
        Ok(Opened { model: (architecture.new)(&VarStore::new(Device::Cpu).root())?, scale })
    }

    fn stages(&mut self, choice: &Choice, seen: &[u8]) -> Result<(Tensor, Vec<Stage>)> {
        let opened = self.opened(choice)?;
        let pixels = Tensor::f_from_slice(seen)?.f_view([1, 1, 28, 28])?;
        let input = opened.scale.apply(pixels.f_to_kind(Kind::Float)?)?;
        let (logits, stages) = tch::no_grad(|| record(|| opened.model.forward(&input)));
        let _ = logits?;
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
        let convolution = stages.into_iter().find_map(|stage| match (stage.frame, stage.parameters) {
            (Some(_), Some([weight, _])) => Some((stage.name, weight)),
            _ => None,
        });
        let (name, weight) = convolution.context("the network has no convolution")?;
        let weight = weight.f_detach()?.f_select(1, 0)?;
        let kernels = (0..weight.size()[0]).map(|kernel| rows(&weight.f_get(kernel)?));
        Ok(Kernels { layer: name, kernels: kernels.collect::<Result<_, _>>()? })
    }

    /// Opens what the run was measured on, or the embedded digits where that is not to be had.
    fn open_digits(&mut self, name: &str) -> Result<()> {
        if self.digits.contains_key(name) {
            return Ok(());
        }
        let of_run = self.folder(name).and_then(|dir| {
            test_data(&Network::open(Some(&dir), false, DeviceChoice::Cpu)?, self.data.as_ref(), false)
        });
        let of_run = of_run.or_else(|error| match &self.data {
            Some(_) => Err(error),
            None => Ok((Source::Digits.load()?, Source::Digits.to_string())),
        });
        self.digits.insert(name.to_owned(), of_run?);
        Ok(())
    }

    fn find_mistakes(&mut self, choice: &Choice) -> Result<()> {
        if self.mistakes.contains_key(choice) {
            return Ok(());
        }
        self.opened(choice)?;
        let (Some(opened), Some((dataset, _))) = (self.networks.get(choice), self.digits.get(&choice.run)) else {
            bail!("the network or its data were not kept")
        };
        let logits = |images: &Tensor| -> Result<Tensor, TchError> {
            tch::no_grad(|| opened.model.forward(&opened.scale.apply(images.f_to_kind(Kind::Float)?)?))
        };
        let batches = dataset.images.f_split(1000, 0)?.iter().map(logits).collect::<Result<Vec<_>, _>>()?;
        let labels = Vec::<i64>::try_from(&dataset.labels)?;
        let mistakes = most_confident_mistakes(&labels, &probabilities(&Tensor::f_cat(&batches, 0)?)?);
        self.mistakes.insert(choice.clone(), mistakes.into_iter().map(|i| i as i64).collect());
        Ok(())
    }

    pub fn digit(&mut self, choice: &Choice, index: u64, mistake: bool, label: Option<i64>) -> Result<Digit> {
        self.open_digits(&choice.run)?;
        if mistake {
            self.find_mistakes(choice)?;
        }
        let (dataset, data) = self.digits.get(&choice.run).context("the data were not kept")?;
        let labels = Vec::<i64>::try_from(&dataset.labels)?;
        let mistakes = self.mistakes.get(choice).filter(|_| mistake);
        let every: Vec<i64> = mistakes.cloned().unwrap_or_else(|| (0..dataset.len()).collect());
        let wanted: Vec<i64> = every.into_iter().filter(|&i| label.is_none_or(|l| labels[i as usize] == l)).collect();
        let count = wanted.len();
        let index = *wanted.get(index.checked_rem(count as u64).unwrap_or(0) as usize).context("there is none")?;
        let pixels = dataset.images.f_get(index)?.f_flatten(0, -1)?.try_into()?;
        Ok(Digit { pixels, label: labels[index as usize], index, count, data: data.clone() })
    }
}
