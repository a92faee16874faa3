//! What the program says to a person: lines on standard error, and errors in words.

use anyhow::{Context, Result};
use cnn_tutorial::nn::before_stack;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Writes a line to standard error, as `eprintln!` does; but where nobody listens any more, the program goes on. Names in it
/// may come from anywhere, so no control character is written as it is.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let line = $crate::program::messages::escaped(&format!($($text)*));
        let _ = writeln!(std::io::stderr(), "{line}");
    }};
}

/// Writes `text` to standard output. Whoever reads may have left (`| head -1`); any other error is one.
pub fn print(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("standard output cannot be written"),
        _ => Ok(()),
    }
}

/// A path as a shell takes it for one word, and no program for an option.
pub fn word(path: &Path) -> String {
    let path = path.display().to_string();
    quoted(&if path.starts_with('-') { format!("./{path}") } else { path })
}

/// As a shell reads it as one word.
pub fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=,:+".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.into()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// Where the system gives no more threads.
pub const NO_THREAD: &str = "no thread could be started: end other programs";

/// The most characters of a message that are printed.
const LONGEST_MESSAGE: usize = 4000;

/// An error without what libtorch appends to its own, which helps nobody here: a stack, and advice on how to debug CUDA.
pub fn in_words(error: &anyhow::Error) -> String {
    let mut message = before_stack(&format!("{error:#}")).to_owned();
    for appended in ["\nSearch for `cuda", "\nCUDA kernel errors might"] {
        message.truncate(message.find(appended).unwrap_or(message.len()));
    }
    message
}

/// The beginning of a message that values from files may be part of: whole, these could fill the terminal.
pub fn shortened(message: &str) -> String {
    match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{} ...", &message[..end]),
        None => message.to_owned(),
    }
}

/// Text that names and values from files may be part of. Printed as they are, these could take over a terminal.
pub fn escaped(text: &str) -> String {
    let mut printable = String::new();
    let escape =
        |c: char| if c.is_control() && c != '\n' { printable.extend(c.escape_default()) } else { printable.push(c) };
    text.chars().for_each(escape);
    printable
}

#[cfg(test)]
mod tests {
    use super::{Path, quoted, word};

    #[test]
    fn a_shell_takes_each_argument_as_one_word_and_no_path_for_an_option() {
        assert_eq!(quoted("--lr-from"), "--lr-from");
        assert_eq!(quoted("121=0.01"), "121=0.01");
        assert_eq!(quoted("my data/it's.csv"), r"'my data/it'\''s.csv'");
        assert_eq!(quoted(""), "''");
        assert_eq!(word(Path::new("runs/cnn")), "runs/cnn");
        assert_eq!(word(Path::new("-my run")), "'./-my run'");
    }
}
