//! SGD and Adam against PyTorch's, step by step.

use crate::common::{self, assert_same, tensors};
use cnn_tutorial::optim::lr_scheduler::LrScheduler;
use cnn_tutorial::optim::{Adam, AdamW, Optimizer, SGD};
use std::collections::BTreeSet;
use std::path::Path;
use tch::{Device, Kind, Tensor, nn};

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
    check("sgd_decay", |vs| SGD { momentum: 0.0, weight_decay: 0.3, ..SGD::default() }.build(vs, 0.1));
    check("sgd_momentum", |vs| SGD { momentum: 0.9, weight_decay: 0.0, ..SGD::default() }.build(vs, 0.1));
    check("sgd_nesterov", |vs| SGD { momentum: 0.9, nesterov: true, ..SGD::default() }.build(vs, 0.1));
    check("sgd_momentum_decay", |vs| SGD { momentum: 0.9, weight_decay: 0.3, ..SGD::default() }.build(vs, 0.1));
}

#[test]
fn adam_and_adamw_take_pytorchs_steps_plain_with_weight_decay_and_with_other_betas() {
    check("adam", |vs| Adam::default().build(vs, 0.003));
    check("adam_betas", |vs| Adam { betas: (0.5, 0.99), eps: 1e-3, ..Adam::default() }.build(vs, 0.003));
    check("adamw_betas", |vs| AdamW { betas: (0.0, 0.9), eps: 0.1, ..AdamW::default() }.build(vs, 0.003));
    check("adam_decay", |vs| Adam { weight_decay: 0.3, ..Adam::default() }.build(vs, 0.003));
    check("adamw", |vs| AdamW { weight_decay: 0.3, ..AdamW::default() }.build(vs, 0.003));
}

/// In which steps the second parameter is used, as in scripts/make_fixtures.py.
const USED: [bool; 6] = [false, true, true, false, false, true];

/// Three parameters, one used in all steps, one in some and one in none; half-way a new optimizer goes on.
fn check_partly_used(name: &str, kind: Kind, make: impl Fn(&nn::VarStore) -> Result<Optimizer, tch::TchError>) {
    let fixture = tensors("optimizers.safetensors");
    let what = format!("partly.{}.{name}", if kind == Kind::Double { "double" } else { "float" });
    let start = |i: i64| fixture["partly.start"].get(i).to_kind(kind);
    let mut vs = nn::VarStore::new(Device::Cpu);
    vs.set_kind(kind);
    let parameters = ["a", "b", "c"].map(|name| vs.root().var_copy(name, &start(i64::from(name == "b"))));
    let running_mean = vs.root().ones_no_train("running_mean", &[3]);
    let mut optimizer = make(&vs).unwrap();
    for (step, used) in (0..).zip(USED) {
        if step == 3 {
            // As after a checkpoint.
            let state =
                optimizer.state_dict().unwrap().into_iter().map(|(name, tensor)| (name, tensor.copy())).collect();
            optimizer = make(&vs).unwrap();
            optimizer.load_state_dict(&state).unwrap();
        }
        optimizer.zero_grad().unwrap();
        let gradient = fixture["partly.gradients"].get(step).to_kind(kind);
        let mut loss = (&parameters[0] * gradient.get(0)).sum(None);
        if used {
            loss += (&parameters[1] * gradient.get(1)).sum(None);
        }
        loss.backward();
        optimizer.step().unwrap();
        for (i, parameter) in (0..).zip(&parameters) {
            let expected: Tensor = fixture[&what].get(step).get(i);
            assert_same(&parameter.detach(), &expected, 1e-6, &format!("{what}: parameter {i} after step {step}"));
        }
    }
    assert!(parameters[2].equal(&start(0)), "{what}: what has no gradient does not change by one bit");
    assert!(running_mean.equal(&running_mean.ones_like()), "{what}: a buffer is no parameter");
}

#[test]
fn a_parameter_without_a_gradient_stays_as_it_is_and_counts_no_step() {
    for kind in [Kind::Float, Kind::Double] {
        check_partly_used("sgd", kind, |vs| SGD { momentum: 0.0, weight_decay: 0.3, ..SGD::default() }.build(vs, 0.1));
        check_partly_used("momentum", kind, |vs| {
            SGD { momentum: 0.9, weight_decay: 0.3, ..SGD::default() }.build(vs, 0.1)
        });
        check_partly_used("nesterov", kind, |vs| {
            SGD { momentum: 0.9, weight_decay: 0.3, nesterov: true }.build(vs, 0.1)
        });
        check_partly_used("adam", kind, |vs| Adam { weight_decay: 0.3, ..Adam::default() }.build(vs, 0.003));
        check_partly_used("adamw", kind, |vs| AdamW::default().build(vs, 0.003));
    }
}

