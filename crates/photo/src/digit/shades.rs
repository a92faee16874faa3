//! Tells a face from ink on paper by its shades.

use crate::cut::CutOut;
use crate::ground::black_hat;
use crate::measures::{mean, standard_deviation};
use crate::search::RADII;
use image::{GrayImage, ImageBuffer, Luma};
use imageproc::distance_transform::{Norm, distance_transform};
use imageproc::filter::gaussian_blur_f32;
use imageproc::map::map_subpixels;

/// A dark digit has at most so many shades, in parts of its contrast.
const MOST_SHADES: f32 = 0.45;
/// The same where noise is smoothed: shades are then a little fainter.
const MOST_SMOOTH_SHADES: f32 = 0.43;
/// How far from the ground the ink is whose shades count, in pixels: nearer there are the strokes' soft edges.
const INSIDE: u8 = 2;
/// How far from the ink the ground is whose shades count, in pixels.
const OUTSIDE: u8 = 4;
/// How often the ground's shades count against once the ink's.
const GROUND_COUNTS: f32 = 2.0;
/// How far noise and a paper's grain are smoothed, as the Gauss curve's standard deviation in pixels.
const GRAIN: f32 = 3.0;
/// The least weight that is divided by.
const LEAST_WEIGHT: f32 = 1e-6;

type Plane = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Whether a dark thing of this contrast has the shades of a face, and has them still where noise is smoothed.
pub fn is_shaded(cut: &CutOut, contrast: f32) -> bool {
    let ink = far_from(&map_subpixels(&cut.mask, |inked| 255 - inked), INSIDE);
    let ground = far_from(&cut.mask, OUTSIDE);
    let shades = |ink_hat: &GrayImage, ground_hat: &GrayImage| {
        let shades = standard_deviation(&there(ink_hat, &ink)) + GROUND_COUNTS * mean(&there(ground_hat, &ground));
        shades / contrast
    };
    shades(&cut.hat, &cut.hat) > MOST_SHADES && {
        let smooth = smoothed(&cut.grey, &ground);
        shades(&smoothed(&cut.hat, &ink), &black_hat(&smooth, RADII[1])) > MOST_SMOOTH_SHADES
    }
}

/// Which pixels are at least so far from all that a mask has.
fn far_from(mask: &GrayImage, least: u8) -> Vec<bool> {
    distance_transform(mask, Norm::LInf).pixels().map(|distance| distance.0[0] >= least).collect()
}

fn there(image: &GrayImage, mask: &[bool]) -> Vec<f32> {
    image.pixels().zip(mask).filter(|(_, there)| **there).map(|(pixel, _)| f32::from(pixel.0[0])).collect()
}

/// The mean of what lies in the mask around each pixel; the pixel itself where there is nothing of it.
fn smoothed(image: &GrayImage, mask: &[bool]) -> GrayImage {
    let (width, height) = image.dimensions();
    let index = |x, y| (y * width + x) as usize;
    let masked = |value: &dyn Fn(u32, u32) -> f32| {
        let inside = Plane::from_fn(width, height, |x, y| Luma([if mask[index(x, y)] { value(x, y) } else { 0.0 }]));
        gaussian_blur_f32(&inside, GRAIN)
    };
    let at = |x, y| image.get_pixel(x, y).0[0];
    let (sum, weight) = (masked(&|x, y| f32::from(at(x, y))), masked(&|_, _| 1.0));
    GrayImage::from_fn(width, height, |x, y| {
        let (sum, weight) = (sum.get_pixel(x, y).0[0], weight.get_pixel(x, y).0[0]);
        Luma([if weight > LEAST_WEIGHT { (sum / weight) as u8 } else { at(x, y) }])
    })
}
