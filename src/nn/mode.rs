//! Training mode and evaluation mode: PyTorch's `model.train()` and `model.eval()`.

use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    /// How many guards there are.
    static EVALS: Cell<usize> = const { Cell::new(0) };
}

/// Networks are in training mode, as PyTorch's are from the beginning; until this guard is dropped, those of this thread are
/// in evaluation mode: `let _eval = nn::eval();`. Of several guards the last one counts.
///
/// A guard and no method of a network: a method would have to reach every layer, and a network that forgot one would be
/// evaluated as it is trained.
#[must_use = "evaluation mode ends where the guard is dropped"]
pub fn eval() -> Eval {
    EVALS.set(EVALS.get() + 1);
    Eval { _of_this_thread: PhantomData }
}

/// Keeps networks in evaluation mode.
#[derive(Debug)]
pub struct Eval {
    _of_this_thread: PhantomData<*const ()>,
}

impl Drop for Eval {
    fn drop(&mut self) {
        EVALS.set(EVALS.get() - 1);
    }
}

/// PyTorch's `module.training`.
pub fn is_training() -> bool {
    EVALS.get() == 0
}
