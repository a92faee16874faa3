//! Slide "Plot your tracked quantities": numbers to PNG.

use anyhow::{Context, Result, anyhow};
use image::{ImageFormat, RgbImage, imageops};
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use std::path::Path;

/// Width and height of a chart in pixels.
const SIZE: (u32, u32) = (1280, 960);

/// plotters draws lines without smooth edges: a chart is drawn this many times larger, and brought down by averaging.
const OVERSAMPLING: u32 = 3;

/// The colours of matplotlib's first line, which the slides' loss has, and of its `"red"`.
pub const BLUE: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
pub const RED: RGBColor = RGBColor(0xff, 0, 0);

/// Draws `values` over `iterations` as a line to a PNG file; values that are not finite are left out.
pub fn line_chart(
    path: impl AsRef<Path>,
    title: &str,
    y_label: &str,
    color: RGBColor,
    iterations: &[f64],
    values: &[f64],
) -> Result<()> {
    register_fonts()?;
    let points = iterations.iter().copied().zip(values.iter().copied());
    let points: Vec<_> = points.filter(|(_, y)| y.is_finite()).collect();
    let (x_range, y_range) = (range(points.iter().map(|p| p.0)), range(points.iter().map(|p| p.1)));

    let (width, height) = (SIZE.0 * OVERSAMPLING, SIZE.1 * OVERSAMPLING);
    let px = |pixels: u32| pixels * OVERSAMPLING;
    let font = |pixels| ("sans-serif", px(pixels)).into_font();
    let mut canvas = RgbImage::new(width, height);
    {
        let root = BitMapBackend::with_buffer(&mut canvas, (width, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(title, font(44))
            .margin(px(24))
            .margin_right(px(48))
            .x_label_area_size(px(88))
            .y_label_area_size(px(128))
            .build_cartesian_2d(x_range, y_range)?;
        chart
            .configure_mesh()
            .x_desc("Number of iteration")
            .y_desc(y_label)
            .axis_desc_style(font(34))
            .label_style(font(28))
            .axis_style(BLACK.stroke_width(px(1)))
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12).stroke_width(px(1)))
            .set_all_tick_mark_size(px(6))
            .x_label_formatter(&|x| format!("{x:.0}"))
            .draw()?;
        chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(px(3))))?;
        if let [point] = points[..] {
            chart.draw_series([Circle::new(point, px(6), color.filled())])?;
        }
        root.present()?;
    }
    imageops::thumbnail(&canvas, SIZE.0, SIZE.1)
        .save_with_format(path.as_ref(), ImageFormat::Png)
        .with_context(|| format!("{} cannot be written", path.as_ref().display()))
}

/// Makes "sans-serif" a font that the program carries: pictures need none of the system.
pub fn register_fonts() -> Result<()> {
    register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| anyhow!("the embedded font cannot be read"))
}

/// From the least to the greatest value with matplotlib's margin of 5 % on either side; around 0 where there are none.
fn range(values: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let low = values.clone().reduce(f64::min).unwrap_or(0.0);
    let high = values.reduce(f64::max).unwrap_or(0.0);
    let margin = if high > low { 0.05 * (high - low) } else { 0.05 * high.abs().max(1.0) };
    low - margin..high + margin
}
