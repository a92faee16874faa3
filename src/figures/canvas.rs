//! A canvas for rectangles, text and plotters' charts, written to a PNG file.

use ab_glyph::{Font, FontRef, OutlinedGlyph, ScaleFont, point};
use anyhow::{Context, Result};
use image::{ImageFormat, Rgb, RgbImage, imageops};
use plotters::coord::Shift;
use plotters::prelude::{BitMapBackend, DrawingArea, IntoDrawingArea};
use std::path::Path;

pub const BLACK: Rgb<u8> = Rgb([0; 3]);
pub const WHITE: Rgb<u8> = Rgb([255; 3]);
/// The colours of matplotlib's first line, which the slides' loss has, and of its `"red"`.
pub const BLUE: Rgb<u8> = Rgb([0x1f, 0x77, 0xb4]);
pub const RED: Rgb<u8> = Rgb([0xff, 0, 0]);

/// The size of small letters, and the least room that a panel has for a line of them, in pixels.
pub const NOTE: f32 = 19.0;
pub const TEXT: f32 = 190.0;

/// The picture is drawn this many times larger and brought down by averaging: edges become smooth, and letters stand where
/// they belong, which whole pixels would not allow small ones.
pub const OVERSAMPLING: f32 = 3.0;

/// The height of a line of DejaVu Sans, in its size, and how far the middle of the digits lies below the line's top.
const LINE: f32 = 1.164;
const MIDDLE: f32 = 0.5635;

/// All places and sizes are in pixels of the file, x from the left and y from the top.
pub struct Canvas {
    image: RgbImage,
    /// The program carries it: pictures need no font of the system.
    font: FontRef<'static>,
}

impl Canvas {
    pub fn new(width: f32, height: f32, ground: Rgb<u8>) -> Result<Self> {
        let font = FontRef::try_from_slice(dejavu::sans::regular()).context("the embedded font cannot be read")?;
        Ok(Self::blank(width, height, ground, font))
    }

    fn blank(width: f32, height: f32, ground: Rgb<u8>, font: FontRef<'static>) -> Self {
        let size = [width, height].map(|length| (length.ceil() * OVERSAMPLING) as u32);
        Self { image: RgbImage::from_pixel(size[0], size[1], ground), font }
    }

    /// Fills a rectangle: left, top, width, height.
    pub fn rectangle(&mut self, rectangle: [f32; 4], color: Rgb<u8>) {
        let [x, y, width, height] = rectangle.map(|length| (length * OVERSAMPLING).round() as i32);
        let inside = |from: i32, length: i32, most: u32| {
            from.clamp(0, most as i32)..from.saturating_add(length.max(1)).clamp(0, most as i32)
        };
        for y in inside(y, height, self.image.height()) {
            for x in inside(x, width, self.image.width()) {
                self.image.put_pixel(x as u32, y as u32, color);
            }
        }
    }

    /// Draws the edges of a rectangle, inside of it.
    pub fn border(&mut self, [x, y, width, height]: [f32; 4], thickness: f32, color: Rgb<u8>) {
        self.rectangle([x, y, width, thickness], color);
        self.rectangle([x, y + height - thickness, width, thickness], color);
        self.rectangle([x, y, thickness, height], color);
        self.rectangle([x + width - thickness, y, thickness, height], color);
    }

