//! Brings a photograph or drawing of a digit to MNIST's convention: light on dark, 20x20, centred by mass in 28x28.

use anyhow::{Context, Result};
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, Luma};
use imageproc::filter::gaussian_blur_f32;
use std::path::Path;

mod digit;
mod file;
mod ground;
mod lines;
mod mnist;
mod parts;
#[cfg(test)]
mod tests;

pub use file::{open, read};

/// Longest side on which the ink is looked for, in pixels.
const WORKING_SIDE: u32 = 384;
/// Smaller pictures are brought to this: a drawing on the page that `play` opens has it, and is answered at once.
const LEAST_SIDE: u32 = 112;

/// Reads a picture file of any size as 28x28 pixels, light on dark, row after row.
pub fn read_photo(path: &Path) -> Result<Vec<u8>> {
    to_mnist(&open(path)?).with_context(|| format!("{}: no digit found", path.display()))
}

/// The digit on a picture, dark on light or light on dark, off-centre, on uneven ground, with or without alpha, as 28x28
/// pixels, light on dark, row after row.
pub fn to_mnist(picture: &DynamicImage) -> Result<Vec<u8>> {
    let grey = on_opaque_ground(picture);
    let digit = find(&grey, 0)?;
    Ok(mnist::centre(&mnist::ink(&digit)).into_raw())
}

/// A digit that is small in the picture is looked for once more in its surroundings, in more of the picture's pixels.
fn find(grey: &GrayImage, depth: u32) -> Result<digit::Digit> {
    let (width, height) = grey.dimensions();
    let longest = width.max(height);
    let scale = f64::from(longest.clamp(LEAST_SIDE, WORKING_SIDE)) / f64::from(longest);
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let small = imageops::resize(grey, side(width), side(height), FilterType::Triangle);
    let small = gaussian_blur_f32(&lines::without_lines(&small), 0.7);
    let digit = digit::find(&small)?;
    let bounds = &digit.bounds;
    let size = bounds.width().max(bounds.height());
    if depth > 0 || scale >= 1.0 || size > WORKING_SIDE / 4 {
        return Ok(digit);
    }
    let margin = size;
    let back = |at: u32| (f64::from(at) / scale) as u32;
    let (left, top) = (back(bounds.left.saturating_sub(margin)), back(bounds.top.saturating_sub(margin)));
    let right = back(bounds.right + margin).min(width);
    let bottom = back(bounds.bottom + margin).min(height);
    let part = imageops::crop_imm(grey, left, top, right - left, bottom - top).to_image();
    find(&part, depth + 1)
}

/// Grey values, what is transparent put on a ground that the rest stands out from.
fn on_opaque_ground(picture: &DynamicImage) -> GrayImage {
    let pixels = picture.to_luma_alpha8();
    let (weight, sum) = pixels.pixels().fold((0u64, 0u64), |(weight, sum), pixel| {
        let [grey, alpha] = pixel.0.map(u64::from);
        (weight + alpha, sum + grey * alpha)
    });
    let ground = if sum > 128 * weight { 0 } else { 255 };
    GrayImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [grey, alpha] = pixels.get_pixel(x, y).0.map(u32::from);
        Luma([((grey * alpha + ground * (255 - alpha)) / 255) as u8])
    })
}
