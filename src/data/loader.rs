//! The slides' `train_loader` and `test_loader`: `torch.utils.data.DataLoader`, its random draws included.

use super::Dataset;
use crate::nn::caught;
use rand_mt::Mt;
use std::cell::OnceCell;
use std::rc::Rc;
use tch::{Device, Kind, TchError, Tensor};

/// Makes of a batch of images, `[N, C, H, W]` as floats, what the network is given: torchvision's `transform`.
pub type Transform<'a> = dyn Fn(Tensor) -> Result<Tensor, TchError> + 'a;

/// Gives a data set batch by batch; the last batch holds what is left.
pub struct DataLoader<'a> {
    pub dataset: &'a Dataset,
    pub batch_size: i64,
    pub shuffle: bool,
    pub transform: Box<Transform<'a>>,
}

impl<'a> DataLoader<'a> {
    /// In the data set's order and as it is: pixels from 0 to 255, as floats.
    pub fn new(dataset: &'a Dataset, batch_size: i64) -> Self {
        Self { dataset, batch_size, shuffle: false, transform: Box::new(Ok) }
    }

    /// The batches of one epoch: images `[N, C, H, W]` as floats and labels `[N]`. Bytes and whole numbers become floats of 32 bits.
    ///
    /// Draws from the default generator as Python's iterator does: one number always (the seed of its workers, if it
    /// had any), and with `shuffle` a second one, the seed of the order, when the first batch is asked for.
    ///
    /// Errors, in PyTorch's words, where batches hold no image, where none is there to be shuffled, and where there are not as many
    /// images as labels.
    pub fn epoch(&self) -> Result<Epoch<'_>, TchError> {
        let Dataset { images, labels, .. } = self.dataset;
        let positive = |name: &str, value: i64| match value {
            1.. => Ok(()),
            _ => Err(TchError::Torch(format!("{name} should be a positive integer value, but got {name}={value}"))),
        };
        positive("batch_size", self.batch_size)?;
        if images.size().first() != labels.size().first() {
            let (images, labels) = (images.size(), labels.size());
            let message = format!("Size mismatch between tensors: images of {images:?} and labels of {labels:?}");
            return Err(TchError::Torch(message));
        }
        if self.shuffle {
            positive("num_samples", self.dataset.len())?;
        }
        draw_seed()?;
        Ok(Epoch { loader: self, order: Rc::default(), start: 0 })
    }

    /// `n` epochs, each begun when it is asked for.
    pub fn epochs(&self, n: u64) -> impl Iterator<Item = Result<Epoch<'_>, TchError>> {
        (0..n).map(|_| self.epoch())
    }

    /// How many batches an epoch has: Python's `len(loader)`. 0 where the batches hold no image.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        u64::try_from(self.batch_size)
            .ok()
            .filter(|&size| size > 0)
            .map_or(0, |size| (self.dataset.len() as u64).div_ceil(size))
    }
}

/// The batches of one epoch that are left.
#[derive(Clone)]
pub struct Epoch<'a> {
    loader: &'a DataLoader<'a>,
    /// Shared with its copies.
    order: Rc<OnceCell<Tensor>>,
    start: i64,
}

impl Epoch<'_> {
    /// Where this epoch's images lie; nothing where they are taken as they lie.
    fn order(&self) -> Result<Option<&Tensor>, TchError> {
        let DataLoader { dataset, shuffle, .. } = self.loader;
        if *shuffle && self.order.get().is_none() {
            let indices = Tensor::f_from_slice(&randperm(dataset.len(), draw_seed()?))?;
            let _ = self.order.set(indices.f_to(dataset.images.device())?);
        }
        Ok(self.order.get())
    }
}

impl Iterator for Epoch<'_> {
    type Item = Result<(Tensor, Tensor), TchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let DataLoader { dataset, batch_size, transform, .. } = self.loader;
        let start = self.start;
        let length = (dataset.len() - start).min(*batch_size);
        if length <= 0 {
            return None;
        }
        self.start += length;
        let rows = |tensor: &Tensor| match self.order()? {
            Some(order) => tensor.f_index_select(0, &order.f_narrow(0, start, length)?),
            None => tensor.f_narrow(0, start, length),
        };
        let batch = || {
            let images = rows(&dataset.images)?;
            let kind = if images.f_is_floating_point()? { images.f_kind()? } else { Kind::Float };
            // A tensor of its own, as Python's loader stacks it: a transform may work in place, and MKL's products may depend on
            // where in memory a part begins.
            let images = images.f_to_dtype(kind, false, true)?;
            Ok((transform(images)?, rows(&dataset.labels)?))
        };
        Some(caught(batch)) // also what a transform of one's own panics with
    }
}

/// `torch.empty((), dtype=torch.int64).random_().item()`.
fn draw_seed() -> Result<i64, TchError> {
    i64::try_from(Tensor::f_empty([], (Kind::Int64, Device::Cpu))?.f_random_()?)
}

/// `torch.randperm(n, generator=torch.Generator().manual_seed(seed))`: tch has no generator but the default one.
pub fn randperm(n: i64, seed: i64) -> Vec<i64> {
    let mut generator = Mt::new(seed as u32); // libtorch's CPU generator, too, takes the low 32 bits
    let mut order: Vec<i64> = (0..n).collect();
    for i in 0..order.len().saturating_sub(1) {
        let j = generator.next_u32() as usize % (order.len() - i);
        order.swap(i, i + j);
    }
    order
}
