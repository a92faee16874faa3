//! What a training needs before it begins: the device, the images in two parts, and what `config.json` tells of them.

use super::layout::gives_the_same_bits;
use super::schedule::Schedule;
use crate::program::data::{self, Source};
use crate::program::machine::{device, libtorch};
use crate::program::messages::{NO_THREAD, in_words};
use crate::program::run::config::Config;
use crate::program::run::network::Network;
use crate::program::run::options::Options;
use anyhow::{Context, Result, anyhow, ensure};
use cnn_tutorial::cuda::{self, Recorder};
use cnn_tutorial::data::{DataLoader, Dataset, train_test_split};
use cnn_tutorial::summary::summary;
use std::io;
use std::num::NonZeroU8;
use std::path::Path;
use std::sync::Once;
use std::thread;
use tch::{Device, TchError};

/// What is recorded on a card: the training step and the evaluation.
pub type Recorders = [Recorder; 2];

/// The device, with the number of threads that were asked for, and what records on it.
pub fn prepare_device(options: &Options) -> Result<(Device, Option<Recorders>)> {
    let device =
        if options.portable { device::open_portable().context("--portable")? } else { device::open(options.device)? };
    if options.deterministic && device.is_cuda() {
        cuda::set_deterministic().context("--deterministic")?;
    }
    let is_recorded = device.is_cuda() && options.model.static_forward && !options.eager;
    let recorders = if is_recorded { recorders(device) } else { None };
    if let Some(threads) = options.threads {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        if usize::from(threads.get()) > cores {
            say!("warning: {threads} threads on {cores} cores wait for each other: fewer are faster");
        }
        ask_for_threads(threads.get()).context(NO_THREAD).context("--threads")?;
        tch::set_num_threads(threads.get().into());
    }
    Ok((device, recorders))
}

/// Errors where the system does not give as many threads: libtorch would wait for them without end.
fn ask_for_threads(threads: u8) -> io::Result<()> {
    let started: Vec<_> = (1..threads).map(|_| thread::Builder::new().spawn(thread::park)).collect();
    for thread in started.iter().flatten() {
        thread.thread().unpark();
    }
    started.into_iter().try_for_each(|thread| thread.map(|thread| drop(thread.join())))
}

fn recorders(device: Device) -> Option<Recorders> {
    let warn = |error: &TchError| {
        // Once, although training and evaluation are recorded each for itself.
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            let why = in_words(&anyhow!("{error}"));
            say!("warning: each operation is launched by itself, which takes two to three times as long: {why}");
        });
    };
    let recorder = || Recorder::new(device, warn);
    let recorders = recorder().and_then(|training| Ok([training, recorder()?]));
    recorders.inspect_err(warn).ok()
}

/// The images on their device.
pub struct Prepared {
    pub train: Dataset,
    pub test: Dataset,
    source: Source,
    sha256: String,
}

impl Prepared {
    pub fn load(options: &Options, device: Device) -> Result<Self> {
        let (dataset, source) = data::load(options.data.as_ref())?;
        let sha256 = data::sha256(&dataset)?;
        let (train, test) = train_test_split(&dataset, options.test_size.into(), options.random_state)?;
        drop(dataset);
        let (train, test) = (train.to(device)?, test.to(device)?);
        say!("data: {source}: {} images to train on, {} to validate on", train.len(), test.len());
        Ok(Self { train, test, source, sha256 })
    }

    /// Errors where they are not those that the run in `dir` began with.
    pub fn check_unchanged(&self, dir: &Path, before: &Config) -> Result<()> {
        ensure!(
            before.dataset_sha256 == self.sha256,
            "{}: the data have changed since the run began ({}): bring back what they were, or give them with --data",
            dir.display(),
            before.data
        );
        Ok(())
    }

    /// The train loader and the test loader. Errors where the network's layers do not fit each other or the images, and says
    /// which.
    ///
    /// Draws from the default generator.
    pub fn loaders(&self, options: &Options, device: Device) -> Result<(DataLoader<'_>, DataLoader<'_>)> {
        let network = Network::untrained(options.model, options.seed, options.scale, Device::Cpu)?;
        let image_size = self.train.image_size()?;
        let [channels, height, width] = image_size;
        summary(&*network.module, &network.vs, &[1, channels, height, width]).with_context(|| {
            let (model, source) = (options.model.name, &self.source);
            format!(
                "--model {model} does not fit the images of {source}, {channels}x{height}x{width} \
                 (\"Your own network\" in docs/tutorial.md tells how to add one that does)"
            )
        })?;
        let onednn =
            options.model.onednn && device == Device::Cpu && gives_the_same_bits(options.model.new, image_size);
        let loader = |dataset, shuffle, augment| DataLoader {
            shuffle,
            transform: options.transform(augment, onednn),
            ..DataLoader::new(dataset, options.batch_size())
        };
        Ok((loader(&self.train, options.shuffle, options.augment), loader(&self.test, false, false)))
    }

    /// What `config.json` tells of the run.
    pub fn config(&self, options: &Options, schedule: Schedule, device: Device) -> Result<Config> {
        Ok(Config {
            version: env!("CARGO_PKG_VERSION").into(),
            tch_version: libtorch::TCH.into(),
            libtorch_version: libtorch::version_in_use(),
            data: self.source.clone(),
            dataset_sha256: self.sha256.clone(),
            image_size: self.train.image_size()?,
            classes: self.train.classes.clone(),
            n_train: self.train.len(),
            n_test: self.test.len(),
            epochs: schedule.epochs,
            iterations: schedule.iterations,
            computed_on: device.into(),
            computed_with_threads: u8::try_from(tch::get_num_threads())
                .and_then(NonZeroU8::try_from)
                .context("libtorch computes with more than 255 threads: give --threads")?,
            options: options.clone(),
        })
    }
}
