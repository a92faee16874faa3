//! Which of the dark parts of a picture are the digit.

use super::ground::black_hat;
use anyhow::{Result, bail};
use image::{GenericImageView, GrayImage, ImageBuffer, Luma, imageops};
use imageproc::contrast::{ThresholdType, threshold};
use imageproc::distance_transform::{Norm, distance_transform};
use imageproc::region_labelling::{Connectivity, connected_components};

/// Half of the windows that ink is looked for in: strokes up to twice as wide are found.
const RADII: [u8; 3] = [13, 31, 67];
/// How much darker than its ground a part is, at least; a digit is looked for at each of these.
const LEVELS: [u8; 9] = [6, 9, 14, 20, 30, 45, 65, 95, 130];
/// The least height of a digit, in pixels of the picture.
const LEAST: u32 = 12;

/// Pixels that hang together.
#[derive(Clone)]
pub struct Part {
    label: u32,
    area: u32,
    contrast: f32,
    /// The greatest difference from its ground.
    peak: u8,
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
    border: u32,
}

/// The digit on a picture of `find`'s.
pub struct Digit {
    /// Dark is ink.
    pub hat: GrayImage,
    pub mask: GrayImage,
    pub bounds: Part,
    pub light: bool,
    pub score: f32,
    pub level: u8,
    pub closed: f32,
    pub even: f32,
    pub stroke: f32,
}

impl Part {
    pub fn width(&self) -> u32 {
        self.right - self.left + 1
    }
    pub fn height(&self) -> u32 {
        self.bottom - self.top + 1
    }
    /// What stands for its size: digits are never much wider than tall.
    fn size(&self) -> f32 {
        self.height().max(self.width() * 7 / 10) as f32
    }
    fn gap(&self, other: &Part) -> u32 {
        let x = self.left.max(other.left).saturating_sub(self.right.min(other.right));
        let y = self.top.max(other.top).saturating_sub(self.bottom.min(other.bottom));
        x.max(y)
    }
    fn join(&mut self, other: &Part) {
        (self.left, self.top) = (self.left.min(other.left), self.top.min(other.top));
        (self.right, self.bottom) = (self.right.max(other.right), self.bottom.max(other.bottom));
    }
}

type Labels = ImageBuffer<Luma<u32>, Vec<u32>>;

