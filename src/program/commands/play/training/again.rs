//! The same training again: the command line and the Python script that give a run's very numbers.

use super::super::answer::Num;
use super::Trainer;
use super::update::told_row;
use crate::program::data::Source;
use crate::program::messages::{quoted, word};
use crate::program::run::config::Config;
use crate::program::run::metrics;
use crate::program::run::options::Options;
use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

const TUTORIAL: &str = include_str!("../../../../../scripts/tutorial.py");
/// Where that script finds the embedded digits; the copy has no such place.
const ROOT: &str = "ROOT = Path(__file__).resolve().parent.parent";

/// What a run has logged, and how to have it again.
#[derive(Serialize)]
pub struct Again {
    rows: Vec<(u64, Num, Num)>,
    /// By their names, numbers as text: JavaScript would round a large seed.
    options: Value,
    arguments: Vec<String>,
    command: String,
    /// Nothing for a network that Python's script does not have.
    python: Option<String>,
}

impl Trainer {
    /// What the training under way has logged, and how to have it again with every change made so far.
    pub fn again(&mut self) -> Result<Again> {
        let training = self.training()?;
        let config = training.config()?;
        again(&training.dir().context("the training has not begun")?, &config)
    }
}

/// What the run in `dir` has logged, and how to have it again; `config` is what its `config.json` tells.
pub fn again(dir: &Path, config: &Config) -> Result<Again> {
    let options = Options {
        data: Some(config.data.clone()),
        device: config.computed_on,
        threads: Some(config.computed_with_threads),
        ..config.options.clone()
    };
    let arguments = options.arguments(false)?;
    let quoted: Vec<_> = arguments.iter().map(|argument| quoted(argument)).collect();
    let python = is_in_python(options.model.name).then(|| options.arguments(true)).transpose()?;
    Ok(Again {
        rows: metrics::read(dir, u64::MAX)?.iter().map(told_row).collect(),
        options: in_text(serde_json::to_value(&options)?),
        command: format!("cargo run --release -- {}", quoted.join(" ")),
        python: python.map(|arguments| script(&arguments)).transpose()?,
        arguments,
    })
}

/// The command line that goes on with the run in `dir`, whose data are these.
pub fn resume_command(dir: &Path, data: Option<&Source>) -> String {
    let data = data.map(Source::option).unwrap_or_default();
    format!("cargo run --release -- --resume {}{data}", word(dir))
}

/// Whether the table in Python's script has this network.
fn is_in_python(name: &str) -> bool {
    TUTORIAL.contains(&format!("\n    \"{name}\": ("))
}

fn script(arguments: &[String]) -> Result<String> {
    // Python reads a string of JSON as the same string.
    let arguments = serde_json::to_string(arguments)?;
    Ok(format!(
        "# The same training in Python, to the last bit: save this as again.py in the project's folder, then\n\
         # .venv/bin/python again.py\n\
         import sys\n\n\
         sys.argv[1:] = {arguments}\n\n{}",
        TUTORIAL.replace(ROOT, "ROOT = Path.cwd()")
    ))
}

fn in_text(mut options: Value) -> Value {
    for value in
        options.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut).filter(|value| value.is_number())
    {
        *value = value.to_string().into();
    }
    options
}

#[cfg(test)]
mod tests {
    use super::{Path, ROOT, Source, TUTORIAL, is_in_python, resume_command};

    #[test]
    fn pythons_script_has_what_its_copy_replaces_and_the_slides_networks() {
        assert_eq!(TUTORIAL.matches(ROOT).count(), 1);
        assert!(is_in_python("cnn") && is_in_python("lenet5") && !is_in_python("none"));
    }

    #[test]
    fn the_command_that_resumes_a_run_names_data_that_have_no_name() {
        let data = Source::Path("own digits.csv".into());
        let command = resume_command(Path::new("runs/cnn"), Some(&data));
        assert_eq!(command, "cargo run --release -- --resume runs/cnn --data 'own digits.csv'");
    }
}
