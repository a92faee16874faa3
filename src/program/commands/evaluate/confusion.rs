//! How often each class was taken for which, as a picture.

use anyhow::Result;
use cnn_tutorial::figures::Colors;
use cnn_tutorial::figures::canvas::{BLACK, BLUE, Canvas, WHITE};
use std::path::Path;

const CELL: f32 = 80.0;
const LEFT: f32 = 110.0;
const TOP: f32 = 120.0;
/// The size of the classes' names.
const NAME: f32 = 22.0;

/// Draws how often each class was taken for which to a PNG file: rows are the labels, columns what they were taken for.
pub fn draw_confusion(path: &Path, title: &str, note: &str, classes: &[String], counts: &[Vec<usize>]) -> Result<()> {
    let colors = Colors(vec![(0.0, WHITE), (1.0, BLUE)]);
    let pens = Canvas::new(1.0, 1.0, WHITE)?;
    let widest = classes.iter().map(|class| pens.width(class, NAME)).fold(0.0, f32::max).ceil();
    // Digits stand in the middle of their room; longer names get more of it, and below the columns they are turned.
    let names = widest > 24.0;
    let more = if names { widest - 12.0 } else { 0.0 };
    let left = LEFT + more;
    let size = counts.len() as f32 * CELL;
    let (middle, bottom) = (size / 2.0, TOP + size);
    let mut canvas = Canvas::new(left + size + 90.0, bottom + 110.0 + more, WHITE)?;
    canvas.text(title, 26.0, (left, 40.0), 0.0, BLACK);
    canvas.text(note, 18.0, (left, 80.0), 0.0, BLACK);
    canvas.text_upwards("label", 24.0, (36.0, TOP + middle));
    canvas.text("taken for", 24.0, (left + middle, bottom + 74.0 + more), 0.5, BLACK);
    for (row, (class, line)) in classes.iter().zip(counts).enumerate() {
        let along = (row as f32 + 0.5) * CELL;
        if names {
            canvas.text(class, NAME, (left - 16.0, TOP + along), 1.0, BLACK);
            canvas.text_upwards(class, NAME, (left + along, bottom + 16.0 + pens.width(class, NAME) / 2.0));
        } else {
            canvas.text(class, NAME, (left - 24.0, TOP + along), 0.5, BLACK);
            canvas.text(class, NAME, (left + along, bottom + 28.0), 0.5, BLACK);
        }
        let total = line.iter().sum::<usize>().max(1) as f32;
        for (column, &count) in line.iter().enumerate() {
            // The root lets single mistakes be seen beside a thousand hits.
            let share = (count as f32 / total).sqrt();
            let (x, y) = (left + column as f32 * CELL, TOP + row as f32 * CELL);
            canvas.rectangle([x, y, CELL - 2.0, CELL - 2.0], colors.color(share));
            let ink = if share > 0.6 { WHITE } else { BLACK };
            canvas.text(&count.to_string(), 20.0, (x + CELL / 2.0, y + CELL / 2.0), 0.5, ink);
        }
    }
    canvas.save(path)
}
