//! Training, step by step in the order of the slides.

use super::checkpoint::{CHECKPOINT, Checkpoint};
use super::config::{Config, read_config};
use super::cuda::graph::{Class, Recorder};
use super::device::DeviceChoice;
use super::metrics::Row;
use super::options::Options;
use super::run::{self, Run};
use super::schedule::Schedule;
use super::session::Session;
use super::weights::load_weights;
use super::{cuda, data, data::Source, device, files, layout, libtorch, recorded, results, signals};
use anyhow::{Context, Result, bail, ensure};
use cnn_tutorial::data::{DataLoader, train_test_split};
use cnn_tutorial::nn::CrossEntropyLoss;
use cnn_tutorial::summary::summary;
use indicatif::{ProgressBar, ProgressStyle};
use std::num::NonZeroU8;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use tch::{Device, nn::VarStore};

/// Goes on with the run in `dir`, to the results it would have had without the interruption. `data` is where its data
/// are, which it needs if that is a path. Another `device` than the one it began on, which `Auto` means, rounds otherwise.
pub fn resume(dir: &Path, data: Option<&Source>, device: DeviceChoice) -> Result<u8> {
    let config = read_config(dir)?;
    if !dir.join(CHECKPOINT).exists() {
        ensure!(
            !dir.join(run::WEIGHTS).exists(),
            "{} is finished: there is nothing to resume; --init-from {} starts a new run from its weights",
            dir.display(),
            dir.join(run::WEIGHTS).display()
        );
        bail!("{} ended before its first checkpoint: train anew", dir.display());
    }
    let options = Options {
        device: if device == DeviceChoice::Auto { config.computed_on } else { device },
        threads: Some(config.computed_with_threads), // other numbers of threads round otherwise
        data: Some(config.source(dir, data)?),
        ..config.options.clone()
    };
    train(&options, Some((dir, config)))
}

