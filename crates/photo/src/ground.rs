//! The ground that ink lies on: what is left of a picture when everything narrower than a window is filled in.

use image::imageops::rotate90;
use image::{GrayImage, Luma};
use imageproc::morphology::{Mask, grayscale_dilate, grayscale_erode};

/// How long the short row is that a long row is made of where it can be, in pixels.
const TOOTH: u8 = 9;

/// How much darker each pixel is than the ground around it (the black-hat): the closing by a square of `2 * radius + 1`
/// pixels fills in what is narrower, and leaves the edges of shadows and sheets where they are.
pub fn black_hat(picture: &GrayImage, radius: u8) -> GrayImage {
    let filled = masks(radius).iter().fold(picture.clone(), |filled, mask| grayscale_dilate(&filled, mask));
    let filled = darkest(&filled, radius);
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        Luma([filled.get_pixel(x, y).0[0].saturating_sub(picture.get_pixel(x, y).0[0])])
    })
}

/// The darkest within `radius` pixels of each pixel (the erosion).
pub fn darkest(picture: &GrayImage, radius: u8) -> GrayImage {
    masks(radius).iter().fold(picture.clone(), |darkest, mask| grayscale_erode(&darkest, mask))
}

/// The square as a row after a column, and a long row as a short one after a comb: each pixel is compared with its row,
/// its column and the combs' teeth, and not with all of the square.
fn masks(radius: u8) -> Vec<Mask> {
    let length = 2 * u32::from(radius) + 1;
    let split = radius > TOOTH / 2 && (radius - TOOTH / 2).is_multiple_of(TOOTH);
    let tooth = if split { u32::from(TOOTH) } else { length };
    let row = GrayImage::from_pixel(tooth, 1, Luma([255]));
    let comb = GrayImage::from_fn(length, 1, |x, _| Luma([if x % tooth == tooth / 2 { 255 } else { 0 }]));
    let rows = [(row, tooth as u8 / 2), (comb, radius)];
    let rows = rows.iter();
    rows.flat_map(|(row, middle)| [Mask::from_image(row, *middle, 0), Mask::from_image(&rotate90(row), 0, *middle)])
        .collect()
}