#[test]
fn a_frozen_parameter_moves_only_after_it_is_no_longer_frozen() {
    let mut vs = nn::VarStore::new(Device::Cpu);
    let parameter = vs.root().ones("parameter", &[3]);
    vs.freeze();
    let mut optimizer = Adam { weight_decay: 1e-4, ..Adam::default() }.build(&vs, 0.01).unwrap();
    for _ in 0..100 {
        optimizer.zero_grad().unwrap();
        optimizer.step().unwrap();
    }
    assert!(parameter.equal(&parameter.ones_like()));
    vs.unfreeze();
    parameter.square().sum(None).backward();
    optimizer.step().unwrap();
    assert!(parameter.lt(1.0).all().int64_value(&[]) == 1);
}

#[test]
fn an_optimizer_of_no_parameters_is_refused_with_pytorchs_words() {
    let vs = nn::VarStore::new(Device::Cpu);
    let _ = vs.root().zeros_no_train("running_mean", &[3]);
    let refused = [SGD::default().build(&vs, 0.1), Adam::default().build(&vs, 0.1), AdamW::default().build(&vs, 0.1)];
    for refused in refused {
        let error = refused.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("optimizer got an empty parameter list"), "{error}");
    }
}

#[test]
fn numbers_that_no_optimizer_can_have_are_refused_with_pytorchs_words() {
    let vs = nn::VarStore::new(Device::Cpu);
    let _ = vs.root().ones("parameter", &[3]);
    for bad in [-1.0, f64::NAN, f64::INFINITY, 1e39] {
        let refused = [
            (
                SGD { momentum: 0.0, weight_decay: bad, ..SGD::default() }.build(&vs, 0.1),
                "Invalid weight_decay value: ",
            ),
            (SGD { momentum: bad, weight_decay: 0.0, ..SGD::default() }.build(&vs, 0.1), "Invalid momentum value: "),
            (Adam { weight_decay: bad, ..Adam::default() }.build(&vs, 0.1), "Invalid weight_decay value: "),
            (AdamW { weight_decay: bad, ..AdamW::default() }.build(&vs, 0.1), "Invalid weight_decay value: "),
            (Adam { eps: bad, ..Adam::default() }.build(&vs, 0.1), "Invalid epsilon value: "),
            (AdamW { betas: (bad, 0.9), ..AdamW::default() }.build(&vs, 0.1), "Invalid beta parameter at index 0: "),
            (Adam { betas: (0.9, 1.0), ..Adam::default() }.build(&vs, 0.1), "Invalid beta parameter at index 1: 1"),
            (SGD { nesterov: true, ..SGD::default() }.build(&vs, 0.1), "Nesterov momentum requires a momentum"),
            (Adam::default().build(&vs, bad), "Invalid learning rate: "),
        ];
        for (refused, words) in refused {
            let error = refused.map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(words), "{bad}: {error}");
        }
        assert!(SGD::default().build(&vs, 0.1).unwrap().set_lr(bad).is_err());
    }
}

type Build = fn(&nn::VarStore) -> Result<Optimizer, tch::TchError>;

const OPTIMIZERS: [Build; 4] = [
    |vs| SGD::default().build(vs, 0.1),
    |vs| SGD { momentum: 0.9, weight_decay: 0.3, ..SGD::default() }.build(vs, 0.1),
    |vs| Adam { weight_decay: 0.3, ..Adam::default() }.build(vs, 0.1),
    |vs| AdamW { weight_decay: 0.3, ..AdamW::default() }.build(vs, 0.1),
];

/// Takes two steps along gradients that 32 bits cannot hold.
fn two_steps(optimizer: &mut Optimizer, parameter: &Tensor) -> Tensor {
    for gradient in [0.1, 0.7] {
        optimizer.zero_grad().unwrap();
        (parameter * gradient).sum(None).backward();
        optimizer.step().unwrap();
    }
    parameter.detach().copy()
}

