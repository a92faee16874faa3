//! Numbers in the ranges that options have: checked alike on the command line and in `config.json`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

macro_rules! ranged {
    ($(#[$doc:meta])* $name:ident, $in_range:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl TryFrom<f64> for $name {
            type Error = &'static str;

            fn try_from(value: f64) -> Result<Self, Self::Error> {
                let in_range: fn(f64) -> bool = $in_range;
                if value.is_finite() && in_range(value) { Ok(Self(value)) } else { Err(concat!("expected ", $expected)) }
            }
        }

        impl FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map_err(|_| concat!("expected ", $expected)).and_then(f64::try_into)
            }
        }

        impl From<$name> for f64 {
            fn from(number: $name) -> f64 {
                number.0
            }
        }
    };
}

ranged!(
    /// Such as a learning rate.
    NonNegative,
    |value| (0.0..=f64::from(f32::MAX)).contains(&value),
    "a number of 0 or more that 32 bits can hold, such as 0.001"
);
ranged!(
    /// Such as the part of the images to validate on.
    Fraction,
    |value| 0.0 < value && value < 1.0,
    "a number between 0 and 1, such as 0.2"
);

/// Reads a whole number of a type that holds those from `least` to `most`; errors in words that name them.
pub fn whole<N: FromStr>(least: u64, most: u64) -> impl Fn(&str) -> Result<N, String> + Clone {
    move |text| text.parse().map_err(|_| format!("expected a whole number from {least} to {most}"))
}

/// A whole number as torch.manual_seed takes it: 64 bits, with a sign or without.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Seed {
    Signed(i64),
    /// Larger than those.
    Unsigned(u64),
}

impl Seed {
    /// As PyTorch sees it, for which -1 and 2^64 - 1 are the same.
    pub fn bits(self) -> i64 {
        match self {
            Self::Signed(seed) => seed,
            Self::Unsigned(seed) => seed as i64,
        }
    }
}

impl Default for Seed {
    fn default() -> Self {
        Self::Signed(0)
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().map(Self::Signed).or_else(|_| text.parse().map(Self::Unsigned));
        number.map_err(|_| format!("expected a whole number from {} to {}", i64::MIN, u64::MAX))
    }
}

/// A learning rate that begins with an iteration, counted from 1: as in `121=0.01`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct LrChange {
    pub iteration: NonZeroU64,
    pub lr: NonNegative,
}

impl FromStr for LrChange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected an iteration and a learning rate, such as 121=0.01";
        let (iteration, lr) = text.split_once('=').ok_or(expected)?;
        Ok(Self { iteration: iteration.parse().map_err(|_| expected)?, lr: lr.parse()? })
    }
}

impl TryFrom<String> for LrChange {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LrChange> for String {
    fn from(change: LrChange) -> Self {
        change.to_string()
    }
}

impl fmt::Display for LrChange {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}={}", self.iteration, f64::from(self.lr))
    }
}

#[cfg(test)]
mod tests {
    use super::NonNegative;

    #[test]
    fn every_learning_rate_is_read_from_json_as_it_was_written() {
        for i in 1..10_000 {
            let lr: NonNegative = (f64::from(i).sqrt() / 1000.0).try_into().unwrap();
            let json = serde_json::to_string(&lr).unwrap();
            assert_eq!(serde_json::from_str::<NonNegative>(&json).unwrap(), lr, "{json}");
        }
    }
}
