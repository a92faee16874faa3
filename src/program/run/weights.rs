//! Weights to a file and from one.

use crate::program::files;
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use tch::{Kind, TchError, Tensor, nn::VarStore};

/// The largest file of weights, in bytes.
pub const LARGEST: u64 = 1 << 30;

/// What wraps a network in Python puts before its keys, and the wrapper.
const WRAPPERS: [(&str, &str); 2] = [("module.", "torch.nn.DataParallel"), ("_orig_mod.", "torch.compile")];

/// Writes tensors by their names to a safetensors file, in PyTorch's usual format: it has no other.
pub fn write_tensors(tensors: impl IntoIterator<Item = (String, Tensor)>, path: &Path) -> Result<()> {
    let contiguous = |(name, tensor): (String, Tensor)| Ok((name, tensor.f_contiguous()?));
    let tensors = tensors.into_iter().map(contiguous).collect::<Result<Vec<_>, TchError>>()?;
    Ok(Tensor::write_safetensors(&tensors, path)?)
}

/// Sets every variable of `vs` to the value it has in a safetensors file, which has to hold them all, as finite
/// floating-point numbers, batch norm's count of batches as a whole number, and no others.
pub fn load_weights(vs: &VarStore, path: &Path) -> Result<()> {
    let name = path.display().to_string();
    let unreadable = || {
        format!(
            "{name} cannot be read: expected weights as a run leaves them when it is finished, in safetensors format"
        )
    };
    files::open(path, LARGEST).with_context(unreadable)?;
    let weights = Tensor::read_safetensors(path).with_context(unreadable)?;
    let weights = weights.into_iter().collect();
    set_weights(vs, &weights, &name)?;
    check_finite(&weights, &name)
}

/// Errors where a number is infinite or none.
pub fn check_finite(weights: &HashMap<String, Tensor>, name: &str) -> Result<()> {
    match not_finite(weights)? {
        Some(key) => {
            bail!("{name}: {key} holds a number that is not finite: the training had failed before it was written")
        }
        None => Ok(()),
    }
}

/// The first of the names whose tensor holds a number that is infinite or none.
pub fn not_finite(weights: &HashMap<String, Tensor>) -> Result<Option<&str>, TchError> {
    for (key, value) in BTreeMap::from_iter(weights) {
        if !bool::try_from(value.f_isfinite()?.f_all()?)? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// Sets every variable of `vs`; `name` stands for the origin of `weights` in errors.
pub fn set_weights(vs: &VarStore, weights: &HashMap<String, Tensor>, name: &str) -> Result<()> {
    // In the order of their names, which is the same each time: the same file gets the same message.
    let variables: BTreeMap<_, _> = vs.variables().into_iter().collect();
    check_keys(&variables, weights, name)?;
    for (key, mut variable) in variables {
        let value = weights.get(&key).with_context(|| format!("{name} lacks {key}"))?;
        ensure!(
            value.size() == variable.size(),
            "{name}: expected {key} of shape {:?}, found {:?}: the weights belong to another model",
            variable.size(),
            value.size()
        );
        let (kind, floats) = (value.f_kind()?, [Kind::Float, Kind::Double, Kind::Half, Kind::BFloat16]);
        if variable.f_kind()? == Kind::Int64 {
            ensure!(kind == Kind::Int64, "{name}: expected {key} in whole numbers (Int64), found {kind:?}");
        } else {
            ensure!(floats.contains(&kind), "{name}: expected {key} in floating-point numbers, found {kind:?}");
        }
        tch::no_grad(|| variable.f_copy_(value))?;
    }
    Ok(())
}

/// The tensors whose names begin with `prefix`, without it.
pub fn part(tensors: &HashMap<String, Tensor>, prefix: &str) -> HashMap<String, Tensor> {
    let named = tensors.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)));
    named.map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone())).collect()
}

/// Errors where the file does not hold what the network has, each and nothing else.
fn check_keys(variables: &BTreeMap<String, Tensor>, weights: &HashMap<String, Tensor>, name: &str) -> Result<()> {
    let missing: Vec<_> = variables.keys().filter(|key| !weights.contains_key(*key)).map(String::as_str).collect();
    let mut surplus: Vec<_> = weights.keys().filter(|key| !variables.contains_key(*key)).map(String::as_str).collect();
    surplus.sort_unstable();
    for (prefix, wrapper) in WRAPPERS {
        if !surplus.is_empty() && weights.keys().all(|key| key.starts_with(prefix)) {
            bail!(
                "{name}: every key begins with {prefix}, which {wrapper} puts before it: save the network inside, \
                 model.{prefix}state_dict()"
            );
        }
    }
    let mut differences = Vec::new();
    if !missing.is_empty() {
        differences.push(format!("it lacks {}", missing.join(", ")));
    }
    if !surplus.is_empty() {
        differences.push(format!("it holds {}, which the network does not have", surplus.join(", ")));
    }
    ensure!(differences.is_empty(), "{name}: the weights belong to another model: {}", differences.join("; "));
    Ok(())
}