#[test]
fn a_network_that_becomes_64_bits_after_its_optimizer_was_made_takes_the_steps_of_one_that_was_so_before() {
    for build in OPTIMIZERS {
        let mut vs = nn::VarStore::new(Device::Cpu);
        let parameter = vs.root().ones("parameter", &[3]);
        let mut before = build(&vs).unwrap();
        vs.double();
        let found = two_steps(&mut before, &parameter);

        let mut vs = nn::VarStore::new(Device::Cpu);
        vs.set_kind(Kind::Double);
        let parameter = vs.root().ones("parameter", &[3]);
        let expected = two_steps(&mut build(&vs).unwrap(), &parameter);
        assert!(found.kind() == Kind::Double && found.equal(&expected), "{found:?} {expected:?}");
    }
}

#[test]
fn a_parameter_that_has_two_names_takes_one_step() {
    for build in OPTIMIZERS {
        let vs = nn::VarStore::new(Device::Cpu);
        let parameter = vs.root().ones("a", &[3]);
        let expected = two_steps(&mut build(&vs).unwrap(), &parameter);

        let vs = nn::VarStore::new(Device::Cpu);
        let parameter = vs.root().ones("a", &[3]);
        let _tied = vs.root().add("b", parameter.shallow_clone(), true);
        // Empty ones have no memory that would tell them apart.
        let _empty = [vs.root().ones("c", &[0]), vs.root().ones("d", &[0])];
        let found = two_steps(&mut build(&vs).unwrap(), &parameter);
        assert!(found.equal(&expected), "{found:?} {expected:?}");
    }
}

#[test]
fn a_graph_that_is_older_than_a_step_is_refused_as_pytorch_does() {
    for build in OPTIMIZERS {
        let vs = nn::VarStore::new(Device::Cpu);
        let parameter = vs.root().ones("parameter", &[3]);
        let mut optimizer = build(&vs).unwrap();
        let square = (&parameter * &parameter).sum(None);
        (&parameter * 2).sum(None).backward();
        optimizer.step().unwrap();
        let error = square.f_backward().unwrap_err().to_string();
        assert!(error.contains("has been modified by an inplace operation"), "{error}");
    }
}

#[test]
fn a_step_that_cannot_be_computed_is_an_error_and_no_panic() {
    let vs = nn::VarStore::new(Device::Cpu);
    let mut parameter = vs.root().ones("parameter", &[3]);
    let mut optimizer = Adam::default().build(&vs, 0.1).unwrap();
    let _ = two_steps(&mut optimizer, &parameter);
    optimizer.zero_grad().unwrap();
    parameter.set_data(&parameter.detach().to_kind(Kind::Double));
    (&parameter * 2).sum(None).backward();
    let error = optimizer.step().unwrap_err().to_string();
    assert!(error.contains("expected dtype float for `end`") && error.lines().count() == 1, "{error}");
    // Gradients are still tracked.
    assert!((&parameter * 2).requires_grad());
}

#[test]
fn the_learning_rate_takes_pytorchs_course() {
    let fixture = tensors("optimizers.safetensors");
    for (name, scheduler) in [
        ("lr_step", LrScheduler::StepLR { step_size: 7, gamma: 0.3 }),
        ("lr_cosine", LrScheduler::CosineAnnealingLR { t_max: 20 }),
        ("lr_cosine_again", LrScheduler::CosineAnnealingLR { t_max: 3 }),
        ("lr_cosine_at_once", LrScheduler::CosineAnnealingLR { t_max: 1 }),
    ] {
        let expected: Vec<f64> = (&fixture[name]).try_into().unwrap();
        let found: Vec<f64> = (0..20).map(|epoch| scheduler.lr(0.003, epoch)).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_numbers_of_pythons_that_are_taken_where_there_is_no_python_have_the_same_names() {
    if common::python().is_none() {
        return;
    }
    for file in ["layers.safetensors", "models.safetensors", "optimizers.safetensors"] {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(file);
        let kept: BTreeSet<_> = Tensor::read_safetensors(kept).unwrap().into_iter().map(|(name, _)| name).collect();
        let made: BTreeSet<_> = tensors(file).into_keys().collect();
        assert_eq!(kept, made, "{file}: python scripts/make_fixtures.py tests/fixtures writes it anew");
    }
}
