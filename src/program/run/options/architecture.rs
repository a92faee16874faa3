//! The networks that `--model` names. A new one is a file in `src/models` and a line in this table.

use super::choices::Algorithm;
use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParserFactory};
use cnn_tutorial::models::{CNNModel, LeNet5};
use cnn_tutorial::nn::Module;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use tch::{TchError, nn::Path};

#[rustfmt::skip] // a line each
pub const ARCHITECTURES: [Architecture; 2] = [
    Architecture { name: "cnn", title: "CNN", optimizer: Algorithm::Sgd, onednn: true, cuda_graph: true, new: |vs| Ok(Box::new(CNNModel::new(vs)?)) },
    Architecture { name: "lenet5", title: "LeNet-5", optimizer: Algorithm::Adam, onednn: false, cuda_graph: true, new: |vs| Ok(Box::new(LeNet5::new(vs, 10)?)) },
];

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
    /// Whether its forward pass does the same each time, so that it may be recorded on a GPU, see `machine::graph`.
    pub cuda_graph: bool,
    /// Draws a new network from the default generator, its parameters named as in Python's `state_dict`.
    pub new: fn(&Path) -> Result<Box<dyn Module + Send>, TchError>,
}

impl TryFrom<String> for Architecture {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let found = ARCHITECTURES.into_iter().find(|architecture| architecture.name == name);
        found
            .ok_or_else(|| format!("there is no model '{name}': expected {}", ARCHITECTURES.map(|a| a.name).join(", ")))
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
        PossibleValuesParser::new(ARCHITECTURES.map(|a| a.name)).try_map(Architecture::try_from).into()
    }
}