/// Prepares the data, defines the model, trains it, plots what was tracked; `resumed` is the run to go on with. Returns
/// the program's exit code: 0, or 128 and the number of the signal that ended the training early.
pub fn train(options: &Options, resumed: Option<(&Path, Config)>) -> Result<u8> {
    let options = &Options { optimizer: Some(options.algorithm()), ..options.clone() };
    let device = device::open(options.device)?;
    if let (true, Device::Cuda(_)) = (options.deterministic, device) {
        cuda::set_deterministic()?;
    }
    let cuda_graph = match device {
        Device::Cuda(index) if options.model.cuda_graph && !options.eager => Class::open(index),
        _ => None,
    };
    if let Some(threads) = options.threads {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        if usize::from(threads.get()) > cores {
            say!("warning: {threads} threads on {cores} cores wait for each other: fewer are faster");
        }
        tch::set_num_threads(threads.get().into());
    }

    // Data Preparation
    let (dataset, source) = data::load(options.data.as_ref())?;
    let dataset_sha256 = data::sha256(&dataset)?;
    let (train, test) = train_test_split(&dataset, options.test_size.into(), options.random_state)?;
    drop(dataset);
    let (train, test) = (train.to(device)?, test.to(device)?);
    say!("data: {source}: {} images to train on, {} to validate on", train.len(), test.len());
    let schedule = Schedule::new(options, train.len())?;
    summary(&*(options.model.new)(&VarStore::new(Device::Cpu).root())?)?; // says which layers do not fit, if some do not
    let onednn = options.model.onednn && device == Device::Cpu && layout::gives_the_same_bits(&options.model);
    let mut train_loader = DataLoader::new(&train, options.batch_size());
    train_loader.shuffle = options.shuffle;
    train_loader.transform = options.transform(options.augment, onednn);
    let mut test_loader = DataLoader::new(&test, options.batch_size());
    test_loader.transform = options.transform(false, onednn);

    // Model Definition: drawn on the CPU and then moved, as in Python
    tch::manual_seed(options.seed);
    let vs = VarStore::new(Device::Cpu);
    let model = (options.model.new)(&vs.root())?;
    let checkpoint = resumed.as_ref().map(|(dir, _)| Checkpoint::load(dir)).transpose()?;
    if let (Some(weights), None) = (&options.init_from, &checkpoint) {
        load_weights(&vs, weights)?;
    }
    device::move_variables(&vs, device)?;

    // Loss, Optimizer
    let error = CrossEntropyLoss;
    let mut optimizer = options.optimizer(&vs)?;

    // The run's folder, and where the run stands
    let config = Config {
        version: env!("CARGO_PKG_VERSION").into(),
        tch_version: libtorch::TCH.into(),
        libtorch_version: libtorch::version_in_use(),
        data: source,
        dataset_sha256,
        n_train: train.len(),
        n_test: test.len(),
        epochs: schedule.epochs,
        iterations: schedule.iterations,
        computed_on: device.into(),
        computed_with_threads: u8::try_from(tch::get_num_threads())
            .and_then(NonZeroU8::try_from)
            .context("libtorch computes with more than 255 threads: give --threads")?,
        options: options.clone(),
    };
    let (mut iteration, mut best_loss) = (0, f64::INFINITY);
    if let Some(checkpoint) = checkpoint {
        checkpoint.check_options(options)?;
        checkpoint.restore(&vs, &mut optimizer)?;
        (iteration, best_loss) = (checkpoint.iteration, checkpoint.best_loss);
    }
    let is_new = resumed.is_none();
    let (run, history) = open_run(&config, resumed, iteration)?;
    if is_new {
        Checkpoint::save(&run.dir, options, 0, best_loss, &vs, &optimizer)?;
    }

    // Model Training
    let Schedule { epochs, iterations, .. } = schedule;
    say!(
        "training: {iterations} iterations, {epochs} epochs, on {} with {} threads",
        config.computed_on,
        config.computed_with_threads
    );
    if iteration > 0 {
        say!("resumed after iteration {iteration}");
    }
    let start = Instant::now();
    let template = "{wide_bar} {pos}/{len} {msg} {per_sec} {eta} left";
    let mut session = Session {
        options,
        schedule,
        model: &*model,
        vs: &vs,
        error: &error,
        test_loader: &test_loader,
        run,
        bar: ProgressBar::new(iterations).with_style(ProgressStyle::with_template(template)?),
        stop: signals::watch()?,
        iteration,
        best_loss,
        history,
        tracking: Duration::ZERO,
        losses: Vec::new(),
        recorder: cuda_graph.map(Recorder::new),
    };
    let epochs = session.epochs_left(&train_loader)?;
    if iteration < iterations && !session.is_stopped() {
        optimizer.set_lr(session.lr())?;
        let after_step = |loss: &_, optimizer: &mut _| session.after_step(loss, optimizer);
        match cuda_graph {
            Some(class) => recorded::train(class, &*model, &error, &mut optimizer, epochs, after_step)?,
            None => cnn_tutorial::train::train(&*model, &error, &mut optimizer, epochs, after_step)?,
        }
    }
    let Session { run, bar, stop, history, tracking, iteration, .. } = session;
    bar.finish_and_clear();
    let (total, tracking) = (start.elapsed().as_secs_f64(), tracking.as_secs_f64());
    say!("trained in {total:.2} s, {tracking:.2} s of them tracking progress");

    // Keep the weights, plot your tracked quantities
    if iteration == iterations {
        files::put(&run.dir, run::WEIGHTS, |path| Ok(vs.save(path)?))?;
    }
    results::plot(&run.dir, options, &history)?;
    if iteration < iterations {
        let data = match &config.data {
            Source::Path(path) => format!(" --data {}", path.display()),
            _ => String::new(),
        };
        say!("stopped after iteration {iteration} of {iterations}; go on with --resume {}{data}", run.dir.display());
        return Ok(128 + stop.load(Ordering::Relaxed) as u8);
    }
    files::remove(&run.dir, CHECKPOINT)?;
    results::tell(&run.dir, &history);
    Ok(0)
}

/// A new run's folder, or that of a run that has done `done` iterations, with what was logged there.
fn open_run(config: &Config, resumed: Option<(&Path, Config)>, done: u64) -> Result<(Run, Vec<Row>)> {
    let options = &config.options;
    let Some((dir, before)) = resumed else {
        let run = Run::create(options.out.as_deref(), options.model.name, options.overwrite, config)?;
        return Ok((run, Vec::new()));
    };
    ensure!(
        before.dataset_sha256 == config.dataset_sha256,
        "{}: the data are not those the run began with ({}): give them back their content",
        dir.display(),
        before.data
    );
    Run::resume(dir, done)
}
