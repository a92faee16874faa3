//! What `forward` does: which steps it takes, in which order, and what it returns.

use super::attempt;
use super::layers::Layer;
use super::slides::SLIDES;
use super::steps::{STEPS, Step, before, compare, kind};
use anyhow::{Result, bail, ensure};
use cnn_tutorial::nn::{self, Module, Stage};
use std::collections::HashSet;
use tch::nn::VarStore;
use tch::{Kind, TchError, Tensor};

/// How many steps come before each part that is to be written.
const PARTS: [(&str, usize); 4] = [
    ("layers 1 and 2 of forward", 0),
    ("layers 3 and 4 of forward", 3),
    ("layer 5 of forward", 6),
    ("layers 6 and 7 of forward", 8),
];

type Operation = (&'static str, fn(&Tensor) -> Result<Tensor, TchError>);

/// What one may write between the layers instead of a layer, such as `f_tanh()`.
const OPERATIONS: [Operation; 8] = [
    ("Tanh()", Tensor::f_tanh),
    ("AvgPool2d(kernel_size=2, stride=2)", |x| x.f_avg_pool2d([2, 2], [2, 2], 0, false, true, None)),
    ("MaxPool2d(kernel_size=2, stride=2)", |x| x.f_max_pool2d([2, 2], [2, 2], 0, 1, false)),
    ("ReLU()", Tensor::f_relu),
    ("Sigmoid()", Tensor::f_sigmoid),
    ("Softmax()", |x| x.f_softmax(-1, Kind::Float)),
    ("Softmax()", |x| x.f_softmax(0, Kind::Float)),
    ("LogSoftmax()", |x| x.f_log_softmax(-1, Kind::Float)),
];

/// Whether both hold the same numbers in the same order, in whatever shape.
fn is_same(a: &Tensor, b: &Tensor) -> bool {
    let flat = |x: &Tensor| x.f_flatten(0, -1);
    a.numel() == b.numel() && flat(a).and_then(|a| a.f_allclose(&flat(b)?, 1e-5, 1e-6, false)).unwrap_or(false)
}

/// The operations, two at most, that make `to` of `from`.
fn between(from: &Tensor, to: &Tensor, at_most: usize) -> Option<Vec<Step>> {
    if is_same(from, to) {
        return Some(Vec::new());
    }
    let made = || OPERATIONS.iter().filter_map(|(name, operation)| Some((*name, operation(from).ok()?)));
    let step = |name: &str, output: &Tensor| Step { name: name.to_owned(), output: output.shallow_clone() };
    if let Some((name, output)) = made().find(|(_, output)| is_same(output, to)) {
        return Some(vec![step(name, &output)]);
    }
    let more = at_most.checked_sub(1).filter(|more| *more > 0)?;
    made().find_map(|(name, output)| {
        let mut steps = between(&output, to, more)?;
        steps.insert(0, step(name, &output));
        Some(steps)
    })
}

/// Errors with the first step that is wrong or to do.
pub fn check(model: &dyn Module, layers: &[&dyn Layer; 7], vs: &VarStore) -> Result<()> {
    let images = Tensor::f_rand([2, 1, 28, 28], tch::kind::FLOAT_CPU)?;
    // Where something is to do or wrong, the layers up to there.
    let ((result, to_do), stages) = tch::no_grad(|| nn::stages(|| attempt(|| model.forward(&images))));
    let name_of = |stage: &Stage| {
        let weight = stage.parameters.first().map(Tensor::data_ptr);
        let is_its = |layer: &&dyn Layer| layer.weight().map(Tensor::data_ptr) == weight;
        let known = layers.iter().position(|layer| weight.is_some() && is_its(layer));
        known.map_or_else(|| stage.layer.clone(), |i| SLIDES[i].name.to_owned())
    };
    let mut steps: Vec<Step> = Vec::new();
    for stage in &stages {
        let name = name_of(stage);
        let last = steps.last().map_or(&images, |step| &step.output);
        let Some(own) = between(last, &stage.input, 2) else {
            compare(&steps)?;
            let from = steps.iter().rev().find(|step| is_same(&step.output, &stage.input)).map(|step| &*step.name);
            let from = from.or(is_same(&images, &stage.input).then_some("the image"));
            let expected = STEPS.get(steps.len()).filter(|(expected, _)| kind(expected) == name);
            bail!(
                "forward: {} takes {}, and what {} makes is expected. Does its line say `&out`?",
                expected.map_or(&*name, |(expected, _)| expected),
                from.map_or("what none of your layers makes".into(), |from| match from {
                    "the image" => from.to_owned(),
                    _ => format!("what {from} makes"),
                }),
                before(steps.len())
            );
        };
        steps.extend(own);
        steps.push(Step { name, output: stage.output.shallow_clone() });
    }
    if let Ok(result) = &result {
        let last = steps.last().map_or(&images, |step| &step.output);
        match between(last, result, 2) {
            Some(own) => steps.extend(own),
            None => {
                compare(&steps)?;
                bail!("forward: what it returns is not what {} makes. Return its logits.", before(steps.len()));
            }
        }
    }
    compare(&steps)?;
    for ((name, shape), _) in STEPS.iter().zip(&steps) {
        println!("{:<10} right: {name} makes {shape:?} of an image", "forward:");
    }
    let expected = STEPS.get(steps.len());
    if let Some(part) = to_do.first() {
        let due = PARTS.iter().find(|(name, _)| name == part).map_or(0, |(_, steps)| *steps);
        // An f_tanh shows only in the step after it.
        let left = STEPS.get(steps.len()..due).unwrap_or_default();
        if let Some((name, _)) = left.iter().find(|(name, _)| kind(name) != "Tanh()") {
            bail!("forward: after {} {name} is missing. Use it as the other layers.", before(steps.len()));
        }
        let names: Vec<_> = STEPS[due..PARTS.iter().map(|(_, steps)| *steps).find(|steps| *steps > due).unwrap_or(11)]
            .iter()
            .map(|(name, _)| *name)
            .collect();
        bail!("Next: {part}. Use {} there, in the place of the `to_do`, and run this again.", names.join(", "));
    }
    let logits = match (result, expected) {
        (Ok(logits), None) => logits,
        (Ok(_), Some((name, _))) => bail!("forward: it ends after {}, and {name} is missing.", before(steps.len())),
        (Err(error), _) => bail!("{}", failure(&error.to_string(), &steps)),
    };
    ensure!(
        logits.size() == [2, 10],
        "forward: of 2 images it makes {:?}, and [2, 10] is expected: ten logits for each.",
        logits.size()
    );
    is_all_used(&stages, vs)
}

/// A line of forward that libtorch, or Rust, does not run.
fn failure(error: &str, steps: &[Step]) -> String {
    let prev = before(steps.len());
    let named = SLIDES.iter().find(|slide| error.starts_with(&format!("{}, ", slide.name))).map(|slide| slide.name);
    let expected = STEPS.get(steps.len()).map(|(name, _)| *name);
    let takes = error.split_once("cannot take an input of ").and_then(|(_, rest)| rest.split_once(": "));
    match (named, expected, takes) {
        (Some("fc1"), Some("fc1"), Some((shape, _))) => format!(
            "forward: fc1 is given {shape}, and [2, 120] is expected for 2 images. conv3 makes [N, 120, 1, 1]: 120 maps of 1x1. \
             A fully connected layer takes a row of numbers for each image, [N, 120]. `examples/tutorial.rs` shows under \
             \"Flatten\" how the maps become a row."
        ),
        (Some(named), Some(expected), _) if named != expected && SLIDES.iter().any(|slide| slide.name == named) => {
            format!(
                "forward: after {prev} comes {named}, and {expected} is expected. {named} cannot take what {prev} makes. libtorch \
             says: {error}"
            )
        }
        (_, Some(expected), _) => format!(
            "forward: it fails after {prev}, where {expected} is expected. The reason is: {error}. (Methods of Tensor that \
             begin with f_, such as f_flatten, return an error instead of a panic.)"
        ),
        (_, None, _) => format!("forward: all layers are there, but it fails after fc2. The reason is: {error}"),
    }
}

/// Errors where `new` makes weights that no layer in forward has.
fn is_all_used(stages: &[Stage], vs: &VarStore) -> Result<()> {
    let used: HashSet<_> = stages.iter().flat_map(|stage| &stage.parameters).map(Tensor::data_ptr).collect();
    let variables = vs.variables();
    let unused =
        variables.iter().filter(|(_, variable)| !used.contains(&variable.data_ptr())).map(|(name, _)| name).min();
    if let Some(name) = unused {
        bail!("new: it makes {name}, which forward uses nowhere. LeNet-5 has five layers with weights: take it out.");
    }
    println!("parameters: {}", variables.values().map(Tensor::numel).sum::<usize>());
    Ok(())
}
