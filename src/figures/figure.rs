//! A figure: where each of its panels stands, and the colours that all share. All squares of a figure have one size, so that
//! one sees how maps shrink; but panels of the smallest maps can be enlarged.

use super::canvas::{BLACK, Canvas, NOTE, TEXT};
use super::map::{Colors, Content, Panel, bars_width, draw_bars, draw_map, draw_picture, largest, short};
use anyhow::Result;
use image::Rgb;
use std::path::Path;

/// A figure is as wide as a projector's picture and, unless its maps need more, not higher. In pixels, as all that follows.
const WIDTH: f32 = 1920.0;
const HEIGHT: f32 = 1080.0;
const HEAD: f32 = 110.0;
const MARGIN: f32 = 40.0;
const GAP: f32 = 20.0;
/// The size of a panel's title.
const TITLE: f32 = 22.0;
/// The ground, apart from white and black, which are values.
const GROUND: Rgb<u8> = Rgb([0xe8, 0xee, 0xf4]);

/// Panels in rows; a row that is too long goes on in the next line.
pub struct Figure {
    pub heading: String,
    /// The colours of all panels. Without them, white is zero and each panel's largest number has the deepest blue or, below zero, orange.
    pub colors: Option<Colors>,
    pub rows: Vec<Vec<Panel>>,
}

/// Where a panel stands, how many of its maps stand side by side, its note, and how high that and the title are.
struct Place<'a> {
    panel: &'a Panel,
    at: (f32, f32),
    columns: usize,
    lines: &'a [String],
    head: f32,
}

impl Figure {
    /// Draws it to a PNG file 1920 pixels wide.
    pub fn draw(&self, path: &Path) -> Result<()> {
        let pens = Canvas::new(1.0, 1.0, GROUND)?;
        let texts: Vec<Vec<_>> =
            self.rows.iter().map(|row| row.iter().map(|panel| self.text(panel, row.len(), &pens)).collect()).collect();
        let least = self.rows.len().max(1);
        let sizes = (1..=64u8).rev().flat_map(|scale| (least..least + 4).map(move |lines| (f32::from(scale), lines)));
        let mut fitting = sizes.map(|(scale, lines)| (scale, self.lay_out(&texts, scale, lines)));
        let fitting = fitting.find(|(_, (_, [width, height]))| *width <= WIDTH && *height <= HEIGHT);
        let (scale, (places, [_, height])) = fitting.unwrap_or_else(|| (1.0, self.lay_out(&texts, 1.0, least)));
        let mut canvas = Canvas::new(WIDTH, height, GROUND)?;
        canvas.text(&self.heading, 30.0, (MARGIN, 50.0), 0.0, BLACK);
        self.draw_legend(&mut canvas);
        for Place { panel, at: (left, top), columns, lines, head } in places {
            canvas.text(&panel.title, TITLE, (left, top + TITLE / 2.0), 0.0, BLACK);
            for (i, line) in lines.iter().enumerate() {
                canvas.text(line, NOTE, (left, top + TITLE * 1.5 + (i as f32 + 0.5) * NOTE * 1.3), 0.0, BLACK);
            }
            let [width, height] = panel.cell(scale);
            let scale = scale * f32::from(panel.enlarged);
            let at = |i: usize| (left + (i % columns) as f32 * width, top + head + (i / columns) as f32 * height);
            match &panel.content {
                Content::Bars(bars) => draw_bars(&mut canvas, bars, at(0)),
                Content::Pictures(pictures) => {
                    for (i, picture) in pictures.iter().enumerate() {
                        draw_picture(&mut canvas, picture, panel, scale, at(i));
                    }
                }
                Content::Maps(maps) => {
                    let own = Colors::around_zero(largest(maps).max(f32::MIN_POSITIVE));
                    let colors = self.colors.as_ref().unwrap_or(&own);
                    for (i, map) in maps.iter().enumerate() {
                        draw_map(&mut canvas, map, panel, colors, scale, at(i));
                    }
                }
            }
        }
        canvas.save(path)
    }

    /// The lines that stand over a panel's maps, and the width that they, the title and bars need.
    fn text(&self, panel: &Panel, abreast: usize, pens: &Canvas) -> (Vec<String>, f32) {
        let mut note = panel.note.clone();
        if let (None, Content::Maps(maps)) = (&self.colors, &panel.content) {
            note += &match largest(maps) {
                0.0 => "\nall are 0".to_owned(),
                largest => format!("\ncolours from -{0} to {0}", short(largest)),
            };
        }
        let lines = wrap(pens, &note, if abreast > 3 { TEXT } else { 2.5 * TEXT });
        let widest = lines.iter().map(|line| pens.width(line, NOTE)).fold(pens.width(&panel.title, TITLE), f32::max);
        let bars = if let Content::Bars(bars) = &panel.content { bars_width(pens, bars)[1] } else { 0.0 };
        (lines, widest.max(TEXT).max(bars).ceil())
    }

