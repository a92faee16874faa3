//! Takes the ruling off a page: long straight dark lines that are thin and as pale as they are elsewhere.

use super::ground::black_hat;
use image::{GrayImage, Luma, imageops};
use std::cmp::Reverse;

/// The steepest line against the picture's sides, in rows a column.
const STEEPEST: f32 = 0.25;
/// Half of the window that lines are looked for in, in pixels: a line is at most twice as thick.
const RADIUS: u8 = 3;
/// A line must run over at least the picture's width divided by this.
const LEAST_RUN: u32 = 2;
/// How much of a line's way across the picture must be darker than what is beside it, of 1.
const COVERED: f32 = 0.6;
/// The least difference that counts, of 255.
const DARKER: u8 = 4;
/// Lines that begin or end within so many rows of each other are one.
const APART: i64 = 2;
/// How far beside a line's middle its ground is, in pixels.
const BESIDE: i64 = 3;
/// How much is taken off a line, in parts of how dark it is in most places.
const TAKEN_OFF: f32 = 1.6;
/// How much more is taken off every line, of 255.
const TAKEN_OFF_MORE: f32 = 3.0;

/// A line across the picture, from the row `start`, by `fall` rows downwards over the whole width.
struct Line {
    start: i64,
    fall: i64,
    /// How many of its pixels are dark.
    dark: u32,
}

impl Line {
    /// Whether it is the same line on the page.
    fn is_near(&self, other: &Line) -> bool {
        let (end, other_end) = (self.start + self.fall, other.start + other.fall);
        (self.start - other.start).abs() <= APART || (end - other_end).abs() <= APART
    }
}

/// The picture without its long straight lines, in both directions.
pub fn without_lines(picture: &GrayImage) -> GrayImage {
    let across = without_level_lines(picture);
    imageops::rotate270(&without_level_lines(&imageops::rotate90(&across)))
}

fn without_level_lines(picture: &GrayImage) -> GrayImage {
    let hat = black_hat(picture, RADIUS);
    let mut lines = level_lines(&hat);
    lines.sort_unstable_by_key(|line| Reverse(line.dark));
    let mut cleaned = picture.clone();
    let mut taken: Vec<Line> = Vec::new();
    for line in lines {
        // The darkest stands for all that are near.
        if !taken.iter().any(|other| line.is_near(other)) {
            take_off(picture, &mut cleaned, &hat, &line);
            taken.push(line);
        }
    }
    cleaned
}

/// All lines that are dark along most of their way, many of them for each on the page.
fn level_lines(hat: &GrayImage) -> Vec<Line> {
    let (width, height) = hat.dimensions();
    let most = (STEEPEST * width as f32) as i64;
    let mut lines = Vec::new();
    for fall in -most..=most {
        let fallen: Vec<i64> = (0..width).map(|x| fallen(x, fall, width)).collect();
        for start in -most..i64::from(height) + most {
            let (mut inside, mut dark) = (0u32, 0u32);
            for (x, fallen) in fallen.iter().enumerate() {
                let y = start + fallen;
                if (0..i64::from(height)).contains(&y) {
                    inside += 1;
                    dark += u32::from(hat.get_pixel(x as u32, y as u32).0[0] >= DARKER);
                }
            }
            if inside >= width / LEAST_RUN && dark as f32 >= COVERED * inside as f32 {
                lines.push(Line { start, fall, dark });
            }
        }
    }
    lines
}

/// How many rows a line has fallen at `x`.
fn fallen(x: u32, fall: i64, width: u32) -> i64 {
    (i64::from(x) * fall).div_euclid(i64::from(width))
}

/// Lightens a line by little more than it is dark in most places: where a stroke crosses it, the stroke stays.
fn take_off(picture: &GrayImage, cleaned: &mut GrayImage, hat: &GrayImage, line: &Line) {
    let (width, height) = picture.dimensions();
    let at = |x: u32| line.start + fallen(x, line.fall, width);
    let row = |y: i64| y.clamp(0, i64::from(height) - 1) as u32;
    let mut depths: Vec<u8> = (0..width).map(|x| hat.get_pixel(x, row(at(x))).0[0]).collect();
    depths.sort_unstable();
    let depth = f32::from(depths[depths.len() / 2]) * TAKEN_OFF + TAKEN_OFF_MORE;
    for x in 0..width {
        let y = at(x);
        if y < -BESIDE || y >= i64::from(height) + BESIDE {
            continue;
        }
        let above = f32::from(picture.get_pixel(x, row(y - BESIDE)).0[0]);
        let below = f32::from(picture.get_pixel(x, row(y + BESIDE)).0[0]);
        for beside in 1 - BESIDE..BESIDE {
            if (0..i64::from(height)).contains(&(y + beside)) {
                let old = f32::from(cleaned.get_pixel(x, row(y + beside)).0[0]);
                let part = (beside + BESIDE) as f32 / (2 * BESIDE) as f32;
                let ground = above + (below - above) * part;
                let new = old.max(ground.min(old + depth));
                cleaned.put_pixel(x, row(y + beside), Luma([new as u8]));
            }
        }
    }
}
