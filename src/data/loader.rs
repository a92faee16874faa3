//! The slides' `train_loader` and `test_loader`: `torch.utils.data.DataLoader`, its random draws included.

use super::augment::augment;
use super::{Dataset, Scale};
use rand_mt::Mt;
use tch::{Device, Kind, TchError, Tensor};

/// Gives a data set batch by batch; the last batch holds what is left.
#[derive(Clone, Copy)]
pub struct DataLoader<'a> {
    pub dataset: &'a Dataset,
    pub batch_size: i64,
    pub shuffle: bool,
    pub augment: bool,
    pub scale: Scale,
    /// Images in PyTorch's memory format `torch.channels_last`, in which the network then computes.
    pub channels_last: bool,
}

impl DataLoader<'_> {
    /// The batches of one epoch: images `[N, 1, 28, 28]` as floats and labels `[N]`.
    ///
    /// Draws from the default generator as Python's iterator does: one number always (the seed of its workers, if it
    /// had any), a second one, the seed of the order, with `shuffle`.
    pub fn epoch(&self) -> Result<impl Iterator<Item = Result<(Tensor, Tensor), TchError>>, TchError> {
        draw_seed()?;
        let n = self.dataset.len();
        let order = match self.shuffle {
            true => Some(Tensor::f_from_slice(&randperm(n, draw_seed()?))?.f_to(self.dataset.images.device())?),
            false => None,
        };
        Ok((0..n).step_by(self.batch_size as usize).map(move |start| {
            let length = self.batch_size.min(n - start);
            let batch = |tensor: &Tensor| match &order {
                Some(order) => tensor.f_index_select(0, &order.f_narrow(0, start, length)?),
                None => tensor.f_narrow(0, start, length),
            };
            let mut images = self.scale.apply(&batch(&self.dataset.images)?)?;
            if self.augment {
                images = augment(&images)?;
            }
            if self.channels_last {
                images = channels_last(&images)?;
            }
            Ok((images, batch(&self.dataset.labels)?))
        }))
    }
}

/// `images.to(memory_format=torch.channels_last)`: tch has no memory formats.
fn channels_last(images: &Tensor) -> Result<Tensor, TchError> {
    let (n, c, h, w) = images.size4()?;
    let nhwc = images.f_permute([0, 2, 3, 1])?.f_contiguous()?;
    // The strides tell libtorch the format; for a single channel, permuting back would leave the usual ones.
    nhwc.f_as_strided([n, c, h, w], [h * w * c, 1, w * c, c], None)
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
