//! Slide "Data Preparation": from files to tensors of shape `[N, 1, 28, 28]`.

mod columns;
mod idx;
mod kaggle;
mod loader;
mod split;
pub mod transforms;

pub use idx::{find_idx, read_mnist_test, read_mnist_train};
pub use kaggle::{parse_csv, read_csv, read_unlabelled_csv};
pub use loader::{DataLoader, Epoch, Transform, randperm};
pub use split::{split_indices, train_test_split};

use anyhow::{Context, Result, ensure};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use tch::{Device, TchError, Tensor};

/// Width and height of every image, in pixels.
pub const SIDE: usize = 28;
const PIXELS: usize = SIDE * SIDE;

/// The most that is read from a file, unpacked: a gzip file of 2 MB could fill a memory.
const LARGEST: u64 = if cfg!(test) { 32 << 20 } else { 1 << 30 };

/// Images and their labels: `torch.utils.data.TensorDataset`.
#[derive(Debug)]
pub struct Dataset {
    /// `[N, 1, 28, 28]`, one byte a pixel, 0 (background) to 255.
    pub images: Tensor,
    /// `[N]`, 0 to 9, i64 as the loss wants them.
    pub labels: Tensor,
}

impl Dataset {
    /// `pixels` holds 784 bytes for each label, image after image, row after row.
    fn new(pixels: &[u8], labels: &[u8]) -> Result<Self, TchError> {
        let labels: Vec<i64> = labels.iter().map(|&label| label.into()).collect();
        let images = Tensor::f_from_slice(pixels)?.f_view([-1, 1, SIDE as i64, SIDE as i64])?;
        Ok(Self { images, labels: Tensor::f_from_slice(&labels)? })
    }

    /// The number of images.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> i64 {
        self.labels.size()[0]
    }

    /// The images at `indices`, in that order.
    pub fn select(&self, indices: &[i64]) -> Result<Self, TchError> {
        let indices = Tensor::f_from_slice(indices)?;
        let select = |tensor: &Tensor| tensor.f_index_select(0, &indices);
        Ok(Self { images: select(&self.images)?, labels: select(&self.labels)? })
    }

    /// The same on another device.
    pub fn to(&self, device: Device) -> Result<Self, TchError> {
        Ok(Self { images: self.images.f_to(device)?, labels: self.labels.f_to(device)? })
    }
}

/// Opens a file, through gzip where its first bytes say so, whatever its name says.
fn open(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("{name} cannot be opened"))?;
    ensure!(!file.metadata().is_ok_and(|metadata| metadata.is_dir()), "{name} is a folder, expected a file");
    decompress(BufReader::with_capacity(1 << 16, file)).with_context(|| format!("{name} cannot be read"))
}

fn decompress<'a>(mut bytes: impl BufRead + Send + 'a) -> io::Result<Box<dyn BufRead + Send + 'a>> {
    Ok(if bytes.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(bytes)))
    } else {
        Box::new(bytes)
    })
}
