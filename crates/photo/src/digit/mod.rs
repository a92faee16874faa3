//! Finds the one digit on a picture, or says what is there instead.

mod border;
mod frames;
mod pair;
mod shades;

use crate::cut::CutOut;
use crate::search::{Found, RADII, WIDE_RADIUS, search};
use anyhow::{Context, Result, ensure};
use border::{Touching, fills, padded, touching};
use frames::{frame, taken_off};
use image::{GrayImage, Luma, imageops};
use imageproc::contrast::{ThresholdType, threshold};
use imageproc::region_labelling::{Connectivity, connected_components};
use pair::are_two;
use shades::is_shaded;
use std::collections::HashSet;

/// How much lighter than the ink is as dark as it, in parts of its contrast.
const AS_DARK: f32 = 0.25;

/// How much of its box a digit with holes fills, at most, in percent: a plate with a light digit on it fills more.
const FILLED: u32 = 73;

/// What to do where ink reaches the picture's border.
const CUT_OFF: &str = "what is there touches the border of the picture, leave paper all around the digit";
/// So many frames are taken off, one inside the other.
const MOST_FRAMES: usize = 3;

/// The digit on a picture whose longest side is at most the working side; an error says what was found instead.
pub fn find(picture: &GrayImage) -> Result<CutOut> {
    let found = find_within(picture, MOST_FRAMES);
    let Some(Touching { light, tight_on: Some(ground) }) = touching(picture) else { return found };
    let cut_off = match &found {
        Ok(digit) => digit.light != light, // what is lighter than the ink that fills the picture is a hole in it
        Err(_) => true,
    };
    if !cut_off {
        return found;
    }
    let fills = |digit: &CutOut| digit.light == light && fills(&digit.bounds, picture);
    find_within(&padded(picture, ground), MOST_FRAMES).ok().filter(fills).map_or(found, Ok)
}

/// The digit inside at most so many frames.
fn find_within(picture: &GrayImage, frames: usize) -> Result<CutOut> {
    let mut best = None;
    for radii in [&RADII[..], &[WIDE_RADIUS]] {
        let Some(found) = search(picture, radii) else { continue };
        if let Some(frame) = frame(&found.cut).filter(|_| frames > 0) {
            let inside = taken_off(picture, &found.cut, &frame);
            let digit =
                find_within(&inside, frames - 1).context("what stands out is in a frame: cut the digit out of it")?;
            return Ok(CutOut { framed: true, ..digit });
        }
        if found.measures.is_sound() && ends_inside(picture, &found) {
            best = Some(found);
            break;
        }
    }
    let best = best.with_context(|| {
        let cut_off = touching(picture).is_some();
        let remedy = if cut_off { CUT_OFF } else { "photograph one dark digit on light paper" };
        format!("nothing stands out from an even background: {remedy}")
    })?;
    let best = match best.measures.light.then(|| search(picture, &[WIDE_RADIUS])).flatten() {
        Some(around) if has_as_hole(&around, &best) => around,
        _ => best,
    };
    let two = best.rival || are_two(&best.cut);
    ensure!(!two, "two digits or more were found: cut the picture so that each has one of its own");
    ensure!(!best.measures.wide, "what stands out is wider than a digit");
    let shaded = !best.measures.light && is_shaded(&best.cut, best.measures.contrast);
    ensure!(!shaded, "what stands out is full of shades, like a face, and is not a digit");
    Ok(best.cut)
}

/// Whether something light is the hole of a dark digit around it, whose strokes are wider than the windows that were looked in.
fn has_as_hole(around: &Found, light: &Found) -> bool {
    let (outer, inner) = (&around.cut.bounds, &light.cut.bounds);
    let encloses =
        outer.left < inner.left && outer.top < inner.top && inner.right < outer.right && inner.bottom < outer.bottom;
    let filled = around.cut.inked(&around.cut.mask).count() as u32 * 100 > FILLED * outer.width() * outer.height();
    encloses && !filled && !around.measures.light && around.measures.is_sound() && around.measures.score() > 0.0
}

/// Whether what is as dark as the ink ends before the picture does: a finger's shadow comes in from the border.
///
/// Within a window of the border too little of the ground is seen, and the last of such a shadow is missing in its part.
fn ends_inside(picture: &GrayImage, found: &Found) -> bool {
    let (bounds, measures, window) = (&found.cut.bounds, &found.measures, u32::from(RADII[1]));
    let (right, bottom) = (picture.width() - 1, picture.height() - 1);
    let from_border = bounds.left.min(bounds.top).min(right - bounds.right).min(bottom - bounds.bottom);
    if from_border > window {
        return true;
    }
    let mut grey = picture.clone();
    if measures.light {
        imageops::invert(&mut grey);
    }
    let dark = threshold(&grey, (measures.ink + AS_DARK * measures.contrast) as u8, ThresholdType::BinaryInverted);
    let labels = connected_components(&dark, Connectivity::Eight, Luma([0]));
    let labelled = || labels.enumerate_pixels().filter(|(.., label)| label.0[0] > 0);
    let own: HashSet<u32> =
        labelled().filter(|&(x, y, _)| bounds.contains(x, y)).map(|(.., label)| label.0[0]).collect();
    let border = |x, y| x == 0 || y == 0 || x == right || y == bottom;
    !labelled().any(|(x, y, label)| border(x, y) && own.contains(&label.0[0]))
}
