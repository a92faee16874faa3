//! A network with its weights: as a run has trained it, or untrained.

use super::checkpoint::Checkpoint;
use super::config::{Config, read_config};
use super::folder::{self, BEST_WEIGHTS, WEIGHTS};
use super::options::{Architecture, Scale, Seed, path};
use super::weights::load_weights;
use crate::program::machine::device::{self, DeviceChoice};
use anyhow::{Result, ensure};
use clap::Args;
use cnn_tutorial::nn::{self, Module, Stage, all_stages};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tch::{Device, Kind, TchError, Tensor, nn::VarStore};

/// The right to draw from libtorch's generator, which there is once: two networks made at once would share one seed's numbers.
pub fn generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A network on its device.
pub struct Network {
    pub module: Box<dyn Module + Send>,
    /// The module's parameters, by the names that Python's `state_dict` has for them.
    pub vs: VarStore,
    pub scale: Scale,
    pub device: Device,
}

/// Which weights of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// What the training ended with.
    Last,
    /// What had the least validation loss.
    Best,
    /// What a training that was stopped goes on from.
    Checkpoint,
    /// What the seed gives before the training.
    Untrained,
}

impl Network {
    /// A network as the training with this seed begins: its weights are drawn on the CPU and then moved, as in Python.
    pub fn untrained(architecture: Architecture, seed: Seed, scale: Scale, device: Device) -> Result<Self> {
        let _alone = generator();
        tch::manual_seed(seed.bits());
        let vs = VarStore::new(Device::Cpu);
        let module = (architecture.new)(&vs.root())?;
        device::move_variables(&vs, device)?;
        Ok(Self { module, vs, scale, device })
    }

    /// The network of the run in `dir`, of which `config` tells.
    ///
    /// Errors where the run is not finished, or holds weights of another model.
    pub fn open(dir: &Path, config: &Config, weights: Weights, device: Device) -> Result<Self> {
        let options = &config.options;
        if weights == Weights::Last {
            folder::check_finished(dir, &config.data.option())?;
        }
        let network = Self::untrained(options.model, options.seed, options.scale, device)?;
        match weights {
            Weights::Last => load_weights(&network.vs, &dir.join(WEIGHTS))?,
            Weights::Best => {
                let path = dir.join(BEST_WEIGHTS);
                ensure!(
                    path.exists(),
                    "{} is not there: the run ended before its first evaluation, after {} iterations; leave --best out",
                    path.display(),
                    options.eval_every
                );
                load_weights(&network.vs, &path)?;
            }
            Weights::Checkpoint => Checkpoint::load(dir)?.restore_weights(&network.vs)?,
            Weights::Untrained => {}
        }
        Ok(network)
    }

    /// Images of bytes `[N, C, H, W]` as the network was trained to see them, on its device.
    pub fn input(&self, images: &Tensor) -> Result<Tensor, TchError> {
        self.scale.apply(images.f_to_device(self.device)?.f_to_kind(Kind::Float)?)
    }

    /// Images `[N, C, H, W]` of bytes to logits `[N, classes]` on the CPU, 1,000 images at a time.
    pub fn logits(&self, images: &Tensor) -> Result<Tensor, TchError> {
        let _eval = nn::eval();
        let batches = images.f_split(1000, 0)?;
        let logits = batches.iter().map(|images| tch::no_grad(|| nn::forward(&*self.module, &self.input(images)?)));
        Tensor::f_cat(&logits.collect::<Result<Vec<_>, _>>()?, 0)?.f_to_device(Device::Cpu)
    }

    /// What each layer makes of an input `[N, C, H, W]`, from the first to the logits.
    pub fn stages(&self, input: &Tensor) -> Result<Vec<Stage>, TchError> {
        let _eval = nn::eval();
        tch::no_grad(|| all_stages(&*self.module, input))
    }
}

/// `[1, 1, 28, 28]` of the 28x28 bytes of a digit.
pub fn image(pixels: &[u8]) -> Result<Tensor, TchError> {
    Tensor::f_from_slice(pixels)?.f_view([1, 1, 28, 28])
}

/// The run that a command is to use.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Folder of the run [default: the newest finished one in runs/]
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub run: Option<PathBuf>,

    /// Use the weights with the least validation loss, instead of the last ones
    #[arg(long)]
    pub best: bool,

    /// Where to compute: auto, cpu, cuda, cuda:N or mps
    #[arg(long, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,
}

/// A run that was trained, and its network.
pub struct TrainedRun {
    pub dir: PathBuf,
    pub config: Config,
    pub network: Network,
}

impl RunOptions {
    /// Opens the device, and the network of the run that is named, or of the newest finished one.
    pub fn open(&self) -> Result<TrainedRun> {
        let dir = folder::find(self.run.as_deref())?;
        let weights = if self.best { Weights::Best } else { Weights::Last };
        let config = read_config(&dir)?;
        let on_cpu = matches!(self.device, DeviceChoice::Auto | DeviceChoice::Cpu);
        let portable = config.options.portable && on_cpu;
        if portable && let Err(error) = device::open_portable() {
            say!("warning: the digits may be others than where the network was trained: {error:#}");
        }
        let device = device::open(if portable { DeviceChoice::Cpu } else { self.device })?;
        let network = Network::open(&dir, &config, weights, device)?;
        Ok(TrainedRun { dir, config, network })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::run::options::ARCHITECTURES;
    use std::thread;

    #[test]
    fn networks_that_are_made_at_once_have_the_weights_of_their_own_seeds() {
        let weights = |seed: i64| {
            let network = Network::untrained(ARCHITECTURES[0], Seed::Signed(seed), Scale::Raw, Device::Cpu).unwrap();
            let weights = |tensor: Tensor| Vec::<f32>::try_from(tensor.detach().flatten(0, -1)).unwrap();
            cnn_tutorial::nn::named_parameters(&network.vs)
                .into_iter()
                .flat_map(|(_, tensor)| weights(tensor))
                .collect()
        };
        let alone: Vec<Vec<f32>> = (0..4).map(weights).collect();
        thread::scope(|scope| {
            for (seed, alone) in alone.iter().enumerate() {
                scope.spawn(move || (0..50).for_each(|_| assert!(weights(seed as i64) == *alone, "seed {seed}")));
            }
        });
    }
}
