//! SGD and Adam against PyTorch's, step by step.

mod common;

use cnn_tutorial::optim::Optimizer;
use common::{assert_same, tensors};
use tch::{Device, TchError, Tensor, nn};

fn check(name: &str, make: impl FnOnce(&nn::VarStore) -> Result<Optimizer, TchError>) {
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
    check("sgd", |vs| Optimizer::sgd(vs, 0.1, 0.0, 0.0));
    check("sgd_momentum", |vs| Optimizer::sgd(vs, 0.1, 0.9, 0.0));
    check("sgd_momentum_decay", |vs| Optimizer::sgd(vs, 0.1, 0.9, 0.01));
}

#[test]
fn adam_takes_pytorchs_steps_plain_and_with_weight_decay() {
    check("adam", |vs| Optimizer::adam(vs, 0.003, 0.0));
    check("adam_decay", |vs| Optimizer::adam(vs, 0.003, 0.01));
}
