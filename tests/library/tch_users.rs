//! What docs/tch-users.md says of tch and of Python, beside Python.

use crate::common::python;
use anyhow::Result;
use cnn_tutorial::nn::{Linear, Module};
use cnn_tutorial::optim;
use std::fs;
use std::path::Path;
use std::process::Command;
use tch::nn::{self, OptimizerConfig, VarStore};
use tch::{Device, Kind, Tensor};

/// Runs a Python program in `dir` and returns what it prints.
fn run(python: &Path, program: &str, dir: &Path) -> String {
    let output = Command::new(python).args(["-c", program]).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Numbers that need no generator, which libtorch has one of for all tests.
fn waves(size: [i64; 2]) -> Tensor {
    (Tensor::arange(size[0] * size[1], (Kind::Float, Device::Cpu)) * 0.7).sin().view(size)
}

fn network(vs: &VarStore) -> Result<Linear> {
    let network = Linear::new(vs.root() / "fc1", 2, 8)?;
    tch::no_grad(|| {
        network.weight.shallow_clone().copy_(&waves([8, 2]));
        let _ = network.bias.shallow_clone().zero_();
    });
    Ok(network)
}

#[test]
fn weights_go_to_python_and_back_as_the_page_for_users_of_tch_tells() -> Result<()> {
    let Some(python) = python() else { return Ok(()) };
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tch-users.md"))?;
    let program = page.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let dir = tempfile::tempdir()?;
    let mut vs = VarStore::new(Device::Cpu);
    let network = network(&vs)?;
    vs.save(dir.path().join("model.safetensors"))?;
    tch::no_grad(|| drop(network.weight.shallow_clone().zero_()));
    run(python, program, dir.path());
    vs.load(dir.path().join("from_python.safetensors"))?;
    assert!(network.weight.equal(&waves([8, 2])));
    Ok(())
}

/// The losses of 200 steps, as the 32 bits of each.
fn losses(step: impl FnOnce(&VarStore) -> Result<Box<dyn FnMut(&Tensor) -> Result<()>>>) -> Result<Vec<u32>> {
    let vs = VarStore::new(Device::Cpu);
    let network = network(&vs)?;
    let (xs, ys) = (waves([32, 2]), waves([32, 8]));
    let mut step = step(&vs)?;
    (0..200)
        .map(|_| {
            let loss = (network.forward(&xs)? - &ys).f_square()?.f_mean(Kind::Float)?;
            step(&loss)?;
            Ok(f32::try_from(loss)?.to_bits())
        })
        .collect()
}

const TWIN: &str = "
import struct, torch

def waves(*size):
    return (torch.arange(size[0] * size[1], dtype=torch.float32) * 0.7).sin().view(size)

fc1 = torch.nn.Linear(2, 8)
with torch.no_grad():
    fc1.weight.copy_(waves(8, 2))
    fc1.bias.zero_()
optimizer = torch.optim.OPTIMIZER
for _ in range(200):
    loss = (fc1(waves(32, 2)) - waves(32, 8)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(struct.unpack('I', struct.pack('f', loss.item()))[0])
";

fn pythons_losses(python: &Path, optimizer: &str) -> Vec<u32> {
    let printed = run(python, &TWIN.replace("OPTIMIZER", optimizer), Path::new("."));
    printed.lines().map(|line| line.parse().unwrap()).collect()
}

/// The losses with an optimizer of tch's own.
fn tchs_losses(config: impl OptimizerConfig) -> Result<Vec<u32>> {
    losses(|vs| {
        let mut optimizer = config.build(vs, 0.01)?;
        Ok(Box::new(move |loss| {
            optimizer.backward_step(loss);
            Ok(())
        }))
    })
}

#[test]
fn adam_gives_pythons_losses_beside_python_where_tchs_own_gives_others() -> Result<()> {
    let Some(python) = python() else { return Ok(()) };
    let expected = pythons_losses(python, "Adam(fc1.parameters(), lr=0.01)");
    let ours = losses(|vs| {
        let mut adam = optim::Adam::default().build(vs, 0.01)?;
        Ok(Box::new(move |loss| {
            adam.zero_grad()?;
            loss.f_backward()?;
            Ok(adam.step()?)
        }))
    })?;
    let tchs = tchs_losses(nn::Adam::default())?;
    let equal = |found: &[u32]| found.iter().zip(&expected).filter(|(found, expected)| found == expected).count();
    assert_eq!(equal(&ours), 200);
    // docs/tch-users.md has the count that was found.
    assert!(equal(&tchs) < 200, "tch's Adam has become Python's: optim can do without its own");
    Ok(())
}

#[test]
fn of_tchs_own_optimizers_those_that_the_page_names_give_pythons_losses() -> Result<()> {
    let Some(python) = python() else { return Ok(()) };
    let dampened = nn::Sgd { momentum: 0.9, dampening: 0.5, ..nn::Sgd::default() };
    let expected = pythons_losses(python, "SGD(fc1.parameters(), lr=0.01, momentum=0.9, dampening=0.5)");
    assert_eq!(tchs_losses(dampened)?, expected);
    let expected = pythons_losses(python, "RMSprop(fc1.parameters(), lr=0.01)");
    assert_eq!(tchs_losses(nn::RmsProp::default())?, expected);
    Ok(())
}