    /// The same canvas for plotters, [`OVERSAMPLING`] of its pixels to one of the file.
    pub fn drawing_area(&mut self) -> DrawingArea<BitMapBackend<'_>, Shift> {
        let size = self.image.dimensions();
        BitMapBackend::with_buffer(&mut self.image, size).into_drawing_area()
    }

    /// Writes a line of text. The part `anchor` of it lies left of x: 0 begins there, 0.5 has its middle there, 1 ends
    /// there. y is the middle of its digits.
    pub fn text(&mut self, text: &str, size: f32, (x, y): (f32, f32), anchor: f32, color: Rgb<u8>) {
        let left = x - anchor * self.width(text, size);
        let place = |length: f32| (length * OVERSAMPLING).round();
        let (left, top) = (place(left), place(y - MIDDLE * size));
        let font = self.font.clone();
        lay_out(&font, text, size, |letter| {
            let corner = letter.px_bounds().min;
            let (left, top) = (left + corner.x.round(), top + corner.y.round());
            letter.draw(|x, y, coverage| {
                let (x, y) = (left as i64 + i64::from(x), top as i64 + i64::from(y));
                let pixel = u32::try_from(x).ok().zip(u32::try_from(y).ok());
                if let Some(pixel) = pixel.and_then(|(x, y)| self.image.get_pixel_mut_checked(x, y)) {
                    let coverage = coverage.clamp(0.0, 1.0);
                    for (ground, ink) in pixel.0.iter_mut().zip(color.0) {
                        *ground = (f32::from(*ground) * (1.0 - coverage) + f32::from(ink) * coverage) as u8;
                    }
                }
            });
        });
    }

    /// The same from bottom to top, its middle at a place, on a ground that is white.
    pub fn text_upwards(&mut self, text: &str, size: f32, (x, y): (f32, f32)) {
        let (width, height) = (self.width(text, size), size * LINE);
        let mut line = Self::blank(width, height, WHITE, self.font.clone());
        line.text(text, size, (0.0, MIDDLE * size), 0.0, BLACK);
        let (left, top) = ((x - MIDDLE * size) * OVERSAMPLING, (y - width / 2.0) * OVERSAMPLING);
        imageops::replace(&mut self.image, &imageops::rotate270(&line.image), left as i64, top as i64);
    }

    /// How wide a line of text is.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        lay_out(&self.font, text, size, |_| {}) / OVERSAMPLING
    }

    pub fn save(&self, path: &Path) -> Result<()> {
        averaged(&self.image)
            .save_with_format(path, ImageFormat::Png)
            .with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Each square of [`OVERSAMPLING`] pixels as one. `imageops::thumbnail` gives the same pixels and takes three times as long.
fn averaged(image: &RgbImage) -> RgbImage {
    const SIDE: u32 = OVERSAMPLING as u32;
    RgbImage::from_fn(image.width() / SIDE, image.height() / SIDE, |x, y| {
        let mut sum = [SIDE * SIDE / 2; 3];
        for (dx, dy) in (0..SIDE * SIDE).map(|i| (i % SIDE, i / SIDE)) {
            let pixel = image.get_pixel(SIDE * x + dx, SIDE * y + dy);
            sum.iter_mut().zip(pixel.0).for_each(|(sum, value)| *sum += u32::from(value));
        }
        Rgb(sum.map(|sum| (sum / (SIDE * SIDE)) as u8))
    })
}

/// Gives `draw` each letter of a line of text in its place, and returns how wide the line is, in pixels of the drawing.
fn lay_out(font: &FontRef, text: &str, size: f32, mut draw: impl FnMut(OutlinedGlyph)) -> f32 {
    let font = font.as_scaled(size * LINE * OVERSAMPLING);
    let (mut width, mut before) = (0.0, None);
    for letter in text.chars() {
        let letter = font.glyph_id(letter);
        width += before.map_or(0.0, |before| font.kern(before, letter));
        let glyph = letter.with_scale_and_position(font.scale(), point(width, font.ascent()));
        font.outline_glyph(glyph).map(&mut draw);
        width += font.h_advance(letter);
        before = Some(letter);
    }
    width.ceil() + 1.0
}

#[cfg(test)]
mod tests {
    use super::averaged;
    use image::{Rgb, RgbImage, imageops};

    #[test]
    fn a_square_becomes_the_pixel_that_image_makes_of_it() {
        let value = |x: u32, y: u32| (x * 7919 + y * 104_729 + x * y * 31) as u8;
        let large = RgbImage::from_fn(33, 21, |x, y| Rgb([value(x, y), value(y, x), if x < y { 255 } else { 0 }]));
        assert!(averaged(&large) == imageops::thumbnail(&large, 11, 7));
    }
}
