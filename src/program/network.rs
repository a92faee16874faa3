//! A run's network, for what comes after training.

use super::config::{Config, read_config};
use super::device::{self, DeviceChoice};
use super::run;
use super::weights::load_weights;
use anyhow::Result;
use cnn_tutorial::nn::Module;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, TchError, Tensor, nn::VarStore};

/// The network of a run with its trained weights.
pub struct Network {
    pub dir: PathBuf,
    pub config: Config,
    pub model: Box<dyn Module + Send>,
    pub device: Device,
}

impl Network {
    /// That of the run in `dir`, or of the newest run; with its last weights or, of `best`, those of the least
    /// validation loss.
    ///
    /// Errors where the device does not work, the folder is no run or not finished, or holds weights of another model.
    pub fn open(dir: Option<&Path>, best: bool, device: DeviceChoice) -> Result<Self> {
        let device = device::open(device)?;
        let dir = run::find(dir)?;
        let config = read_config(&dir)?;
        let vs = VarStore::new(Device::Cpu);
        let model = (config.options.model.new)(&vs.root())?;
        load_weights(&vs, &dir.join(if best { run::BEST_WEIGHTS } else { run::WEIGHTS }))?;
        device::move_variables(&vs, device)?;
        Ok(Self { dir, config, model, device })
    }

    /// Images of bytes `[N, 1, 28, 28]` as the network was trained to see them, on its device.
    pub fn input(&self, images: &Tensor) -> Result<Tensor, TchError> {
        self.config.options.scale.apply(images.f_to_device(self.device)?.f_to_kind(Kind::Float)?)
    }

    /// Images `[N, 1, 28, 28]` of bytes to logits `[N, 10]` on the CPU, 1,000 images at a time.
    pub fn logits(&self, images: &Tensor) -> Result<Tensor, TchError> {
        let batches = images.f_split(1000, 0)?;
        let logits = batches.iter().map(|images| tch::no_grad(|| self.model.forward(&self.input(images)?)));
        Tensor::f_cat(&logits.collect::<Result<Vec<_>, _>>()?, 0)?.f_to_device(Device::Cpu)
    }
}

/// The probabilities of each class, image after image, and the likeliest class.
pub fn probabilities(logits: &Tensor) -> Result<Vec<(Vec<f32>, usize)>, TchError> {
    let rows = Vec::<Vec<f32>>::try_from(logits.f_softmax(1, Kind::Float)?)?;
    let (_, predicted) = logits.f_max_dim(1, false)?;
    let predicted = Vec::<i64>::try_from(predicted)?;
    Ok(rows.into_iter().zip(predicted).map(|(row, class)| (row, class as usize)).collect())
}
