//! What the program says to a person: lines on standard error, and errors in words.

use cnn_tutorial::nn::before_stack;

/// Writes a line to standard error, as `eprintln!` does; but where nobody listens any more, the program goes on. Names in it
/// may come from anywhere, so no control character is written as it is.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let line = $crate::program::messages::escaped(&format!($($text)*));
        let _ = writeln!(std::io::stderr(), "{line}");
    }};
}

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
