//! Takes the frame off a picture: a ring, a box or a plate's rim around a digit is no part of it.

use crate::cut::CutOut;
use crate::parts::{Labels, Part, parts};
use image::{GrayImage, Luma};
use imageproc::distance_transform::Norm;
use imageproc::morphology::dilate;
use std::f32::consts::TAU;

/// How high what a frame surrounds is, at least, in percent of the frame's height: a smaller thing is a speck in a hole.
const INSIDE_HEIGHT: u32 = 20;
/// So many directions are looked into from the middle of what is inside.
const DIRECTIONS: usize = 72;
/// In so many of them, in percent, a frame is seen at least: one that is drawn by hand may not close.
const SURROUNDED: usize = 85;
/// How much around a frame is taken off with it, in pixels: its soft edge.
const EDGE: u8 = 3;

/// The piece of what was found that goes around another, 255 where it is.
pub fn frame(cut: &CutOut) -> Option<GrayImage> {
    let (labels, pieces) = parts(&cut.mask, 0);
    let is_frame = |frame: &&Part| pieces.iter().any(|inside| surrounds(&labels, frame, inside));
    let frame = pieces.iter().find(is_frame)?.label;
    Some(GrayImage::from_fn(labels.width(), labels.height(), |x, y| {
        Luma([if labels.get_pixel(x, y).0[0] == frame { 255 } else { 0 }])
    }))
}

/// Whether a part is seen all around another.
fn surrounds(labels: &Labels, frame: &Part, inside: &Part) -> bool {
    let holds = frame.left < inside.left
        && frame.top < inside.top
        && inside.right < frame.right
        && inside.bottom < frame.bottom;
    if !holds || 100 * inside.height() < INSIDE_HEIGHT * frame.height() {
        return false;
    }
    let (x, y) = ((inside.left + inside.right) as f32 / 2.0, (inside.top + inside.bottom) as f32 / 2.0);
    let mut seen = [false; DIRECTIONS];
    for (at_x, at_y, _) in labels.enumerate_pixels().filter(|(.., label)| label.0[0] == frame.label) {
        let turn = (at_y as f32 - y).atan2(at_x as f32 - x) / TAU + 0.5;
        seen[(turn * DIRECTIONS as f32) as usize % DIRECTIONS] = true;
    }
    100 * seen.iter().filter(|seen| **seen).count() >= SURROUNDED * DIRECTIONS
}

/// The picture with its ground where the frame was.
pub fn taken_off(picture: &GrayImage, cut: &CutOut, frame: &GrayImage) -> GrayImage {
    let mut without = picture.clone();
    let (left, top) = cut.corner();
    for (x, y, _) in dilate(frame, Norm::LInf, EDGE).enumerate_pixels().filter(|(.., frame)| frame.0[0] > 0) {
        let ground = cut.grey.get_pixel(x, y).0[0].saturating_add(cut.hat.get_pixel(x, y).0[0]);
        without.put_pixel(left + x, top + y, Luma([if cut.light { 255 - ground } else { ground }]));
    }
    without
}
