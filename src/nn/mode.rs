//! Training mode and evaluation mode: PyTorch's `model.train()` and `model.eval()`.

use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    static IS_TRAINING: Cell<bool> = const { Cell::new(true) };
}

/// Networks are in training mode, as PyTorch's are from the beginning; until this guard is dropped, those of this thread are
/// in evaluation mode: `let _eval = nn::eval();`.
///
/// A guard and no method of a network: a method would have to reach every layer, and a network that forgot one would be
/// evaluated as it is trained.
#[must_use = "evaluation mode ends where the guard is dropped"]
pub fn eval() -> Eval {
    Eval { before: IS_TRAINING.replace(false), _of_this_thread: PhantomData }
}

/// Keeps networks in evaluation mode.
#[derive(Debug)]
pub struct Eval {
    before: bool,
    _of_this_thread: PhantomData<*const ()>,
}

impl Drop for Eval {
    fn drop(&mut self) {
        IS_TRAINING.set(self.before);
    }
}

/// PyTorch's `module.training`.
pub fn is_training() -> bool {
    IS_TRAINING.get()
}
