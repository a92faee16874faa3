//! Brings ink to MNIST's convention: light on dark, 20x20, centred by mass in 28x28.

use super::cut::CutOut;
use super::parts::parts;
use image::imageops::{self, FilterType};
use image::{GrayImage, ImageBuffer, Luma};
use imageproc::distance_transform::Norm;
use imageproc::filter::gaussian_blur_f32;
use imageproc::map::map_subpixels;
use imageproc::morphology::{Mask, dilate, grayscale_dilate};

/// The width and height of MNIST's images, in pixels.
const SIDE: u32 = 28;
/// The side of the box that MNIST fits its digits into, in pixels.
const BOX: u32 = 20;
/// Strokes thinner than this, in pixels of the box, are drawn as thick.
const STROKE: f32 = 2.0;

/// How much around a digit's mask is kept, in pixels: a stroke's soft edge.
const EDGE: u8 = 1;
/// The same for a large digit.
const LARGE_EDGE: u8 = 2;
/// A digit that is longer than this is large, in pixels.
const LARGE: f32 = 60.0;
/// The distance over which the contrast is evened out is the digit's length divided by this.
const EVENED: f32 = 8.0;
/// The least of these distances, as a Gauss curve's standard deviation in pixels.
const LEAST_EVENED: f32 = 2.0;
/// The least contrast that is divided by, of 255.
const LEAST_CONTRAST: f32 = 1.0;
/// The least weight that is divided by, of 255.
const LEAST_WEIGHT: f32 = 1e-3;
/// How far empty ground stands out, at most, in parts of the contrast.
const GROUND: f32 = 0.3;
/// How much further full ink stands out, in parts of the contrast.
const FULL: f32 = 0.45;

/// Ink of more than this counts, of 255.
const INKED: u8 = 60;
/// Ink of this and more is inside a stroke, of 255.
const HALF: u8 = 128;
/// A piece is weak whose peak, times this, is less than the largest piece's.
const WEAK: u32 = 2;
/// How long an outline is, in parts of its length in steps: about pi / 4.
const STRAIGHT: f32 = 0.79;
/// How much a stroke is made thicker, at least, on each side, in pixels.
const LEAST_THICKER: f32 = 0.5;

type Plane = ImageBuffer<Luma<f32>, Vec<f32>>;

/// The ink, 0 (ground) to 255, as strong where light or glare leaves little contrast as elsewhere.
pub fn ink(digit: &CutOut) -> GrayImage {
    thickened(without_weak_pieces(evened_out(digit), &digit.hat))
}

/// How far each pixel stands out, in parts of how far the ink around it does.
pub fn evened_out(CutOut { hat, mask, bounds, .. }: &CutOut) -> GrayImage {
    let size = bounds.height().max(bounds.width()) as f32;
    let kept = dilate(mask, Norm::LInf, if size > LARGE { LARGE_EDGE } else { EDGE });
    let at = |x: u32, y: u32| f32::from(hat.get_pixel(x, y).0[0]);
    // The contrast around a pixel is the mean there, weighted by itself so that the middles of strokes count most.
    let inked = |x, y| mask.get_pixel(x, y).0[0] > 0;
    let weight = Plane::from_fn(mask.width(), mask.height(), |x, y| Luma([if inked(x, y) { at(x, y) } else { 0.0 }]));
    let square: Plane = map_subpixels(&weight, |w| w * w);
    let sigma = (size / EVENED).max(LEAST_EVENED);
    let (weight, square) = (gaussian_blur_f32(&weight, sigma), gaussian_blur_f32(&square, sigma));
    GrayImage::from_fn(mask.width(), mask.height(), |x, y| {
        let contrast = square.get_pixel(x, y).0[0] / weight.get_pixel(x, y).0[0].max(LEAST_WEIGHT);
        let ink = ((at(x, y) / contrast.max(LEAST_CONTRAST) - GROUND) / FULL).clamp(0.0, 1.0);
        Luma([if kept.get_pixel(x, y).0[0] > 0 { (255.0 * ink) as u8 } else { 0 }])
    })
}

