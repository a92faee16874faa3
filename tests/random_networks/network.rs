//! A network and its training as scripts/random_networks.py draws them, made of this library.

use crate::Results;
use crate::layer::{Joined, Layer, Used};
use anyhow::{Result, bail};
use cnn_tutorial::cuda::{self, Recorder};
use cnn_tutorial::data::{DataLoader, Dataset, transforms};
use cnn_tutorial::evaluate::{accuracy_and_losses, percentage_and_mean};
use cnn_tutorial::nn::{self, Module};
use cnn_tutorial::optim::lr_scheduler::LrScheduler;
use cnn_tutorial::optim::{Adam, AdamW, Optimizer, SGD};
use cnn_tutorial::summary::summary;
use cnn_tutorial::train::train;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::ControlFlow::Continue;
use tch::nn::VarStore;
use tch::{Device, Kind, TchError, Tensor};

#[derive(Deserialize)]
pub struct Case {
    pub number: u64,
    layers: Vec<Layer>,
    pub training: Training,
    /// The same in Python.
    pub python: String,
    /// What PyTorch came to.
    pub file: Option<String>,
    /// Whether PyTorch came to it twice, where that was tried.
    pub repeats: Option<bool>,
    /// What PyTorch refused it with.
    pub error: Option<String>,
}

#[derive(Deserialize)]
pub struct Training {
    seed: i64,
    image: [i64; 3],
    classes: i64,
    n_train: i64,
    n_test: i64,
    batch_size: i64,
    shuffle: bool,
    scale: String,
    augment: bool,
    pub layout: String,
    dtype: String,
    threads: i32,
    frozen: Vec<String>,
    /// After which step the frozen parameters are trained too; 0 for none.
    thaw: i64,
    poison: HashMap<String, String>,
    pub optimizer: (String, OptimizerArguments),
    lr_scheduler: Option<(String, HashMap<String, f64>)>,
    epochs: u64,
    eval_every: i64,
    restart: i64,
}

#[derive(Deserialize)]
pub struct OptimizerArguments {
    lr: f64,
    weight_decay: Option<f64>,
    momentum: Option<f64>,
    nesterov: Option<bool>,
    betas: Option<(f64, f64)>,
    eps: Option<f64>,
}

struct Network<'a> {
    layers: Vec<(&'a Layer, Box<dyn Module>)>,
    /// How many steps of the training are done.
    step: Cell<i64>,
}

impl Module for Network<'_> {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let mut out = xs.shallow_clone();
        for (layer, module) in &self.layers {
            let used = match layer.used {
                Used::Always(used) => used,
                Used::Sometimes(divisor, remainder) => self.step.get() % divisor == remainder,
            };
            if used {
                let mut output = out.shallow_clone();
                for _ in 0..layer.calls {
                    output = module.forward(&output)?;
                }
                out = match layer.joined {
                    None => output,
                    Some(Joined::Add) => out.f_add(&output)?,
                    Some(Joined::Mul) => out.f_mul(&output)?,
                    Some(Joined::Cat) => Tensor::f_cat(&[out, output], 1)?,
                };
            }
        }
        Ok(out)
    }
}

impl Training {
    fn images(&self) -> Result<(Dataset, Dataset), TchError> {
        let n = self.n_train + self.n_test;
        let [channels, height, width] = self.image;
        let images = Tensor::f_randint(256, [n, channels, height, width], (Kind::Uint8, Device::Cpu))?;
        let labels = Tensor::f_randint(self.classes, [n], (Kind::Int64, Device::Cpu))?;
        let part = |start, length| -> Result<Dataset, TchError> {
            let classes = (0..self.classes).map(|class| class.to_string()).collect();
            Ok(Dataset {
                images: images.f_narrow(0, start, length)?,
                labels: labels.f_narrow(0, start, length)?,
                classes,
                remark: None,
            })
        };
        Ok((part(0, self.n_train)?, part(self.n_train, self.n_test)?))
    }

    /// What the loader makes of its images.
    fn transform(&self, images: Tensor, augment: bool) -> Result<Tensor, TchError> {
        let images = if self.scale == "unit" { transforms::unit_scale(&images)? } else { images };
        let images = if augment { transforms::augment(&images)? } else { images };
        match (&*self.layout, &*self.dtype) {
            ("channels_last", _) => transforms::channels_last(&images),
            ("onednn", _) => transforms::to_mkldnn(&images),
            (_, "float64") => images.f_to_kind(Kind::Double),
            _ => Ok(images),
        }
    }

    fn loader<'a>(&'a self, dataset: &'a Dataset, trains: bool) -> DataLoader<'a> {
        DataLoader {
            shuffle: trains && self.shuffle,
            transform: Box::new(move |images| self.transform(images, trains && self.augment)),
            ..DataLoader::new(dataset, self.batch_size)
        }
    }

    fn optimizer(&self, vs: &VarStore) -> Result<Optimizer> {
        let (name, OptimizerArguments { lr, weight_decay, momentum, nesterov, betas, eps }) = &self.optimizer;
        let (mut sgd, mut adam, mut adamw) = (SGD::default(), Adam::default(), AdamW::default());
        sgd.momentum = momentum.unwrap_or(sgd.momentum);
        sgd.nesterov = nesterov.unwrap_or(sgd.nesterov);
        sgd.weight_decay = weight_decay.unwrap_or(sgd.weight_decay);
        (adam.betas, adam.eps) = (betas.unwrap_or(adam.betas), eps.unwrap_or(adam.eps));
        (adamw.betas, adamw.eps) = (adam.betas, adam.eps);
        adam.weight_decay = weight_decay.unwrap_or(adam.weight_decay);
        adamw.weight_decay = weight_decay.unwrap_or(adamw.weight_decay);
        Ok(match &**name {
            "SGD" => sgd.build(vs, *lr)?,
            "Adam" => adam.build(vs, *lr)?,
            "AdamW" => adamw.build(vs, *lr)?,
            _ => bail!("there is no optimizer {name}"),
        })
    }

