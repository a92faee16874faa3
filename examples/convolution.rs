//! Slides "Convolutional Layers" and "Convolutional Layers: Arguments", in numbers: a kernel moves over an input of three
//! channels, red, green and blue.
//!
//! cargo run --release --example convolution -- --kernel-size 3 --stride 2 --padding 1

use anyhow::{Result, ensure};
use clap::Parser;
use cnn_tutorial::explain::maps;
use cnn_tutorial::figures::{Colors, Content, Figure, Map, Panel};
use cnn_tutorial::nn::{Conv2d, Module, Pair};
use std::path::PathBuf;
use tch::{Device, Tensor, nn};

const COLORS: [&str; 3] = ["red", "green", "blue"];

/// Moves a kernel over a small picture and prints and draws what comes of it.
#[derive(Parser)]
struct Options {
    /// One number, or two for height and width such as 3,5
    #[arg(long, default_value = "3", value_parser = |text: &str| Pair::parse(text, 1))]
    kernel_size: Pair,

    /// How far the kernel moves
    #[arg(long, default_value = "1", value_parser = |text: &str| Pair::parse(text, 1))]
    stride: Pair,

    /// How many zeros are added to each side
    #[arg(long, default_value = "0", value_parser = |text: &str| Pair::parse(text, 0))]
    padding: Pair,

    /// Where to draw the moving frame
    #[arg(long, value_name = "FILE", default_value = "convolution.png")]
    picture: PathBuf,
}

fn main() -> Result<()> {
    let Options { kernel_size, stride, padding, picture } = Options::parse();
    let (Pair([height, width]), Pair([down, right]), Pair([above, beside])) = (kernel_size, stride, padding);
    ensure!(
        height <= 5 + 2 * above && width <= 5 + 2 * beside,
        "a kernel of {height}x{width} is larger than the padded input: give a smaller --kernel-size or more --padding"
    );
    // A yellow 1 on blue ground: yellow is red and green.
    let one = Tensor::from_slice(&[
        0f32, 0., 1., 0., 0., //
        0., 1., 1., 0., 0., //
        0., 0., 1., 0., 0., //
        0., 0., 1., 0., 0., //
        0., 1., 1., 1., 0., //
    ])
    .f_view([5, 5])?;
    let input = Tensor::f_stack(&[&one, &one, &one.f_neg()?.f_add_scalar(1)?], 0)?.f_unsqueeze(0)?;
    // Red: light on the right, dark on the left. Green: light below, dark above. Blue: the pixel itself.
    let kernel = Tensor::f_zeros([1, 3, height, width], tch::kind::FLOAT_CPU)?;
    let _ = kernel.f_narrow(1, 0, 1)?.f_narrow(3, 0, 1)?.f_fill_(-1)?;
    let _ = kernel.f_narrow(1, 0, 1)?.f_narrow(3, width - 1, 1)?.f_fill_(1)?;
    let _ = kernel.f_narrow(1, 1, 1)?.f_narrow(2, 0, 1)?.f_fill_(-1)?;
    let _ = kernel.f_narrow(1, 1, 1)?.f_narrow(2, height - 1, 1)?.f_fill_(1)?;
    let _ = kernel.f_narrow(1, 2, 1)?.f_narrow(2, height / 2, 1)?.f_narrow(3, width / 2, 1)?.f_fill_(1)?;
    print("input: red, green, blue", &input)?;
    print("kernel: red, green, blue", &kernel)?;

    let vs = nn::VarStore::new(Device::Cpu);
    let layer = Conv2d::new(vs.root(), 3, 1, kernel_size)?.stride(stride).padding(padding);
    // In place of what training would learn: this kernel, and a bias of 1.
    let output = tch::no_grad(|| {
        layer.weight.shallow_clone().f_copy_(&kernel)?;
        let _ = layer.bias.shallow_clone().f_fill_(1)?;
        layer.forward(&input)
    })?;
    println!("{layer}");
    let [rows, columns] = [(5 + 2 * above - height) / down + 1, (5 + 2 * beside - width) / right + 1];
    println!("rows:    (5 + 2*{above} - {height}) / {down} + 1 = {rows}");
    println!("columns: (5 + 2*{beside} - {width}) / {right} + 1 = {columns}");
    ensure!(output.size() == [1, 1, rows, columns], "the formula gives {rows}x{columns}, libtorch {:?}", output.size());

    // The frame at its first place, its second and its last.
    let padded = input.f_constant_pad_nd([beside, beside, above, above])?;
    let mut steps = vec![0, 1, rows * columns - 1];
    steps.retain(|&step| step < rows * columns);
    steps.dedup();
    let mut picture_rows = Vec::new();
    for step in steps {
        let (row, column) = (step / columns, step % columns);
        let mark = [column * right, row * down, width, height];
        let frame = padded.f_narrow(2, mark[1], height)?.f_narrow(3, mark[0], width)?;
        let sums: Vec<f32> =
            frame.f_mul(&kernel)?.f_sum_dim_intlist([0i64, 2, 3].as_slice(), false, None)?.try_into()?;
        let result = output.f_double_value(&[0, 0, row, column])?;
        let sum = format!("{} + {} + {} + 1 = {result}", sums[0], sums[1], sums[2]);
        println!("row {row}, column {column}: red + green + blue + bias: {sum}");

        let mut panels = Vec::new();
        for (channel, color) in (0i64..).zip(COLORS) {
            panels.push(Panel { mark: Some(mark), ..panel(color, &padded, channel)? });
            panels.push(panel("times kernel", &kernel, channel)?);
        }
        let mut so_far = channel_of(&output, 0)?;
        so_far.iter_mut().for_each(|map| map.values[step as usize + 1..].fill(f32::NAN));
        let content = Content::Maps(so_far);
        panels.push(Panel { mark: Some([column, row, 1, 1]), ..Panel::new(sum, "", content) });
        picture_rows.push(panels);
    }
    println!();
    print("output", &output)?;

    let largest = output.f_abs()?.f_max()?.f_double_value(&[])?.max(1.0) as f32;
    let colors = Colors::around_zero(largest);
    Figure { heading: layer.to_string(), colors: Some(colors), rows: picture_rows }.draw(&picture)?;
    println!("{}: the frame at its first places and its last", picture.display());
    Ok(())
}

fn channel_of(tensor: &Tensor, channel: i64) -> Result<Vec<Map>> {
    Ok(maps(&tensor.f_get(0)?.f_narrow(0, channel, 1)?)?)
}

fn panel(title: &str, tensor: &Tensor, channel: i64) -> Result<Panel> {
    Ok(Panel::new(title, "", Content::Maps(channel_of(tensor, channel)?)))
}

/// The channels of `[1, C, H, W]` side by side.
fn print(title: &str, tensor: &Tensor) -> Result<()> {
    println!("{title}");
    let channels = Vec::<Vec<f32>>::try_from(tensor.f_permute([0, 2, 1, 3])?.f_flatten(0, 1)?.f_flatten(1, 2)?)?;
    for row in channels {
        let blocks = row.chunks(tensor.size()[3] as usize);
        let blocks: Vec<String> = blocks.map(|row| row.iter().map(|number| format!("{number:4}")).collect()).collect();
        println!("{}", blocks.join("   "));
    }
    println!();
    Ok(())
}
