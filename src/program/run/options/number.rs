//! Numbers in the ranges that options have: checked alike on the command line and in `config.json`.

use serde::{Deserialize, Serialize};
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
