//! Brings a photograph or drawing of a digit to MNIST's convention: light on dark, 20x20, centred by mass in 28x28.

use anyhow::{Context, Result, ensure};
use cnn_tutorial::data::SIDE;
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageBuffer, ImageDecoder, ImageReader, Luma};
use imageproc::contrast::{ThresholdType, otsu_level, threshold};
use imageproc::distance_transform::Norm;
use imageproc::filter::gaussian_blur_f32;
use imageproc::map::map_subpixels;
use imageproc::morphology::dilate;
use imageproc::region_labelling::{Connectivity, connected_components};
use std::io::{BufRead, Seek};
use std::path::Path;

#[cfg(test)]
mod tests;

type Plane = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Longest side on which the ink is looked for, in pixels; a digit needs no more.
const WORKING_SIDE: u32 = 256;
/// The box that MNIST fits its digits into.
const BOX: u32 = 20;
/// Parts of less than this fraction of the largest part are dirt.
const DIRT: f64 = 0.1;
/// The least difference from paper to ink, of 255, that is taken for a digit.
const CONTRAST: u8 = 16;

/// Reads a PNG or JPEG file as 28x28 pixels, light on dark.
pub fn read_photo(path: &Path) -> Result<Vec<u8>> {
    let name = path.display();
    let file = ImageReader::open(path).with_context(|| format!("{name} cannot be opened"))?;
    to_mnist(&decode(file).with_context(|| format!("{name} cannot be read as a picture"))?)
        .with_context(|| format!("{name}: no digit found"))
}

/// The picture in a PNG or JPEG file's bytes.
pub fn decode(bytes: ImageReader<impl BufRead + Seek>) -> Result<DynamicImage> {
    let decode = || -> Result<DynamicImage> {
        let mut decoder = bytes.with_guessed_format()?.into_decoder()?;
        let orientation = decoder.orientation()?;
        let mut picture = DynamicImage::from_decoder(decoder)?;
        picture.apply_orientation(orientation); // telephones store pictures lying on their side
        Ok(picture)
    };
    decode().context("expected a PNG or JPEG file")
}

/// A picture of any size, dark on light or light on dark, off-centre, on uneven ground, with or without alpha, as 28x28
/// pixels, light on dark. An error where nothing stands out from the ground.
pub fn to_mnist(picture: &DynamicImage) -> Result<Vec<u8>> {
    Ok(centre(&find_ink(&shrink(&on_opaque_ground(picture)))?).into_raw())
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

fn shrink(picture: &GrayImage) -> GrayImage {
    let (width, height) = picture.dimensions();
    let scale = f64::from(WORKING_SIDE) / f64::from(width.max(height));
    if scale >= 1.0 {
        return picture.clone();
    }
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    imageops::resize(picture, side(width), side(height), FilterType::Triangle)
}

/// The ink, 0 (paper) to 255; an error where nothing stands out from the paper.
fn find_ink(picture: &GrayImage) -> Result<GrayImage> {
    let side = picture.width().max(picture.height()) as f32;
    let grey: Plane = map_subpixels(picture, f32::from);
    let grey = if side >= 64.0 { gaussian_blur_f32(&grey, side / 256.0) } else { grey };

    // Ink differs strongly from its surroundings and paper little, so the cubes of the differences tell which is lighter.
    let surroundings = gaussian_blur_f32(&grey, side / 8.0);
    let difference = combine(&grey, &surroundings, |grey, around| grey - around);
    let sign = difference.pixels().map(|d| d.0[0].powi(3)).sum::<f32>().signum();
    let outstanding: GrayImage = map_subpixels(&difference, |d| (sign * d) as u8);
    let level = otsu_level(&outstanding);

    // Uneven light: the paper's brightness around a pixel is the mean there, ink left out.
    let weight: Plane = map_subpixels(&outstanding, |d| if d > level { 0.0 } else { 1.0 });
    let paper = gaussian_blur_f32(&combine(&grey, &weight, |grey, weight| grey * weight), side / 8.0);
    let paper = combine(&paper, &gaussian_blur_f32(&weight, side / 8.0), |sum, weight| sum / weight.max(1e-6));
    let ink: GrayImage = map_subpixels(&combine(&grey, &paper, |grey, paper| sign * (grey - paper)), |d| d as u8);
    let strongest = ink.pixels().map(|ink| ink.0[0]).max().unwrap_or(0);
    ensure!(strongest >= CONTRAST, "expected a digit that stands out from its ground by {CONTRAST} of 255 or more");

    // Small parts are dirt, and so is what is faint and no part's fringe.
    let level = otsu_level(&ink);
    let parts = connected_components(&threshold(&ink, level, ThresholdType::Binary), Connectivity::Eight, Luma([0]));
    let mut areas = vec![0u32; parts.pixels().map(|part| part.0[0] as usize + 1).max().unwrap_or(1)];
    parts.pixels().for_each(|part| areas[part.0[0] as usize] += 1);
    let least = DIRT * f64::from(areas.iter().skip(1).max().copied().unwrap_or(0));
    let kept = |part: u32| part > 0 && f64::from(areas[part as usize]) >= least;
    let kept: GrayImage = map_subpixels(&parts, |part| if kept(part) { 255 } else { 0 });
    let kept = dilate(&kept, Norm::LInf, if side >= 64.0 { 2 } else { 1 });
    let scale = 255.0 / f32::from(strongest);
    Ok(GrayImage::from_fn(ink.width(), ink.height(), |x, y| {
        let (ink, kept) = (ink.get_pixel(x, y).0[0], kept.get_pixel(x, y).0[0] > 0);
        Luma([if kept && ink > level / 4 { (f32::from(ink) * scale) as u8 } else { 0 }])
    }))
}

fn combine(a: &Plane, b: &Plane, f: impl Fn(f32, f32) -> f32) -> Plane {
    Plane::from_fn(a.width(), a.height(), |x, y| Luma([f(a.get_pixel(x, y).0[0], b.get_pixel(x, y).0[0])]))
}

/// Fits the ink into 20x20 and puts its centre of mass into the middle of 28x28, as MNIST's makers did.
fn centre(ink: &GrayImage) -> GrayImage {
    let inked = |&(_, _, pixel): &(u32, u32, &Luma<u8>)| pixel.0[0] > 0;
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    for (x, y, _) in ink.enumerate_pixels().filter(inked) {
        (left, top, right, bottom) = (left.min(x), top.min(y), right.max(x), bottom.max(y));
    }
    let (width, height) = (right - left + 1, bottom - top + 1);
    let side = |length: u32| (f64::from(length * BOX) / f64::from(width.max(height))).round().max(1.0) as u32;
    let digit = imageops::crop_imm(ink, left, top, width, height).to_image();
    let digit = imageops::resize(&digit, side(width), side(height), FilterType::Triangle);

    let mass = |weight: fn(u32, u32) -> u32| {
        digit.enumerate_pixels().map(|(x, y, pixel)| f64::from(weight(x, y)) * f64::from(pixel.0[0])).sum::<f64>()
    };
    let total = mass(|_, _| 1).max(1.0);
    // A pixel's own middle is half a pixel from its corner, the image's middle 14.
    let offset = |moment: f64, length: u32| {
        let offset = (SIDE as f64 / 2.0 - (moment / total + 0.5)).round() as i64;
        offset.clamp(0, SIDE as i64 - i64::from(length))
    };
    let (x, y) = (offset(mass(|x, _| x), digit.width()), offset(mass(|_, y| y), digit.height()));
    let mut image = GrayImage::new(SIDE as u32, SIDE as u32);
    imageops::replace(&mut image, &digit, x, y);
    image
}