    fn lr_scheduler(&self) -> Result<Option<LrScheduler>> {
        let Some((name, arguments)) = &self.lr_scheduler else { return Ok(None) };
        Ok(Some(match &**name {
            "StepLR" => LrScheduler::StepLR { step_size: arguments["step_size"] as u64, gamma: arguments["gamma"] },
            "CosineAnnealingLR" => LrScheduler::CosineAnnealingLR { t_max: arguments["T_max"] as u64 },
            _ => bail!("there is no scheduler {name}"),
        }))
    }
}

impl Case {
    /// Whether it launches the same operations in each step.
    pub fn is_static(&self) -> bool {
        self.training.thaw == 0 && self.layers.iter().all(|layer| matches!(layer.used, Used::Always(_)))
    }

    /// `train` of scripts/random_networks.py, on a card on request recorded.
    pub fn train(&self, device: Device, recorded: bool) -> Result<Results> {
        let training = &self.training;
        tch::set_num_threads(training.threads);
        tch::manual_seed(training.seed);
        let (train_set, test_set) = training.images()?;
        let (train_set, test_set) = (train_set.to(device)?, test_set.to(device)?);
        let (train_loader, test_loader) = (training.loader(&train_set, true), training.loader(&test_set, false));

        let mut vs = VarStore::new(Device::Cpu);
        if training.dtype == "float64" {
            vs.set_kind(Kind::Double);
        }
        let layers = self.layers.iter().map(|layer| Ok((layer, layer.module(&vs.root())?)));
        let network = Network { layers: layers.collect::<Result<_, TchError>>()?, step: Cell::new(0) };
        for (name, parameter) in vs.variables() {
            if training.frozen.contains(&name) {
                let _ = parameter.f_set_requires_grad(false)?;
            }
            if let Some(value) = training.poison.get(&name) {
                let mut first = parameter.f_detach()?.f_view(-1)?.f_narrow(0, 0, 1)?;
                let _ = first.f_fill_(value.parse::<f64>()?)?;
            }
        }
        if training.dtype == "float32" {
            // Draws nothing, and moves no running statistics.
            let [channels, height, width] = training.image;
            summary(&network, &vs, &[1, channels, height, width])?;
        }
        vs.set_device(device);
        if training.layout == "channels_last" {
            transforms::parameters_channels_last(&vs)?;
        }
        let error = nn::CrossEntropyLoss;
        let (mut optimizer, lr_scheduler) = (training.optimizer(&vs)?, training.lr_scheduler()?);
        let lr = training.optimizer.1.lr;
        let (losses, evaluations) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let recorder = || Recorder::new(device, |error| panic!("not recorded: {error}"));
        let mut evaluation = recorded.then(recorder).transpose()?;
        let after_step = |loss: &Tensor, optimizer: &mut Optimizer| {
            losses.borrow_mut().push(f64::try_from(loss)?);
            let step = network.step.get() + 1;
            network.step.set(step);
            if step % training.eval_every == 0 {
                let batches = test_loader.epoch()?;
                let measured = match &mut evaluation {
                    Some(recorder) => recorder.call(&[], |_| accuracy_and_losses(&network, &error, batches.clone()))?,
                    None => accuracy_and_losses(&network, &error, batches)?,
                };
                let (accuracy, loss) = percentage_and_mean(&measured, &test_loader)?;
                evaluations.borrow_mut().extend([f64::from(accuracy), loss]);
            }
            if step == training.thaw {
                vs.unfreeze();
            }
            if step == training.restart {
                // As after a checkpoint
                let state = optimizer.state_dict()?.into_iter().collect();
                *optimizer = training.optimizer(&vs)?;
                optimizer.load_state_dict(&state)?;
            }
            let epoch = step as u64 / train_loader.len();
            optimizer.set_lr(lr_scheduler.map_or(lr, |scheduler| scheduler.lr(lr, epoch)))?;
            Ok(Continue(()))
        };
        let epochs = train_loader.epochs(training.epochs);
        if recorded {
            cuda::train(&mut recorder()?, &network, &error, &mut optimizer, epochs, after_step)?;
        } else {
            train(&network, &error, &mut optimizer, epochs, after_step)?;
        }

        let mut results: Results = optimizer.state_dict()?.into_iter().collect();
        for (name, variable) in vs.variables() {
            let grad = variable.f_grad()?;
            if grad.defined() {
                results.insert(format!("grad.{name}"), grad);
            }
            results.insert(format!("model.{name}"), variable);
        }
        let _eval = nn::eval();
        let images = training.transform(test_set.images.f_to_kind(Kind::Float)?, false)?;
        results.insert("logits".into(), tch::no_grad(|| network.forward(&images))?);
        results.insert("losses".into(), Tensor::f_from_slice(&losses.take())?);
        results.insert("evaluations".into(), Tensor::f_from_slice(&evaluations.take())?);
        results.insert("next".into(), Tensor::f_rand([3], (Kind::Float, Device::Cpu))?);
        results.insert("next on the device".into(), Tensor::f_rand([3], (Kind::Float, device))?);
        Ok(results)
    }
}
