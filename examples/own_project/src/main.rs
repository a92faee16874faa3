//! A small program of its own that uses tch: it opens CUDA if there is one, and learns the exclusive or of two bits with
//! PyTorch's initialisation and PyTorch's Adam.

use anyhow::Result;
use cnn_tutorial::cuda;
use cnn_tutorial::nn::{CrossEntropyLoss, Linear, Module, Tanh};
use cnn_tutorial::optim::Adam;
use tch::nn::VarStore;
use tch::{Device, TchError, Tensor};

struct Network {
    fc1: Linear,
    tanh: Tanh,
    fc2: Linear,
}

impl Network {
    fn new(vs: &tch::nn::Path) -> Result<Self, TchError> {
        // Drawn as PyTorch draws them, number for number. The defaults of `tch::nn::linear` are others.
        Ok(Self { fc1: Linear::new(vs / "fc1", 2, 8)?, tanh: Tanh, fc2: Linear::new(vs / "fc2", 8, 2)? })
    }
}

impl Module for Network {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        self.fc2.forward(&self.tanh.forward(&self.fc1.forward(x)?)?)
    }
}

fn main() -> Result<()> {
    // Before every other call of libtorch: it looks for CUDA once. `tch::Device::cuda_if_available()` alone finds none.
    let device = cuda::open(0).unwrap_or_else(|error| {
        eprintln!("no CUDA: {error:#}");
        Device::Cpu
    });
    println!("computing on {device:?}");
    let inputs = Tensor::f_from_slice(&[0f32, 0., 0., 1., 1., 0., 1., 1.])?.f_view([4, 2])?.f_to_device(device)?;
    let labels = Tensor::f_from_slice(&[0i64, 1, 1, 0])?.f_to_device(device)?;

    tch::manual_seed(0);
    let mut vs = VarStore::new(Device::Cpu);
    let network = Network::new(&vs.root())?;
    vs.set_device(device); // drawn on the CPU and then moved, as in Python
    let mut optimizer = Adam::default().build(&vs, 0.05)?;
    for step in 1..=100 {
        optimizer.zero_grad()?;
        let loss = CrossEntropyLoss.forward(&network.forward(&inputs)?, &labels)?;
        loss.f_backward()?;
        optimizer.step()?;
        if step % 25 == 0 {
            println!("step {step}: loss {:.4}", f64::try_from(loss)?);
        }
    }
    println!("answers: {:?}", Vec::<i64>::try_from(network.forward(&inputs)?.f_argmax(1, false)?)?);
    Ok(())
}
