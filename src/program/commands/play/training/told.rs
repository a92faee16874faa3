//! What a training has told so far.

use super::super::locked;
use super::moments::{Moment, Moments};
use crate::program::messages::shortened;
use crate::program::run::live::{Message, Tensors, receive};
use crate::program::run::metrics::Row;
use crate::program::run::network::Network;
use crate::program::run::options::LrChange;
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread::JoinHandle;
use tch::Tensor;

/// What lines begin with that a person should still see when others have followed, and how many of them are kept.
const WARNINGS: [&str; 3] = ["WARNING: ", "warning: ", "note: "];
const MOST_WARNINGS: usize = 10;

#[derive(Default)]
pub struct Told {
    pub begun: Option<Begun>,
    pub iteration: u64,
    pub paused: bool,
    pub lr: f64,
    pub lr_from: Vec<LrChange>,
    /// The loss of each iteration after so many.
    pub losses: Vec<f32>,
    pub losses_after: u64,
    pub rows: Vec<Row>,
    /// The tutorial's lines.
    pub lines: Vec<String>,
    /// The last line on standard error, and the last one that is an error.
    pub said: String,
    pub error: Option<String>,
    /// What it has warned of.
    pub warnings: Vec<String>,
    pub moments: Moments,
    pub step: Option<Step>,
    /// Whether it has told all that it will.
    pub closed: bool,
}

#[derive(Clone)]
pub struct Begun {
    pub dir: PathBuf,
    pub epochs: u64,
    pub iterations: u64,
    pub batches: u64,
}

/// A step that was asked for alone.
pub struct Step {
    pub iteration: u64,
    pub lr: f64,
    pub tensors: HashMap<String, Tensor>,
}

impl Told {
    fn take(&mut self, message: Message, tensors: Tensors) -> Result<()> {
        match message {
            Message::Begun { dir, iteration, epochs, iterations, batches } => {
                self.begun = Some(Begun { dir, epochs, iterations, batches });
                self.forget_after(iteration);
            }
            Message::Look { iteration, paused, lr, lr_from, lines } => {
                (self.iteration, self.paused, self.lr, self.lr_from) = (iteration, paused, lr, lr_from);
                let numbers = |name: &str| tensors.get(name)?.with_context(|| format!("a look without {name}"));
                self.losses.extend(Vec::<f32>::try_from(numbers("losses")?)?);
                for row in Vec::<Vec<f64>>::try_from(numbers("rows")?)? {
                    let [iteration, loss, accuracy] = row[..] else { continue };
                    self.rows.push(Row { iteration: iteration as u64, loss, accuracy });
                }
                self.lines.extend(lines);
                self.moments.keep(Moment { iteration, tensors });
            }
            Message::Step { iteration, lr } => self.step = Some(Step { iteration, lr, tensors: tensors.part("")? }),
        }
        Ok(())
    }

    /// The training begins after `iteration`: what was told beyond it comes again, and so do all rows.
    fn forget_after(&mut self, iteration: u64) {
        match iteration.checked_sub(self.losses_after) {
            Some(known) if known <= self.losses.len() as u64 => self.losses.truncate(known as usize),
            _ => (self.losses, self.losses_after) = (Vec::new(), iteration),
        }
        self.rows.clear();
        let number = |line: &str| line.split_whitespace().nth(1)?.parse().ok();
        self.lines.retain(|line| number(line).is_none_or(|number: u64| number <= iteration));
        self.moments.forget_from(iteration);
    }

    /// What is kept of this when the training is resumed.
    pub fn resumed(self) -> Self {
        let Self { losses, losses_after, lines, moments, .. } = self;
        Self { losses, losses_after, lines, moments: moments.before_now(), ..Self::default() }
    }

    /// What is known of a training that others have begun: `network`, as it was before the first iteration.
    pub fn from_start(network: Option<&Network>) -> Result<Self> {
        let mut told = Self::default();
        if let Some(network) = network {
            let named = network.vs.variables().into_iter().map(|(name, tensor)| (format!("weights.{name}"), tensor));
            let mut moments = Moments::default();
            moments.keep(Moment { iteration: 0, tensors: Tensors::pack(named.collect())? });
            told.moments = moments.before_now();
        }
        Ok(told)
    }
}

/// Hears what a training tells until it ends, and `errors` does too.
pub fn hear(output: impl Read, errors: JoinHandle<()>, told: &Mutex<Told>) {
    let mut output = BufReader::new(output);
    let heard = loop {
        match receive(&mut output) {
            Ok(Some((message, tensors))) => {
                let taken = locked(told).take(message, tensors);
                if taken.is_err() {
                    break taken;
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let _ = errors.join();
    let mut told = locked(told);
    told.closed = true;
    if let Err(error) = heard {
        told.error = Some(format!("{error:#}"));
    }
}

/// Passes on what a training says to a person.
pub fn read(errors: impl Read, told: &Mutex<Told>) {
    for line in BufReader::new(errors).lines().map_while(Result::ok) {
        say!("{line}");
        let mut told = locked(told);
        if let Some(error) = line.strip_prefix("error: ") {
            told.error = Some(shortened(error));
        } else if let Some(error) = &mut told.error {
            *error = shortened(&format!("{error}\n{line}")); // an error is the last that is said
        }
        if WARNINGS.iter().any(|warning| line.starts_with(warning)) && told.warnings.len() < MOST_WARNINGS {
            told.warnings.push(shortened(&line));
        }
        told.said = shortened(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Moment, Moments, Tensors, Told};

    fn no_tensors() -> Tensors {
        Tensors::pack(Vec::new()).unwrap()
    }

    #[test]
    fn a_resumed_training_tells_again_what_came_after_its_checkpoint() {
        let lines = ["Iteration: 20 Loss: 1.0", "Iteration: 40 Loss: 0.5"].map(String::from).to_vec();
        let mut moments = Moments::default();
        for iteration in [0, 15, 30, 45] {
            moments.keep(Moment { iteration, tensors: no_tensors() });
        }
        let begun = |iteration| Message::Begun { dir: "".into(), iteration, epochs: 1, iterations: 60, batches: 60 };
        let losses = (1..=50).map(|loss| loss as f32).collect();
        let mut told = Told { losses, lines, moments, ..Told::default() };
        told.take(begun(30), no_tensors()).unwrap();
        assert_eq!((told.losses_after, told.losses.len(), told.losses[29]), (0, 30, 30.0));
        assert_eq!(told.lines, ["Iteration: 20 Loss: 1.0"]);
        assert_eq!(told.moments.kept.iter().map(|moment| moment.iteration).collect::<Vec<_>>(), [0, 15]);

        // A checkpoint that is newer than what was told last: what lies between is not known.
        let mut told = Told { losses: vec![1.0; 5], ..told.resumed() };
        told.take(begun(30), no_tensors()).unwrap();
        assert_eq!((told.losses_after, told.losses.len()), (30, 0));
    }
}
