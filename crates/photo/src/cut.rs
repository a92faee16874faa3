//! Joins the pieces of a digit and cuts it out.

use super::parts::{Labels, Part};
use image::{GenericImageView, GrayImage, Luma};

/// How far away a piece of a digit is, at most, in parts of the digit's size.
const JOINED_GAP: f32 = 0.12;
/// How long a piece of a digit is, at least, in parts of the digit's size: what is shorter is a speck.
const JOINED_LENGTH: f32 = 0.13;
/// How far a piece of a digit stands out, at least, in parts of how far the digit does.
const JOINED_PEAK: f32 = 0.4;
/// The margin is the digit's size divided by this.
const MARGINS: f32 = 6.0;
/// The least margin, in pixels.
const LEAST_MARGIN: f32 = 6.0;

/// A picture on which ink is dark.
pub struct View<'a> {
    /// Whether this is the picture's negative.
    pub light: bool,
    pub grey: &'a GrayImage,
    /// How far its pixels stand out from their ground, of 255.
    pub hat: GrayImage,
}

/// What belongs together: its box, and the labels of its parts.
pub struct Joined {
    bounds: Part,
    labels: Vec<u32>,
}

/// A digit with a margin, or what may be one.
pub struct CutOut {
    /// Whether it is light on dark ground, and cut out of the negative.
    pub light: bool,
    /// Grey values on which the ink is dark.
    pub grey: GrayImage,
    /// How far the pixels stand out from their ground, of 255.
    pub hat: GrayImage,
    /// 255 where the digit is.
    pub mask: GrayImage,
    /// Where it is on the whole picture.
    pub bounds: Part,
    /// How much there is around it, where the picture does not end before, in pixels.
    pub margin: u32,
    /// Whether a frame was taken off around it.
    pub framed: bool,
}

impl CutOut {
    /// Where its first column and row are on the whole picture.
    pub fn corner(&self) -> (u32, u32) {
        (self.bounds.left.saturating_sub(self.margin), self.bounds.top.saturating_sub(self.margin))
    }

    /// What an image of its size has where the digit is, row after row.
    pub fn inked(&self, image: &GrayImage) -> impl Iterator<Item = u8> {
        let pixels = image.pixels().zip(self.mask.pixels());
        pixels.filter(|(_, mask)| mask.0[0] > 0).map(|(pixel, _)| pixel.0[0])
    }
}

/// The part with the pieces that lie close, and with those that lie close to them.
pub fn joined(part: &Part, parts: &[Part]) -> Joined {
    let (mut bounds, mut labels) = (part.clone(), vec![part.label]);
    loop {
        let size = bounds.size();
        let belongs = |other: &&Part| {
            !labels.contains(&other.label)
                && other.border == 0
                && other.gap(&bounds) as f32 <= JOINED_GAP * size
                && other.width().max(other.height()) as f32 >= JOINED_LENGTH * size
                && f32::from(other.peak) >= JOINED_PEAK * f32::from(bounds.peak)
        };
        let Some(piece) = parts.iter().find(belongs) else { return Joined { bounds, labels } };
        bounds.join(piece);
        labels.push(piece.label);
    }
}

/// Cuts out what belongs together with a margin, as far as the picture goes.
pub fn cut_out(view: &View, labels: &Labels, joined: &Joined) -> CutOut {
    let bounds = joined.bounds.clone();
    let margin = (bounds.size() / MARGINS).max(LEAST_MARGIN) as u32;
    let (left, top) = (bounds.left.saturating_sub(margin), bounds.top.saturating_sub(margin));
    let right = (bounds.right + margin).min(view.hat.width() - 1);
    let bottom = (bounds.bottom + margin).min(view.hat.height() - 1);
    let (width, height) = (right - left + 1, bottom - top + 1);
    let mask = GrayImage::from_fn(width, height, |x, y| {
        let label = labels.get_pixel(x + left, y + top).0[0];
        Luma([if joined.labels.contains(&label) { 255 } else { 0 }])
    });
    let grey = view.grey.view(left, top, width, height).to_image();
    let hat = view.hat.view(left, top, width, height).to_image();
    CutOut { light: view.light, grey, hat, mask, bounds, margin, framed: false }
}
