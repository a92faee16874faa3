//! CUDA graphs: what is launched on the card is recorded once and from then on launched as a whole.
//!
//! tch has no call for PyTorch's `torch.cuda.CUDAGraph`, so libtorch's own class is called by its symbols.

use super::library;
use crate::program::messages::quietly;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use tch::{TchError, Tensor};

type Method = unsafe extern "C" fn(*mut c_void, u64, u64, c_int);
type SetDevice = unsafe extern "C" fn(i8, bool);
type FromPool = unsafe extern "C" fn(bool, i8) -> Stream;
type SetCurrent = unsafe extern "C" fn(Stream);

/// As `c10::cuda::CUDAStream` is passed.
#[repr(C)]
struct Stream(i64, i64);

unsafe extern "C" {
    // guarded.cpp
    fn guarded_own_stream(_: SetDevice, _: FromPool, _: SetCurrent, device: i8, text: *mut c_char, n: usize) -> bool;
    fn guarded_method(_: Method, object: *mut c_void, text: *mut c_char, n: usize) -> bool;
}

/// Runs one of these functions; its exception is the error.
fn guarded(call: impl FnOnce(*mut c_char, usize) -> bool) -> Result<(), TchError> {
    let mut text = [0; 1000];
    if call(text.as_mut_ptr(), text.len()) {
        return Ok(());
    }
    // Safety: the C++ ends what it writes with a 0.
    Err(TchError::Torch(unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned()))
}

/// The methods of `at::cuda::CUDAGraph`, as libtorch 2.11 names them.
#[derive(Clone, Copy)]
pub struct Methods {
    new: Method,
    drop: Method,
    capture_begin: Method,
    capture_end: Method,
    replay: Method,
}

impl Methods {
    /// `None` in a libtorch that does not have them. Makes a stream of its own the current one of `device`: the default
    /// stream cannot be recorded.
    pub fn open(device: usize) -> Option<Self> {
        let library = library::open("libtorch_cuda.so").ok()?;
        let device = i8::try_from(device).ok()?;
        // Safety: the signatures are those of libtorch's CUDAGraph.h, CUDAStream.h and CUDAFunctions.h, an object's methods
        // taking the object first; the library stays open.
        unsafe {
            let method = |name: &str| library.get::<Method>(name.as_bytes()).ok().map(|method| *method);
            let methods = Self {
                new: method("_ZN2at4cuda9CUDAGraphC1Eb")?,
                drop: method("_ZN2at4cuda9CUDAGraphD1Ev")?,
                capture_begin: method("_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode")?,
                capture_end: method("_ZN2at4cuda9CUDAGraph11capture_endEv")?,
                replay: method("_ZN2at4cuda9CUDAGraph6replayEv")?,
            };
            let set_device = *library.get::<SetDevice>(b"_ZN3c104cuda10set_deviceEab").ok()?;
            let from_pool = *library.get::<FromPool>(b"_ZN3c104cuda17getStreamFromPoolEba").ok()?;
            let set_current =
                *library.get::<SetCurrent>(b"_ZN3c104cuda20setCurrentCUDAStreamENS0_10CUDAStreamE").ok()?;
            guarded(|text, n| guarded_own_stream(set_device, from_pool, set_current, device, text, n)).ok()?;
            Some(methods)
        }
    }
}

/// tch's methods that read a number panic with no other text than that something failed.
const PANIC: &str = "its forward pass panics while it is recorded, as it does where it reads a number from the card";

/// A `CUDAGraph` in more room than it needs.
pub struct Graph {
    methods: Methods,
    object: Box<[u128; 256]>,
}

impl Graph {
    fn new(methods: Methods) -> Result<Self, TchError> {
        let mut object = Box::new([0; 256]);
        call(methods.new, &mut object)?;
        Ok(Self { methods, object })
    }

    /// Records what `work` launches and does not carry it out.
    pub fn capture(
        methods: Methods,
        work: impl FnOnce() -> Result<Tensor, TchError>,
    ) -> Result<(Self, Tensor), TchError> {
        let mut graph = Self::new(methods)?;
        call(methods.capture_begin, &mut graph.object)?;
        let output = quietly(work).unwrap_or_else(|| Err(TchError::Torch(PANIC.into())));
        let ended = call(methods.capture_end, &mut graph.object);
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
        call(self.methods.replay, &mut self.object)
    }
}

fn call(method: Method, object: &mut [u128; 256]) -> Result<(), TchError> {
    // Safety: the object was made by `Methods::new`, or is room for one.
    guarded(|text, n| unsafe { guarded_method(method, object.as_mut_ptr().cast(), text, n) })
}

impl Drop for Graph {
    fn drop(&mut self) {
        let _ = call(self.methods.drop, &mut self.object);
    }
}
