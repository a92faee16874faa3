//! What a forward pass computes between its layers, where nothing passes through a hook.

use super::seen::{Identity, seen};
use super::{LayerKind, Module, Stage, forward, stages};
use tch::{TchError, Tensor};

/// The layers' parts in the forward pass of `model` for `xs`, in order, so that each takes what the one before gives, flattened or
/// not. What the pass itself computes before, between and after its layers, such as `out + xs`, is a part of its own, `forward1`
/// and so on, and so is what a layer is given of an earlier one. The last gives what the network gives.
///
/// `xs` and the weights are in PyTorch's usual layout. The pass is given a copy of `xs`. Errors where the pass does.
pub fn all_stages(model: &dyn Module, xs: &Tensor) -> Result<Vec<Stage>, TchError> {
    let xs = xs.f_detach_copy()?; // the pass may change it in place
    let first = seen(&xs)?;
    let (result, stages) = stages(|| forward(model, &xs));
    let (output, end) = seen(&result?)?;
    let mut all = Vec::new();
    for stage in stages {
        let given = &stage.identities[0];
        if !last(&all, &first).1.is_flattened(given)? {
            all.push(between(&all, &first, &stage.input, given)?);
        }
        all.push(stage);
    }
    if !last(&all, &first).1.is(&end)? {
        all.push(between(&all, &first, &output, &end)?);
    }
    Ok(all)
}

/// What the last of `all` gives, or where there is none what the network is given.
fn last<'a>(all: &'a [Stage], first: &'a (Tensor, Identity)) -> (&'a Tensor, &'a Identity) {
    all.last().map_or((&first.0, &first.1), |stage| (&stage.output, &stage.identities[1]))
}

/// The part after `all` that gives `output`.
fn between(all: &[Stage], first: &(Tensor, Identity), output: &Tensor, identity: &Identity) -> Result<Stage, TchError> {
    let (input, given) = last(all, first);
    let mut layer = "computed in forward()".to_owned();
    let earlier = all.iter().map(|stage| (&*stage.name, &stage.identities[1]));
    for (name, gives) in [("input", &first.1)].into_iter().chain(earlier) {
        if gives.is_flattened(identity)? {
            layer = format!("{name}, {}", if gives.is_flattened(given)? { "reshaped" } else { "again" });
        }
    }
    Ok(Stage {
        name: format!("forward{}", 1 + all.iter().filter(|stage| stage.kind == LayerKind::Forward).count()),
        kind: LayerKind::Forward,
        layer,
        input: input.shallow_clone(),
        output: output.shallow_clone(),
        parameters: Vec::new(),
        identities: [given.shallow_clone(), identity.shallow_clone()],
    })
}
