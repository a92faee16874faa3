//! What the library does on a card: recording. A program of its own, since CUDA has to be
//! opened before every other call of libtorch. The headers are checked on any machine that has them.
#![cfg(target_os = "linux")]

mod common;

use cnn_tutorial::cuda::{self, Recorder};
use cnn_tutorial::data::DataLoader;
use cnn_tutorial::evaluate::accuracy_and_losses;
use cnn_tutorial::nn::{self, Module};
use cnn_tutorial::optim::{AdamW, Optimizer};
use common::{digits, not_run};
use std::cell::Cell;
use std::collections::HashSet;
use std::ops::ControlFlow::Continue;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock};
use tch::nn::VarStore;
use tch::{Device, Kind, TchError, Tensor};

/// The card, for one test after the other: libtorch has one generator.
fn card() -> Option<(Device, MutexGuard<'static, ()>)> {
    static ONE: Mutex<()> = Mutex::new(());
    static CARD: OnceLock<Option<Device>> = OnceLock::new();
    let one = ONE.lock().unwrap_or_else(|broken| broken.into_inner());
    let device = *CARD.get_or_init(|| {
        let listed = Command::new("nvidia-smi").arg("-L").output();
        listed.is_ok_and(|output| output.stdout.starts_with(b"GPU 0")).then(|| {
            let device = cuda::open(0).unwrap();
            cuda::set_deterministic().unwrap();
            device
        })
    });
    if device.is_none() {
        not_run("an NVIDIA GPU");
    }
    device.map(|device| (device, one))
}

/// Calls `work` with 1 to 8 and expects twice these numbers; how many times it was called.
fn twice(device: Device, work: impl Fn(&Tensor) -> Tensor) -> usize {
    let (mut recorder, mut calls) = (Recorder::new(device, |_| ()).unwrap(), 0);
    for number in 1..=8 {
        let batch = Tensor::full([3], number, (Kind::Float, device));
        let output = recorder.call(&[&batch], |batch| {
            calls += 1;
            Ok(work(batch[0]))
        });
        assert_eq!(Vec::<f32>::try_from(output.unwrap()).unwrap(), [2.0 * number as f32; 3]);
    }
    calls
}

#[test]
fn work_is_carried_out_a_few_times_then_recorded_and_the_recording_launched() {
    let Some((device, _one)) = card() else { return };
    assert_eq!(twice(device, |batch| batch * 2), 4);
}

#[test]
fn work_that_reads_a_number_from_the_card_is_carried_out_each_time() {
    let Some((device, _one)) = card() else { return };
    let reads = |batch: &Tensor| Tensor::full_like(batch, 2.0 * batch.double_value(&[0]));
    assert_eq!(twice(device, reads), 9);
}

#[test]
fn a_failed_recording_leaves_gradients_as_they_were() {
    let Some((device, _one)) = card() else { return };
    twice(device, |batch| {
        let _guard = tch::no_grad_guard();
        Tensor::full_like(batch, 2.0 * batch.double_value(&[0]))
    });
    let one = Tensor::ones([1], (Kind::Float, device)).requires_grad_(true);
    assert!((&one * 2).requires_grad());
}

/// With what a recording could freeze: running means, and numbers that are drawn.
struct Network {
    conv: nn::Conv2d,
    bn: nn::BatchNorm2d,
    pool: nn::MaxPool2d,
    dropout: nn::Dropout,
    fc: nn::Linear,
    calls: Cell<u64>,
}

impl Network {
    fn new(vs: &VarStore) -> Result<Self, TchError> {
        let vs = vs.root();
        Ok(Self {
            conv: nn::Conv2d::new(&vs / "conv", 1, 8, 5)?,
            bn: nn::BatchNorm2d::new(&vs / "bn", 8)?,
            pool: nn::MaxPool2d::new(4),
            dropout: nn::Dropout::new(0.3),
            fc: nn::Linear::new(&vs / "fc", 8 * 6 * 6, 10)?,
            calls: Cell::new(0),
        })
    }
}

