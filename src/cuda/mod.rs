//! An NVIDIA card: opening it, the same bits in each run, and steps that are recorded and then launched as a whole.
//!
//! tch has no call for `torch.backends.cudnn.deterministic` and for `torch.cuda.CUDAGraph`: libtorch's own are called.

mod graph;
mod recorder;
mod train;

pub use recorder::Recorder;
pub use train::train;

use anyhow::{Result, anyhow, ensure};
use std::ffi::{CStr, c_char};
use std::thread::{self, JoinHandle};
use tch::{Cuda, Device, Kind, Reduction, TchError, Tensor};

unsafe extern "C" {
    // libtorch.cpp
    fn cuda_load(text: *mut c_char, length: usize) -> bool;
    fn cuda_set_deterministic(text: *mut c_char, length: usize) -> bool;
}

/// The card of this number. Has to come before libtorch looks for CUDA, which it does once.
///
/// The linker leaves libtorch_cuda.so out, since nothing here names a symbol of it: without this, CUDA is "not available" on
/// machines that have it. Opened here and not at link time, it costs what computes on the CPU nothing.
///
/// Errors where libtorch has no CUDA part, or finds no such card.
pub fn open(index: usize) -> Result<Device> {
    // Safety: the C++ writes no more than the length, with a 0 at its end. So it is with all calls of `guarded`.
    guarded(|text, length| unsafe { cuda_load(text, length) }).map_err(|error| {
        anyhow!(
            "libtorch's CUDA part does not load ({error}); use a libtorch with all of CUDA's libraries, as \
             ./scripts/setup.sh --cuda or pip install torch brings it"
        )
    })?;
    let devices = Cuda::device_count();
    ensure!(
        i64::try_from(index).is_ok_and(|index| index < devices),
        "libtorch finds {devices} CUDA device(s) here, numbered from 0; compare with what nvidia-smi lists"
    );
    Ok(Device::Cuda(index))
}

/// `torch.backends.cudnn.deterministic = True`: the same bits in each run.
pub fn set_deterministic() -> Result<(), TchError> {
    guarded(|text, length| unsafe { cuda_set_deterministic(text, length) })
}

/// Lets libtorch load cuDNN and cuBLAS, for which a first step would wait a third of a second, while this thread does other
/// things. Draws nothing. What fails here fails again where it is needed.
pub fn warm_up(device: Device) -> WarmUp {
    WarmUp(thread::Builder::new().spawn(move || drop(small_step(device))).ok())
}

/// A card that is warmed up. Dropped, it waits for the end: a program must not end while libtorch is still loading.
pub struct WarmUp(Option<JoinHandle<()>>);

impl Drop for WarmUp {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

/// A convolution, a fully connected layer and a loss, forward and backward.
fn small_step(device: Device) -> Result<(), TchError> {
    let ones = |shape: &[i64]| Tensor::f_ones(shape, (Kind::Float, device));
    let learned = |shape: &[i64]| ones(shape)?.f_set_requires_grad(true);
    let convolved = ones(&[2, 1, 8, 8])?.f_conv2d(&learned(&[1, 1, 3, 3])?, Some(&learned(&[1])?), 1, 0, 1, 1)?;
    let flat = convolved.f_relu()?.f_flatten(1, -1)?;
    let logits = flat.f_linear(&learned(&[2, 36])?, Some(&learned(&[2])?))?;
    let labels = Tensor::f_zeros([2], (Kind::Int64, device))?;
    logits.f_cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, 0.0)?.f_backward()
}

/// Runs a function of libtorch.cpp; its exception is the error.
fn guarded(call: impl FnOnce(*mut c_char, usize) -> bool) -> Result<(), TchError> {
    let mut text = [0; 1000];
    if call(text.as_mut_ptr(), text.len()) {
        return Ok(());
    }
    // Safety: the C++ ends what it writes with a 0.
    Err(TchError::Torch(unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::{WarmUp, small_step};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn what_warms_a_card_up_is_a_whole_step() {
        small_step(tch::Device::Cpu).unwrap();
    }

    #[test]
    fn a_warm_up_that_is_dropped_is_waited_for() {
        let (sender, receiver) = mpsc::channel();
        drop(WarmUp(Some(thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            sender.send(()).unwrap();
        }))));
        receiver.try_recv().unwrap();
    }
}
