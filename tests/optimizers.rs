//! SGD and Adam against PyTorch's, step by step.

mod common;

use cnn_tutorial::optim::{Adam, AdamW, Optimizer, SGD};
use common::{assert_same, tensors};
use tch::{Device, Tensor, nn};

fn check(name: &str, make: impl FnOnce(&nn::VarStore) -> Result<Optimizer, tch::TchError>) {
    let fixture = tensors("optimizers.safetensors");
    let vs = nn::VarStore::new(Device::Cpu);
    let parameter = vs.root().var_copy("parameter", &fixture["start"]);
    let mut optimizer = make(&vs).unwrap();
    for step in 0..5 {
        optimizer.zero_grad().unwrap();
        (&parameter * fixture["gradients"].get(step)).sum(None).backward();
        optimizer.step().unwrap();
        let expected: Tensor = fixture[name].get(step);
        assert_same(&parameter.detach(), &expected, 1e-6, &format!("{name} after step {step}"));
    }
}

#[test]
fn sgd_takes_pytorchs_steps_plain_with_momentum_and_with_weight_decay() {
    check("sgd", |vs| SGD::default().build(vs, 0.1));
    check("sgd_decay", |vs| SGD { momentum: 0.0, weight_decay: 0.3 }.build(vs, 0.1));
    check("sgd_momentum", |vs| SGD { momentum: 0.9, weight_decay: 0.0 }.build(vs, 0.1));
    check("sgd_momentum_decay", |vs| SGD { momentum: 0.9, weight_decay: 0.3 }.build(vs, 0.1));
}

#[test]
fn adam_and_adamw_take_pytorchs_steps_plain_and_with_weight_decay() {
    check("adam", |vs| Adam::default().build(vs, 0.003));
    check("adam_decay", |vs| Adam { weight_decay: 0.3 }.build(vs, 0.003));
    check("adamw", |vs| AdamW { weight_decay: 0.3 }.build(vs, 0.003));
}
