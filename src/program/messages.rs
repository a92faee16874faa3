//! What the program says to a person: lines on standard error, and errors in words.

use std::panic::{self, AssertUnwindSafe};

/// Writes a line to standard error, as `eprintln!` does; but where nobody listens any more, the program goes on.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

/// The most characters of a message that are printed.
const LONGEST_MESSAGE: usize = 4000;

/// An error without what libtorch appends to its own, which helps nobody here: a stack, and advice on how to debug CUDA.
pub fn in_words(error: &anyhow::Error) -> String {
    let mut message = format!("{error:#}");
    for appended in ["\nException raised from", "\nframe #0", "\nSearch for `cuda", "\nCUDA kernel errors might"] {
        message.truncate(message.find(appended).unwrap_or(message.len()));
    }
    message
}

/// A message that names and values from files may be part of. Printed as they are, these could take over a terminal or fill it.
pub fn printable(message: &str) -> String {
    let mut characters = message.chars();
    let start = characters.by_ref().take(LONGEST_MESSAGE);
    let mut text = String::new();
    start.for_each(|c| if c.is_control() && c != '\n' { text.extend(c.escape_default()) } else { text.push(c) });
    if characters.next().is_some() { text + " ..." } else { text }
}

/// What `work` returns, or `None` if it panics, as tch's plain methods do. Nothing is printed then.
pub fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    result.ok()
}
