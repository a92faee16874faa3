//! A table of a network's layers, as torchinfo prints it for Python's.

use crate::models::Architecture;
use crate::nn::{Stage, record};
use anyhow::Result;
use std::fmt::Write;
use std::io;
use tch::{Device, Tensor, nn};

/// Prints the layers of `model` in forward order, with their output shapes and multiply-adds for one image.
pub fn summary(model: Architecture) -> Result<()> {
    let vs = nn::VarStore::new(Device::Cpu);
    let network = model.build(&vs.root())?;
    let image = Tensor::f_zeros([1, 1, 28, 28], tch::kind::FLOAT_CPU)?;
    let (_, stages) = record(|| network.forward(&image))?;
    // Whoever reads may have left (`| head -1`).
    let _ = io::Write::write_all(&mut io::stdout(), table(&stages)?.as_bytes());
    Ok(())
}

fn table(stages: &[Stage]) -> Result<String> {
    let mut text = String::new();
    let mut row = |name: &str, layer: &str, shape: &str, parameters: &str, mult_adds: &str| {
        writeln!(text, "{name:<10} {layer:<60} {shape:<14} {parameters:>10} {mult_adds:>12}")
    };
    row("Layer", "Kind", "Output", "Parameters", "Mult-adds")?;
    for stage in stages {
        let shape = format!("{:?}", stage.shape());
        let count = |number: i64| if stage.parameters == 0 { "-".into() } else { number.to_string() };
        row(&stage.name, &stage.layer, &shape, &count(stage.parameters), &count(stage.mult_adds()))?;
    }
    let total = |number: fn(&Stage) -> i64| stages.iter().map(number).sum::<i64>().to_string();
    row("Total", "", "", &total(|stage| stage.parameters), &total(Stage::mult_adds))?;
    Ok(text)
}
