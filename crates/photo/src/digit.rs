//! Which of the parts that stand out is the digit.

use super::ground::{black_hat, darkest};
use super::parts::{Labels, Part, parts};
use anyhow::{Context, Result, ensure};
use image::{GenericImageView, GrayImage, Luma, imageops};
use imageproc::contrast::{ThresholdType, threshold};
use imageproc::distance_transform::{Norm, distance_transform};
use imageproc::region_labelling::{Connectivity, connected_components};
use std::collections::HashSet;

/// Half of the windows that ink is looked for in: strokes up to twice as wide are found.
const RADII: [u8; 3] = [13, 31, 67];
/// How much darker than its ground a part is, at least; a digit is looked for at each of these.
const LEVELS: [u8; 9] = [6, 9, 14, 20, 30, 45, 65, 95, 130];
/// The least height of a digit, in pixels of the picture.
const LEAST: u32 = 12;
/// How near to the ground beside an outline the ink is that this ground must be lighter than, in pixels.
const NEAR: u8 = 8;

/// The part that looks most like a digit, cut out with a margin.
pub struct Digit {
    /// How far the pixels stand out from their ground.
    pub hat: GrayImage,
    /// 255 where the digit is.
    pub mask: GrayImage,
    /// Where it is on the whole picture.
    pub bounds: Part,
    /// Whether it is light on dark ground.
    light: bool,
    /// How dark its strongest quarter is, on the negative if it is light.
    ink: f32,
    /// How far its strongest quarter stands out.
    contrast: f32,
    score: f32,
    /// How much of its outline borders on ground, of 1.
    closed: f32,
    /// How much of the ground around it is empty, of 1.
    even: f32,
    /// Whether another digit stands beside it.
    rival: bool,
}

/// The digit on a picture whose longest side is at most the working side; an error says what was found instead.
pub fn find(picture: &GrayImage) -> Result<Digit> {
    let whole = |radii| search(picture, radii).filter(|digit| sound(digit) && ends_inside(picture, digit));
    let best = whole(&RADII[..2]).or_else(|| whole(&RADII[2..]));
    let best =
        best.context("nothing stands out whole from an even ground: photograph one dark digit on light paper")?;
    ensure!(!best.rival, "two digits or more found: cut them apart, one to a picture");
    ensure!(!too_wide(&best.bounds), "what was found is wider than a digit");
    ensure!(best.light || shades(&best) <= 0.45, "what was found is full of shades, as a face is, and no digit");
    Ok(best)
}

/// Shadows and tables are neither closed nor on an even ground; digits are nearly always both. What is light on dark is
/// more often a forehead than chalk.
fn sound(digit: &Digit) -> bool {
    digit.closed >= 0.9 && digit.even >= if digit.light { 0.97 } else { 0.75 }
}

fn too_wide(part: &Part) -> bool {
    10 * part.width() > 14 * part.height()
}

/// How far the ink is from one darkness and the ground around it from empty, of the contrast.
fn shades(digit: &Digit) -> f32 {
    let mut ground = digit.mask.clone();
    imageops::invert(&mut ground);
    let hat = |distance: &GrayImage, least: u8| -> Vec<f32> {
        let there = distance.pixels().zip(digit.hat.pixels()).filter(|(distance, _)| distance.0[0] >= least);
        there.map(|(_, hat)| f32::from(hat.0[0]) / digit.contrast).collect()
    };
    let ink = hat(&distance_transform(&ground, Norm::LInf), 2);
    let around = hat(&distance_transform(&digit.mask, Norm::LInf), 4);
    standard_deviation(&ink) + 2.0 * mean(&around)
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

fn standard_deviation(values: &[f32]) -> f32 {
    let middle = mean(values);
    mean(&values.iter().map(|value| (value - middle).powi(2)).collect::<Vec<_>>()).sqrt()
}

/// Whether what is as dark as the ink ends before the picture does: a finger's shadow comes in from the border.
///
/// Within a window of the border too little of the ground is seen, and the last of such a shadow is missing in its part.
fn ends_inside(picture: &GrayImage, digit: &Digit) -> bool {
    let (bounds, window) = (&digit.bounds, u32::from(RADII[1]));
    let (right, bottom) = (picture.width() - 1, picture.height() - 1);
    let far = bounds.left.min(bounds.top).min(right - bounds.right).min(bottom - bounds.bottom);
    if far > window {
        return true;
    }
    let mut grey = picture.clone();
    if digit.light {
        imageops::invert(&mut grey);
    }
    let dark = threshold(&grey, (digit.ink + digit.contrast / 4.0) as u8, ThresholdType::BinaryInverted);
    let labels = connected_components(&dark, Connectivity::Eight, Luma([0]));
    let own = |x, y| (bounds.left..=bounds.right).contains(&x) && (bounds.top..=bounds.bottom).contains(&y);
    let labelled = || labels.enumerate_pixels().filter(|(.., label)| label.0[0] > 0);
    let own: HashSet<u32> = labelled().filter(|&(x, y, _)| own(x, y)).map(|(.., label)| label.0[0]).collect();
    let border = |x, y| x == 0 || y == 0 || x == right || y == bottom;
    !labelled().any(|(x, y, label)| border(x, y) && own.contains(&label.0[0]))
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
                let fit = |part: &&Part| part.border == 0 && part.height() >= LEAST && part.width() < 2 * part.height();
                let mut candidates: Vec<&Part> = parts.iter().filter(fit).collect();
                let rough = |part: &&Part| -part.size() * part.contrast.powf(0.7);
                candidates.sort_by(|a, b| rough(a).total_cmp(&rough(b)));
                let judged = candidates.into_iter().take(4);
                let mut digits: Vec<_> =
                    judged.map(|part| judge(light, grey, &hat, &labels, &parts, part, level)).collect();
                digits.sort_by(|a, b| b.score.total_cmp(&a.score));
                let Some((first, others)) = digits.split_first_mut() else { continue };
                if best.as_ref().is_none_or(|best| first.score > best.score) {
                    first.rival = others.iter().any(|other| {
                        let alike = other.score >= 0.35 * first.score && sound(other);
                        let (first, other) = (&first.bounds, &other.bounds);
                        alike && 10 * other.height() >= 6 * first.height() && first.gap(other) > 0
                    });
                    best = Some(digits.swap_remove(0));
                }
            }
        }
    }
    best
}

