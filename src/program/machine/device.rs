//! Which device to compute on, and opening CUDA when it is asked for.

use super::cuda::{self, Card};
use crate::program::messages::in_words;
use anyhow::{Result, ensure};
use cnn_tutorial::portable;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use tch::nn::VarStore;
use tch::{Device, Kind, TchError, Tensor};

/// The devices by the names that `--device` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// CUDA or MPS where there is one, else the CPU.
    Auto,
    Cpu,
    Cuda(usize),
    Mps,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "mps" => Ok(Self::Mps),
            _ => match name.strip_prefix("cuda:").map(str::parse) {
                Some(Ok(index)) => Ok(Self::Cuda(index)),
                _ => Err("expected auto, cpu, cuda, cuda:N or mps".into()),
            },
        }
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> Self {
        choice.to_string()
    }
}

impl From<Device> for DeviceChoice {
    fn from(device: Device) -> Self {
        match device {
            Device::Cuda(index) => Self::Cuda(index),
            Device::Mps => Self::Mps,
            Device::Cpu | Device::Vulkan => Self::Cpu,
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Mps => f.write_str("mps"),
        }
    }
}

/// Opens the device. Has to come before libtorch looks for CUDA, which it does once.
///
/// Only `auto` may choose; a device that is named and does not work is an error that says what is missing.
pub fn open(choice: DeviceChoice) -> Result<Device> {
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Cuda(index) => Ok(open_cuda(index)?.device()),
        DeviceChoice::Mps => {
            ensure!(tch::utils::has_mps(), "--device mps: libtorch finds no Metal GPU here; give --device cpu");
            try_out(Device::Mps)?;
            Ok(Device::Mps)
        }
        DeviceChoice::Auto if cuda::has_driver() => Ok(open_cuda(0).map_or_else(
            |error| {
                say!("warning: computing on the CPU: {}", in_words(&error));
                Device::Cpu
            },
            |card| card.device(),
        )),
        DeviceChoice::Auto if tch::utils::has_mps() => open(DeviceChoice::Mps),
        DeviceChoice::Auto => Ok(Device::Cpu),
    }
}

/// The CPU, from here on with the same digits on every x86 processor. Has to come before libtorch computes anything.
pub fn open_portable() -> Result<Device> {
    portable::enable()?;
    Ok(Device::Cpu)
}

/// Opens a card and adds two numbers on it.
fn open_cuda(index: usize) -> Result<Card> {
    let card = Card::open(index)?;
    try_out(card.device()).map_err(|error| card.explain(error))?;
    Ok(card)
}

/// What `doctor` tells of the first card, if it works.
pub fn describe_cuda() -> Result<String> {
    Ok(open_cuda(0)?.describe() + "; two numbers were added on it")
}

/// Adds two numbers on the device: one that is full, broken or without kernels in this libtorch says so here, as an error.
fn try_out(device: Device) -> Result<(), TchError> {
    let one = Tensor::f_ones([], (Kind::Float, device))?;
    f64::try_from(one.f_add(&one)?).map(|_| ())
}

/// Moves every variable. `VarStore::set_device` does it too, and panics where the device cannot hold them.
pub fn move_variables(vs: &VarStore, device: Device) -> Result<(), TchError> {
    vs.variables().into_values().try_for_each(|mut variable| {
        let moved = variable.f_detach()?.f_to_device(device)?;
        variable.f_set_data(&moved)
    })
}
