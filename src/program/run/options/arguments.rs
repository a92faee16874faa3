//! Options from the arguments of a command line, and back: for a page that trains with the same names and the same refusals.

use super::Options;
use anyhow::{Context, Result};
use clap::{Args, Command, FromArgMatches, error::ErrorKind};
use serde::Serialize;
use serde_json::Value;

/// Options that a training in Python does not have, and those that say where results go.
const NOT_IN_PYTHON: [&str; 2] = ["save_every", "eager"];
const RESULTS: [&str; 2] = ["out", "overwrite"];

/// What a form has to know of an option.
#[derive(Serialize)]
pub struct Field {
    /// Without the dashes.
    name: String,
    help: String,
    default: Option<String>,
    /// The values that it takes, where these are a few.
    choices: Vec<String>,
    /// Such as `N`; a flag has none.
    value: Option<String>,
    several: bool,
}

impl Options {
    fn command() -> Command {
        Self::augment_args(Command::new("")).allow_negative_numbers(true).no_binary_name(true).disable_help_flag(true)
    }

    /// Reads the arguments of a command line. Errors in the command line's words.
    pub fn parse(arguments: &[String]) -> Result<Self, clap::Error> {
        let options = Self::from_arg_matches(&Self::command().try_get_matches_from(arguments)?)?;
        options.check().map_err(|message| Self::command().error(ErrorKind::ArgumentConflict, message))?;
        Ok(options)
    }

    /// Every option, in the order of `--help`.
    pub fn fields() -> Vec<Field> {
        let command = Self::command();
        let field = |option: &clap::Arg| {
            let takes_values = option.get_action().takes_values();
            Field {
                name: option.get_long().unwrap_or_default().into(),
                help: option.get_help().map(ToString::to_string).unwrap_or_default(),
                default: option.get_default_values().first().map(|value| value.to_string_lossy().into_owned()),
                choices: if takes_values {
                    option.get_possible_values().iter().map(|value| value.get_name().into()).collect()
                } else {
                    Vec::new()
                },
                value: takes_values
                    .then(|| option.get_value_names().and_then(|names| names.first()).map(ToString::to_string))
                    .flatten(),
                several: matches!(option.get_action(), clap::ArgAction::Append),
            }
        };
        command.get_arguments().map(field).collect()
    }

    /// The arguments that give these options: those that differ from the defaults, but for where the results go. `python`
    /// leaves out what only this program has.
    pub fn arguments(&self, python: bool) -> Result<Vec<String>> {
        let (here, default) = (serde_json::to_value(self)?, serde_json::to_value(Self::parse(&[])?)?);
        let mut arguments = Vec::new();
        for option in Self::command().get_arguments() {
            let id = option.get_id().as_str();
            let value = here.get(id).with_context(|| format!("config.json does not tell {id}"))?;
            if default.get(id) == Some(value) || RESULTS.contains(&id) || python && NOT_IN_PYTHON.contains(&id) {
                continue;
            }
            let flag = format!("--{}", option.get_long().unwrap_or(id));
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match value {
                Value::Null | Value::Bool(false) => {}
                Value::Bool(true) => arguments.push(flag),
                Value::Array(values) => arguments.extend(values.iter().flat_map(|value| [flag.clone(), text(value)])),
                value => arguments.extend([flag, text(value)]),
            }
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::Options;
    use serde_json::to_value;

    #[test]
    fn the_arguments_of_options_give_these_options_again() {
        let lines = [
            "",
            "--model lenet5 --lr 0.003 --lr-from 12=0.5 --lr-from 100=0.0000001 --shuffle --augment --seed -3",
            "--epochs 3 --seed 18446744073709551615 --portable --threads 2 --data digits --weight-decay 0 --optimizer adamw",
            "--max-steps 7 --lr-schedule step --gamma 0.5 --device cuda:1 --eager --scale unit --init-from a'b.safetensors",
        ];
        for line in lines {
            let given: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let options = Options::parse(&given).unwrap();
            let again = Options::parse(&options.arguments(false).unwrap()).unwrap();
            assert_eq!(to_value(&options).unwrap(), to_value(&again).unwrap(), "{line}");
            assert_eq!(again.arguments(false).unwrap().len(), given.len(), "no more than is needed: {line}");
        }
    }

    #[test]
    fn what_the_command_line_refuses_is_refused() {
        for (line, words) in [
            ("--lr x", "expected a number of 0 or more"),
            ("--momentum 0.9 --optimizer adam", "--momentum goes with --optimizer sgd"),
            ("--lr-from 5=0.1 --lr-schedule cosine", "--lr-from goes with --lr-schedule none"),
            ("--lr-from 5=0.1 --lr-from 5=0.2", "in the order of its iterations"),
            ("--lr-from 0=0.1", "such as 121=0.01"),
            ("--model vgg", "[possible values: cnn, lenet5"),
            ("evaluate", "unexpected argument"),
        ] {
            let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let error = Options::parse(&arguments).unwrap_err().to_string();
            assert!(error.contains(words), "{line}: {error}");
        }
    }
}
