//! Opening CUDA: the driver, libtorch's CUDA part, a card; and what to do where one of them does not work.

use super::library::{self, Library, Loaded};
use super::libtorch;
use anyhow::{Context, Error, Result, anyhow, ensure};
use cnn_tutorial::cuda;
use std::ffi::{CStr, c_char, c_int};
use tch::{Cuda, Device, TchError};

/// A card that libtorch finds.
pub struct Card {
    index: usize,
    driver: Loaded,
}

impl Card {
    /// Loads the driver and libtorch's CUDA part.
    pub fn open(index: usize) -> Result<Self> {
        let driver = library::open("libcuda.so.1").ok().context(
            "--device cuda: no NVIDIA driver on this machine (nvidia-smi should list a GPU); give --device cpu",
        )?;
        if let (Some(supported), Some(needed)) = (driver_version(&driver), libtorch::cuda_version()) {
            ensure!(
                supported >= needed,
                "--device cuda: the driver supports CUDA {}.{}, this libtorch is built for {}.{}: update the driver, or set \
                 LIBTORCH to PyTorch's libtorch {} for an older CUDA; or give --device cpu",
                supported.0,
                supported.1,
                needed.0,
                needed.1,
                libtorch::expected()
            );
        }
        cuda::open(index).with_context(|| format!("--device cuda:{index}"))?;
        Ok(Self { index, driver })
    }

    pub fn device(&self) -> Device {
        Device::Cuda(self.index)
    }

    /// Why the card does not compute, and what to do.
    pub fn explain(&self, error: TchError) -> Error {
        let (index, card) = (self.index, self.name().unwrap_or_else(|| "the card".into()));
        if error.to_string().contains("out of memory") {
            return anyhow!(
                "--device cuda:{index}: other programs have filled the memory of {card}: end one of those that nvidia-smi \
                 lists, or give --device cpu"
            );
        }
        anyhow!(error).context(format!(
            "--device cuda:{index}: {card} does not compute with libtorch {}; the libtorch that ./scripts/setup.sh installs \
             has kernels for compute capability 7.5 and later, PyTorch's builds for an older CUDA for earlier cards too: \
             set LIBTORCH to one, or give --device cpu",
            libtorch::version_in_use()
        ))
    }

    /// The card, how many there are, the driver and cuDNN.
    pub fn describe(&self) -> String {
        let card = self.name().unwrap_or_else(|| "a card without a name".into());
        let version = driver_version(&self.driver).map_or("unknown".into(), |(a, b)| format!("{a}.{b}"));
        let cudnn = if Cuda::cudnn_is_available() { "with" } else { "without" };
        format!("{card}; {} device(s), driver for CUDA {version}, {cudnn} cuDNN", Cuda::device_count())
    }

    /// Name and compute capability, such as `NVIDIA H100 (compute capability 9.0)`.
    fn name(&self) -> Option<String> {
        name(&self.driver, self.index)
    }
}

pub fn has_driver() -> bool {
    library::open("libcuda.so.1").is_ok()
}

/// The newest CUDA that the driver supports, such as (12, 4).
fn driver_version(driver: &Library) -> Option<(u32, u32)> {
    let mut version: c_int = 0;
    // Safety: the signature is that of NVIDIA's cuda.h.
    let status = unsafe {
        let get = driver.get::<unsafe extern "C" fn(*mut c_int) -> c_int>(b"cuDriverGetVersion").ok()?;
        get(&mut version)
    };
    let version = u32::try_from(version).ok().filter(|&version| status == 0 && version > 0)?;
    Some((version / 1000, version % 1000 / 10))
}

fn name(driver: &Library, index: usize) -> Option<String> {
    const MAJOR: c_int = 75; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
    const MINOR: c_int = 76;
    let (mut device, mut major, mut minor, mut name): (c_int, c_int, c_int, [c_char; 128]) = (0, 0, 0, [0; 128]);
    // Safety: the signatures are those of NVIDIA's cuda.h; `name` is longer than what is written, with a 0 at its end.
    unsafe {
        let get = driver.get::<unsafe extern "C" fn(*mut c_int, c_int) -> c_int>(b"cuDeviceGet").ok()?;
        let attribute =
            driver.get::<unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int>(b"cuDeviceGetAttribute").ok()?;
        let get_name =
            driver.get::<unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int>(b"cuDeviceGetName").ok()?;
        let status = get(&mut device, index as c_int)
            + attribute(&mut major, MAJOR, device)
            + attribute(&mut minor, MINOR, device)
            + get_name(name.as_mut_ptr(), 127, device);
        let name = CStr::from_ptr(name.as_ptr()).to_string_lossy();
        (status == 0).then(|| format!("{name} (compute capability {major}.{minor})"))
    }
}