impl Module for Network {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        self.calls.set(self.calls.get() + 1);
        let out = self.pool.forward(&self.bn.forward(&self.conv.forward(x)?)?)?;
        self.fc.forward(&self.dropout.forward(&out)?.f_flatten(1, -1)?)
    }
}

/// Trains on digits, the learning rate another in each step and the optimizer a new one after the 9th; all that it comes to,
/// and how many times `forward` was called.
fn train(device: Device, recorded: bool) -> (Vec<(String, Vec<f32>)>, u64) {
    tch::manual_seed(7);
    let mut vs = VarStore::new(Device::Cpu);
    let network = Network::new(&vs).unwrap();
    vs.set_device(device);
    let dataset = digits().to(device).unwrap();
    let loader = DataLoader { shuffle: true, ..DataLoader::new(&dataset, 110) }; // the last batch is smaller
    let new = || AdamW::default().build(&vs, 0.003).unwrap();
    let (mut optimizer, mut losses, mut step) = (new(), Vec::new(), 0);
    let after_step = |loss: &Tensor, optimizer: &mut Optimizer| {
        losses.push(loss.f_detach()?);
        step += 1;
        if step == 9 {
            let state = optimizer.state_dict()?.into_iter().collect();
            *optimizer = new();
            optimizer.load_state_dict(&state)?;
        }
        optimizer.set_lr(0.003 / f64::from(step))?;
        Ok(Continue(()))
    };
    let (error, epochs) = (nn::CrossEntropyLoss, loader.epochs(2));
    if recorded {
        let mut recorder = Recorder::new(device, |error| panic!("{error}")).unwrap();
        cuda::train(&mut recorder, &network, &error, &mut optimizer, epochs, after_step).unwrap();
    } else {
        cnn_tutorial::train::train(&network, &error, &mut optimizer, epochs, after_step).unwrap();
    }
    let numbers = |tensor: &Tensor| Vec::<f32>::try_from(tensor.flatten(0, -1).to_kind(Kind::Float)).unwrap();
    let mut results: Vec<_> = vs.variables().iter().map(|(name, tensor)| (name.clone(), numbers(tensor))).collect();
    results.extend(optimizer.state_dict().unwrap().iter().map(|(name, tensor)| (name.clone(), numbers(tensor))));
    results.push(("losses".into(), numbers(&Tensor::stack(&losses, 0))));
    results.push(("next".into(), numbers(&Tensor::rand([3], (Kind::Float, device)))));
    results.sort_by(|a, b| a.0.cmp(&b.0));
    (results, network.calls.get())
}

#[test]
fn a_recording_freezes_no_drawn_number_no_running_mean_no_learning_rate_and_no_optimizer() {
    let Some((device, _one)) = card() else { return };
    let ((eager, eager_calls), (recorded, calls)) = (train(device, false), train(device, true));
    for ((name, eager), (_, recorded)) in eager.iter().zip(&recorded) {
        assert_eq!(eager, recorded, "{name}");
    }
    assert!(calls < eager_calls, "nothing was recorded");
}

#[test]
fn a_recorded_evaluation_sees_the_weights_of_its_moment() {
    let Some((device, _one)) = card() else { return };
    let mut vs = VarStore::new(Device::Cpu);
    let network = Network::new(&vs).unwrap();
    vs.set_device(device);
    let dataset = digits().to(device).unwrap();
    let loader = DataLoader::new(&dataset, 70);
    let mut recorder = Recorder::new(device, |error| panic!("{error}")).unwrap();
    for _ in 0..8 {
        let _ = tch::no_grad(|| network.fc.weight.shallow_clone().g_add_scalar_(0.01));
        let batches = loader.epoch().unwrap();
        let carried_out = accuracy_and_losses(&network, &nn::CrossEntropyLoss, batches.clone()).unwrap();
        let recorded =
            recorder.call(&[], |_| accuracy_and_losses(&network, &nn::CrossEntropyLoss, batches.clone())).unwrap();
        assert!(recorded.equal(&carried_out));
    }
}

