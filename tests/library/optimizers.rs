//! SGD and Adam against PyTorch's, step by step.

use crate::common::{assert_same, tensors};
use cnn_tutorial::optim::lr_scheduler::LrScheduler;
use cnn_tutorial::optim::{Adam, AdamW, Optimizer, SGD};
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

#[test]
fn the_learning_rate_takes_pytorchs_course() {
    let fixture = tensors("optimizers.safetensors");
    let step = LrScheduler::StepLR { step_size: 7, gamma: 0.3 };
    for (name, scheduler) in [("lr_step", step), ("lr_cosine", LrScheduler::CosineAnnealingLR { t_max: 20 })] {
        let expected: Vec<f64> = (&fixture[name]).try_into().unwrap();
        let found: Vec<f64> = (0..20).map(|epoch| scheduler.lr(0.003, epoch)).collect();
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(LrScheduler::Constant.lr(0.003, 19), 0.003);
}