/// The part with its neighbours, and how much it looks like a digit.
fn judge(
    light: bool,
    grey: &GrayImage,
    hat: &GrayImage,
    labels: &Labels,
    parts: &[Part],
    part: &Part,
    level: u8,
) -> Digit {
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
    let inked = |x, y| mask.get_pixel(x, y).0[0] > 0;
    let mut inside: Vec<u8> =
        hat.enumerate_pixels().filter(|&(x, y, _)| inked(x, y)).map(|(.., hat)| hat.0[0]).collect();
    inside.sort_unstable();
    let contrast = f32::from(inside[inside.len() * 3 / 4]);
    // A shadow may lie over a part of the digit: the ground there is compared with the ink there, if that is darker.
    let usual: Vec<f32> =
        grey.pixels().filter(|&(x, y, _)| inked(x, y)).map(|(.., grey)| f32::from(grey.0[0])).collect();
    let usual = mean(&usual) as u8;
    let nearby = GrayImage::from_fn(mask.width(), mask.height(), |x, y| {
        Luma([if inked(x, y) { grey.get_pixel(x, y).0[0] } else { usual }])
    });
    let nearby = darkest(&nearby, NEAR);
    let (mut ring, mut closed, mut around, mut even) = (Vec::new(), 0u32, 0u32, 0u32);
    for (x, y, distance) in distance.enumerate_pixels() {
        let distance = u32::from(distance.0[0]);
        if (3..=5).contains(&distance) {
            let grey = f32::from(grey.get_pixel(x, y).0[0]);
            closed += u32::from(grey - f32::from(nearby.get_pixel(x, y).0[0]) > 0.3 * contrast);
            ring.push(grey + f32::from(hat.get_pixel(x, y).0[0]));
        }
        if (4..=margin).contains(&distance) {
            around += 1;
            even += u32::from(f32::from(hat.get_pixel(x, y).0[0]) < 0.3 * contrast);
        }
    }
    let (closed, even) = (closed as f32 / ring.len().max(1) as f32, even as f32 / around.max(1) as f32);
    let outline = distance.pixels().filter(|distance| distance.0[0] == 1).count().max(1) as f32;
    let stroke = 2.0 * inside.len() as f32 / outline / size;
    let blob = ((stroke - 0.22) / 0.14).clamp(0.0, 1.0);
    let low = (f32::from(level) / (0.2 * contrast)).min(1.0).powf(0.25);
    let narrow = if too_wide(&bounds) { 0.5 } else { 1.0 }; // at a higher level it may be a digit alone
    let strong = |x, y| inked(x, y) && f32::from(hat.get_pixel(x, y).0[0]) >= contrast;
    let strongest: Vec<f32> =
        grey.pixels().filter(|&(x, y, _)| strong(x, y)).map(|(.., grey)| f32::from(grey.0[0])).collect();
    let ink = mean(&strongest);
    // Chalk and screens have an even ground; a sheet that a shadow cuts in two borders on the table and on its own shade.
    let chalk = if light && standard_deviation(&ring) > 0.25 * (mean(&ring) - ink) { 0.0 } else { 1.0 };
    let score =
        narrow * chalk * (1.0 - blob) * low * part.size() * contrast.powf(0.7) * (closed * closed * even).powi(4);
    Digit { hat, mask, bounds, light, ink, contrast, score, closed, even, rival: false }
}
