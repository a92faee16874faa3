//! Weights from a file, and a run's network for what comes after training.

use crate::cli::RunOptions;
use crate::data::Scale;
use crate::models::Model;
use crate::run::{self, Config};
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, TchError, Tensor, nn};

/// The network of a run with its trained weights, on the CPU.
pub struct Trained {
    pub dir: PathBuf,
    pub config: Config,
    pub model: Box<dyn Model>,
    pub scale: Scale,
}

impl Trained {
    /// Errors where the folder is no run, is not finished, or holds weights of another model.
    pub fn open(options: &RunOptions) -> Result<Self> {
        let dir = run::find(options.run.as_ref().and_then(|dir| dir.as_deref()))?;
        let config = run::read_config(&dir)?;
        let vs = nn::VarStore::new(Device::Cpu);
        let model = config.options.model.build(&vs.root())?;
        load_weights(&vs, &dir.join(if options.best { run::BEST_WEIGHTS } else { run::WEIGHTS }))?;
        Ok(Self { dir, scale: config.options.scale, config, model })
    }

    /// Images `[N, 1, 28, 28]` of bytes to logits `[N, 10]`, 1,000 images at a time.
    pub fn logits(&self, images: &Tensor) -> Result<Tensor, TchError> {
        let batches = images.f_split(1000, 0)?;
        let logits = batches.iter().map(|images| tch::no_grad(|| self.model.forward(&self.scale.apply(images)?)));
        Tensor::f_cat(&logits.collect::<Result<Vec<_>, _>>()?, 0)
    }
}

/// The probabilities of each class, image after image, and the likeliest class.
pub fn probabilities(logits: &Tensor) -> Result<Vec<(Vec<f32>, usize)>, TchError> {
    let rows = Vec::<Vec<f32>>::try_from(logits.f_softmax(1, Kind::Float)?)?;
    let (_, predicted) = logits.f_max_dim(1, false)?;
    let predicted = Vec::<i64>::try_from(predicted)?;
    Ok(rows.into_iter().zip(predicted).map(|(row, class)| (row, class as usize)).collect())
}

/// Sets every variable of `vs` to the value it has in a safetensors file, which has to hold them all and no others.
pub fn load_weights(vs: &nn::VarStore, path: &Path) -> Result<()> {
    let name = path.display().to_string();
    let weights = Tensor::read_safetensors(path).with_context(|| {
        format!(
            "{name} cannot be read: expected weights as a run leaves them when it is finished, in safetensors format"
        )
    })?;
    set_weights(vs, weights.into_iter().collect(), &name)
}

/// Sets every variable of `vs`; `name` stands for the origin of `weights` in errors.
pub fn set_weights(vs: &nn::VarStore, mut weights: HashMap<String, Tensor>, name: &str) -> Result<()> {
    for (key, mut variable) in vs.variables() {
        let value = weights
            .remove(&key)
            .with_context(|| format!("{name} does not hold {key}: the weights are of another model"))?;
        ensure!(
            value.size() == variable.size(),
            "{name}: expected {key} of shape {:?}, found {:?}: the weights are of another model",
            variable.size(),
            value.size()
        );
        tch::no_grad(|| variable.f_copy_(&value))?;
    }
    if let Some(surplus) = weights.keys().min() {
        bail!("{name} holds {surplus}, which the network does not have: the weights are of another model");
    }
    Ok(())
}
