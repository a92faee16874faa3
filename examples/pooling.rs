//! Slides "Pooling", "Max Pooling" and "Avg Pooling", in numbers: 2x2 pools with stride 2 over a 4x4 input.
//!
//! cargo run --release --example pooling

use anyhow::Result;
use cnn_tutorial::nn::{AvgPool2d, LPPool2d, MaxPool2d, Module};
use tch::Tensor;

fn main() -> Result<()> {
    let input = Tensor::from_slice(&[
        1f32, 3., 2., 1., //
        4., 8., 6., 3., //
        5., 2., 0., 1., //
        1., 0., 4., 7., //
    ])
    .view([1, 1, 4, 4]);
    print("input, 4x4", &input);

    let max_pool = MaxPool2d::new(2).stride(2);
    print(&format!("{max_pool}: the largest of four"), &max_pool.forward(&input)?);

    let avg_pool = AvgPool2d::new(2).stride(2);
    print(&format!("{avg_pool}: the mean of four"), &avg_pool.forward(&input)?);

    for norm_type in [1., 2., 8.] {
        let power_average_pool = LPPool2d::new(norm_type, 2).stride(2);
        let title = format!("{power_average_pool}: (sum of x^{norm_type})^(1/{norm_type})");
        print(&title, &power_average_pool.forward(&input)?);
    }
    Ok(())
}

fn print(title: &str, matrix: &Tensor) {
    println!("{title}");
    for row in Vec::<Vec<f32>>::try_from(matrix.squeeze()).unwrap_or_default() {
        println!("{}", row.iter().map(|number| format!("{number:8.2}")).collect::<String>());
    }
    println!();
}
