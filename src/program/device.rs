//! Which device to compute on, and opening CUDA when it is asked for.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use tch::nn::VarStore;
use tch::{Cuda, Device, Kind, TchError, Tensor};

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

/// Opens the device. Has to come before every other call of libtorch, which looks for CUDA once.
///
/// Only `auto` may choose; a device that is named and not there is an error that says what is missing.
pub fn open(choice: DeviceChoice) -> Result<Device> {
    let device = match choice {
        DeviceChoice::Cpu => Device::Cpu,
        DeviceChoice::Cuda(index) => open_cuda(index)?,
        DeviceChoice::Mps => {
            ensure!(tch::utils::has_mps(), "--device mps: libtorch finds no Metal GPU here; give --device cpu");
            Device::Mps
        }
        DeviceChoice::Auto if has_nvidia_driver() => open_cuda(0).unwrap_or_else(|error| {
            say!("warning: computing on the CPU: {error:#}");
            Device::Cpu
        }),
        DeviceChoice::Auto if tch::utils::has_mps() => Device::Mps,
        DeviceChoice::Auto => Device::Cpu,
    };
    // A device that is full or broken says so here, as an error.
    let _ = Tensor::f_zeros([1], (Kind::Float, device))?;
    Ok(device)
}

/// Moves every variable. `VarStore::set_device` does it too, and panics where the device cannot hold them.
pub fn move_variables(vs: &VarStore, device: Device) -> Result<(), TchError> {
    vs.variables().into_values().try_for_each(|mut variable| {
        let moved = variable.f_detach()?.f_to_device(device)?;
        variable.f_set_data(&moved)
    })
}

/// Has glibc keep what libtorch frees for its next allocation. By default it gives every activation (4 MB and more)
/// back to the kernel and faults it in again, page by page, an iteration later.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // Safety: sets two numbers of the allocator, before there is a second thread.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20); // the largest that glibc takes
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}

/// The linker leaves libtorch_cuda.so out, since nothing in this program names a symbol of it: without this, CUDA is
/// "not available" on machines that have it. Opened here and not at link time, it costs CPU runs nothing.
fn open_cuda(index: usize) -> Result<Device> {
    ensure!(
        has_nvidia_driver(),
        "--device cuda: no NVIDIA driver on this machine (nvidia-smi should list a GPU); give --device cpu"
    );
    if let Err(error) = open_library("libtorch_cuda.so") {
        bail!("--device cuda: libtorch's CUDA part does not load ({error}); run ./scripts/setup.sh --cuda");
    }
    let devices = Cuda::device_count();
    ensure!(
        (index as i64) < devices,
        "--device cuda:{index}: libtorch finds {devices} CUDA device(s) here, numbered from 0; \
         compare with what nvidia-smi lists"
    );
    Ok(Device::Cuda(index))
}

fn has_nvidia_driver() -> bool {
    open_library("libcuda.so.1").is_ok()
}

/// Loads a shared library for good, its symbols visible to libtorch.
#[cfg(target_os = "linux")]
fn open_library(name: &str) -> Result<(), libloading::Error> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY};
    // Safety: NVIDIA's and libtorch's initialisers expect nothing of the program that loads them.
    let library = unsafe { Library::open(Some(name), RTLD_LAZY | RTLD_GLOBAL) }?;
    std::mem::forget(library);
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn open_library(name: &str) -> Result<()> {
    bail!("{name} exists on Linux only")
}
