//! Numbers as pictures: maps, each number a coloured square, bars, and pictures as they are. They stand in a [`Figure`](super::Figure).

use super::canvas::{BLACK, BLUE, Canvas, NOTE, TEXT, WHITE};
use image::{Rgb, RgbImage};
use std::array;

/// A bar's height, the least room for its name, and the width of the bar with its numbers, in pixels.
const BAR: f32 = 26.0;
const NAME: f32 = 24.0;
const BARS: f32 = 316.0;
const EDGE: Rgb<u8> = Rgb([0xa0, 0xa8, 0xb0]);
const MARK: Rgb<u8> = Rgb([0x2c, 0xa0, 0x2c]);
/// What is far below zero and far above it. The page of `play` has the same colours for it, in `assets/play/style.css`.
const MINUS: Rgb<u8> = Rgb([0xa6, 0x36, 0x03]);
const PLUS: Rgb<u8> = Rgb([0x08, 0x30, 0x6b]);
/// Half as far.
const HALF_MINUS: Rgb<u8> = Rgb([0xe0, 0x82, 0x14]);
const HALF_PLUS: Rgb<u8> = Rgb([0x43, 0x93, 0xc3]);

/// A map of numbers, row after row. One that is not finite stays empty.
pub struct Map {
    pub width: usize,
    pub values: Vec<f32>,
}

impl Map {
    fn size(&self) -> [i64; 2] {
        [self.width as i64, (self.values.len() / self.width.max(1)) as i64]
    }
}

/// What a panel shows.
pub enum Content {
    /// Maps of one size.
    Maps(Vec<Map>),
    /// Pictures of one size in their own colours, a square for each pixel.
    Pictures(Vec<RgbImage>),
    /// A name, a value and a text for each class.
    Bars(Vec<(String, f32, String)>),
}

/// A titled part of a figure.
pub struct Panel {
    pub title: String,
    /// Stands below the title, in as many lines as it needs.
    pub note: String,
    pub content: Content,
    /// The frames that are outlined in each map: left, top, width, height, counted in its numbers.
    pub frames: Vec<[i64; 4]>,
    /// One frame more, to be seen before all others.
    pub mark: Option<[i64; 4]>,
    /// How many times as wide and high a number's square is as in the figure's other panels.
    pub enlarged: u8,
}

impl Panel {
    pub fn new(title: impl Into<String>, note: impl Into<String>, content: Content) -> Self {
        Self { title: title.into(), note: note.into(), content, frames: Vec::new(), mark: None, enlarged: 1 }
    }

    /// Width and height of one map with the gap behind it, where a number's square in the figure has `scale` pixels.
    pub fn cell(&self, scale: f32) -> [f32; 2] {
        let scale = scale * f32::from(self.enlarged);
        let size = match &self.content {
            Content::Maps(maps) => maps.first().map(Map::size),
            Content::Pictures(pictures) => pictures.first().map(size),
            Content::Bars(_) => return [NAME + BARS, BAR],
        };
        let [width, height] = size.unwrap_or([1, 1]).map(|numbers| numbers as f32 * scale);
        let gap = (width / 8.0).clamp(3.0, 8.0).round(); // whole pixels are sharp
        [width + gap, height + gap]
    }

    /// How many maps stand side by side where there is `room` for the rows, full rows if they can be; the size of all.
    pub fn size(&self, scale: f32, room: f32) -> (usize, [f32; 2]) {
        let [width, height] = self.cell(scale);
        let n = match &self.content {
            Content::Bars(bars) => return (1, [width, height * bars.len() as f32]),
            Content::Maps(maps) => maps.len().max(1),
            Content::Pictures(pictures) => pictures.len().max(1),
        };
        let rows = (room / height).max(1.0) as usize;
        let least = n.div_ceil(rows);
        let most = least.max((TEXT / width) as usize).min(n);
        let full = (least.max(most * 2 / 3)..=most).rev().find(|columns| n.is_multiple_of(*columns));
        let columns = full.unwrap_or(most).max(1);
        (columns, [width * columns as f32, height * n.div_ceil(columns) as f32])
    }
}

/// Which colour a number gets: two or more numbers in their order with their colours, others lie in between.
pub struct Colors(pub Vec<(f32, Rgb<u8>)>);

impl Colors {
    /// From black, which is 0, to white.
    pub fn grey(white: f32) -> Self {
        Self(vec![(0.0, BLACK), (white, WHITE)])
    }

    /// From black, which is 0, to white, and on to blue, which is `area` times white: what a pool can make of it.
    pub fn pooled(white: f32, area: f32) -> Self {
        let over_white = (area > 1.0).then_some((white * area, Rgb([0x21, 0x71, 0xb5])));
        Self(Self::grey(white).0.into_iter().chain(over_white).collect())
    }

    /// White is 0, below it is orange, above it blue.
    pub fn around_zero(largest: f32) -> Self {
        let colors = [MINUS, HALF_MINUS, WHITE, HALF_PLUS, PLUS];
        Self((-2i8..).zip(colors).map(|(half, color)| (f32::from(half) / 2.0 * largest, color)).collect())
    }

