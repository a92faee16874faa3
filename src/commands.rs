//! What the program does, step by step in the order of the slides.

use crate::cli::Options;
use crate::data::{self, DataLoader, train_test_split};
use crate::optim::{Algorithm, Optimizer};
use crate::run::{self, Config, Run};
use crate::train::{Schedule, train};
use crate::{device, plots};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Instant;
use tch::nn;

/// Prepares the data, defines the model, trains it, plots what was tracked.
pub fn train_model(options: &Options) -> Result<()> {
    let device = device::open(options.device)?;
    if let Some(threads) = options.threads {
        tch::set_num_threads(threads);
    }

    // Data preparation
    let (dataset, source) = data::load(options.data.as_deref())?;
    let (train_indices, test_indices) =
        train_test_split(dataset.len() as usize, options.test_size, options.random_state)?;
    let train_set = dataset.select(&train_indices, device)?;
    let test_set = dataset.select(&test_indices, device)?;
    drop(dataset);
    let (n_train, n_test) = (train_set.len(), test_set.len());
    eprintln!("data: {source}: {n_train} images to train on, {n_test} to validate on");
    let schedule = Schedule::new(options, n_train)?;
    let loader =
        |dataset, shuffle| DataLoader { dataset, batch_size: options.batch_size, shuffle, scale: options.scale };
    let (train_loader, test_loader) = (loader(&train_set, options.shuffle), loader(&test_set, false));

    // Model, drawn on the CPU and then moved, as in Python; loss and optimizer
    tch::manual_seed(options.seed);
    let mut vs = nn::VarStore::new(tch::Device::Cpu);
    let model = options.model.build(&vs.root())?;
    vs.set_device(device);
    let mut optimizer = match options.algorithm() {
        Algorithm::Sgd => Optimizer::sgd(&vs, options.lr, options.momentum, options.weight_decay)?,
        Algorithm::Adam => Optimizer::adam(&vs, options.lr, options.weight_decay)?,
    };

    // Model training
    let Schedule { epochs, iterations } = schedule;
    let config = Config {
        version: env!("CARGO_PKG_VERSION").into(),
        dataset: source,
        n_train,
        n_test,
        epochs,
        iterations,
        computed_on: format!("{device:?}").to_lowercase(),
        computed_with_threads: tch::get_num_threads(),
        options: Options { optimizer: Some(options.algorithm()), ..options.clone() },
    };
    let mut run = Run::create(options.out.as_deref(), options.model.name(), options.overwrite, &config)?;
    let (threads, computed_on) = (config.computed_with_threads, &config.computed_on);
    eprintln!("training: {iterations} iterations, {epochs} epochs, on {computed_on} with {threads} threads");
    let start = Instant::now();
    let template = "{wide_bar} {pos}/{len} {per_sec} {eta} left";
    let bar = ProgressBar::new(iterations).with_style(ProgressStyle::with_template(template)?);
    let loaders = (&train_loader, &test_loader);
    let history = train(&*model, &mut optimizer, loaders, (&schedule, options), &mut run, &bar)?;
    bar.finish_and_clear();
    eprintln!("trained in {:.2} s", start.elapsed().as_secs_f64());

    // Plot the tracked quantities, keep the weights
    run::put(&run.dir, run::WEIGHTS, |path| Ok(vs.save(path)?))?;
    if history.is_empty() {
        eprintln!("no charts: {iterations} iterations are fewer than --eval-every {}", options.eval_every);
    } else {
        let chart = |name, quantity, color, points: Vec<_>| {
            let title = format!("{}: {quantity} vs Number of iteration", options.model.title());
            run::put(&run.dir, name, |path| plots::line_chart(path, &title, quantity, color, &points))
        };
        let losses = history.iter().map(|record| (record.iteration as f64, record.loss));
        let accuracies = history.iter().map(|record| (record.iteration as f64, record.accuracy));
        chart(run::LOSS_CHART, "Loss", plots::BLUE, losses.collect())?;
        chart(run::ACCURACY_CHART, "Accuracy", plots::RED, accuracies.collect())?;
    }
    eprintln!("results: {}", run.dir.display());
    Ok(())
}