    /// Places all panels, for squares of `scale` pixels in about `lines` lines; and how wide and high the figure becomes.
    fn lay_out<'a>(
        &'a self,
        texts: &'a [Vec<(Vec<String>, f32)>],
        scale: f32,
        lines: usize,
    ) -> (Vec<Place<'a>>, [f32; 2]) {
        let room = (HEIGHT - HEAD) / lines as f32 - GAP;
        let (mut places, mut width, mut y) = (Vec::new(), 0f32, HEAD);
        for (row, texts) in self.rows.iter().zip(texts) {
            let (mut x, mut bottom) = (MARGIN, y);
            let longest = texts.iter().map(|text| text.0.len()).max().unwrap_or(0);
            let head = (TITLE * 1.5 + (longest as f32 + 0.4) * NOTE * 1.3).ceil();
            for (panel, text) in row.iter().zip(texts) {
                let (columns, [panel_width, height]) = panel.size(scale, room - head);
                let panel_width = panel_width.max(text.1);
                if x + panel_width > WIDTH - MARGIN && x > MARGIN {
                    (x, y) = (MARGIN, bottom);
                }
                places.push(Place { panel, at: (x, y), columns, lines: &text.0, head });
                x += panel_width + GAP;
                (width, bottom) = (width.max(x - GAP + MARGIN), bottom.max(y + head + height + GAP));
            }
            y = bottom;
        }
        (places, [width, y + MARGIN - GAP])
    }

    /// The colours and what they stand for, in the corner; nothing where all pictures have their own.
    fn draw_legend(&self, canvas: &mut Canvas) {
        let shows = |kind: fn(&Content) -> bool| self.rows.iter().flatten().any(|panel| kind(&panel.content));
        if shows(|content| matches!(content, Content::Pictures(_)))
            && !shows(|content| matches!(content, Content::Maps(_)))
        {
            return;
        }
        let (left, width) = (WIDTH - MARGIN - 300.0, 280.0);
        let parts = Colors::around_zero(1.0);
        let colors = self.colors.as_ref().unwrap_or(&parts);
        let (low, high) = (colors.0[0].0, colors.0[colors.0.len() - 1].0);
        for x in 0..width as u16 {
            let x = f32::from(x);
            canvas.rectangle([left + x, 34.0, 1.0, 20.0], colors.color(low + (high - low) * x / width));
        }
        // Where each panel has its own scale, the colours have no numbers but 0.
        let own = [(low, "negative"), (0.0, "0"), (high, "positive")].map(|(value, text)| (value, text.to_owned()));
        let shared = self.colors.as_ref().map(|colors| colors.0.iter().map(|stop| (stop.0, short(stop.0))).collect());
        for (value, text) in shared.unwrap_or_else(|| own.to_vec()) {
            canvas.text(&text, NOTE, (left + (value - low) / (high - low) * width, 70.0), 0.5, BLACK);
        }
    }
}

/// Breaks a text into lines: behind a space or a bracket, where it would become wider than `width`.
fn wrap(pens: &Canvas, text: &str, width: f32) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n').filter(|paragraph| !paragraph.is_empty()) {
        let mut line = String::new();
        for piece in paragraph.split_inclusive([' ', '(']) {
            if !line.is_empty() && pens.width(&(line.clone() + piece.trim_end()), NOTE) > width {
                lines.push(std::mem::take(&mut line));
            }
            line += piece;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::map::Map;
    use super::*;

    #[test]
    fn a_panel_says_what_its_own_colours_stand_for() {
        let pens = Canvas::new(1.0, 1.0, GROUND).unwrap();
        let said = |values: Vec<f32>, colors| {
            let panel = Panel::new("conv1", "[2]", Content::Maps(vec![Map { width: 2, values }]));
            Figure { heading: String::new(), colors, rows: Vec::new() }.text(&panel, 1, &pens).0
        };
        assert_eq!(said(vec![-340.6, f32::INFINITY], None), ["[2]", "colours from -341 to 341"]);
        assert_eq!(said(vec![0.0, 0.0], None), ["[2]", "all are 0"]);
        assert_eq!(said(vec![1.0, 2.0], Some(Colors::grey(255.0))), ["[2]"]);
    }
}
