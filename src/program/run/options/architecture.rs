//! The networks that `--model` names. A new one is a file in `src/models` and a line in this table.

use super::choices::Algorithm;
use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParserFactory};
use cnn_tutorial::models::{CNNModel, LeNet5};
use cnn_tutorial::nn::Module;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use tch::{TchError, nn::Path};

#[rustfmt::skip] // a line each
pub const ARCHITECTURES: &[Architecture] = &[
    Architecture { onednn: true, static_forward: true, ..Architecture::new("cnn", "CNN", Algorithm::Sgd, |vs| Ok(Box::new(CNNModel::new(vs)?))) },
    Architecture { static_forward: true, ..Architecture::new("lenet5", "LeNet-5", Algorithm::Adam, |vs| Ok(Box::new(LeNet5::new(vs, 10)?))) },
];

/// Makes a new network, its parameters named under the path as in Python's `state_dict`.
pub type NewNetwork = fn(&Path) -> Result<Box<dyn Module + Send>, TchError>;

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(into = "String")]
pub struct Architecture {
    /// What `--model` and the run's folder are called.
    pub name: &'static str,
    /// What it is called in the charts' titles.
    pub title: &'static str,
    /// The optimizer that it gets unless another one is asked for.
    pub optimizer: Algorithm,
    /// Whether it gains time on a CPU where its images come in oneDNN's layout, see `to_mkldnn` in the library's `transforms`.
    pub onednn: bool,
    /// Whether its forward pass does the same each time: it draws nothing, as dropout does, and keeps nothing, as batch norm
    /// does. Then it may be recorded on a GPU, see the library's `cuda`, and a run that is resumed need not repeat it.
    pub static_forward: bool,
    /// Its weights are drawn from the default generator.
    pub new: NewNetwork,
}

impl Architecture {
    /// A network that is trained as it is written, without what makes a known one faster.
    pub const fn new(name: &'static str, title: &'static str, optimizer: Algorithm, new: NewNetwork) -> Self {
        Self { name, title, optimizer, onednn: false, static_forward: false, new }
    }

    fn names() -> Vec<&'static str> {
        ARCHITECTURES.iter().map(|architecture| architecture.name).collect()
    }
}

impl TryFrom<String> for Architecture {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let found = ARCHITECTURES.iter().find(|architecture| architecture.name == name);
        found.copied().ok_or_else(|| format!("there is no model '{name}': expected {}", Self::names().join(", ")))
    }
}

// Not derived: serde takes a name that lives for ever for one that is borrowed from what it reads.
impl<'de> Deserialize<'de> for Architecture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

impl From<Architecture> for String {
    fn from(architecture: Architecture) -> Self {
        architecture.name.into()
    }
}

impl ValueParserFactory for Architecture {
    type Parser = clap::builder::ValueParser;

    fn value_parser() -> Self::Parser {
        PossibleValuesParser::new(Self::names()).try_map(Architecture::try_from).into()
    }
}
