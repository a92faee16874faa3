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
const SMOOTHED: f32 = 3.0;
/// What is finer than this is grain, as the Gauss curve's standard deviation in pixels.
const FINE: f32 = 1.0;
/// The least grain on noisy ink, in parts of its contrast: the shades of a face are soft.
const INK_GRAIN: f32 = 0.035;
/// The least grain on the ground around it, in parts of the contrast.
const GROUND_GRAIN: f32 = 0.003;
/// Ink on noisy paper stands out further than this, in parts of its contrast: the rest is grain that hangs on to it.
const INK: f32 = 0.25;
/// The least weight that is divided by.
const LEAST_WEIGHT: f32 = 1e-6;

type Plane = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Whether a dark thing of this contrast has the shades of a face, and has them still where noise is smoothed.
///
/// Noise lies on ink and ground alike. Where there is none, nothing is smoothed.
pub fn is_shaded(cut: &CutOut, contrast: f32) -> bool {
    let (ink, ground) = (ink_above(0.0, cut), far_from(&cut.mask, OUTSIDE));
    let shades = |ink: &[f32], ground: &[f32]| (standard_deviation(ink) + GROUND_COUNTS * mean(ground)) / contrast;
    let is_noisy =
        || grain(&cut.hat, &ink) >= INK_GRAIN * contrast && grain(&cut.grey, &ground) >= GROUND_GRAIN * contrast;
    let smooth_shades = || {
        let ink = ink_above(INK * contrast, cut);
        let smooth_ground = map_subpixels(&smoothed(&cut.grey, &ground, SMOOTHED), |grey| grey as u8);
        let ground_hat = to_plane(&black_hat(&smooth_ground, RADII[1]));
        shades(&there(&smoothed(&cut.hat, &ink, SMOOTHED), &ink), &there(&ground_hat, &ground))
    };
    let hat = to_plane(&cut.hat);
    shades(&there(&hat, &ink), &there(&hat, &ground)) > MOST_SHADES
        && !(is_noisy() && smooth_shades() <= MOST_SMOOTH_SHADES)
}

/// Which pixels of the digit are inside its strokes, taken where it stands out further than `least`.
fn ink_above(least: f32, cut: &CutOut) -> Vec<bool> {
    let (width, height) = cut.mask.dimensions();
    let is_ink = |x, y| cut.mask.get_pixel(x, y).0[0] > 0 && f32::from(cut.hat.get_pixel(x, y).0[0]) > least;
    far_from(&GrayImage::from_fn(width, height, |x, y| Luma([if is_ink(x, y) { 0 } else { 255 }])), INSIDE)
}

/// How far the pixels of a mask are from what is smooth.
fn grain(image: &GrayImage, mask: &[bool]) -> f32 {
    let smooth = there(&smoothed(image, mask, FINE), mask);
    let rough = there(&to_plane(image), mask);
    standard_deviation(&rough.iter().zip(smooth).map(|(rough, smooth)| rough - smooth).collect::<Vec<_>>())
}

/// Which pixels are at least so far from all that a mask has.
fn far_from(mask: &GrayImage, least: u8) -> Vec<bool> {
    distance_transform(mask, Norm::LInf).pixels().map(|distance| distance.0[0] >= least).collect()
}

fn there(image: &Plane, mask: &[bool]) -> Vec<f32> {
    image.pixels().zip(mask).filter(|(_, there)| **there).map(|(pixel, _)| pixel.0[0]).collect()
}

fn to_plane(image: &GrayImage) -> Plane {
    map_subpixels(image, f32::from)
}

/// The mean of what lies in the mask around each pixel; the pixel itself where there is nothing of it.
fn smoothed(image: &GrayImage, mask: &[bool], sigma: f32) -> Plane {
    let (width, height) = image.dimensions();
    let masked = |value: &dyn Fn(u32, u32) -> f32| {
        let inside = |x, y| mask[(y * width + x) as usize];
        gaussian_blur_f32(
            &Plane::from_fn(width, height, |x, y| Luma([if inside(x, y) { value(x, y) } else { 0.0 }])),
            sigma,
        )
    };
    let at = |x, y| f32::from(image.get_pixel(x, y).0[0]);
    let (sum, weight) = (masked(&at), masked(&|_, _| 1.0));
    Plane::from_fn(width, height, |x, y| {
        let (sum, weight) = (sum.get_pixel(x, y).0[0], weight.get_pixel(x, y).0[0]);
        Luma([if weight > LEAST_WEIGHT { sum / weight } else { at(x, y) }])
    })
}
