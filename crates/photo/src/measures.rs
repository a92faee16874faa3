//! Measures a part, and says how much it is like a digit.

use super::cut::CutOut;
use super::ground::darkest;
use super::parts::Part;
use image::{GrayImage, Luma};
use imageproc::distance_transform::{Norm, distance_transform};
use std::ops::RangeInclusive;

/// The ink that stands out further than so many percent of it is the strongest.
const STRONGEST: usize = 75;
/// The outline: how far from the ink the ground is that must be lighter, in pixels.
const OUTLINE: RangeInclusive<u32> = 3..=5;
/// How near to the ground beside an outline the ink is that this ground must be lighter than, in pixels.
const NEAR: u8 = 8;
/// How much lighter it must be, in parts of the contrast.
const LIGHTER: f32 = 0.3;
/// How far from the ink the ground begins that must be empty, in pixels; it goes on to the margin's end.
const AROUND: u32 = 4;
/// How far empty ground stands out, in parts of the contrast: less than this.
const EMPTY: f32 = 0.3;

/// How much of a digit's outline is closed, at least, of 1.
const CLOSED: f32 = 0.9;
/// How much of the ground around a dark digit is empty, at least, of 1.
const EVEN: f32 = 0.75;
/// How much of the ground around a light digit is empty, at least, of 1.
const EVEN_IF_LIGHT: f32 = 0.97;
/// The greatest width of a digit, in percent of its height.
const WIDEST: u32 = 140;

/// What a part counts that is wider than a digit, of 1: at a higher level it may be a digit alone.
const WIDE_COUNTS: f32 = 0.5;
/// Chalk and screens have an even ground, and a sheet that a shadow cuts in two borders on the table and on its own shade:
/// how far the ground of a light digit varies, at most, in parts of its difference from the ink.
const UNEVEN: f32 = 0.25;
/// The stroke that a part begins to be a blob at, in parts of its size.
const THICK: f32 = 0.22;
/// How much thicker a stroke is that is nothing but a blob, in parts of its size.
const THICKER: f32 = 0.14;
/// The level from which on a part counts in full, in parts of its contrast: lower down its surroundings come with it.
const LOW: f32 = 0.2;
/// The power of how low the level is.
const LOW_COUNTS: f32 = 0.25;
/// The power of the contrast.
pub const CONTRAST_COUNTS: f32 = 0.7;
/// The power of how closed the outline is, twice, and of how even the ground.
const SOUND_COUNTS: i32 = 4;

/// What is measured of a part that may be a digit; where it is light, on the negative.
pub struct Measures {
    /// Whether it is light on dark ground.
    pub light: bool,
    /// What it stands out by more than, of 255.
    level: u8,
    /// The size of the part that the others were joined to, in pixels.
    size: f32,
    /// Whether it is wider than a digit.
    pub wide: bool,
    /// How far its strongest quarter stands out, of 255.
    pub contrast: f32,
    /// How bright its strongest quarter is, of 255.
    pub ink: f32,
    /// How bright the ground along its outline is, of 255.
    ground: f32,
    /// How far that brightness varies, as its standard deviation, of 255.
    unrest: f32,
    /// How much of its outline borders on ground, of 1.
    closed: f32,
    /// How much of the ground around it is empty, of 1.
    even: f32,
    /// How thick its strokes are, in parts of its size.
    stroke: f32,
}

impl Measures {
    /// Shadows and tables are neither closed nor on an even ground; digits are nearly always both. What is light on dark
    /// is more often a forehead than chalk.
    pub fn is_sound(&self) -> bool {
        self.closed >= CLOSED && self.even >= if self.light { EVEN_IF_LIGHT } else { EVEN }
    }

