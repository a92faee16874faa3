//! Slide "Plot your tracked quantities": numbers to PNG.

use crate::figures::canvas::{BLACK, Canvas, OVERSAMPLING, WHITE};
use anyhow::Result;
use image::Rgb;
use plotters::prelude::{ChartBuilder, Circle, Color, LineSeries, RGBColor};
use std::ops::Range;
use std::path::Path;

pub use crate::figures::canvas::{BLUE, RED};

/// Width and height of a chart and the edges of its axes, in pixels. These and all sizes are about matplotlib's, at 200
/// dots an inch.
const SIZE: [f32; 2] = [1280.0, 960.0];
const LEFT: f32 = 170.0;
const RIGHT: f32 = 1220.0;
const TOP: f32 = 110.0;
const BOTTOM: f32 = 840.0;

/// Draws `values` over `iterations` as a line to a PNG file; values that are not finite are left out.
pub fn line_chart(
    path: impl AsRef<Path>,
    title: &str,
    y_label: &str,
    color: Rgb<u8>,
    iterations: &[f64],
    values: &[f64],
) -> Result<()> {
    let points = iterations.iter().copied().zip(values.iter().copied());
    let points: Vec<_> = points.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let (x_range, y_range) = (range(points.iter().map(|point| point.0)), range(points.iter().map(|point| point.1)));
    let (x_ticks, y_ticks) = (ticks(&x_range, true), ticks(&y_range, false));

    let mut canvas = Canvas::new(SIZE[0], SIZE[1], WHITE)?;
    let px = |pixels: f32| (pixels * OVERSAMPLING) as u32;
    let area = canvas.drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin_left(px(LEFT))
        .margin_right(px(SIZE[0] - RIGHT))
        .margin_top(px(TOP))
        .margin_bottom(px(SIZE[1] - BOTTOM))
        .build_cartesian_2d(x_range.clone(), y_range.clone())?;
    let color = RGBColor(color.0[0], color.0[1], color.0[2]);
    chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(px(4.0))))?;
    if let [point] = points[..] {
        chart.draw_series([Circle::new(point, px(6.0), color.filled())])?; // one point makes no line
    }
    let place = |x, y| chart.backend_coord(&(x, y));
    let x_ticks: Vec<_> =
        x_ticks.into_iter().map(|(x, label)| (place(x, y_range.start).0 as f32 / OVERSAMPLING, label)).collect();
    let y_ticks: Vec<_> =
        y_ticks.into_iter().map(|(y, label)| (place(x_range.start, y).1 as f32 / OVERSAMPLING, label)).collect();
    drop(chart);
    drop(area);

    // plotters leaves out the space that belongs to each letter: text stands evenly where the canvas writes it.
    for (x, label) in x_ticks {
        canvas.rectangle([x - 1.0, BOTTOM, 2.0, 10.0], BLACK);
        canvas.text(&label, 28.0, (x, BOTTOM + 31.0), 0.5, BLACK);
    }
    for (y, label) in y_ticks {
        canvas.rectangle([LEFT - 10.0, y - 1.0, 10.0, 2.0], BLACK);
        canvas.text(&label, 28.0, (LEFT - 18.0, y), 1.0, BLACK);
    }
    canvas.border([LEFT - 1.0, TOP - 1.0, RIGHT - LEFT + 2.0, BOTTOM - TOP + 2.0], 2.0, BLACK);
    let middle = ((LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0);
    canvas.text(title, 34.0, (middle.0, TOP - 42.0), 0.5, BLACK);
    canvas.text("Number of iteration", 28.0, (middle.0, BOTTOM + 78.0), 0.5, BLACK);
    canvas.text_upwards(y_label, 28.0, (36.0, middle.1));
    canvas.save(path.as_ref())
}

/// From the least to the greatest value with matplotlib's margin of 5 % on either side; around 0 where there are none.
fn range(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let low = values.clone().reduce(f64::min).unwrap_or(0.0);
    let high = values.reduce(f64::max).unwrap_or(0.0);
    let size = high.abs().max(low.abs());
    let margin = 0.05 * if high - low > 1e-9 * size { high - low } else { size.max(1.0) };
    low - margin..high + margin
}

/// At most ten round values in a range, the labels that they get, and only whole ones if `whole`.
pub fn ticks(range: &Range<f64>, whole: bool) -> Vec<(f64, String)> {
    let least = ((range.end - range.start) / 9.0).clamp(f64::MIN_POSITIVE, f64::MAX / 100.0);
    let power = least.log10().floor();
    let steps = [(1.0, 0.0), (2.0, 0.0), (2.5, 1.0), (5.0, 0.0), (10.0, -1.0)];
    let steps = steps.map(|(factor, decimals)| (factor * 10f64.powf(power), (decimals - power).max(0.0)));
    let step = steps.into_iter().find(|&(step, _)| step >= least).unwrap_or(steps[4]);
    let (step, decimals) = if whole { (step.0.ceil(), 0) } else { (step.0, step.1 as usize) };
    let first = (range.start / step).ceil();
    let values = (0..10).map(|i| (first + f64::from(i)) * step).take_while(|&value| value <= range.end);
    let plain = |value: f64| whole || decimals < 8 && value.abs() < 1e7;
    let label = |value| if plain(value) { format!("{value:.decimals$}") } else { format!("{value:.1e}") };
    values.map(|value| (value, label(value))).collect()
}
