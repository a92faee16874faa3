//! SGD and Adam against PyTorch's, step by step.

mod common;

use cnn_tutorial::optim::{Algorithm, LrSchedule, Optimizer};
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
    check("sgd", |vs| Optimizer::new(vs, Algorithm::Sgd, 0.1, 0.0, 0.0));
    check("sgd_decay", |vs| Optimizer::new(vs, Algorithm::Sgd, 0.1, 0.0, 0.3));
    check("sgd_momentum", |vs| Optimizer::new(vs, Algorithm::Sgd, 0.1, 0.9, 0.0));
    check("sgd_momentum_decay", |vs| Optimizer::new(vs, Algorithm::Sgd, 0.1, 0.9, 0.3));
}

#[test]
fn adam_and_adamw_take_pytorchs_steps_plain_and_with_weight_decay() {
    check("adam", |vs| Optimizer::new(vs, Algorithm::Adam, 0.003, 0.0, 0.0));
    check("adam_decay", |vs| Optimizer::new(vs, Algorithm::Adam, 0.003, 0.0, 0.3));
    check("adamw", |vs| Optimizer::new(vs, Algorithm::Adamw, 0.003, 0.0, 0.3));
}

#[test]
fn the_learning_rate_takes_pytorchs_course() {
    let fixture = tensors("optimizers.safetensors");
    for (name, schedule) in [("step", LrSchedule::Step), ("cosine", LrSchedule::Cosine)] {
        let expected: Vec<f64> = (&fixture[&format!("lr_{name}")]).try_into().unwrap();
        let found: Vec<f64> = (0..20).map(|epoch| schedule.lr(epoch, 20, 0.003, 7, 0.3)).collect();
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(LrSchedule::None.lr(19, 20, 0.003, 7, 0.3), 0.003);
}
