//! Slides "Pooling", "Max Pooling" and "Avg Pooling", in numbers: pools over an input of three channels. A pool takes each
//! channel by itself.
//!
//! cargo run --release --example pooling -- --kernel-size 2 --stride 1 --norm-type 4

use anyhow::{Result, ensure};
use clap::Parser;
use cnn_tutorial::explain::maps;
use cnn_tutorial::figures::{Colors, Content, Figure, Panel};
use cnn_tutorial::nn::{AvgPool2d, LPPool2d, MaxPool2d, Module, Pair};
use std::path::PathBuf;
use tch::Tensor;

/// Moves pools over a small picture and prints and draws what comes of it.
#[derive(Parser)]
struct Options {
    /// One number, or two for height and width such as 2,3
    #[arg(long, default_value = "2", value_parser = |text: &str| Pair::parse(text, 1))]
    kernel_size: Pair,

    /// How far the frame moves [default: the kernel size]
    #[arg(long, value_parser = |text: &str| Pair::parse(text, 1))]
    stride: Option<Pair>,

    /// The n of the power averages, (sum of x^n)^(1/n): from 1, the sum, towards the maximum
    #[arg(long, value_delimiter = ',', default_values = ["1", "2", "8"])]
    norm_type: Vec<f64>,

    /// Where to draw the moving frame
    #[arg(long, value_name = "FILE", default_value = "pooling.png")]
    picture: PathBuf,
}

fn main() -> Result<()> {
    let Options { kernel_size, stride, norm_type, picture } = Options::parse();
    let stride = stride.unwrap_or(kernel_size);
    let (Pair([height, width]), Pair([down, right])) = (kernel_size, stride);
    ensure!(
        height <= 4 && width <= 4,
        "a frame of {height}x{width} is larger than the input: give at most --kernel-size 4"
    );
    ensure!(norm_type.iter().all(|n| (1.0..=32.0).contains(n)), "--norm-type: expected numbers from 1 to 32");
    let input = Tensor::from_slice(&[
        1f32, 3., 2., 1., 4., 8., 6., 3., 5., 2., 0., 1., 1., 0., 4., 7., // red
        0., 0., 1., 2., 0., 1., 2., 3., 1., 2., 3., 4., 2., 3., 4., 5., // green
        9., 0., 0., 9., 0., 9., 9., 0., 0., 9., 9., 0., 9., 0., 0., 9., // blue
    ])
    .f_view([1, 3, 4, 4])?;
    print("input, 4x4: red, green, blue", &input)?;

    let mut pools: Vec<(String, Box<dyn Module>)> = Vec::new();
    let max_pool = MaxPool2d::new(kernel_size).stride(stride);
    pools.push((format!("{max_pool}: the largest number in the frame"), Box::new(max_pool)));
    let avg_pool = AvgPool2d::new(kernel_size).stride(stride);
    pools.push((format!("{avg_pool}: the mean of the frame"), Box::new(avg_pool)));
    for n in norm_type {
        let power_average_pool = LPPool2d::new(n, kernel_size).stride(stride);
        pools.push((format!("{power_average_pool}: (sum of x^{n})^(1/{n})"), Box::new(power_average_pool)));
    }

    // The frame at its first place in red, at its second in green, at its last in blue.
    let (rows, columns) = ((4 - height) / down + 1, (4 - width) / right + 1);
    let places = [0, 1.min(rows * columns - 1), rows * columns - 1];
    let frames: Vec<_> =
        (0..rows * columns).map(|place| [place % columns * right, place / columns * down, width, height]).collect();
    let mut picture_rows = Vec::new();
    for ((channel, color), place) in (0i64..).zip(["red", "green", "blue"]).zip(places) {
        let mark = Some(frames[place as usize]);
        picture_rows.push(vec![Panel { frames: frames.clone(), mark, ..panel(color, "", &input, channel)? }]);
    }
    for (title, pool) in &pools {
        let output = pool.forward(&input)?;
        print(title, &output)?;
        for ((channel, row), place) in (0i64..).zip(&mut picture_rows).zip(places) {
            let (kind, arguments) = title.split(':').next().unwrap_or_default().split_once('(').unwrap_or_default();
            let mark = Some([place % columns, place / columns, 1, 1]);
            let note = if channel == 0 { arguments.strip_suffix(')').unwrap_or(arguments) } else { "" };
            row.push(Panel { mark, ..panel(kind, note, &output, channel)? });
        }
    }
    let colors = Colors::pooled(9.0, (height * width) as f32);
    Figure { heading: "A frame moves over three channels".into(), colors: Some(colors), rows: picture_rows }
        .draw(&picture)?;
    println!("{}: the frame at its first places and its last", picture.display());
    Ok(())
}

fn panel(title: &str, note: &str, tensor: &Tensor, channel: i64) -> Result<Panel> {
    let map = maps(&tensor.f_get(0)?.f_narrow(0, channel, 1)?)?;
    Ok(Panel::new(title, note, Content::Maps(map)))
}

/// The channels of `[1, C, H, W]` side by side.
fn print(title: &str, tensor: &Tensor) -> Result<()> {
    println!("{title}");
    let channels = Vec::<Vec<f32>>::try_from(tensor.f_permute([0, 2, 1, 3])?.f_flatten(0, 1)?.f_flatten(1, 2)?)?;
    for row in channels {
        let blocks = row.chunks(tensor.size()[3] as usize);
        let blocks: Vec<String> =
            blocks.map(|row| row.iter().map(|number| format!("{number:8.2}")).collect()).collect();
        println!("{}", blocks.join("   "));
    }
    println!();
    Ok(())
}
