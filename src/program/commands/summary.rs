//! `summary`: a table of a network's layers.

use crate::program::run::network::Network;
use crate::program::run::options::{Architecture, Scale};
use anyhow::Result;
use clap::Args;
use std::io::{self, Write};
use tch::Device;

#[derive(Debug, Args)]
pub struct SummaryOptions {
    /// Network to print
    #[arg(long, default_value = "cnn")]
    model: Architecture,
}

pub fn summary(options: &SummaryOptions) -> Result<()> {
    let network = Network::untrained(options.model, 0, Scale::Raw, Device::Cpu)?;
    let table = cnn_tutorial::summary::summary(&*network.module)?;
    let _ = io::stdout().write_all(table.as_bytes()); // whoever reads may have left (`| head -1`)
    Ok(())
}
