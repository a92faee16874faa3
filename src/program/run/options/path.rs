//! Paths on the command line.

use crate::program::files::EMPTY_PATH;
use clap::builder::{OsStringValueParser, TypedValueParser};
use std::ffi::OsString;
use std::path::PathBuf;

/// Any path but an empty one, which names nothing.
pub fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(not_empty)
}

/// A path of valid Unicode, which config.json can keep; clap refuses others with this argument.
pub fn text_path(text: &str) -> Result<PathBuf, &'static str> {
    not_empty(text.into())
}

fn not_empty(path: OsString) -> Result<PathBuf, &'static str> {
    if path.is_empty() { Err(EMPTY_PATH) } else { Ok(path.into()) }
}
