//! The parts of a picture that stand out from their ground.

use image::{GrayImage, ImageBuffer, Luma};
use imageproc::contrast::{ThresholdType, threshold};
use imageproc::region_labelling::{Connectivity, connected_components};

/// How much of its width counts for a part's size, in percent: digits are never much wider than tall.
const WIDTH_COUNTS: u32 = 70;

/// Pixels that hang together; the first and the last column and row they reach, all in pixels.
#[derive(Clone)]
pub struct Part {
    /// What its pixels have in [`Labels`].
    pub label: u32,
    /// How many pixels it has.
    pub area: u32,
    /// Its mean difference from its ground, of 255.
    pub contrast: f32,
    /// The greatest difference from its ground, of 255.
    pub peak: u8,
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
    /// How many of its pixels are on the picture's border.
    pub border: u32,
}

impl Part {
    pub fn width(&self) -> u32 {
        self.right - self.left + 1
    }
    pub fn height(&self) -> u32 {
        self.bottom - self.top + 1
    }
    /// What stands for its size, in pixels.
    pub fn size(&self) -> f32 {
        self.height().max(self.width() * WIDTH_COUNTS / 100) as f32
    }
    /// Whether a pixel is in its box.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }
    /// How far another part's box is from this one's, in pixels: 0 where they overlap.
    pub fn gap(&self, other: &Part) -> u32 {
        let x = self.left.max(other.left).saturating_sub(self.right.min(other.right));
        let y = self.top.max(other.top).saturating_sub(self.bottom.min(other.bottom));
        x.max(y)
    }
    /// Widens its box to take in another part's.
    pub fn join(&mut self, other: &Part) {
        (self.left, self.top) = (self.left.min(other.left), self.top.min(other.top));
        (self.right, self.bottom) = (self.right.max(other.right), self.bottom.max(other.bottom));
    }
}

/// The label of each pixel's part, 0 for none.
pub type Labels = ImageBuffer<Luma<u32>, Vec<u32>>;

/// The parts that stand out by more than `level`, in the order of their labels, which count up from 1 along the rows.
pub fn parts(hat: &GrayImage, level: u8) -> (Labels, Vec<Part>) {
    let labels = connected_components(&threshold(hat, level, ThresholdType::Binary), Connectivity::Eight, Luma([0]));
    let (width, height) = hat.dimensions();
    let mut parts: Vec<Part> = Vec::new();
    for (x, y, label) in labels.enumerate_pixels().filter(|(.., label)| label.0[0] > 0) {
        let label = label.0[0];
        if label as usize > parts.len() {
            let (left, top, right, bottom) = (x, y, x, y);
            parts.push(Part { label, area: 0, contrast: 0.0, peak: 0, left, top, right, bottom, border: 0 });
        }
        let part = &mut parts[label as usize - 1];
        part.area += 1;
        part.contrast += f32::from(hat.get_pixel(x, y).0[0]);
        part.peak = part.peak.max(hat.get_pixel(x, y).0[0]);
        (part.left, part.top) = (part.left.min(x), part.top.min(y));
        (part.right, part.bottom) = (part.right.max(x), part.bottom.max(y));
        part.border += u32::from(x < 1 || y < 1 || x + 1 >= width || y + 1 >= height);
    }
    parts.iter_mut().for_each(|part| part.contrast /= part.area as f32);
    (labels, parts)
}
