//! When work on batches is recorded as a CUDA graph, and when the recording is launched.

use super::graph::{Graph, Methods};
use crate::program::messages::in_words;
use std::sync::Once;
use tch::{TchError, Tensor};

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
        self.graph.replay()?;
        copy(&self.output)
    }
}

fn copy(tensor: &Tensor) -> Result<Tensor, TchError> {
    tensor.f_to_dtype(tensor.f_kind()?, false, true)
}

#[cfg(test)]
mod tests {
    use super::Recorder;
    use crate::program::machine::device::{self, DeviceChoice};
    use crate::program::machine::graph::Methods;
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
