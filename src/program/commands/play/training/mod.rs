//! The training that the page conducts, one at a time: this program once more, as the command line would start it. So its
//! numbers are the command line's, and nothing that the page does can disturb them.

mod again;
mod moments;
mod routes;
mod shown;
mod step;
mod told;
mod update;

pub use again::{Again, again};
pub use routes::routes;

use super::locked;
use crate::program::data::Source;
use crate::program::messages::{NO_THREAD, escaped};
use crate::program::run::config::read_config;
use crate::program::run::live::Order;
use crate::program::run::network::Network;
use crate::program::run::options::Options;
use anyhow::{Context, Result, anyhow, bail, ensure};
use cnn_tutorial::data::Dataset;
use shown::Mistakes;
use std::ffi::OsString;
use std::io::Write;
use std::mem;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};
use tch::Device;
use told::Told;

/// Starts trainings, and keeps the last one.
#[derive(Default)]
pub struct Trainer {
    /// This program's path; without it there is no training.
    program: Option<PathBuf>,
    training: Option<Training>,
    /// The number of the last one. They are counted from another one on each time the program is started.
    started: u64,
}

/// A training, under way or at its end.
struct Training {
    options: Options,
    process: Child,
    /// The folder of the run that it goes on with, if it does.
    resumed: Option<PathBuf>,
    /// Closed where it is to end.
    orders: Option<ChildStdin>,
    ended: Option<ExitStatus>,
    told: Arc<Mutex<Told>>,
    /// Answers with the weights of a moment.
    network: Option<Network>,
    /// After how many iterations that moment is.
    set_to: Option<u64>,
    /// What it is validated on.
    examples: Option<Dataset>,
    /// The last ones that were looked for: a class asks for the same.
    mistakes: Option<Mistakes>,
}

impl Trainer {
    pub fn new(program: PathBuf) -> Self {
        // A page that stayed open while the program was started anew must not take one training for another.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { program: Some(program), started: now.as_millis() as u64, ..Self::default() }
    }

    /// Starts a training with the arguments of a command line. It waits for orders. Errors in the command line's words.
    pub fn start(&mut self, arguments: &[String]) -> Result<()> {
        self.check_none_under_way()?;
        let options = Options::parse(arguments).map_err(|error| anyhow!(first_words(&error.to_string())))?;
        // From the options, and not as they came: nothing but a training can be started.
        let mut arguments: Vec<OsString> = options.arguments(false)?.into_iter().map(OsString::from).collect();
        if let Some(out) = &options.out {
            arguments.extend(["--out".into(), out.into()]);
        }
        if options.overwrite {
            arguments.push("--overwrite".into());
        }
        self.spawn(options, &arguments, Told::default(), None)
    }

    /// Goes on with the run in `dir`; where its data are a path, `data` has to be one. It waits for orders.
    pub fn resume(&mut self, dir: &Path, data: Option<Source>) -> Result<()> {
        self.check_none_under_way()?;
        let config = read_config(dir)?;
        let data = data.filter(|data| matches!(data, Source::Path(_)));
        let source = match config.data {
            Source::Path(_) => config.source(dir, data.as_ref())?,
            ref name => name.clone(),
        };
        let arguments = ["--resume".into(), dir.into(), "--data".into(), String::from(source.clone()).into()];
        let options = Options { data: Some(source), ..config.options };
        let told = match &self.training {
            Some(training) if training.dir().is_some_and(|last| last == dir) => {
                mem::take(&mut *training.told()).resumed()
            }
            _ => {
                let Options { model, seed, scale, ref init_from, .. } = options;
                let start = init_from.is_none().then(|| Network::untrained(model, seed, scale, Device::Cpu));
                Told::from_start(start.transpose()?.as_ref())?
            }
        };
        self.spawn(options, &arguments, told, Some(dir.to_owned()))
    }

    /// Starts this program, which trains and tells how it goes on top of what it has `told`.
    fn spawn(&mut self, options: Options, arguments: &[OsString], told: Told, resumed: Option<PathBuf>) -> Result<()> {
        let program = self.program.as_ref().context("there is no training here")?;
        let mut command = Command::new(program);
        command.args(arguments).arg("--conducted");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().with_context(|| format!("{} cannot be started", program.display()))?;
        let (orders, output, errors) = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let told = Arc::new(Mutex::new(told));
        let (hears, reads) = (told.clone(), told.clone());
        let (output, errors) = (output.context("no standard output")?, errors.context("no standard error")?);
        // Where one cannot be started, the process sees its orders closed, and ends.
        let errors = thread::Builder::new().spawn(move || told::read(errors, &reads)).context(NO_THREAD)?;
        thread::Builder::new().spawn(move || told::hear(output, errors, &hears)).context(NO_THREAD)?;
        self.started += 1;
        let (ended, network, set_to, examples, mistakes) = Default::default();
        let training = Training { options, process, resumed, orders, ended, told, network, set_to, examples, mistakes };
        self.training = Some(training);
        Ok(())
    }

    /// Errors where no training is under way.
    pub fn order(&mut self, order: Order) -> Result<()> {
        let training = self.training()?;
        if let Some(status) = training.status()? {
            bail!("the training has ended ({status}): start another one");
        }
        let Some(orders) = &mut training.orders else { bail!("the training is ending") };
        if let Order::Lr(_) = order {
            ensure!(!training.options.has_schedule(), "the training has a schedule, which sets its learning rate");
        }
        if let Order::Stop = order {
            return training.stop();
        }
        writeln!(orders, "{}", serde_json::to_string(&order)?).context("the training does not listen")
    }

    fn check_none_under_way(&mut self) -> Result<()> {
        if let Some(training) = &mut self.training {
            ensure!(training.status()?.is_some(), "a training is under way: stop it first");
        }
        Ok(())
    }

    /// The folder of the last training's run, if it is called so.
    pub fn folder(&self, name: &str) -> Option<PathBuf> {
        self.training.as_ref()?.dir().filter(|dir| dir.display().to_string() == name)
    }

    fn training(&mut self) -> Result<&mut Training> {
        self.training.as_mut().context("there is no training: start one")
    }

    /// Asks a training that is under way to end, which leaves a checkpoint, and returns what waits for that.
    pub fn end(&mut self) -> Option<impl FnOnce() + Send + use<>> {
        let mut training = self.training.take()?;
        let _ = training.stop();
        Some(move || drop(training.process.wait()))
    }
}

impl Training {
    fn told(&self) -> MutexGuard<'_, Told> {
        locked(&self.told)
    }

    /// The folder of its run, once it has one.
    fn dir(&self) -> Option<PathBuf> {
        self.told().begun.as_ref().map(|begun| begun.dir.clone()).or_else(|| self.resumed.clone())
    }

    /// Closes the orders, which it takes for an end. Before it has begun it does not hear, and has nothing to keep.
    fn stop(&mut self) -> Result<()> {
        self.orders = None;
        if self.told().begun.is_none() {
            self.process.kill().context("the training cannot be ended")?;
        }
        Ok(())
    }

    /// With what the process has ended, if it has and all that it told is known.
    fn status(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() && self.told().closed {
            self.ended = self.process.try_wait()?;
        }
        Ok(self.ended)
    }
}

/// A refusal of the command line without its advice on how to call the program.
fn first_words(error: &str) -> String {
    let words = error.split("\n\nUsage:").next().unwrap_or_default().split("\n\nFor more").next().unwrap_or_default();
    escaped(words.trim_start_matches("error: ").trim())
}
