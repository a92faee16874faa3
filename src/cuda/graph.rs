//! `torch.cuda.CUDAGraph`: what is launched on the card is recorded once and from then on launched as a whole.

use super::guarded;
use crate::nn::quietly;
use std::ffi::{c_char, c_void};
use std::mem;
use std::ptr;
use tch::{TchError, Tensor};

unsafe extern "C" {
    // libtorch.cpp
    fn cuda_own_stream(device: i8, text: *mut c_char, length: usize) -> bool;
    fn cuda_graph_new(graph: *mut *mut c_void, text: *mut c_char, length: usize) -> bool;
    fn cuda_graph_capture_begin(graph: *mut c_void, text: *mut c_char, length: usize) -> bool;
    fn cuda_graph_capture_end(graph: *mut c_void, text: *mut c_char, length: usize) -> bool;
    fn cuda_graph_replay(graph: *mut c_void, text: *mut c_char, length: usize) -> bool;
    fn cuda_graph_delete(graph: *mut c_void, text: *mut c_char, length: usize) -> bool;
}

/// tch's methods that read a number panic with no other text than that something failed.
const PANIC: &str = "its forward pass panics while it is recorded, as it does where it reads a number from the card";

/// A recording that can be launched. Not `Send`: the stream it was recorded on is that of its thread.
pub struct Graph(*mut c_void);

impl Graph {
    /// Gives this thread a stream of its own on the card: the default one cannot be recorded.
    pub fn own_stream(device: usize) -> Result<(), TchError> {
        let device = i8::try_from(device).map_err(|_| TchError::Torch(format!("there is no cuda:{device}")))?;
        guarded(|text, length| unsafe { cuda_own_stream(device, text, length) })
    }

    fn new() -> Result<Self, TchError> {
        let mut graph = ptr::null_mut();
        guarded(|text, length| unsafe { cuda_graph_new(&mut graph, text, length) })?;
        Ok(Self(graph))
    }

    /// Errors where this libtorch has no CUDA graph under its names.
    pub fn is_known() -> Result<(), TchError> {
        Self::new().map(drop)
    }

    /// Records what `work` launches and does not carry it out.
    pub fn capture(work: impl FnOnce() -> Result<Tensor, TchError>) -> Result<(Self, Tensor), TchError> {
        let graph = Self::new()?;
        // Safety: `graph` was made by `cuda_graph_new` and is not deleted yet; so it is below.
        guarded(|text, length| unsafe { cuda_graph_capture_begin(graph.0, text, length) })?;
        let output = quietly(work).unwrap_or_else(|| Err(TchError::Torch(PANIC.into())));
        let ended = guarded(|text, length| unsafe { cuda_graph_capture_end(graph.0, text, length) });
        match output.and_then(|output| ended.map(|()| output)) {
            Ok(output) => Ok((graph, output)),
            Err(error) => {
                mem::forget(graph); // libtorch's allocator still refers to it
                Err(error)
            }
        }
    }

    /// Launches what was recorded.
    pub fn replay(&mut self) -> Result<(), TchError> {
        guarded(|text, length| unsafe { cuda_graph_replay(self.0, text, length) })
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let _ = guarded(|text, length| unsafe { cuda_graph_delete(self.0, text, length) });
    }
}
