//! Slide "Plot your tracked quantities": numbers to PNG.

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use std::path::Path;

/// Width and height of a chart in pixels.
const SIZE: (u32, u32) = (1280, 960);

/// The colours of matplotlib's first line, which the slides' loss has, and of its `"red"`.
pub const BLUE: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
pub const RED: RGBColor = RGBColor(0xff, 0, 0);

/// Draws `points` as a line, iterations along x, to a PNG file; points that are not finite are left out.
pub fn line_chart(path: &Path, title: &str, y_label: &str, color: RGBColor, points: &[(f64, f64)]) -> Result<()> {
    // Carried in the program: charts need no font of the system.
    register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| anyhow!("the embedded font cannot be read"))?;
    let points: Vec<_> = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let (x_range, y_range) = (range(points.iter().map(|p| p.0)), range(points.iter().map(|p| p.1)));

    let root = BitMapBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 44))
        .margin(24)
        .margin_right(48)
        .x_label_area_size(88)
        .y_label_area_size(128)
        .build_cartesian_2d(x_range, y_range)?;
    chart
        .configure_mesh()
        .x_desc("Number of iteration")
        .y_desc(y_label)
        .axis_desc_style(("sans-serif", 34))
        .label_style(("sans-serif", 28))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(3)))?;
    if let [point] = points[..] {
        chart.draw_series([Circle::new(point, 6, color.filled())])?;
    }
    root.present()?;
    Ok(())
}

/// From the least to the greatest value with matplotlib's margin of 5 % on either side.
fn range(values: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let (low, high) = (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max));
    let margin = if high > low { 0.05 * (high - low) } else { 0.05 * high.abs().max(1.0) };
    low - margin..high + margin
}
