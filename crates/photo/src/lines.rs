//! Takes the ruling off a page: long straight dark lines that are thin and as pale as they are elsewhere.

use super::ground::black_hat;
use image::{GrayImage, Luma, imageops};

/// The steepest line against the picture's sides, in rows a column.
const STEEPEST: f32 = 0.25;
/// How much of a line's way across the picture must be darker than what is beside it.
const COVERED: f32 = 0.6;
/// The least difference that counts, of 255.
const DARKER: u8 = 4;
/// How far beside a line's middle its ground is, in pixels.
const BESIDE: i64 = 3;

pub fn without_lines(picture: &GrayImage) -> GrayImage {
    let across = without_level_lines(picture);
    imageops::rotate270(&without_level_lines(&imageops::rotate90(&across)))
}

fn without_level_lines(picture: &GrayImage) -> GrayImage {
    let (width, height) = picture.dimensions();
    let hat = black_hat(picture, 3);
    let mut cleaned = picture.clone();
    let steps = (STEEPEST * width as f32) as i64;
    let mut lines = Vec::new();
    for step in -steps..=steps {
        let rise: Vec<i64> = (0..width).map(|x| (i64::from(x) * step).div_euclid(i64::from(width))).collect();
        for start in -steps.max(0)..i64::from(height) + steps {
            let (mut inside, mut dark) = (0u32, 0u32);
            for (x, rise) in rise.iter().enumerate() {
                let y = start + rise;
                if (0..i64::from(height)).contains(&y) {
                    inside += 1;
                    dark += u32::from(hat.get_pixel(x as u32, y as u32).0[0] >= DARKER);
                }
            }
            if inside >= width / 2 && dark as f32 >= COVERED * inside as f32 {
                lines.push((dark, start, step));
            }
        }
    }
    lines.sort_unstable_by_key(|&(dark, ..)| std::cmp::Reverse(dark));
    let mut taken: Vec<(i64, i64)> = Vec::new();
    for (_, start, step) in lines {
        // Of lines that run within two pixels of each other the darkest stands for all.
        let near = |&(other, other_step): &(i64, i64)| {
            (start - other).abs() <= 2 || (start + step - other - other_step).abs() <= 2
        };
        if taken.iter().any(near) {
            continue;
        }
        taken.push((start, step));
        take_off(picture, &mut cleaned, &hat, start, step);
    }
    cleaned
}

/// Lightens a line by no more than it is dark in most places: where a stroke crosses it, the stroke stays.
fn take_off(picture: &GrayImage, cleaned: &mut GrayImage, hat: &GrayImage, start: i64, step: i64) {
    let (width, height) = picture.dimensions();
    let at = |x: u32| start + (i64::from(x) * step).div_euclid(i64::from(width));
    let row = |y: i64| y.clamp(0, i64::from(height) - 1) as u32;
    let mut depths: Vec<u8> = (0..width).map(|x| hat.get_pixel(x, row(at(x))).0[0]).collect();
    depths.sort_unstable();
    let depth = f32::from(depths[depths.len() / 2]) * 1.6 + 3.0;
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
