//! What the options of a training stand for in the library: its optimizer, its learning rate, what its loaders make of images.

use super::{Algorithm, LrSchedule, Options};
use cnn_tutorial::data::{Transform, transforms};
use cnn_tutorial::optim::lr_scheduler::LrScheduler;
use cnn_tutorial::optim::{Adam, AdamW, Optimizer, SGD};
use tch::TchError;
use tch::nn::VarStore;

impl Options {
    pub fn optimizer(&self, vs: &VarStore) -> Result<Optimizer, TchError> {
        let (lr, momentum, weight_decay) = (self.lr.into(), self.momentum.into(), self.weight_decay());
        match self.algorithm() {
            Algorithm::Sgd => SGD { momentum, weight_decay, ..SGD::default() }.build(vs, lr),
            Algorithm::Adam => Adam { weight_decay, ..Adam::default() }.build(vs, lr),
            Algorithm::Adamw => AdamW { weight_decay, ..AdamW::default() }.build(vs, lr),
        }
    }

    pub fn lr_scheduler(&self, epochs: u64) -> Option<LrScheduler> {
        match self.lr_schedule {
            LrSchedule::None => None,
            LrSchedule::Step => Some(LrScheduler::StepLR { step_size: self.step_size.get(), gamma: self.gamma.into() }),
            LrSchedule::Cosine => Some(LrScheduler::CosineAnnealingLR { t_max: epochs }),
        }
    }

    /// Whether a schedule sets the learning rate.
    pub fn has_schedule(&self) -> bool {
        self.lr_schedule != LrSchedule::None
    }

    /// The learning rate after `done` iterations, before a schedule changes it.
    pub fn lr_after(&self, done: u64) -> f64 {
        let begun = self.lr_from.iter().rev().find(|change| change.iteration.get() <= done + 1);
        begun.map_or(self.lr, |change| change.lr).into()
    }

    /// The loader's transform: scale, augmentation, which is for training only, and memory layout.
    pub fn transform(&self, augment: bool, onednn: bool) -> Box<Transform<'static>> {
        let Self { scale, channels_last, .. } = *self;
        Box::new(move |images| {
            let mut images = scale.apply(images)?;
            if augment {
                images = transforms::augment(&images)?;
            }
            if channels_last {
                images = transforms::channels_last(&images)?;
            }
            if onednn { transforms::to_mkldnn(&images) } else { Ok(images) }
        })
    }
}
