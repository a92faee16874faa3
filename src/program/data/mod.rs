//! Where images come from: `--data`.

mod doubts;
mod download;
mod forward;
mod mirror;
mod source;

pub use doubts::announce;
pub use download::{MNIST_DIR, hex, verify_mnist};
pub use source::Source;

use anyhow::Result;
use cnn_tutorial::data::Dataset;
use download::{HOW_TO_HAVE_MNIST, download_mnist};
use sha2::{Digest, Sha256};
use std::path::Path;
use tch::{Kind, TchError};

/// The data that `given` names and their source; without a name Kaggle's file where it lies in `data`, as on the slides, else
/// MNIST, or the embedded digits where MNIST is neither here nor to be had.
pub fn load(given: Option<&Source>) -> Result<(Dataset, Source)> {
    if let Some(source) = given {
        return Ok((source.load()?, source.clone()));
    }
    if Source::Kaggle.is_at_hand() {
        return Ok((Source::Kaggle.load()?, Source::Kaggle));
    }
    let source = match download_mnist(Path::new(MNIST_DIR)) {
        Ok(()) => Source::Mnist,
        Err(error) => {
            say!(
                "WARNING: this is NOT MNIST but the 1,797 embedded digits, as with `--data digits`: {HOW_TO_HAVE_MNIST}. \
                 It could not be downloaded: {error:#}"
            );
            Source::Digits
        }
    };
    Ok((source.load()?, source))
}

/// SHA-256 of all pixels and labels, by which a run knows its data again.
pub fn sha256(dataset: &Dataset) -> Result<String, TchError> {
    let mut hash = Sha256::new();
    // Part by part: a second copy of all images would be new memory.
    for images in dataset.images.f_split(1000, 0)? {
        hash.update(Vec::<u8>::try_from(&images.f_flatten(0, -1)?)?);
    }
    hash.update(Vec::<u8>::try_from(&dataset.labels.f_to_kind(Kind::Uint8)?)?);
    Ok(hex(&hash.finalize()))
}
