//! Slides "Convolutional Layers" and "Convolutional Layers: Arguments", in numbers: a 3x3 kernel moves over a 5x5 input.
//!
//! cargo run --release --example convolution

use anyhow::{Result, ensure};
use cnn_tutorial::nn::{Conv2d, Module};
use tch::{Device, Tensor, nn};

fn main() -> Result<()> {
    let input = Tensor::from_slice(&[
        0f32, 0., 1., 0., 0., //
        0., 1., 1., 0., 0., //
        0., 0., 1., 0., 0., //
        0., 0., 1., 0., 0., //
        0., 1., 1., 1., 0., //
    ])
    .view([1, 1, 5, 5]);
    // Finds what is light on the right and dark on the left.
    let kernel = Tensor::from_slice(&[
        -1f32, 0., 1., //
        -1., 0., 1., //
        -1., 0., 1., //
    ])
    .view([1, 1, 3, 3]);
    print("input, 5x5: a one", &input);
    print("kernel, 3x3", &kernel);

    for stride in [1, 2] {
        for padding in [0, 1, 2] {
            let vs = nn::VarStore::new(Device::Cpu);
            let mut layer = Conv2d::new(vs.root(), 1, 1, 3)?.stride(stride).padding(padding);
            // In place of what training would learn: this kernel, and no bias.
            let _ = tch::no_grad(|| {
                layer.weight.copy_(&kernel);
                layer.bias.zero_()
            });
            let output = layer.forward(&input)?;

            let size = (5 + 2 * padding - 3) / stride + 1;
            ensure!(output.size() == [1, 1, size, size], "the formula gives {size}, libtorch {:?}", output.size());
            print(
                &format!("stride {stride}, padding {padding}: (5 + 2*{padding} - 3) / {stride} + 1 = {size}"),
                &output,
            );
        }
    }
    Ok(())
}

fn print(title: &str, matrix: &Tensor) {
    println!("{title}");
    for row in Vec::<Vec<f32>>::try_from(matrix.squeeze()).unwrap_or_default() {
        println!("{}", row.iter().map(|number| format!("{number:5}")).collect::<String>());
    }
    println!();
}
