//! `summary`: a table of a network's layers.

use crate::program::messages::print;
use crate::program::run::network::Network;
use crate::program::run::options::{Architecture, Scale, Seed};
use anyhow::Result;
use clap::Args;
use std::num::NonZeroU16;
use tch::Device;

#[derive(Debug, Args)]
pub struct SummaryOptions {
    /// Network to print
    #[arg(long, default_value = "cnn")]
    model: Architecture,

    /// Channels, height and width of an image, such as 3,32,32
    #[arg(long, value_name = "C,H,W", default_value = "1,28,28", value_parser = input_size)]
    input_size: [i64; 3],
}

fn input_size(text: &str) -> Result<[i64; 3], &'static str> {
    let numbers: Option<Vec<_>> = text.split(',').map(|number| number.trim().parse::<NonZeroU16>().ok()).collect();
    let size = numbers.and_then(|numbers| <[_; 3]>::try_from(numbers).ok());
    size.map(|size| size.map(|number| number.get().into())).ok_or("expected three positive numbers such as 3,32,32")
}

pub fn summary(options: &SummaryOptions) -> Result<()> {
    let network = Network::untrained(options.model, Seed::default(), Scale::Raw, Device::Cpu)?;
    let [channels, height, width] = options.input_size;
    let table = cnn_tutorial::summary::summary(&*network.module, &network.vs, &[1, channels, height, width])?;
    print(&table)
}
