//! A page for rectangles, lines and text, written to a PNG file.

use ab_glyph::FontRef;
use anyhow::{Context, Result};
use image::{ImageFormat, Rgb, RgbImage, imageops};
use imageproc::drawing::{draw_filled_circle_mut, draw_filled_rect_mut, draw_text_mut, text_size};
use imageproc::rect::Rect;
use std::path::Path;

pub const BLACK: Rgb<u8> = Rgb([0; 3]);
pub const WHITE: Rgb<u8> = Rgb([255; 3]);

/// The page is drawn this many times larger and brought down by averaging: edges become smooth, and letters stand where
/// they belong, which whole pixels would not allow small ones.
const OVERSAMPLING: f32 = 3.0;

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
        let image =
            RgbImage::from_pixel((width.ceil() * OVERSAMPLING) as u32, (height.ceil() * OVERSAMPLING) as u32, ground);
        Ok(Self { image, font })
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

    /// Draws a line with round ends and corners.
    pub fn line(&mut self, points: &[(f32, f32)], thickness: f32, color: Rgb<u8>) {
        for ends in points.windows(2) {
            let [(x0, y0), (x1, y1)] = [ends[0], ends[1]].map(|(x, y)| (x * OVERSAMPLING, y * OVERSAMPLING));
            let steps = (x1 - x0).hypot(y1 - y0).ceil().max(1.0);
            for part in (0..=steps as u32).map(|step| step as f32 / steps) {
                let at = ((x0 + part * (x1 - x0)).round() as i32, (y0 + part * (y1 - y0)).round() as i32);
                draw_filled_circle_mut(&mut self.image, at, (thickness * OVERSAMPLING / 2.0) as i32, color);
            }
        }
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
    pub fn text_upwards(&mut self, text: &str, size: f32, (x, y): (f32, f32)) -> Result<()> {
        let (width, height) = (self.width(text, size), size * LINE);
        let mut line = Self::new(width, height, WHITE)?;
        line.text(text, size, (0.0, MIDDLE * size), 0.0, BLACK);
        let (left, top) = ((x - MIDDLE * size) * OVERSAMPLING, (y - width / 2.0) * OVERSAMPLING);
        imageops::replace(&mut self.image, &imageops::rotate270(&line.image), left as i64, top as i64);
        Ok(())
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