#[test]
fn a_libtorch_without_these_functions_is_told_by_the_first_that_is_missing() {
    if Command::new("nvidia-smi").arg("-L").output().is_ok_and(|output| output.status.success()) {
        return not_run("a machine without an NVIDIA GPU, where libtorch's CUDA part is not loaded");
    }
    let error = Recorder::new(Device::Cuda(0), |_| ()).err().unwrap().to_string();
    assert!(error.contains("this libtorch has no _ZN2at4cuda"), "{error}");
    let error = Recorder::new(Device::Cpu, |_| ()).err().unwrap().to_string();
    assert!(error.contains("only work on CUDA can be recorded, not on Cpu"), "{error}");
}

/// Compiles the calls against libtorch's headers; whether sizes, types and results are as assumed.
fn agrees_with_headers(source: &str) -> Option<bool> {
    let packages = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/lib")).ok()?;
    let site = packages.flatten().map(|python| python.path().join("site-packages")).find(|site| site.is_dir())?;
    let folders = ["torch/include", "triton/backends/nvidia/include", "nvidia/cu13/include"];
    if !folders.iter().all(|folder| site.join(folder).is_dir()) {
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("libtorch.cpp");
    std::fs::write(&file, source).unwrap();
    let mut compiler = Command::new(std::env::var("CXX").unwrap_or("c++".into()));
    compiler.args(["-std=c++17", "-fsyntax-only", "-DCHECK_HEADERS"]);
    for folder in folders {
        compiler.arg("-isystem").arg(site.join(folder));
    }
    Some(compiler.arg(&file).output().unwrap().status.success())
}

#[test]
fn what_is_called_by_its_name_has_the_sizes_and_types_of_libtorchs_headers() {
    let source = include_str!("../src/cuda/libtorch.cpp");
    let Some(agrees) = agrees_with_headers(source) else {
        return not_run("./scripts/setup.sh --python");
    };
    assert!(agrees, "c++ -fsyntax-only -DCHECK_HEADERS src/cuda/libtorch.cpp tells what differs");
    let changes = [
        ("ROOM = 4096", "ROOM = 64"),
        ("int64_t id;", "int32_t id;"),
        ("std::pair<unsigned long long, unsigned long long>", "std::pair<unsigned, unsigned>"),
        ("StreamFromPool = Stream(bool, int8_t);", "StreamFromPool = Stream(bool, int);"),
    ];
    // At once: the compiler takes seconds for each.
    std::thread::scope(|scope| {
        for (right, wrong) in changes {
            let changed = source.replace(right, wrong);
            assert!(changed != source, "{right} is not in the source");
            scope.spawn(move || assert_eq!(agrees_with_headers(&changed), Some(false), "{wrong} was not noticed"));
        }
    });
}

#[test]
fn every_function_that_is_called_by_its_name_is_in_libtorchs_cuda_libraries() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("libtorch/lib");
    let libraries = ["libtorch_cuda.so", "libc10_cuda.so"].map(|name| folder.join(name));
    let Ok(output) = Command::new("nm").args(["-D", "--defined-only"]).args(&libraries).output() else {
        return not_run("nm, of binutils");
    };
    if !libraries.iter().all(|library| library.exists()) {
        return not_run("a libtorch with its CUDA part, such as that of ./scripts/setup.sh on Linux");
    }
    let symbols = String::from_utf8(output.stdout).unwrap();
    let symbols: HashSet<&str> = symbols.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    let names: Vec<_> =
        include_str!("../src/cuda/libtorch.cpp").split('"').filter(|text| text.starts_with("_ZN")).collect();
    assert_eq!(names.len(), 9);
    for name in names {
        assert!(symbols.contains(name), "{name}");
    }
}
