//! Numbers as grey pictures: panels, each with its title and its grey scale.

use crate::plots::{BLUE, register_fonts};
use anyhow::{Context, Result};
use image::{ImageFormat, Luma, Rgb, RgbImage, imageops};
use plotters::prelude::*;
use std::path::Path;

const WIDTH: u32 = 1600;
const MARGIN: u32 = 40;
const GAP: u32 = 6;
const TITLE: u32 = 26;
const NOTE: u32 = 20;
const BARS: u32 = 220;
/// The page, apart from white and black, which are values.
const GROUND: RGBColor = RGBColor(0xe8, 0xee, 0xf4);

/// A map of numbers, row after row.
pub struct Map {
    pub width: usize,
    pub values: Vec<f32>,
}

/// What a panel shows.
pub enum Content {
    /// Maps of one size in rows of `columns`, on one grey scale from the least value to the greatest.
    Maps { maps: Vec<Map>, columns: usize },
    /// A value and a text for each class, 0 and up.
    Bars(Vec<(f32, String)>),
}

/// A titled part of a picture.
pub struct Panel {
    pub title: String,
    /// Stands beside the grey scale.
    pub remark: &'static str,
    pub content: Content,
}

/// Draws `panels`, `abreast` in a row, to a PNG file of 1600 pixels' width. Every panel of maps states which value is
/// black and which white.
pub fn draw(path: &Path, heading: &str, panels: &[Panel], abreast: usize) -> Result<()> {
    register_fonts()?;
    let mut height = MARGIN + 2 * TITLE;
    let mut places = Vec::new();
    for row in panels.chunks(abreast) {
        places
            .extend((0..row.len()).map(|column| (MARGIN + column as u32 * (WIDTH - MARGIN) / abreast as u32, height)));
        height += row.iter().map(|panel| panel.height(abreast)).max().unwrap_or(0) + MARGIN;
    }
    let mut canvas = RgbImage::from_pixel(WIDTH, height, Rgb([GROUND.0, GROUND.1, GROUND.2]));
    for (panel, &(left, top)) in panels.iter().zip(&places) {
        if let Content::Maps { maps, columns } = &panel.content {
            let (scale, (low, high)) = (panel.scale(abreast), range(maps));
            for (i, map) in maps.iter().enumerate() {
                let grey = |value: f32| ((value - low) / (high - low) * 255.0).round() as u8;
                let (width, height) = map.size();
                let pixels = map.values.iter().map(|&value| if high > low { grey(value) } else { 128 }).collect();
                let image: image::ImageBuffer<Luma<u8>, Vec<u8>> =
                    image::ImageBuffer::from_vec(width, height, pixels).context("a map is not a rectangle")?;
                let image = image::DynamicImage::from(image).to_rgb8();
                let image = imageops::resize(&image, width * scale, height * scale, imageops::FilterType::Nearest);
                let (column, row) = ((i % columns) as u32, (i / columns) as u32);
                let x = left + column * (width * scale + gap(*columns));
                let y = top + TITLE + NOTE + 2 * GAP + row * (height * scale + gap(*columns));
                imageops::replace(&mut canvas, &image, x.into(), y.into());
            }
        }
    }
    {
        let root = BitMapBackend::with_buffer(&mut canvas, (WIDTH, height)).into_drawing_area();
        let text = |text: &str, size: u32, x: u32, y: u32| {
            root.draw_text(text, &("sans-serif", size).into_text_style(&root), (x as i32, y as i32))
        };
        text(heading, TITLE + 8, MARGIN, MARGIN)?;
        for (panel, &(left, top)) in panels.iter().zip(&places) {
            text(&panel.title, if abreast > 1 { NOTE } else { TITLE }, left, top)?;
            match &panel.content {
                Content::Maps { maps, .. } => {
                    let (low, high) = range(maps);
                    text(
                        &format!("black {low:.3}   white {high:.3}   {}", panel.remark),
                        NOTE,
                        left,
                        top + TITLE + GAP,
                    )?;
                }
                Content::Bars(bars) => draw_bars(&root, bars, top + TITLE + GAP)?,
            }
        }
        root.present()?;
    }
    canvas.save_with_format(path, ImageFormat::Png).with_context(|| format!("{} cannot be written", path.display()))
}

impl Panel {
    fn height(&self, abreast: usize) -> u32 {
        TITLE
            + GAP
            + match &self.content {
                Content::Bars(_) => BARS,
                Content::Maps { maps, columns } => {
                    let height = maps.first().map_or(0, |map| map.size().1 * self.scale(abreast));
                    NOTE + GAP + maps.len().div_ceil(*columns) as u32 * (height + gap(*columns))
                }
            }
    }

    /// How many pixels of the page a number takes, so that a row of maps fits the panel.
    fn scale(&self, abreast: usize) -> u32 {
        let Content::Maps { maps, columns } = &self.content else { return 1 };
        let (width, height) = maps.first().map_or((1, 1), Map::size);
        let room = (WIDTH - MARGIN) / abreast as u32 - MARGIN + gap(*columns);
        let largest = if abreast > 1 { 400 } else { 200 };
        ((room / *columns as u32 - gap(*columns)).min(largest) / width.max(height)).max(1)
    }
}

impl Map {
    fn size(&self) -> (u32, u32) {
        (self.width as u32, (self.values.len() / self.width.max(1)) as u32)
    }
}

/// Between two maps, in pixels: less where there are many.
fn gap(columns: usize) -> u32 {
    match columns {
        0..=20 => GAP,
        21..=40 => GAP - 2,
        _ => GAP - 4,
    }
}

/// The least and the greatest finite value.
fn range(maps: &[Map]) -> (f32, f32) {
    let values = maps.iter().flat_map(|map| &map.values).copied().filter(|value| value.is_finite());
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// Bars up and down from zero, each over its number and its text.
fn draw_bars<DB: DrawingBackend>(
    root: &DrawingArea<DB, plotters::coord::Shift>,
    bars: &[(f32, String)],
    top: u32,
) -> Result<()>
where
    DB::ErrorType: 'static,
{
    let centred = |size: u32| {
        use plotters::style::text_anchor::{HPos, Pos, VPos};
        ("sans-serif", size).into_text_style(root).pos(Pos::new(HPos::Center, VPos::Top))
    };
    let room = BARS - 2 * TITLE - 4 * GAP;
    let (low, high) = bars.iter().fold((0f32, f32::MIN_POSITIVE), |(low, high), bar| (low.min(bar.0), high.max(bar.0)));
    let y = |value: f32| (top + GAP) as i32 + ((high - value) / (high - low) * room as f32) as i32;
    let step = (WIDTH - 2 * MARGIN) / bars.len().max(1) as u32;
    for (i, (value, text)) in bars.iter().enumerate() {
        let left = (MARGIN + i as u32 * step) as i32;
        let middle = left + step as i32 / 2;
        let corners = [(left + 20, y(value.max(0.0))), (left + step as i32 - 20, y(value.min(0.0)) + 1)];
        root.draw(&Rectangle::new(corners, BLUE.filled()))?;
        let below = (top + room + 4 * GAP) as i32;
        root.draw_text(&format!("{i}: {value:.3}"), &centred(TITLE - 4), (middle, below))?;
        root.draw_text(text, &centred(NOTE), (middle, below + TITLE as i32))?;
    }
    let zero = [((MARGIN) as i32, y(0.0)), ((WIDTH - MARGIN) as i32, y(0.0))];
    root.draw(&PathElement::new(zero, BLACK.stroke_width(1)))?;
    Ok(())
}
