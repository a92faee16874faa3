//! Weights from a file.

use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::path::Path;
use tch::{Kind, Tensor, nn::VarStore};

/// Sets every variable of `vs` to the value it has in a safetensors file, which has to hold them all, as finite
/// floating-point numbers, batch norm's count of batches as a whole number, and no others.
pub fn load_weights(vs: &VarStore, path: &Path) -> Result<()> {
    let name = path.display().to_string();
    let weights = Tensor::read_safetensors(path).with_context(|| {
        format!(
            "{name} cannot be read: expected weights as a run leaves them when it is finished, in safetensors format"
        )
    })?;
    set_weights(vs, weights.into_iter().collect(), &name)
}

/// Sets every variable of `vs`; `name` stands for the origin of `weights` in errors.
pub fn set_weights(vs: &VarStore, mut weights: HashMap<String, Tensor>, name: &str) -> Result<()> {
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
        let (kind, floats) = (value.f_kind()?, [Kind::Float, Kind::Double, Kind::Half, Kind::BFloat16]);
        if variable.f_kind()? == Kind::Int64 {
            ensure!(kind == Kind::Int64, "{name}: expected {key} in whole numbers (Int64), found {kind:?}");
        } else {
            ensure!(floats.contains(&kind), "{name}: expected {key} in floating-point numbers, found {kind:?}");
        }
        let finite = bool::try_from(value.f_isfinite()?.f_all()?)?;
        ensure!(
            finite,
            "{name}: {key} holds a number that is not finite: the training had failed before it was written"
        );
        tch::no_grad(|| variable.f_copy_(&value))?;
    }
    if let Some(surplus) = weights.keys().min() {
        bail!("{name} holds {surplus}, which the network does not have: the weights are of another model");
    }
    Ok(())
}
