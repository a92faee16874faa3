//! Brings a photograph or drawing of a digit to MNIST's convention: light on dark, 20x20, centred by mass in 28x28.
//!
//! The modules, in reading order:
//!
//! 1. `file` opens a picture file, or says why it cannot be read.
//! 2. `lines` takes ruled lines off the page, and `ground` says how far each pixel stands out from what it lies on.
//! 3. `parts` finds the parts that hang together.
//! 4. `digit` finds the one that is a digit: `search` tries the parts, `cut` joins what belongs together and cuts it out,
//!    `measures` measures and rates it. In its folder is what it looks at besides: frames, the picture's border, a second digit
//!    close by, a face's shades.
//! 5. `mnist` brings its ink to 28x28 pixels.

use anyhow::{Context, Result};
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, Luma};
use imageproc::filter::gaussian_blur_f32;
use std::path::Path;

mod file;
mod lines;
mod ground;
mod parts;
mod digit;
mod search;
mod cut;
mod measures;
mod mnist;
#[cfg(test)]
mod tests;

use cut::CutOut;
pub use file::{open, read};

/// The longest side on which the ink is looked for, in pixels.
const WORKING_SIDE: u32 = 384;
/// Smaller pictures are brought to this, in pixels: a drawing on the page that `play` opens has it, and is answered at
/// once.
const LEAST_SIDE: u32 = 112;
/// How far the noise of a picture is smoothed, as the Gauss curve's standard deviation in pixels.
const SMOOTHED: f32 = 0.7;
/// A digit that is at most this long on a picture that was made smaller is looked for again, in pixels.
const SMALL: u32 = WORKING_SIDE / 4;
/// What is visible of a picture is put on black if its mean is lighter than this, and on white otherwise, of 255.
const MIDDLE_GREY: u64 = 128;

/// Reads a picture file of any size as 28x28 pixels of 0 (ground) to 255 (ink), row after row.
///
/// Fails, naming the file, where [`open`] or [`to_mnist`] does.
pub fn read_photo(path: &Path) -> Result<Vec<u8>> {
    to_mnist(&open(path)?).with_context(|| format!("{}: no digit found", path.display()))
}

/// The digit on a picture as 28x28 pixels of 0 (ground) to 255 (ink), row after row. It may be dark on light or light on
/// dark, off-centre, on uneven ground, with or without alpha.
///
/// Fails where nothing looks like a digit, or more than one thing does, and says what was found instead.
pub fn to_mnist(picture: &DynamicImage) -> Result<Vec<u8>> {
    let digit = find(&on_opaque_ground(picture))?;
    Ok(mnist::centre(&mnist::ink(&digit)).into_raw())
}

/// A digit that is small in the picture is looked for once more in its surroundings, in more of the picture's pixels.
fn find(grey: &GrayImage) -> Result<CutOut> {
    let (width, height) = grey.dimensions();
    let scale = working_scale(grey);
    let digit = find_at(grey, scale)?;
    let bounds = &digit.bounds;
    let size = bounds.width().max(bounds.height());
    if scale >= 1.0 || size > SMALL || digit.framed {
        return Ok(digit);
    }
    let margin = size;
    let back = |at: u32| (f64::from(at) / scale) as u32;
    let (left, top) = (back(bounds.left.saturating_sub(margin)), back(bounds.top.saturating_sub(margin)));
    let right = back(bounds.right + margin).min(width);
    let bottom = back(bounds.bottom + margin).min(height);
    let part = imageops::crop_imm(grey, left, top, right - left, bottom - top).to_image();
    find_at(&part, working_scale(&part))
}

/// What a picture's sides are multiplied by before the ink is looked for.
fn working_scale(grey: &GrayImage) -> f64 {
    let longest = grey.width().max(grey.height());
    f64::from(longest.clamp(LEAST_SIDE, WORKING_SIDE)) / f64::from(longest)
}

fn find_at(grey: &GrayImage, scale: f64) -> Result<CutOut> {
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let small = imageops::resize(grey, side(grey.width()), side(grey.height()), FilterType::Triangle);
    digit::find(&gaussian_blur_f32(&lines::without_lines(&small), SMOOTHED))
}

/// Grey values, what is transparent put on a ground that the rest stands out from.
fn on_opaque_ground(picture: &DynamicImage) -> GrayImage {
    let pixels = picture.to_luma_alpha8();
    let (weight, sum) = pixels.pixels().fold((0u64, 0u64), |(weight, sum), pixel| {
        let [grey, alpha] = pixel.0.map(u64::from);
        (weight + alpha, sum + grey * alpha)
    });
    let ground = if sum > MIDDLE_GREY * weight { 0 } else { 255 };
    GrayImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [grey, alpha] = pixels.get_pixel(x, y).0.map(u32::from);
        Luma([((grey * alpha + ground * (255 - alpha)) / 255) as u8])
    })
}
