//! Whether this machine gives the published digits, and where it first does not.

use crate::program::data::{Source, hex};
use crate::program::machine::libtorch;
use crate::program::run::network::Network;
use crate::program::run::options::Options;
use anyhow::{Result, bail};
use cnn_tutorial::nn::{CrossEntropyLoss, stages};
use cnn_tutorial::repr::python_repr;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tch::{Device, TchError, Tensor};

/// What PyTorch gives, written by scripts/portable.py.
const PUBLISHED: &str = include_str!("../../../../assets/portable.json");

#[derive(Deserialize)]
struct Published {
    libtorch: String,
    /// The first steps of each model, by its name.
    steps: BTreeMap<String, Vec<Step>>,
}

/// Digests of what a training step comes to.
#[derive(Debug, Deserialize)]
struct Step {
    /// What each layer gives, in the order of the forward pass.
    outputs: Vec<String>,
    /// In Python's digits.
    loss: String,
    /// By the parameters' names.
    gradients: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

/// Trains a few steps of each published model. Has to come behind `portable::enable`.
///
/// Errors at the first number that is another one, and says which it is.
pub fn gives_published() -> Result<String> {
    let published: Published = serde_json::from_str(PUBLISHED)?;
    let version = libtorch::version_in_use();
    // Other versions may give the same digits, and some do.
    let of_another = if version.split('+').next() == Some(&published.libtorch) {
        String::new()
    } else {
        format!("; they are those of libtorch {}, and this is {version}", published.libtorch)
    };
    for (model, expected) in &published.steps {
        let options = Options::parse(&["--model".into(), model.clone()])?;
        let (found, layers) = steps(&options, expected.len() as i64)?;
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            if let Some(place) = first_difference(found, expected, &layers) {
                bail!(
                    "this machine does not give the published digits: {model}, step {}, {place} is the first that differs{of_another}",
                    i + 1
                );
            }
        }
    }
    Ok("this machine gives the published digits".into())
}

/// Digests of the first steps, each on the next of the embedded digits, and the layers' names.
fn steps(options: &Options, count: i64) -> Result<(Vec<Step>, Vec<String>)> {
    let digits = Source::Digits.load()?;
    let network = Network::untrained(options.model, options.seed, options.scale, Device::Cpu)?;
    let (mut optimizer, batch_size) = (options.optimizer(&network.vs)?, options.batch_size());
    let (mut steps, mut layers) = (Vec::new(), Vec::new());
    for i in 0..count {
        let images = network.input(&digits.images.f_narrow(0, batch_size * i, batch_size)?)?;
        let labels = digits.labels.f_narrow(0, batch_size * i, batch_size)?;
        optimizer.zero_grad()?;
        let (logits, seen) = stages(|| network.module.forward(&images));
        let loss = CrossEntropyLoss.forward(&logits?, &labels)?;
        loss.f_backward()?;
        optimizer.step()?;
        let parameters = network.vs.variables();
        let named = |digest: fn(&Tensor) -> Result<String, TchError>| -> Result<BTreeMap<String, String>, TchError> {
            parameters.iter().map(|(name, parameter)| Ok((name.clone(), digest(parameter)?))).collect()
        };
        layers = seen.iter().map(|stage| stage.name.clone()).collect();
        steps.push(Step {
            outputs: seen.iter().map(|stage| digest(&stage.output)).collect::<Result<_, _>>()?,
            loss: python_repr(f64::try_from(&loss)?),
            gradients: named(|parameter| digest(&parameter.f_grad()?))?,
            parameters: named(digest)?,
        });
    }
    Ok((steps, layers))
}

/// The first 16 digits of the SHA-256 of a tensor's numbers.
fn digest(tensor: &Tensor) -> Result<String, TchError> {
    let numbers = Vec::<f32>::try_from(tensor.f_detach()?.f_flatten(0, -1)?)?;
    let bytes: Vec<u8> = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
    Ok(hex(&Sha256::digest(&bytes)[..8]))
}

/// What differs first as a step is computed: forwards through the layers, backwards through the gradients.
fn first_difference(found: &Step, expected: &Step, layers: &[String]) -> Option<String> {
    let count = found.outputs.len().max(expected.outputs.len());
    if let Some(i) = (0..count).find(|&i| found.outputs.get(i) != expected.outputs.get(i)) {
        return Some(format!("the output of {}", layers.get(i).map_or("a layer that is missing", String::as_str)));
    }
    if found.loss != expected.loss {
        return Some(format!("the loss, {} instead of {},", found.loss, expected.loss));
    }
    let differs = |found: &BTreeMap<String, String>, expected: &BTreeMap<String, String>| {
        expected.iter().rev().find(|(name, digest)| found.get(*name) != Some(*digest)).map(|(name, _)| name.clone())
    };
    let gradient = differs(&found.gradients, &expected.gradients).map(|name| format!("the gradient of {name}"));
    gradient.or_else(|| differs(&found.parameters, &expected.parameters).map(|name| format!("{name} after it")))
}

#[cfg(test)]
mod tests {
    use super::{Published, first_difference};

    #[test]
    fn the_first_difference_is_named_in_the_order_of_computing() {
        let published =
            || serde_json::from_str::<Published>(super::PUBLISHED).unwrap().steps.remove("cnn").unwrap().remove(0);
        let layers: Vec<String> = (1..=published().outputs.len()).map(|i| format!("layer {i}")).collect();
        let (expected, mut found) = (published(), published());
        let difference = |found: &_| first_difference(found, &expected, &layers);
        assert_eq!(difference(&found), None);
        let other = || "0000000000000000".to_owned();
        // From the last to the first, so that each hides what was changed before.
        *found.parameters.get_mut("cnn1.bias").unwrap() = other();
        assert_eq!(difference(&found).unwrap(), "cnn1.bias after it");
        *found.gradients.get_mut("cnn1.weight").unwrap() = other();
        *found.gradients.get_mut("fc1.weight").unwrap() = other();
        assert_eq!(difference(&found).unwrap(), "the gradient of fc1.weight");
        found.loss = "2.5".into();
        assert_eq!(difference(&found).unwrap(), format!("the loss, 2.5 instead of {},", expected.loss));
        found.outputs[3] = other();
        assert_eq!(difference(&found).unwrap(), "the output of layer 4");
        let mut short = published();
        short.outputs.pop();
        assert_eq!(difference(&short).unwrap(), format!("the output of layer {}", expected.outputs.len()));
        let mut few = published();
        few.parameters.remove("cnn1.bias");
        assert_eq!(difference(&few).unwrap(), "cnn1.bias after it");
    }
}
