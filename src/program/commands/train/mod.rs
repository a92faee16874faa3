//! Training, step by step in the order of the slides.

mod layout;
mod prepare;
mod results;
mod schedule;
mod session;

use crate::program::data::Source;
use crate::program::machine::device::DeviceChoice;
use crate::program::run::checkpoint::{CHECKPOINT, Checkpoint, Position};
use crate::program::run::config::{Config, read_config};
use crate::program::run::folder::{self, Lock, Run, WEIGHTS};
use crate::program::run::network::Network;
use crate::program::run::options::Options;
use crate::program::run::weights::load_weights;
use anyhow::{Error, Result, bail, ensure};
use cnn_tutorial::cuda;
use cnn_tutorial::data::transforms;
use cnn_tutorial::nn::CrossEntropyLoss;
use cnn_tutorial::optim::Optimizer;
use prepare::{Prepared, prepare_device};
use schedule::Schedule;
pub use session::Conductor;
use session::Session;
use std::path::Path;

/// Goes on with the run in `dir`, to the results it would have had without the interruption. `data` is where its data
/// are, which it needs if that is a path. Another `device` than the one it began on, which `Auto` means, rounds otherwise.
pub fn resume(dir: &Path, data: Option<&Source>, device: DeviceChoice, conductor: Option<Conductor>) -> Result<u8> {
    let lock = folder::lock(dir, "")?; // before anything is read: another process may be about to end this run
    let config = read_config(dir)?;
    if !dir.join(CHECKPOINT).exists() {
        ensure!(
            !dir.join(WEIGHTS).exists(),
            "{} is finished: there is nothing to resume; --init-from {} starts a new run from its weights",
            dir.display(),
            dir.join(WEIGHTS).display()
        );
        bail!("{} ended before its first checkpoint: start a new training", dir.display());
    }
    let options = Options {
        device: if device == DeviceChoice::Auto { config.computed_on } else { device },
        threads: Some(config.computed_with_threads), // other numbers of threads round otherwise
        data: Some(config.source(dir, data)?),
        ..config.options.clone()
    };
    options.check().map_err(anyhow::Error::msg)?;
    train(&options, Some((dir, config, lock)), conductor)
}

/// Prepares the data, defines the model, trains it, plots what was tracked; `resumed` is the run to go on with. Returns
/// the program's exit code: 0, or 128 and the number of the signal that ended the training early.
pub fn train(options: &Options, resumed: Option<(&Path, Config, Lock)>, conductor: Option<Conductor>) -> Result<u8> {
    let options = &Options { optimizer: Some(options.algorithm()), ..options.clone() };
    let (device, recorders) = prepare_device(options)?;

    // Not before the device is prepared: with --portable nothing may be computed until then.
    let resumed = resumed.map(|(dir, before, lock)| Ok::<_, Error>((dir, before, lock, Checkpoint::load(dir)?)));
    let resumed = resumed.transpose()?;
    let lr_from = resumed.as_ref().map(|(.., checkpoint)| checkpoint.lr_from()).transpose()?;
    let lr_from = lr_from.unwrap_or_else(|| options.lr_from.clone());
    let options = &Options { lr_from, ..options.clone() };

    let warm_up = device.is_cuda().then(|| cuda::warm_up(device));

    // Data Preparation
    let data = Prepared::load(options, device)?;
    if let Some((dir, before, ..)) = &resumed {
        data.check_unchanged(dir, before)?;
    }
    let schedule = Schedule::new(options, data.train.len())?;
    let (train_loader, test_loader) = data.loaders(options, device)?;

    // Model Definition
    let network = Network::untrained(options.model, options.seed, options.scale, device)?;

    if options.channels_last {
        transforms::parameters_channels_last(&network.vs)?;
    }

    // Loss, Optimizer
    let error = CrossEntropyLoss;
    let mut optimizer = options.optimizer(&network.vs)?;

    // The run's folder, and where the run stands
    let config = data.config(options, schedule, device)?;
    let run = open_run(&config, resumed, &network, &mut optimizer)?;

    // Model Training
    drop(warm_up);
    let mut session = Session::new(config, schedule, &network, &error, &test_loader, run, conductor)?;
    session.train(&train_loader, &mut optimizer, recorders)?;

    // Plot your tracked quantities
    session.finish()
}

/// The run's folder, and how far the run has come: a new one not at all, the one that is resumed as its checkpoint says. Then
/// network and optimizer become what they were.
fn open_run(
    config: &Config,
    resumed: Option<(&Path, Config, Lock, Checkpoint)>,
    network: &Network,
    optimizer: &mut Optimizer,
) -> Result<(Run, Position)> {
    let options = &config.options;
    let Some((dir, mut before, lock, checkpoint)) = resumed else {
        if let Some(weights) = &options.init_from {
            load_weights(&network.vs, weights)?;
        }
        // `runs/cnn` is for what was asked for, should it be MNIST that was not to be had.
        let digits = if config.data == Source::Digits { "-digits" } else { "" };
        let name = format!("{}{digits}", options.model.name);
        let run = Run::create(options.out.as_deref(), &name, options.overwrite, config)?;
        return match Checkpoint::save(&run.dir, options, Position::START, &network.vs, optimizer) {
            Ok(()) => Ok((run, Position::START)),
            Err(error) => {
                run.give_up();
                Err(error)
            }
        };
    };
    checkpoint.check_options(options)?;
    let (iteration, iterations) = (checkpoint.position.iteration, config.iterations);
    ensure!(
        iteration <= iterations,
        "{} was written after iteration {iteration}, but the run ends with iteration {iterations}: it belongs to another run; start a new training",
        dir.join(CHECKPOINT).display()
    );
    checkpoint.restore(&network.vs, optimizer)?;
    let run = Run::resume(dir, lock, iteration, options.eval_every)?;
    // A change that was asked for may have reached the checkpoint alone.
    if before.options.lr_from != options.lr_from {
        before.options.lr_from.clone_from(&options.lr_from);
        before.write(dir)?;
    }
    Ok((run, checkpoint.position))
}