    /// How much it is like a digit; more is better, and 0 is none.
    pub fn score(&self) -> f32 {
        let narrow = if self.wide { WIDE_COUNTS } else { 1.0 };
        let uneven = self.light && self.unrest > UNEVEN * (self.ground - self.ink);
        let chalk = if uneven { 0.0 } else { 1.0 };
        let blob = ((self.stroke - THICK) / THICKER).clamp(0.0, 1.0);
        let high = (f32::from(self.level) / (LOW * self.contrast)).min(1.0).powf(LOW_COUNTS);
        let sound = (self.closed * self.closed * self.even).powi(SOUND_COUNTS);
        narrow * chalk * (1.0 - blob) * high * self.size * self.contrast.powf(CONTRAST_COUNTS) * sound
    }
}

/// Measures what was cut out, found as one part and its neighbours at a level.
pub fn measure(cut: &CutOut, part: &Part, level: u8) -> Measures {
    let distance = distance_transform(&cut.mask, Norm::LInf);
    let away = |range: RangeInclusive<u32>| {
        let there = distance.enumerate_pixels().filter(move |(.., away)| range.contains(&u32::from(away.0[0])));
        there.map(|(x, y, _)| (x, y))
    };
    let (contrast, nearby) = (contrast(cut), darkest_nearby(cut));
    let at = |image: &GrayImage, (x, y)| f32::from(image.get_pixel(x, y).0[0]);
    let is_lighter = |pixel| at(&cut.grey, pixel) - at(&nearby, pixel) > LIGHTER * contrast;
    let is_empty = |pixel| at(&cut.hat, pixel) < EMPTY * contrast;
    let ground: Vec<f32> = away(OUTLINE).map(|pixel| at(&cut.grey, pixel) + at(&cut.hat, pixel)).collect();
    let area = cut.inked(&cut.mask).count() as f32;
    let outline = away(1..=1).count().max(1) as f32;
    Measures {
        light: cut.light,
        level,
        size: part.size(),
        wide: 100 * cut.bounds.width() > WIDEST * cut.bounds.height(),
        contrast,
        ink: ink(cut, contrast),
        ground: mean(&ground),
        unrest: standard_deviation(&ground),
        closed: share(away(OUTLINE), is_lighter),
        even: share(away(AROUND..=cut.margin), is_empty),
        stroke: 2.0 * area / outline / cut.bounds.size(),
    }
}

/// How far the strongest of its ink stands out.
fn contrast(cut: &CutOut) -> f32 {
    let mut hat: Vec<u8> = cut.inked(&cut.hat).collect();
    hat.sort_unstable();
    f32::from(hat[hat.len() * STRONGEST / 100])
}

/// How bright the strongest of its ink is.
fn ink(cut: &CutOut, contrast: f32) -> f32 {
    let ink = cut.inked(&cut.hat).zip(cut.inked(&cut.grey));
    let strongest = ink.filter(|&(hat, _)| f32::from(hat) >= contrast);
    mean(&strongest.map(|(_, grey)| f32::from(grey)).collect::<Vec<_>>())
}

/// How dark the ink near each pixel is. A shadow may lie over a part of the digit: the ground there is compared with the
/// ink there, if that is darker.
fn darkest_nearby(cut: &CutOut) -> GrayImage {
    let usual = mean(&cut.inked(&cut.grey).map(f32::from).collect::<Vec<_>>()) as u8;
    let mut ink = cut.grey.clone();
    for (pixel, _) in ink.pixels_mut().zip(cut.mask.pixels()).filter(|(_, mask)| mask.0[0] == 0) {
        *pixel = Luma([usual]);
    }
    darkest(&ink, NEAR)
}

/// The share of pixels that something holds of, of 1.
fn share(pixels: impl Iterator<Item = (u32, u32)>, holds: impl Fn((u32, u32)) -> bool) -> f32 {
    let (mut all, mut held) = (0u32, 0u32);
    for pixel in pixels {
        all += 1;
        held += u32::from(holds(pixel));
    }
    held as f32 / all.max(1) as f32
}

/// The mean of values, 0 for none.
pub fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

/// How far values are from their mean, as the standard deviation.
pub fn standard_deviation(values: &[f32]) -> f32 {
    let middle = mean(values);
    mean(&values.iter().map(|value| (value - middle).powi(2)).collect::<Vec<_>>()).sqrt()
}
