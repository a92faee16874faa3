//! How often each digit was taken for which, as a picture.

use anyhow::Result;
use cnn_tutorial::figures::Colors;
use cnn_tutorial::figures::canvas::{BLACK, BLUE, Canvas, WHITE};
use std::path::Path;

const CELL: f32 = 80.0;
const LEFT: f32 = 110.0;
const TOP: f32 = 120.0;

/// Draws how often each digit was taken for which to a PNG file: rows are the labels, columns what they were taken for.
pub fn draw_confusion(path: &Path, title: &str, note: &str, counts: &[Vec<usize>]) -> Result<()> {
    let colors = Colors(vec![(0.0, WHITE), (1.0, BLUE)]);
    let size = counts.len() as f32 * CELL;
    let (middle, bottom) = (size / 2.0, TOP + size);
    let mut canvas = Canvas::new(LEFT + size + 90.0, bottom + 110.0, WHITE)?;
    canvas.text(title, 26.0, (LEFT, 40.0), 0.0, BLACK);
    canvas.text(note, 18.0, (LEFT, 80.0), 0.0, BLACK);
    canvas.text_upwards("label", 24.0, (36.0, TOP + middle));
    canvas.text("taken for", 24.0, (LEFT + middle, bottom + 74.0), 0.5, BLACK);
    for (row, line) in counts.iter().enumerate() {
        let along = (row as f32 + 0.5) * CELL;
        canvas.text(&row.to_string(), 22.0, (LEFT - 24.0, TOP + along), 0.5, BLACK);
        canvas.text(&row.to_string(), 22.0, (LEFT + along, bottom + 28.0), 0.5, BLACK);
        let total = line.iter().sum::<usize>().max(1) as f32;
        for (column, &count) in line.iter().enumerate() {
            // The root lets single mistakes be seen beside a thousand hits.
            let share = (count as f32 / total).sqrt();
            let (x, y) = (LEFT + column as f32 * CELL, TOP + row as f32 * CELL);
            canvas.rectangle([x, y, CELL - 2.0, CELL - 2.0], colors.color(share));
            let ink = if share > 0.6 { WHITE } else { BLACK };
            canvas.text(&count.to_string(), 20.0, (x + CELL / 2.0, y + CELL / 2.0), 0.5, ink);
        }
    }
    canvas.save(path)
}
