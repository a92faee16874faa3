//! Work of tch's plain methods, which have no other way to tell of an error than a panic.

use std::panic::{self, AssertUnwindSafe};

/// What `work` returns, or `None` if it panics, as tch's plain methods do. Nothing is printed then.
pub fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    result.ok()
}
