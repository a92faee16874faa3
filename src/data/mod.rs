//! Slide "Data Preparation": from files to tensors of shape `[N, 1, 28, 28]`.

mod augment;
mod download;
mod idx;
mod kaggle;
mod loader;
mod photo;
mod split;

pub use download::{MNIST_DIR, download_mnist, verify_mnist};
pub use idx::{read_mnist_test, read_mnist_train};
pub use kaggle::{read_csv, read_unlabelled_csv};
pub use loader::{DataLoader, randperm};
pub use photo::read_photo;
pub use split::train_test_split;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use flate2::bufread::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use tch::{Device, Kind, TchError, Tensor};

/// Width and height of every image, in pixels.
pub const SIDE: usize = 28;
const PIXELS: usize = SIDE * SIDE;

/// scikit-learn's 1,797 handwritten digits in the layout of Kaggle's train.csv, written by scripts/make_digits.py.
const DIGITS: &[u8] = include_bytes!("../../assets/digits.csv.gz");

/// Images and their labels.
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
    pub fn len(&self) -> i64 {
        self.labels.size()[0]
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// SHA-256 of all pixels and labels, by which a run knows its data again.
    pub fn sha256(&self) -> Result<String, TchError> {
        let mut hash = Sha256::new();
        hash.update(Vec::<u8>::try_from(&self.images.f_flatten(0, -1)?)?);
        hash.update(Vec::<u8>::try_from(&self.labels.f_to_kind(Kind::Uint8)?)?);
        Ok(hex(&hash.finalize()))
    }

    /// The images at `indices`, in that order, on `device`.
    pub fn select(&self, indices: &[i64], device: Device) -> Result<Self, TchError> {
        let indices = Tensor::f_from_slice(indices)?;
        let select = |tensor: &Tensor| tensor.f_index_select(0, &indices)?.f_to(device);
        Ok(Self { images: select(&self.images)?, labels: select(&self.labels)? })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the network sees of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// 0 to 255, as in the tutorial
    Raw,
    /// 0 to 1: divided by 255
    Unit,
}

impl Scale {
    /// Pixels `[N, 1, 28, 28]` of one byte as the floats that the network sees.
    pub fn apply(self, images: &Tensor) -> Result<Tensor, TchError> {
        let images = images.f_to_kind(Kind::Float)?;
        match self {
            Self::Raw => Ok(images),
            Self::Unit => images.f_div_scalar(255.0),
        }
    }
}

/// The data that `--data` names (a CSV file, a folder of IDX files, `mnist` or `digits`), and what it is in words.
///
/// Without a name: MNIST from `data/mnist` or downloaded to it, else the embedded digits. MNIST is its 60,000 training
/// images; the test images stay untouched.
pub fn load(data: Option<&Path>) -> Result<(Dataset, String)> {
    let mnist = |dir: &Path| Ok((read_mnist_train(dir)?, format!("MNIST in {}", dir.display())));
    match data {
        Some(name) if name == "digits" => digits(),
        Some(name) if name == "mnist" => {
            download_mnist(Path::new(MNIST_DIR)).context(
                "MNIST could not be downloaded; without a network, `--data digits` trains on the embedded digits, \
                 and `--data FILE` on a CSV of your own",
            )?;
            mnist(Path::new(MNIST_DIR))
        }
        Some(path) if path.is_dir() => mnist(path),
        Some(path) => Ok((read_csv(path)?, path.display().to_string())),
        None => match download_mnist(Path::new(MNIST_DIR)) {
            Ok(()) => mnist(Path::new(MNIST_DIR)),
            Err(error) => {
                say!(
                    "WARNING: this is NOT MNIST: it could not be downloaded ({error:#}), so training uses the 1,797 \
                     embedded digits of scikit-learn; `--data digits` asks for them without this warning"
                );
                digits()
            }
        },
    }
}

fn digits() -> Result<(Dataset, String)> {
    Ok((kaggle::parse(DIGITS, "the embedded digits")?, "scikit-learn's digits, embedded in the program".into()))
}

/// Opens a file, through gzip where its first bytes say so, whatever its name says.
fn open(path: &Path) -> Result<Box<dyn Read + Send>> {
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        bail!("{} is a folder, expected a file", path.display());
    }
    decompress(BufReader::with_capacity(1 << 16, file)).with_context(|| format!("{} cannot be read", path.display()))
}

fn decompress<'a>(mut bytes: impl BufRead + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match bytes.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(Gunzip { decoder: MultiGzDecoder::new(Counted { bytes, count: 0 }), count: 0 }),
        false => Box::new(bytes),
    })
}

/// Images shrink 5- to 80-fold; a gzip file made to fill a memory up to 1,000-fold.
const LARGEST_EXPANSION: u64 = 200;

/// A gzip stream that ends with an error where it becomes out of proportion.
struct Gunzip<R> {
    decoder: MultiGzDecoder<Counted<R>>,
    count: u64,
}

struct Counted<R> {
    bytes: R,
    count: u64,
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.decoder.read(buffer)?;
        self.count += n as u64;
        if self.count > LARGEST_EXPANSION * self.decoder.get_ref().count + (1 << 20) {
            return Err(io::Error::other(format!("its gzip stream expands more than {LARGEST_EXPANSION}-fold")));
        }
        Ok(n)
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.bytes.read(buffer)?;
        self.count += n as u64;
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.bytes.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.bytes.consume(n);
        self.count += n as u64;
    }
}
