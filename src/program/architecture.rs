//! The networks that `--model` names. A new one is a file in `src/models` and a line in this table.

use super::choices::Algorithm;
use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParserFactory};
use cnn_tutorial::models::{CNNModel, LeNet5};
use cnn_tutorial::nn::Module;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use tch::{TchError, nn::Path};

#[rustfmt::skip] // a line each
pub const ARCHITECTURES: [Architecture; 2] = [
    Architecture { name: "cnn", title: "CNN", optimizer: Algorithm::Sgd, onednn: true, cuda_graph: true, new: |vs| Ok(Box::new(CNNModel::new(vs)?)) },
    Architecture { name: "lenet5", title: "LeNet-5", optimizer: Algorithm::Adam, onednn: false, cuda_graph: true, new: |vs| Ok(Box::new(LeNet5::new(vs, 10)?)) },
];

#[derive(Clone, Copy)]
pub struct Architecture {
    /// On the command line and of the run's folder.
    pub name: &'static str,
    /// In the charts' titles.
    pub title: &'static str,
    /// Unless another one is asked for.
    pub optimizer: Algorithm,
    /// Whether it gains time on a CPU where its images come in oneDNN's layout, see [`super::layout`].
    pub onednn: bool,
    /// Whether its forward pass does the same each time, so that it may be recorded on a GPU, see [`super::cuda::graph`].
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

impl<'de> Deserialize<'de> for Architecture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

impl Serialize for Architecture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl fmt::Debug for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl ValueParserFactory for Architecture {
    type Parser = clap::builder::ValueParser;

    fn value_parser() -> Self::Parser {
        PossibleValuesParser::new(ARCHITECTURES.map(|a| a.name)).try_map(Architecture::try_from).into()
    }
}
