//! Photographs and drawings that are given to the page.

use anyhow::{Context, Result, ensure};
use image::ImageReader;
use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

/// The most pixels of a picture: some seconds of work, and the largest that telephones make.
const MOST_PIXELS: u64 = 64_000_000;
/// Pictures of more are read one at a time: each takes some hundred megabytes.
const SMALL: u64 = 1 << 20;
static LARGE: Mutex<()> = Mutex::new(());

/// The digit on a picture as 28x28 pixels, `Ok(Err)` where it has none that can be read.
///
/// Fails where the bytes are no picture, or have more pixels than a page should be given.
pub fn digit(bytes: &[u8]) -> Result<Result<Vec<u8>>> {
    // Where the size cannot be read, `photo` says why.
    let size = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?.into_dimensions();
    let (width, height) = size.unwrap_or_default();
    let pixels = u64::from(width) * u64::from(height);
    ensure!(
        pixels <= MOST_PIXELS,
        "it has {width}x{height} pixels: expected at most {MOST_PIXELS}; make it smaller, 1000 pixels wide is plenty"
    );
    let _one_at_a_time = (pixels > SMALL).then(|| LARGE.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(photo::to_mnist(&photo::read(bytes)?).context("no digit found"))
}
