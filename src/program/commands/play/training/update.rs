//! What the page is told of a training, several times a second.

use super::super::answer::Num;
use super::super::locked;
use super::again::resume_command;
use super::shown::Shown;
use super::told::{Begun, Told};
use super::{Trainer, Training};
use crate::program::run::config::{Config, read_config};
use crate::program::run::metrics::Row;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// The most points of a curve that are told at once.
const MOST_POINTS: usize = 3000;
/// From one look to the next there are at least so many times what the last one took: that of a large network takes long.
const TIMES_ITS_COST: u32 = 50;

/// What the page has already.
#[derive(Deserialize)]
pub struct Known {
    /// The training that the counts below belong to.
    training: u64,
    losses: usize,
    rows: usize,
    lines: usize,
    /// After how many iterations the network is to be shown; without it, as it is now.
    moment: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Phase {
    Starting,
    Running,
    Paused,
    Ending,
    Finished,
    Stopped,
    Failed,
}

/// Where the training stands, and what is new.
#[derive(Serialize)]
pub struct Update {
    training: u64,
    phase: Phase,
    /// What it has said last, and what went wrong.
    said: String,
    error: Option<String>,
    warnings: Vec<String>,
    run: Option<String>,
    /// The command that goes on with it, once it is stopped.
    resume: Option<String>,
    epochs: u64,
    iterations: u64,
    batches: u64,
    iteration: u64,
    lr: f64,
    lr_from: Vec<String>,
    /// Whether the learning rate may be changed: a schedule has its own.
    lr_may_change: bool,
    /// Iteration and loss of what is new, and how many losses the page has with these.
    losses: Vec<(u64, Num)>,
    losses_known: usize,
    rows: Vec<(u64, Num, Num)>,
    lines: Vec<String>,
    /// After how many iterations there are moments to look back at.
    moments: Vec<u64>,
    /// The iteration that was asked for alone last: its numbers can be followed.
    step: Option<u64>,
    shown: Option<Shown>,
    /// Milliseconds until the page should look again.
    pace: u64,
}

impl Trainer {
    /// What is new since `known`, and what the network makes of the pixels `seen`; the next look is not before `pace`. Nothing
    /// where no training was started.
    pub fn update(&mut self, known: &Known, seen: Vec<u8>, pace: Duration) -> Result<Option<Update>> {
        let start = Instant::now();
        let started = self.started;
        let Some(training) = &mut self.training else { return Ok(None) };
        let anew = known.training != started;
        let count = |known: usize| if anew { 0 } else { known };
        let status = training.status()?;
        // One that goes on has its folder when it has begun, and where it ends before that.
        let dir = training.dir().filter(|_| status.is_some() || training.told().begun.is_some());
        // All of it of one moment: the training goes on meanwhile.
        let shared = training.told.clone();
        let told = locked(&shared);
        let moment = told.moments.at(if anew { None } else { known.moment }).cloned();
        let start_moment = told.moments.kept.first().filter(|moment| moment.iteration == 0).cloned();
        let Begun { epochs, iterations, batches, .. } = told.begun_or_nothing();
        let losses = told.losses.get(count(known.losses)..).unwrap_or_default();
        let every = losses.len().div_ceil(MOST_POINTS).max(1);
        let first = told.losses_after + (told.losses.len() - losses.len()) as u64;
        let losses = losses.iter().enumerate().skip(every - 1).step_by(every);
        let rows = told.rows.get(count(known.rows)..).unwrap_or_default().iter();
        let mut update = Update {
            training: started,
            phase: phase(status, training.orders.is_none(), &told),
            said: told.said.clone(),
            error: told.error.clone(),
            warnings: told.warnings.clone(),
            resume: dir.as_ref().map(|dir| resume_command(dir, training.options.data.as_ref())),
            run: dir.map(|dir| dir.display().to_string()),
            epochs,
            iterations,
            batches,
            iteration: told.iteration,
            lr: told.lr,
            lr_from: told.lr_from.iter().map(ToString::to_string).collect(),
            lr_may_change: !training.options.has_schedule(),
            losses: losses.map(|(i, &loss)| (first + i as u64 + 1, loss.into())).collect(),
            losses_known: told.losses.len(),
            rows: rows.map(told_row).collect(),
            lines: told.lines.get(count(known.lines)..).unwrap_or_default().to_vec(),
            moments: told.moments.kept.iter().map(|moment| moment.iteration).collect(),
            step: told.step.as_ref().map(|step| step.iteration),
            shown: None,
            pace: 0,
        };
        drop(told);
        update.shown = moment.map(|moment| training.shown(&moment, start_moment.as_deref(), seen)).transpose()?;
        update.pace = until_next_look(pace, start.elapsed());
        Ok(Some(update))
    }
}

fn until_next_look(pace: Duration, took: Duration) -> u64 {
    pace.max(TIMES_ITS_COST * took).as_millis() as u64
}

pub fn told_row(row: &Row) -> (u64, Num, Num) {
    (row.iteration, (row.loss as f32).into(), (row.accuracy as f32).into())
}

impl Told {
    pub fn begun_or_nothing(&self) -> Begun {
        self.begun.clone().unwrap_or(Begun { dir: "".into(), epochs: 0, iterations: 0, batches: 0 })
    }
}

impl Training {
    /// What `config.json` tells of the run.
    pub fn config(&self) -> Result<Config> {
        read_config(&self.dir().context("the training has not begun")?)
    }
}

fn phase(status: Option<ExitStatus>, ends: bool, told: &Told) -> Phase {
    match status.map(|status| status.code()) {
        Some(Some(0)) => Phase::Finished,
        // What ends a training early, as the program's exit code tells it.
        Some(Some(code)) if code >= 128 && told.error.is_none() => Phase::Stopped,
        Some(None) if ends => Phase::Stopped,
        Some(_) => Phase::Failed,
        None if ends => Phase::Ending,
        None if told.begun.is_none() || told.moments.latest.is_none() => Phase::Starting,
        None if told.paused => Phase::Paused,
        None => Phase::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_takes_long_is_looked_at_less_often() {
        let pace = Duration::from_millis(95);
        assert_eq!(until_next_look(pace, Duration::from_millis(1)), 95);
        assert_eq!(until_next_look(pace, Duration::from_millis(20)), 1000);
    }
}
