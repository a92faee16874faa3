//! What `new` makes: each layer by itself, as soon as it is written.

use super::slides::{SLIDES, Slide};
use super::{ToDo, attempt};
use anyhow::{Context, Result, anyhow, bail, ensure};
use cnn_tutorial::nn;
use std::fmt::Display;
use tch::nn::{Path, VarStore};
use tch::{Device, TchError, Tensor};

/// A layer that is to be written.
pub trait Layer: Display {
    /// Where it learns.
    fn weight(&self) -> Option<&Tensor> {
        None
    }
}

impl Layer for nn::Conv2d {
    fn weight(&self) -> Option<&Tensor> {
        Some(&self.weight)
    }
}

impl Layer for nn::Linear {
    fn weight(&self) -> Option<&Tensor> {
        Some(&self.weight)
    }
}

impl Layer for nn::AvgPool2d {}
impl Layer for nn::MaxPool2d {}
impl Layer for nn::LPPool2d {}

impl ToDo for nn::Conv2d {
    fn stand_in() -> Self {
        Self::new(VarStore::new(Device::Cpu).root(), 1, 1, 1).expect("a layer of two numbers")
    }
}

impl ToDo for nn::Linear {
    fn stand_in() -> Self {
        Self::new(VarStore::new(Device::Cpu).root(), 1, 1).expect("a layer of two numbers")
    }
}

impl ToDo for nn::AvgPool2d {
    fn stand_in() -> Self {
        Self::new(1)
    }
}

impl ToDo for nn::MaxPool2d {
    fn stand_in() -> Self {
        Self::new(1)
    }
}

/// The arguments of a layer by their names, of `Conv2d(1, 6, kernel_size=5, stride=1, padding=2)`.
fn arguments(layer: &str) -> Vec<(&str, &str)> {
    let inside = layer.split_once('(').map_or("", |(_, rest)| rest.strip_suffix(')').unwrap_or(rest));
    // A pair such as `kernel_size=(5, 3)` is one argument.
    let mut depth = 0;
    let parts = inside.split(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    let mut names = ["in_channels", "out_channels"].into_iter();
    parts
        .map(str::trim)
        .map(|part| part.split_once('=').unwrap_or_else(|| (names.next().unwrap_or_default(), part)))
        .collect()
}

impl Slide {
    /// What is wrong with `found`, and why.
    fn compare(&self, found: &str) -> Result<()> {
        let Self { name, layer, .. } = self;
        let kind = |layer: &str| layer.split('(').next().unwrap_or_default().to_owned();
        match (kind(found), kind(layer)) {
            (found, expected) if found == expected => {}
            (found, expected) if expected == "AvgPool2d" => bail!(
                "{name}: it is of kind {found}, and {expected} is expected. The slide says average pooling: LeNet-5 takes \
                 the mean of each frame. The type of the field has to be nn::{expected}, too."
            ),
            (found, expected) => bail!("{name}: it is of kind {found}, and {expected} is expected."),
        }
        let different =
            arguments(found).into_iter().zip(arguments(layer)).filter(|(found, expected)| found != expected);
        let told: Vec<_> = different
            .map(|((argument, found), (_, expected))| {
                let why = match (*name, argument, found) {
                    ("fc2", "out_features", "120") => {
                        "The slide says 120, which is a misprint: the network has one output for each class, and digits \
                         have 10. They are the argument n_classes."
                    }
                    _ => self.why.iter().find(|(name, _)| *name == argument).map_or("", |(_, why)| why),
                };
                format!("{argument} is {found}, and {expected} is expected. {why}")
            })
            .collect();
        ensure!(told.is_empty(), "{name}: {}", told.join(" And "));
        Ok(())
    }
}

/// Errors with the first layer that is wrong; where none is, with the first that is to do.
pub fn check<N>(
    new: &impl Fn(&Path, i64) -> Result<N, TchError>,
    layers: &impl Fn(&N) -> [&dyn Layer; 7],
) -> Result<()> {
    let vs = VarStore::new(Device::Cpu);
    let (network, to_do) = attempt(|| new(&vs.root(), 10));
    let network = network.context("new fails")?;
    for (slide, layer) in SLIDES.iter().zip(layers(&network)) {
        if to_do.contains(&slide.name) {
            continue;
        }
        slide.compare(&layer.to_string())?;
        println!("{:<10} right: {layer}", format!("{}:", slide.name));
    }
    if let Some(slide) = SLIDES.iter().find(|slide| to_do.contains(&slide.name)) {
        return Err(next(slide));
    }
    // With another number of classes.
    let other = VarStore::new(Device::Cpu);
    let network = attempt(|| new(&other.root(), 7)).0.context("new fails for 7 classes")?;
    let [.., fc2] = layers(&network);
    ensure!(
        fc2.to_string().ends_with("out_features=7)"),
        "fc2: out_features is 10 for 7 classes, too. Write n_classes, the argument of new, in the place of the number: then \
         the same network serves other classes."
    );
    Ok(())
}

fn next(slide: &Slide) -> anyhow::Error {
    let Slide { name, number, .. } = slide;
    let hint = match *name {
        "conv1" => "`examples/tutorial.rs` shows a convolution under \"Model Definition: Initialization\".",
        "avgpool1" => "It is made as the MaxPool2d of `examples/tutorial.rs`.",
        "fc1" => "`examples/tutorial.rs` has such a layer, also called fc1.",
        "fc2" => "Its number of outputs is the argument n_classes.",
        _ => "It is made as the layers before it.",
    };
    anyhow!("Next: {name}, layer {number}. Write it in the place of `to_do(\"{name}\")`, and run this again.\n{hint}")
}