fn parts(hat: &GrayImage, level: u8) -> (Labels, Vec<Part>) {
    let labels = connected_components(&threshold(hat, level, ThresholdType::Binary), Connectivity::Eight, Luma([0]));
    let (width, height) = hat.dimensions();
    let mut parts: Vec<Part> = Vec::new();
    for (x, y, label) in labels.enumerate_pixels().filter(|(.., label)| label.0[0] > 0) {
        let label = label.0[0];
        while parts.len() < label as usize {
            let label = parts.len() as u32 + 1;
            parts.push(Part { label, area: 0, contrast: 0.0, peak: 0, left: x, top: y, right: x, bottom: y, border: 0 });
        }
        let part = &mut parts[label as usize - 1];
        if part.area == 0 {
            (part.left, part.top, part.right, part.bottom) = (x, y, x, y);
        }
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

pub fn find(picture: &GrayImage) -> Result<Digit> {
    let best = search(picture, &RADII[..2]).filter(sound).or_else(|| search(picture, &RADII[2..]).filter(sound));
    let Some(best) = best else { bail!("nothing stands out from its ground") };
    if std::env::var("LAB").is_ok() {
        eprintln!(
            "stroke {} score {} closed {} even {} contrast {} level {} light {} box {} {} {}x{}",
            best.stroke, best.score, best.closed, best.even, best.bounds.contrast, best.level, best.light, best.bounds.left, best.bounds.top, best.bounds.width(), best.bounds.height()
        );
    }
    Ok(best)
}

fn sound(digit: &Digit) -> bool {
    digit.closed >= 0.85 && digit.even >= 0.7
}

fn search(picture: &GrayImage, radii: &[u8]) -> Option<Digit> {
    let mut best: Option<Digit> = None;
    let mut inverse = picture.clone();
    imageops::invert(&mut inverse);
    for (light, grey) in [(false, picture), (true, &inverse)] {
        for &radius in radii {
            let hat = black_hat(grey, radius);
            for level in LEVELS {
                let (labels, parts) = parts(&hat, level);
                let fit = |part: &&Part| {
                    part.border == 0 && part.height() >= LEAST && part.width() < 2 * part.height()
                };
                let mut candidates: Vec<&Part> = parts.iter().filter(fit).collect();
                let rough = |part: &&Part| -part.size() * part.contrast.powf(0.7);
                candidates.sort_by(|a, b| rough(a).total_cmp(&rough(b)));
                for part in candidates.into_iter().take(4) {
                    let Some(digit) = judge(grey, &hat, &labels, &parts, part, level, light) else { continue };
                    if best.as_ref().is_none_or(|best| digit.score > best.score) {
                        best = Some(digit);
                    }
                }
            }
        }
    }
    best
}

/// The part with its neighbours, and how much it looks like a digit.
fn judge(
    grey: &GrayImage,
    hat: &GrayImage,
    labels: &Labels,
    parts: &[Part],
    part: &Part,
    level: u8,
    light: bool,
) -> Option<Digit> {
    let (mut bounds, mut members) = (part.clone(), vec![part.label]);
    loop {
        let size = bounds.size();
        let near = parts.iter().find(|other| {
            !members.contains(&other.label)
                && other.border == 0
                && other.gap(&bounds) as f32 <= 0.12 * size
                && other.width().max(other.height()) as f32 >= 0.13 * size
                && f32::from(other.peak) >= 0.4 * f32::from(bounds.peak)
        });
        let Some(near) = near else { break };
        bounds.join(near);
        members.push(near.label);
    }
    let size = bounds.size();
    let margin = (size / 6.0).max(6.0) as u32;
    let (left, top) = (bounds.left.saturating_sub(margin), bounds.top.saturating_sub(margin));
    let right = (bounds.right + margin).min(hat.width() - 1);
    let bottom = (bounds.bottom + margin).min(hat.height() - 1);
    let window = |x: u32, y: u32| (x + left, y + top);
    let mask = GrayImage::from_fn(right - left + 1, bottom - top + 1, |x, y| {
        let (x, y) = window(x, y);
        Luma([if members.contains(&labels.get_pixel(x, y).0[0]) { 255 } else { 0 }])
    });
    let distance = distance_transform(&mask, Norm::LInf);
    let hat = hat.view(left, top, mask.width(), mask.height()).to_image();
    let grey = grey.view(left, top, mask.width(), mask.height());
    let mut inside: Vec<u8> = Vec::new();
    let mut ink = 0f32;
    for (x, y, _) in mask.enumerate_pixels().filter(|(.., mask)| mask.0[0] > 0) {
        inside.push(hat.get_pixel(x, y).0[0]);
        ink += f32::from(grey.get_pixel(x, y).0[0]);
    }
    ink /= inside.len() as f32;
    inside.sort_unstable();
    let contrast = f32::from(inside[inside.len() * 3 / 4]);
    let (mut ring, mut closed, mut around, mut even) = (0u32, 0u32, 0u32, 0u32);
    for (x, y, distance) in distance.enumerate_pixels() {
        let distance = u32::from(distance.0[0]);
        if (3..=5).contains(&distance) {
            ring += 1;
            closed += u32::from(f32::from(grey.get_pixel(x, y).0[0]) - ink > 0.3 * contrast);
        }
        if (4..=margin).contains(&distance) {
            around += 1;
            even += u32::from(f32::from(hat.get_pixel(x, y).0[0]) < 0.3 * contrast);
        }
    }
    let (closed, even) = (closed as f32 / ring.max(1) as f32, even as f32 / around.max(1) as f32);
    let outline = distance.pixels().filter(|distance| distance.0[0] == 1).count().max(1) as f32;
    let stroke = 2.0 * inside.len() as f32 / outline / size;
    let blob = ((stroke - 0.22) / 0.14).clamp(0.0, 1.0);
    let low = (f32::from(level) / (0.2 * contrast)).min(1.0).powf(0.25);
    let score = (1.0 - blob) * low * part.size() * contrast.powf(0.7) * (closed * closed * even).powi(4);
    bounds.contrast = contrast;
    let shifted = Part {
        left: bounds.left - left,
        top: bounds.top - top,
        right: bounds.right - left,
        bottom: bounds.bottom - top,
        ..bounds
    };
    let _ = shifted;
    Some(Digit { hat, mask, bounds, light, score, level, closed, even, stroke })
}