/// Leaves out what hangs with the digit by next to nothing and stands out half as much: chalk dust, the fold of a sheet.
fn without_weak_pieces(mut ink: GrayImage, hat: &GrayImage) -> GrayImage {
    let (labels, parts) = parts(&ink, INKED);
    let mut peaks = vec![0; parts.len()];
    for (x, y, label) in labels.enumerate_pixels().filter(|(.., label)| label.0[0] > 0) {
        let peak: &mut u8 = &mut peaks[label.0[0] as usize - 1];
        *peak = hat.get_pixel(x, y).0[0].max(*peak);
    }
    let largest = parts.iter().max_by_key(|part| part.area).map_or(0, |part| peaks[part.label as usize - 1]);
    for (pixel, label) in ink.pixels_mut().zip(labels.pixels()) {
        if label.0[0] > 0 && u32::from(peaks[label.0[0] as usize - 1]) * WEAK < u32::from(largest) {
            pixel.0[0] = 0;
        }
    }
    ink
}

/// Draws strokes that would be thinner than MNIST's as thick as those.
fn thickened(ink: GrayImage) -> GrayImage {
    let (_, _, width, height) = bounds(&ink);
    let thicker = (STROKE * width.max(height) as f32 / BOX as f32 - stroke_width(&ink)) / 2.0;
    if thicker >= LEAST_THICKER { grayscale_dilate(&ink, &Mask::disk(thicker.round() as u8)) } else { ink }
}

/// Twice the area of strokes for the length of their outline, in pixels.
fn stroke_width(ink: &GrayImage) -> f32 {
    let inked = |x: u32, y: u32| ink.get_pixel(x, y).0[0] >= HALF;
    let (mut area, mut outline) = (0f32, 0f32);
    for y in 0..ink.height() - 1 {
        for x in 0..ink.width() - 1 {
            area += f32::from(u8::from(inked(x, y)));
            outline += f32::from(u8::from(inked(x, y) != inked(x + 1, y)) + u8::from(inked(x, y) != inked(x, y + 1)));
        }
    }
    2.0 * area / (outline * STRAIGHT).max(1.0)
}

/// The box around the ink: left, top, width and height; all of the picture where there is none.
fn bounds(ink: &GrayImage) -> (u32, u32, u32, u32) {
    let inked = ink.enumerate_pixels().filter(|(.., pixel)| pixel.0[0] > INKED);
    let corners = inked
        .map(|(x, y, _)| (x, y, x, y))
        .reduce(|(left, top, right, bottom), (x, y, ..)| (left.min(x), top.min(y), right.max(x), bottom.max(y)));
    let (left, top, right, bottom) = corners.unwrap_or((0, 0, ink.width() - 1, ink.height() - 1));
    (left, top, right - left + 1, bottom - top + 1)
}

/// Fits the ink into 20x20 and puts its centre of mass into the middle of 28x28, as MNIST's makers did.
pub fn centre(ink: &GrayImage) -> GrayImage {
    let (left, top, width, height) = bounds(ink);
    let side = |length: u32| (f64::from(length * BOX) / f64::from(width.max(height))).round().max(1.0) as u32;
    let digit = imageops::crop_imm(ink, left, top, width, height).to_image();
    let mut digit = imageops::resize(&digit, side(width), side(height), FilterType::Triangle);
    let strongest = f32::from(digit.pixels().map(|pixel| pixel.0[0]).max().unwrap_or(255).max(1));
    digit.pixels_mut().for_each(|pixel| pixel.0[0] = (f32::from(pixel.0[0]) * 255.0 / strongest) as u8);

    let mass = |weight: fn(u32, u32) -> u32| {
        digit.enumerate_pixels().map(|(x, y, pixel)| f64::from(weight(x, y)) * f64::from(pixel.0[0])).sum::<f64>()
    };
    let total = mass(|_, _| 1).max(1.0);
    // A pixel's own middle is half a pixel from its corner, the image's middle 14.
    let offset = |moment: f64, length: u32| {
        let offset = (f64::from(SIDE) / 2.0 - (moment / total + 0.5)).round() as i64;
        offset.clamp(0, i64::from(SIDE) - i64::from(length))
    };
    let (x, y) = (offset(mass(|x, _| x), digit.width()), offset(mass(|_, y| y), digit.height()));
    let mut image = GrayImage::new(SIDE, SIDE);
    imageops::replace(&mut image, &digit, x, y);
    image
}
