//! CUDA graphs: what one batch launches on the card is recorded once and from then on launched as a whole.
//!
//! tch has no call for PyTorch's `torch.cuda.CUDAGraph`, so libtorch's own class is called by its symbols.

use super::library;
use crate::program::messages::{in_words, quietly};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::sync::Once;
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

/// A `CUDAGraph` in more room than it needs.
struct Graph {
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
    fn capture(methods: Methods, work: impl FnOnce() -> Result<Tensor, TchError>) -> Result<(Self, Tensor), TchError> {
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

/// Work on batches that is recorded when batches of the same shapes have come a few times.
///
/// A batch is copied to where the recording reads it, and the result from where it is written. What the work does on the
/// host, such as printing, happens only where it is not recorded. Work that reads a number from the card cannot be recorded:
/// it is carried out as usual.
pub struct Recorder {
    methods: Methods,
    /// How many batches of these shapes have come.
    count: u32,
    recording: Option<Recording>,
    impossible: bool,
}

struct Recording {
    graph: Graph,
    batch: Vec<Tensor>,
    output: Tensor,
}

/// tch's methods that read a number panic with no other text than that something failed.
const PANIC: &str = "its forward pass panics while it is recorded, as it does where it reads a number from the card";

/// In the first calls libtorch loads and chooses what cannot be recorded.
const WARM_UP: u32 = 3;

impl Recorder {
    pub fn new(methods: Methods) -> Self {
        Self { methods, count: 0, recording: None, impossible: false }
    }

    /// What `work` makes of the tensors of `batch`, on the card and without gradients to go back.
    pub fn call(
        &mut self,
        batch: &[&Tensor],
        mut work: impl FnMut(&[&Tensor]) -> Result<Tensor, TchError>,
    ) -> Result<Tensor, TchError> {
        if let Some(recording) = &mut self.recording
            && recording.fits(batch)
        {
            return recording.replay(batch);
        }
        // The last batch of an epoch may be smaller.
        if self.recording.take().is_some() {
            self.count = 0;
        }
        self.count += 1;
        if self.count <= WARM_UP || self.impossible {
            return work(batch);
        }
        match Recording::new(self.methods, batch, &mut work) {
            Ok(recording) => self.recording.insert(recording).replay(batch),
            Err(error) => {
                let error = in_words(&error.into());
                // Once, although training and evaluation are recorded each for itself.
                static SAID: Once = Once::new();
                SAID.call_once(|| say!("warning: this network cannot be recorded as a CUDA graph: {error}"));
                self.impossible = true;
                work(batch)
            }
        }
    }
}

impl Recording {
    fn new(
        methods: Methods,
        batch: &[&Tensor],
        work: impl FnOnce(&[&Tensor]) -> Result<Tensor, TchError>,
    ) -> Result<Self, TchError> {
        let batch: Vec<_> = batch.iter().map(|tensor| copy(tensor)).collect::<Result<_, _>>()?;
        let (graph, output) = Graph::capture(methods, || work(&batch.iter().collect::<Vec<_>>())?.f_detach())?;
        Ok(Self { graph, batch, output })
    }

    fn fits(&self, batch: &[&Tensor]) -> bool {
        self.batch.iter().zip(batch).all(|(recorded, tensor)| recorded.size() == tensor.size())
    }

    fn replay(&mut self, batch: &[&Tensor]) -> Result<Tensor, TchError> {
        for (to, from) in self.batch.iter_mut().zip(batch) {
            to.f_copy_(from)?;
        }
        call(self.graph.methods.replay, &mut self.graph.object)?;
        copy(&self.output)
    }
}

fn copy(tensor: &Tensor) -> Result<Tensor, TchError> {
    tensor.f_to_dtype(tensor.f_kind()?, false, true)
}

#[cfg(test)]
mod tests {
    use super::{Methods, Recorder};
    use crate::program::machine::device::{self, DeviceChoice};
    use std::io::Write;
    use tch::{Device, Kind, Tensor};

    /// Calls `work` with 1 to 8 and expects twice these numbers; how many times it was called.
    fn twice(work: impl Fn(&Tensor) -> Tensor) -> Option<usize> {
        let Ok(device @ Device::Cuda(index)) = device::open(DeviceChoice::Cuda(0)) else {
            let _ = writeln!(std::io::stderr(), "NOT RUN: a recorded CUDA graph: needs an NVIDIA GPU");
            return None;
        };
        let (mut recorder, mut calls) = (Recorder::new(Methods::open(index).unwrap()), 0);
        for number in 1..=8 {
            let batch = Tensor::full([3], number, (Kind::Float, device));
            let output = recorder.call(&[&batch], |batch| {
                calls += 1;
                Ok(work(batch[0]))
            });
            assert_eq!(Vec::<f32>::try_from(output.unwrap()).unwrap(), [2.0 * number as f32; 3]);
        }
        Some(calls)
    }

    #[test]
    fn work_is_carried_out_a_few_times_then_recorded_and_the_recording_launched() {
        assert!(matches!(twice(|batch| batch * 2), None | Some(4)));
    }

    #[test]
    fn work_that_reads_a_number_from_the_card_is_carried_out_each_time() {
        let reads = |batch: &Tensor| Tensor::full_like(batch, 2.0 * batch.double_value(&[0]));
        assert!(matches!(twice(reads), None | Some(9)));
    }

    #[test]
    fn a_failed_recording_leaves_gradients_as_they_were() {
        let reads = |batch: &Tensor| {
            let _guard = tch::no_grad_guard();
            Tensor::full_like(batch, 2.0 * batch.double_value(&[0]))
        };
        if twice(reads).is_some() {
            let one = Tensor::ones([1], (Kind::Float, Device::Cuda(0))).requires_grad_(true);
            assert!((&one * 2).requires_grad());
        }
    }
}
