//! Panics as errors: tch's plain methods, and some of the others, have no other way to tell of one.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;
use tch::TchError;

/// What `work` returns, or its panic as an error. Nothing is printed then.
///
/// tch's plain methods panic where libtorch reports an error, and so do its `f_` methods that take a number, such as
/// `f_mul_scalar`: they let go of the number before they look for the error.
pub fn caught<T>(work: impl FnOnce() -> Result<T, TchError>) -> Result<T, TchError> {
    silently(work).unwrap_or_else(|panic| Err(TchError::Torch(words(&*panic))))
}

/// What libtorch said, from the panic of an `unwrap`; of another panic its words, and where it is in the code.
fn words(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let words = words.unwrap_or("it panics");
    match words.split_once("Torch(\"") {
        Some((_, error)) => error.trim_end_matches("\")").replace("\\n", "\n").replace("\\\"", "\""),
        None => format!("{words}, at {}", PLACE.take()),
    }
}

thread_local! {
    static SILENT: Cell<bool> = const { Cell::new(false) };
    /// Where the last panic was that was not printed: file, line and column.
    static PLACE: Cell<String> = const { Cell::new(String::new()) };
}

/// What `work` returns, or what it panicked with. Nothing is printed then.
fn silently<T>(work: impl FnOnce() -> T) -> thread::Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !SILENT.get() {
                print(panic);
            } else if let Some(place) = panic.location() {
                PLACE.set(place.to_string());
            }
        }));
    });
    let outer = SILENT.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    SILENT.set(outer);
    result
}

/// What `work` returns, or `None` if it panics, as tch's plain methods do. Nothing is printed then.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    silently(work).ok()
}
