//! Where a resumed run goes on: the random numbers that led there are drawn once more.

use super::Session;
use anyhow::Result;
use cnn_tutorial::data::{DataLoader, Epoch};
use cnn_tutorial::nn;
use tch::{TchError, Tensor};

impl Session<'_> {
    /// The epochs that are left, the first of them begun where `position.iteration` iterations are done.
    ///
    /// tch cannot keep the generator's state. It need not: the batches that are left out here draw, in the same order,
    /// what they drew when they were trained on, and so does a forward pass that draws.
    pub(super) fn epochs_left<'l>(
        &self,
        train_loader: &'l DataLoader<'l>,
    ) -> Result<impl Iterator<Item = Result<Epoch<'l>, TchError>> + use<'l>> {
        let (mut epochs, mut begun) = (train_loader.epochs(self.schedule.epochs), None);
        // Running statistics, which a forward pass moves.
        let buffers: Vec<_> = self.network.vs.variables().into_values().filter(|v| !v.requires_grad()).collect();
        let kept = buffers.iter().map(Tensor::f_detach_copy).collect::<Result<Vec<_>, _>>()?;
        for done in 0..self.position.iteration {
            if self.is_stopped() {
                break;
            }
            if done.is_multiple_of(self.schedule.batches) {
                begun = epochs.next().transpose()?;
            }
            if let Some((images, _)) = begun.as_mut().and_then(Iterator::next).transpose()?
                && !self.config.options.model.static_forward
            {
                let _ = tch::no_grad(|| nn::forward(&*self.network.module, &images))?;
            }
            if (done + 1).is_multiple_of(self.config.options.eval_every.get()) {
                let _ = self.test_loader.epoch()?;
            }
        }
        for (mut buffer, kept) in buffers.into_iter().zip(kept) {
            buffer.f_copy_(&kept)?;
        }
        Ok(begun.map(Ok).into_iter().chain(epochs))
    }
}
