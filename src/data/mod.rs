//! Slide "Data Preparation": from files to tensors of shape `[N, C, H, W]`.

mod cifar;
mod classes;
mod columns;
mod folders;
mod foreign;
mod idx;
mod kaggle;
mod loader;
mod rows;
mod split;
pub mod transforms;

pub use cifar::{is_cifar10, read_cifar10_test, read_cifar10_train};
pub use classes::digits;
pub use folders::{find_idx, has_test, idx_file, idx_name, is_idx};
pub use idx::{read_mnist_test, read_mnist_train};
pub use kaggle::{find_csv, parse_csv, read_csv, read_unlabelled_csv};
pub use loader::{DataLoader, Epoch, Transform, randperm};
pub use split::{split_indices, train_test_split};

use anyhow::{Context, Result, ensure};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use tch::{Device, TchError, Tensor};

/// Width and height of MNIST's images, in pixels; they have one channel.
const SIDE: usize = 28;
const PIXELS: usize = SIDE * SIDE;

/// The most that is read from a file, unpacked: a gzip file of 2 MB could fill a memory.
const LARGEST: u64 = if cfg!(test) { 32 << 20 } else { 1 << 30 };

/// Images and their labels: `torch.utils.data.TensorDataset`.
#[derive(Debug)]
pub struct Dataset {
    /// `[N, C, H, W]`, each pixel a byte a channel, 0 to 255: `[N, 1, 28, 28]` for MNIST, where 0 is the background.
    pub images: Tensor,
    /// `[N]`, 0 and up, i64 as the loss wants them.
    pub labels: Tensor,
    /// The name of each class, "0" to "9" for digits.
    pub classes: Vec<String>,
    /// What a person should know of how they were read, such as what the reader took for granted.
    pub remark: Option<String>,
}

impl Dataset {
    /// `pixels` holds the bytes of an image of `size` for each label, image after image, channel after channel, row after row.
    fn new(pixels: &[u8], size: [usize; 3], labels: &[u8], classes: Vec<String>) -> Result<Self, TchError> {
        let labels: Vec<i64> = labels.iter().map(|&label| label.into()).collect();
        let [c, h, w] = size.map(|length| length as i64);
        let images = Tensor::f_from_slice(pixels)?.f_view([-1, c, h, w])?;
        Ok(Self { images, labels: Tensor::f_from_slice(&labels)?, classes, remark: None })
    }

    /// Channels, height and width of an image.
    pub fn image_size(&self) -> Result<[i64; 3], TchError> {
        let (_, c, h, w) = self.images.size4()?;
        Ok([c, h, w])
    }

    /// What the image at `index` shows, in words: "a 7", or for what is no number its class's name, "cat".
    pub fn caption(&self, index: i64) -> Result<String, TchError> {
        let label = self.labels.f_int64_value(&[index])?;
        let name = self.classes.get(label as usize).cloned().unwrap_or_else(|| label.to_string());
        Ok(if name.bytes().all(|byte| byte.is_ascii_digit()) { format!("a {name}") } else { name })
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
        self.with(select(&self.images)?, select(&self.labels)?)
    }

    /// The same on another device.
    pub fn to(&self, device: Device) -> Result<Self, TchError> {
        self.with(self.images.f_to(device)?, self.labels.f_to(device)?)
    }

    /// Other images of the same classes.
    fn with(&self, images: Tensor, labels: Tensor) -> Result<Self, TchError> {
        Ok(Self { images, labels, classes: self.classes.clone(), remark: self.remark.clone() })
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
