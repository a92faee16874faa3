//! How often each digit was taken for which, as a picture.

use anyhow::{Context, Result};
use cnn_tutorial::plots::{BLUE, register_fonts};
use image::{ImageFormat, RgbImage};
use plotters::prelude::*;
use std::path::Path;

const MARGIN: u32 = 40;
const GAP: u32 = 6;
const TITLE: u32 = 26;
const NOTE: u32 = 20;

/// Draws how often each digit was taken for which to a PNG file: rows are the labels, columns what they were taken for.
pub fn draw_confusion(path: &Path, title: &str, note: &str, counts: &[Vec<usize>]) -> Result<()> {
    use plotters::style::text_anchor::{HPos, Pos, VPos};
    register_fonts()?;
    let (cell, top) = (80i32, (MARGIN + 3 * TITLE) as i32);
    let (left, size) = (3 * MARGIN as i32, (counts.len() as i32 * 80 + 4 * MARGIN as i32) as u32);
    let (width, height) = (size.max(1000), size + 3 * TITLE);
    let mut canvas = RgbImage::new(width, height);
    {
        let root = BitMapBackend::with_buffer(&mut canvas, (width, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let centred = |size: u32, color: &RGBColor| {
            ("sans-serif", size).into_font().color(color).pos(Pos::new(HPos::Center, VPos::Center))
        };
        root.draw_text(title, &("sans-serif", TITLE).into_text_style(&root), (MARGIN as i32, 20))?;
        root.draw_text(
            note,
            &("sans-serif", NOTE).into_text_style(&root),
            (MARGIN as i32, 20 + TITLE as i32 + GAP as i32),
        )?;
        let down = ("sans-serif", TITLE).into_font().transform(FontTransform::Rotate270).color(&BLACK);
        let middle = cell * counts.len() as i32 / 2;
        root.draw_text("label", &down.pos(Pos::new(HPos::Center, VPos::Center)), (MARGIN as i32, top + middle))?;
        let below = top + cell * counts.len() as i32;
        root.draw_text("taken for", &centred(TITLE, &BLACK), (left + middle, below + 2 * MARGIN as i32))?;
        for (row, line) in counts.iter().enumerate() {
            let y = top + row as i32 * cell;
            root.draw_text(&row.to_string(), &centred(TITLE, &BLACK), (left - MARGIN as i32 / 2, y + cell / 2))?;
            root.draw_text(
                &row.to_string(),
                &centred(TITLE, &BLACK),
                (left + row as i32 * cell + cell / 2, below + 20),
            )?;
            let total = line.iter().sum::<usize>().max(1) as f64;
            for (column, &count) in line.iter().enumerate() {
                // The root lets single mistakes be seen beside a thousand hits.
                let share = (count as f64 / total).sqrt();
                let blue = |channel: u8| (255.0 - share * f64::from(255 - channel)) as u8;
                let fill = RGBColor(blue(BLUE.0), blue(BLUE.1), blue(BLUE.2));
                let x = left + column as i32 * cell;
                root.draw(&Rectangle::new([(x, y), (x + cell - 2, y + cell - 2)], fill.filled()))?;
                let ink = if share > 0.6 { WHITE } else { BLACK };
                root.draw_text(&count.to_string(), &centred(NOTE, &ink), (x + cell / 2, y + cell / 2))?;
            }
        }
        root.present()?;
    }
    canvas.save_with_format(path, ImageFormat::Png).with_context(|| format!("{} cannot be written", path.display()))
}