    pub fn color(&self, value: f32) -> Rgb<u8> {
        let above = self.0.partition_point(|stop| stop.0 < value).clamp(1, self.0.len() - 1);
        let ((low, from), (high, to)) = (self.0[above - 1], self.0[above]);
        let part = ((value - low) / (high - low)).clamp(0.0, 1.0);
        let mix = |from: u8, to: u8| (f32::from(from) + part * (f32::from(to) - f32::from(from))).round() as u8;
        Rgb(array::from_fn(|channel| mix(from[channel], to[channel])))
    }
}

/// The largest magnitude of a finite number.
pub fn largest(maps: &[Map]) -> f32 {
    let values = maps.iter().flat_map(|map| &map.values).filter(|value| value.is_finite());
    values.fold(0.0, |largest, value| largest.max(value.abs()))
}

/// A number rounded to three digits, as far as they stand behind the point.
pub fn short(value: f32) -> String {
    let unit = 10f32.powf((2.0 - value.abs().max(1e-9).log10().floor()).max(0.0));
    ((value * unit).round() / unit).to_string()
}

fn size(picture: &RgbImage) -> [i64; 2] {
    [picture.width().into(), picture.height().into()]
}

/// Where a frame lies in the figure, of a map that stands `at` a place: left, top, width, height.
fn place(at: (f32, f32), scale: f32, frame: [i64; 4]) -> [f32; 4] {
    let [x, y, width, height] = frame.map(|numbers| numbers as f32 * scale);
    [at.0 + x, at.1 + y, width, height]
}

/// Draws a map with its frames; where its squares have room, with its numbers.
pub fn draw_map(canvas: &mut Canvas, map: &Map, panel: &Panel, colors: &Colors, scale: f32, at: (f32, f32)) {
    let [width, height] = map.size();
    for (i, &value) in map.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let square = place(at, scale, [i as i64 % width, i as i64 / width, 1, 1]);
        let color = colors.color(value);
        canvas.rectangle(square, color);
        if scale >= 30.0 {
            let text = short(value);
            let size = scale * (1.4 / text.len() as f32).min(0.4);
            let ink = if color.0.iter().map(|&c| u32::from(c)).sum::<u32>() > 380 { BLACK } else { WHITE };
            canvas.text(&text, size, (square[0] + scale / 2.0, square[1] + scale / 2.0), 0.5, ink);
        }
    }
    draw_frames(canvas, [width, height], panel, scale, at);
}

/// Draws a picture in its own colours, with its frames.
pub fn draw_picture(canvas: &mut Canvas, picture: &RgbImage, panel: &Panel, scale: f32, at: (f32, f32)) {
    for (x, y, &color) in picture.enumerate_pixels() {
        canvas.rectangle(place(at, scale, [x.into(), y.into(), 1, 1]), color);
    }
    draw_frames(canvas, size(picture), panel, scale, at);
}

/// The edge of a map or picture, and the frames that are outlined in it.
fn draw_frames(canvas: &mut Canvas, [width, height]: [i64; 2], panel: &Panel, scale: f32, at: (f32, f32)) {
    let place = |frame| place(at, scale, frame);
    let [left, top, width, height] = place([0, 0, width, height]);
    canvas.border([left - 1.0, top - 1.0, width + 2.0, height + 2.0], 1.0, EDGE);
    panel.frames.iter().for_each(|&frame| canvas.border(place(frame), 1.0, BLUE));
    if let Some([left, top, width, height]) = panel.mark.map(place) {
        canvas.border([left - 3.0, top - 3.0, width + 6.0, height + 6.0], 5.0, MARK);
    }
}

/// How wide the column of the names is, and the bars with it.
pub fn bars_width(pens: &Canvas, bars: &[(String, f32, String)]) -> [f32; 2] {
    let names = bars.iter().map(|(name, ..)| (pens.width(name, NOTE) + 8.0).ceil()).fold(NAME, f32::max);
    [names, names + BARS]
}

/// A line for each class: its name, a bar to the left or right of zero, its value and its text.
pub fn draw_bars(canvas: &mut Canvas, bars: &[(String, f32, String)], (left, top): (f32, f32)) {
    let [names, width] = bars_width(canvas, bars);
    let finite = bars.iter().map(|bar| bar.1).filter(|value| value.is_finite());
    let (low, high) = finite.fold((0f32, f32::MIN_POSITIVE), |(low, high), value| (low.min(value), high.max(value)));
    let x = |value: f32| left + names + (value.clamp(low, high) - low) / (high - low) * 130.0;
    for (i, (name, value, text)) in bars.iter().enumerate() {
        let middle = top + (i as f32 + 0.5) * BAR;
        canvas.text(name, NOTE, (left, middle), 0.0, BLACK);
        let [start, end] = [x(value.min(0.0)), x(value.max(0.0))];
        let color = if *value < 0.0 { HALF_MINUS } else { HALF_PLUS };
        canvas.rectangle([start, middle - 0.35 * BAR, end - start, 0.7 * BAR], color);
        canvas.text(&format!("{value:.2}"), NOTE, (left + width - 100.0, middle), 1.0, BLACK);
        canvas.text(text, NOTE, (left + width, middle), 1.0, BLACK);
    }
    canvas.rectangle([x(0.0) - 0.5, top, 1.0, BAR * bars.len() as f32], BLACK);
}
