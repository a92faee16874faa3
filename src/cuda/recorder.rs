//! When work on batches is recorded as a CUDA graph, and when the recording is launched.

use super::graph::Graph;
use tch::{Device, TchError, Tensor};

/// Work on batches that is recorded when batches of the same shapes have come a few times.
///
/// A batch is copied to where the recording reads it, and the result from where it is written. What the work does on the
/// host, such as printing, happens only where it is not recorded. Work that reads a number from the card cannot be recorded:
/// it is carried out as usual.
pub struct Recorder {
    /// Told once why the work cannot be recorded.
    warn: fn(&TchError),
    /// The shapes of the last batch, and how many of them have come.
    shapes: Vec<Vec<i64>>,
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
    /// A recorder of work on this card, which gets a stream of its own in this thread. `warn` is told, once, why the work
    /// cannot be recorded, and that it is therefore carried out as usual.
    ///
    /// Errors where this libtorch has no CUDA graph under the names of libtorch 2.11.
    pub fn new(device: Device, warn: fn(&TchError)) -> Result<Self, TchError> {
        let Device::Cuda(index) = device else {
            return Err(TchError::Torch(format!("only work on CUDA can be recorded, not on {device:?}")));
        };
        Graph::is_known()?;
        Graph::own_stream(index)?;
        Ok(Self { warn, shapes: Vec::new(), count: 0, recording: None, impossible: false })
    }

    /// Whether [`Recorder::call`] will record its work on this batch, or launch the recording.
    pub fn is_ready(&self, batch: &[&Tensor]) -> bool {
        !self.impossible && self.count >= WARM_UP && self.fits(batch)
    }

    /// What was recorded is not what the work does now: it is recorded anew.
    pub fn forget(&mut self) {
        (self.count, self.recording) = (0, None);
    }

    /// What `work` makes of the tensors of `batch`, on the card and without gradients to go back.
    pub fn call(
        &mut self,
        batch: &[&Tensor],
        mut work: impl FnMut(&[&Tensor]) -> Result<Tensor, TchError>,
    ) -> Result<Tensor, TchError> {
        if !self.fits(batch) {
            // The last batch of an epoch may be smaller.
            self.forget();
            self.shapes = batch.iter().map(|tensor| tensor.size()).collect();
        }
        if !self.is_ready(batch) {
            self.count += 1;
            return work(batch);
        }
        if let Some(recording) = &mut self.recording {
            return recording.replay(batch);
        }
        match Recording::new(batch, &mut work) {
            Ok(recording) => self.recording.insert(recording).replay(batch),
            Err(error) => {
                (self.warn)(&error);
                self.impossible = true;
                work(batch)
            }
        }
    }

    fn fits(&self, batch: &[&Tensor]) -> bool {
        self.shapes.len() == batch.len() && self.shapes.iter().zip(batch).all(|(shape, tensor)| *shape == tensor.size())
    }
}

impl Recording {
    fn new(batch: &[&Tensor], work: impl FnOnce(&[&Tensor]) -> Result<Tensor, TchError>) -> Result<Self, TchError> {
        let batch: Vec<_> = batch.iter().map(|tensor| copy(tensor)).collect::<Result<_, _>>()?;
        let (graph, output) = Graph::capture(|| work(&batch.iter().collect::<Vec<_>>())?.f_detach())?;
        Ok(Self { graph, batch, output })
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
