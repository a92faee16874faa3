//! Training, step by step in the order of the slides.

use crate::checkpoint::Checkpoint;
use crate::data::{self, DataLoader, train_test_split};
use crate::device::{self, DeviceChoice};
use crate::optim::Optimizer;
use crate::options::Options;
use crate::run::{self, Config, Record, Run};
use crate::train::{Schedule, Training};
use crate::trained::load_weights;
use crate::{libtorch, plots, signals};
use anyhow::{Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tch::nn;

/// Prepares the data, defines the model, trains it, plots what was tracked. Returns the program's exit code: 0, or 128
/// and the number of the signal that ended the training early.
pub fn train_model(options: &Options) -> Result<u8> {
    train(options, None)
}

/// Goes on with the run in `dir`, to the results it would have had without the interruption. `data` is where its data
/// are, which it needs if that is a path.
pub fn resume(dir: &Path, data: Option<&Path>) -> Result<u8> {
    let config = run::read_config(dir)?;
    if !dir.join(run::CHECKPOINT).exists() {
        ensure!(
            !dir.join(run::WEIGHTS).exists(),
            "{} is finished: there is nothing to resume; --init-from {} starts a new run from its weights",
            dir.display(),
            dir.join(run::WEIGHTS).display()
        );
        bail!("{} ended before its first checkpoint: train anew", dir.display());
    }
    let device = config.computed_on.parse::<DeviceChoice>();
    let options = Options {
        device: device.map_err(|error| anyhow::anyhow!("{}: computed_on: {error}", run::CONFIG))?,
        threads: Some(config.computed_with_threads), // other numbers of threads round otherwise
        data: run::data_of(dir, &config, data)?,
        ..config.options.clone()
    };
    train(&options, Some((dir, config)))
}

fn train(options: &Options, resumed: Option<(&Path, Config)>) -> Result<u8> {
    let device = device::open(options.device)?;
    if let Some(threads) = options.threads {
        tch::set_num_threads(threads);
    }

    // Data preparation
    let (dataset, source) = data::load(options.data.as_deref())?;
    let dataset_sha256 = dataset.sha256()?;
    let (train_indices, test_indices) =
        train_test_split(dataset.len() as usize, options.test_size, options.random_state)?;
    let train_set = dataset.select(&train_indices, device)?;
    let test_set = dataset.select(&test_indices, device)?;
    drop(dataset);
    let (n_train, n_test) = (train_set.len(), test_set.len());
    say!("data: {source}: {n_train} images to train on, {n_test} to validate on");
    let schedule = Schedule::new(options, n_train)?;
    let Options { batch_size, shuffle, augment, scale, channels_last, .. } = *options;
    let train_loader = DataLoader { dataset: &train_set, batch_size, shuffle, augment, scale, channels_last };
    let test_loader = DataLoader { dataset: &test_set, shuffle: false, augment: false, ..train_loader };

    // Model, drawn on the CPU and then moved, as in Python; loss and optimizer
    tch::manual_seed(options.seed);
    let vs = nn::VarStore::new(tch::Device::Cpu);
    let model = options.model.build(&vs.root())?;
    let checkpoint = resumed.as_ref().map(|(dir, _)| Checkpoint::load(dir)).transpose()?;
    if let (Some(weights), None) = (&options.init_from, &checkpoint) {
        load_weights(&vs, weights)?;
    }
    device::move_variables(&vs, device)?;
    let mut optimizer = Optimizer::new(&vs, options.algorithm(), options.lr, options.momentum, options.weight_decay())?;

    // The run's folder, and where the run stands
    let config = Config {
        version: env!("CARGO_PKG_VERSION").into(),
        tch_version: libtorch::TCH.into(),
        libtorch_version: libtorch::version_in_use(),
        dataset: source,
        dataset_sha256,
        n_train,
        n_test,
        epochs: schedule.epochs,
        iterations: schedule.iterations,
        computed_on: device::name(device),
        computed_with_threads: tch::get_num_threads(),
        options: Options {
            optimizer: Some(options.algorithm()),
            weight_decay: Some(options.weight_decay()),
            ..options.clone()
        },
    };
    let (mut done, mut best_loss) = (0, f64::INFINITY);
    if let Some(checkpoint) = checkpoint {
        checkpoint.restore(&vs, &mut optimizer)?;
        (done, best_loss) = (checkpoint.iteration, checkpoint.best_loss);
    }
    let is_new = resumed.is_none();
    let (run, history) = open_run(&config, resumed, done)?;
    if is_new {
        Checkpoint::save(&run.dir, 0, best_loss, &vs, &optimizer)?;
    }

    // Model training
    let Schedule { epochs, iterations } = schedule;
    let (threads, computed_on) = (config.computed_with_threads, &config.computed_on);
    say!("training: {iterations} iterations, {epochs} epochs, on {computed_on} with {threads} threads");
    if done > 0 {
        say!("resumed after iteration {done}");
    }
    let start = Instant::now();
    let template = "{wide_bar} {pos}/{len} {per_sec} {eta} left";
    let bar = ProgressBar::new(iterations).with_style(ProgressStyle::with_template(template)?);
    let model = &*model;
    let mut training = Training {
        model,
        vs: &vs,
        optimizer,
        train_loader,
        test_loader,
        schedule,
        options,
        run,
        done,
        best_loss,
        history,
        tracking: Duration::ZERO,
    };
    let stop = signals::watch()?;
    let reached = training.train(&bar, &stop)?;
    bar.finish_and_clear();
    let Training { run, history, tracking, .. } = training;
    let (total, tracking) = (start.elapsed().as_secs_f64(), tracking.as_secs_f64());
    say!("trained in {total:.2} s, {tracking:.2} s of them tracking progress");

    // Keep the weights, plot the tracked quantities
    if reached == iterations {
        run::put(&run.dir, run::WEIGHTS, |path| Ok(vs.save(path)?))?;
    }
    plot(&run.dir, options, &history)?;
    if reached < iterations {
        let data = options.data.as_ref().filter(|_| run::data_of(&run.dir, &config, None).is_err());
        let data = data.map_or(String::new(), |data| format!(" --data {}", data.display()));
        say!("stopped after iteration {reached} of {iterations}; go on with --resume {}{data}", run.dir.display());
        return Ok(128 + stop.load(Ordering::Relaxed) as u8);
    }
    run::remove(&run.dir, run::CHECKPOINT)?;
    say!("results: {}", run.dir.display());
    Ok(0)
}

/// A new run's folder, or that of a run that has done `done` iterations, with what was logged there.
fn open_run(config: &Config, resumed: Option<(&Path, Config)>, done: u64) -> Result<(Run, Vec<Record>)> {
    let options = &config.options;
    let Some((dir, before)) = resumed else {
        let run = Run::create(options.out.as_deref(), options.model.name(), options.overwrite, config)?;
        return Ok((run, Vec::new()));
    };
    ensure!(
        before.dataset_sha256 == config.dataset_sha256,
        "{}: the data are not those the run began with ({}): give them back their content",
        dir.display(),
        before.dataset
    );
    Run::resume(dir, done)
}

fn plot(dir: &Path, options: &Options, history: &[Record]) -> Result<()> {
    if history.is_empty() {
        say!("no charts: not one evaluation was reached, --eval-every {}", options.eval_every);
        return Ok(());
    }
    let chart = |name, quantity, color, value: fn(&Record) -> f64| {
        let title = format!("{}: {quantity} vs Number of iteration", options.model.title());
        let points: Vec<_> = history.iter().map(|record| (record.iteration as f64, value(record))).collect();
        run::put(dir, name, |path| plots::line_chart(path, &title, quantity, color, &points))
    };
    chart(run::LOSS_CHART, "Loss", plots::BLUE, |record| record.loss)?;
    chart(run::ACCURACY_CHART, "Accuracy", plots::RED, |record| record.accuracy)
}
