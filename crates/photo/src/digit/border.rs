//! Gives a picture that is cut off close to its ink more of its ground.

use crate::parts::{Part, parts};
use image::{GrayImage, Luma, imageops};
use imageproc::map::map_subpixels;

/// How far the darkest or lightest of a picture is from its ground, at least, of 255.
const LEAST_CONTRAST: u8 = 40;
/// So much of the picture, in percent, may be darker than its darkest that counts, or lighter than its lightest.
const EXTREME: usize = 2;
/// What stands out further than this is ink, in parts of the contrast.
const INK: f32 = 0.5;
/// What stands out less far is ground.
const GROUND: f32 = 0.2;
/// How much of the border is ground, at least, in percent.
const LEAST_GROUND: usize = 55;
/// How much of the picture's width or height tightly cut ink takes, at least, in percent.
const TIGHT: u32 = 88;
/// How much of its box ink fills that has a corner of the picture, at most, in percent.
const STROKES: u32 = 45;
/// How much of the picture is neither ground nor ink, at most, in percent: a face has shades of all kinds.
const BETWEEN: usize = 30;
/// What stands out further than the first of these and less far than the second is neither, in parts of the contrast.
const NEITHER: [f32; 2] = [0.25, 0.75];
/// The ground that is added on each side is the longer side divided by this.
const ADDED: u32 = 4;

/// Ink that reaches the picture's border.
pub struct Touching {
    /// Whether it is lighter than the ground.
    pub light: bool,
    /// The ground's grey, where the border has it beside the ink and the picture is nearly all ground and ink.
    pub tight_on: Option<u8>,
}

/// What reaches the border of a picture, if anything that may be ink does.
pub fn touching(picture: &GrayImage) -> Option<Touching> {
    let (width, height) = picture.dimensions();
    let on_border = |x: u32, y: u32| x == 0 || y == 0 || x + 1 == width || y + 1 == height;
    let mut border: Vec<u8> =
        picture.enumerate_pixels().filter(|&(x, y, _)| on_border(x, y)).map(|(.., grey)| grey.0[0]).collect();
    border.sort_unstable();
    let ground = *border.get(border.len() / 2)?;
    let mut all = picture.as_raw().clone();
    all.sort_unstable();
    let (darkest, lightest) = (all[all.len() * EXTREME / 100], all[all.len() * (100 - EXTREME) / 100]);
    let light = lightest.saturating_sub(ground) > ground.saturating_sub(darkest);
    let contrast = ground.abs_diff(if light { lightest } else { darkest });
    let away = |grey: u8| if light { grey.saturating_sub(ground) } else { ground.saturating_sub(grey) };
    let ink = (INK * f32::from(contrast)) as u8;
    let (_, inked) = parts(&map_subpixels(picture, away), ink);
    let touching = inked.into_iter().filter(|part| part.border > 0).reduce(|mut all: Part, part| {
        all.join(&part);
        all.area += part.area;
        all
    })?;
    if contrast < LEAST_CONTRAST {
        return None;
    }
    let is_ground = |grey: u8| f32::from(grey.abs_diff(ground)) <= GROUND * f32::from(contrast);
    let [fainter, stronger] = NEITHER.map(|away| away * f32::from(contrast));
    let is_between = |grey: u8| (fainter..stronger).contains(&f32::from(grey.abs_diff(ground)));
    let corners = [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)];
    // A shadow or a table that comes in from the border has a corner and fills its box; the bar of a 7 has one as well.
    let strokes = 100 * touching.area <= STROKES * touching.width() * touching.height();
    let even = (strokes || corners.iter().all(|&(x, y)| is_ground(picture.get_pixel(x, y).0[0])))
        && 100 * border.iter().filter(|grey| is_ground(**grey)).count() >= LEAST_GROUND * border.len()
        && 100 * all.iter().filter(|grey| is_between(**grey)).count() <= BETWEEN * all.len();
    Some(Touching { light, tight_on: (even && fills(&touching, picture)).then_some(ground) })
}

/// Whether ink takes nearly all of a picture's width or height.
pub fn fills(ink: &Part, picture: &GrayImage) -> bool {
    100 * ink.width() >= TIGHT * picture.width() || 100 * ink.height() >= TIGHT * picture.height()
}

/// The picture with more of its ground on every side.
pub fn padded(picture: &GrayImage, ground: u8) -> GrayImage {
    let (width, height) = picture.dimensions();
    let added = width.max(height) / ADDED;
    let mut padded = GrayImage::from_pixel(width + 2 * added, height + 2 * added, Luma([ground]));
    imageops::replace(&mut padded, picture, added.into(), added.into());
    padded
}
