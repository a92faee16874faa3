//! A page for rectangles, lines and text, and for plotters' charts, written to a PNG file.

use ab_glyph::FontRef;
use anyhow::{Context, Result};
use image::{ImageFormat, Rgb, RgbImage, imageops};
use imageproc::drawing::{draw_filled_rect_mut, draw_text_mut, text_size};
use imageproc::rect::Rect;
use plotters::coord::Shift;
use plotters::prelude::{BitMapBackend, DrawingArea, IntoDrawingArea};
use std::path::Path;

pub const BLACK: Rgb<u8> = Rgb([0; 3]);
pub const WHITE: Rgb<u8> = Rgb([255; 3]);

/// The page is drawn this many times larger and brought down by averaging: edges become smooth, and letters stand where
/// they belong, which whole pixels would not allow small ones.
pub const OVERSAMPLING: f32 = 3.0;

/// Of DejaVu Sans, in its size: the height of a line, and how far the middle of the digits lies below its top.
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
        let rectangle = Rect::at(x, y).of_size(width.max(1) as u32, height.max(1) as u32);
        draw_filled_rect_mut(&mut self.image, rectangle, color);
    }

    /// Draws the edges of a rectangle, inside of it.
    pub fn frame(&mut self, [x, y, width, height]: [f32; 4], thickness: f32, color: Rgb<u8>) {
        self.rectangle([x, y, width, thickness], color);
        self.rectangle([x, y + height - thickness, width, thickness], color);
        self.rectangle([x, y, thickness, height], color);
        self.rectangle([x + width - thickness, y, thickness, height], color);
    }

    /// The same page for plotters, [`OVERSAMPLING`] of its pixels to one of the file.
    pub fn drawing_area(&mut self) -> DrawingArea<BitMapBackend<'_>, Shift> {
        let size = self.image.dimensions();
        BitMapBackend::with_buffer(&mut self.image, size).into_drawing_area()
    }

    /// Writes a line of text. The part `anchor` of it lies left of x: 0 begins there, 0.5 has its middle there, 1 ends
    /// there. y is the middle of its digits.
    pub fn text(&mut self, text: &str, size: f32, (x, y): (f32, f32), anchor: f32, color: Rgb<u8>) {
        let left = x - anchor * self.width(text, size);
        let place = |length: f32| (length * OVERSAMPLING).round() as i32;
        let (left, top) = (place(left), place(y - MIDDLE * size));
        draw_text_mut(&mut self.image, color, left, top, size * LINE * OVERSAMPLING, &self.font, text);
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
        text_size(size * LINE * OVERSAMPLING, &self.font, text).0 as f32 / OVERSAMPLING
    }

    pub fn save(&self, path: &Path) -> Result<()> {
        let (width, height) = (self.image.width() / OVERSAMPLING as u32, self.image.height() / OVERSAMPLING as u32);
        imageops::thumbnail(&self.image, width, height)
            .save_with_format(path, ImageFormat::Png)
            .with_context(|| format!("{} cannot be written", path.display()))
    }
}
