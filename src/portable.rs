//! The same digits on every x86 processor with AVX2, whoever made it: for numbers that are printed in a lesson, or compared.
//!
//! libtorch, oneDNN and MKL choose instructions by the processor, and more of them at once add up in another order. Three
//! variables have them choose what all have. MKL's square root is left, which differs from maker to maker all the same: Adam takes that of
//! IEEE 754. What is not covered: GPUs, 64-bit networks, the root that `LPPool2d` takes with `norm_type` 2, and four more of MKL's
//! functions that a network of one's own may call: docs/portable.md tells what to do.

use anyhow::{Result, ensure};
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use tch::{Kind, TchError, Tensor};

/// What libtorch, oneDNN and MKL read when they first compute. In front of a Python program they have PyTorch do the same.
pub const VARIABLES: [(&str, &str); 3] =
    [("ATEN_CPU_CAPABILITY", "avx2"), ("ONEDNN_MAX_CPU_ISA", "AVX2"), ("MKL_CBWR", "COMPATIBLE")];

static ENABLED: AtomicBool = AtomicBool::new(false);

/// From here on libtorch computes the same on every x86 processor with AVX2, in 32 bits, and on one thread: sums are split
/// among threads. `tch::set_num_threads` behind it takes another number, which has digits of its own.
///
/// Call it first in `main`: what has been computed before stays with the instructions that were chosen then.
///
/// Errors where the processor has no AVX2, or is none of x86.
pub fn enable() -> Result<()> {
    #[cfg(target_arch = "x86_64")]
    let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    let has_avx2 = false;
    ensure!(
        has_avx2,
        "the same digits everywhere need an x86 processor with AVX2 and FMA, as most have been since 2013, and this one does not have them"
    );
    for (name, value) in VARIABLES {
        // Safety: nobody reads the environment meanwhile. libtorch does when it first computes, and Rust's own reads wait.
        unsafe { env::set_var(name, value) }
    }
    tch::set_num_threads(1);
    ENABLED.store(true, Ordering::Relaxed);
    Ok(())
}

/// The square root, as IEEE 754 has it where digits are to be the same everywhere.
///
/// MKL's 32-bit root begins with the processor's own guess. Its 64-bit root is never so far off that rounding to 32 bits shows
/// it: a number halfway between two of 32 bits is no root of a third, nor within four units in the last place of one.
pub(crate) fn sqrt(xs: &Tensor) -> Result<Tensor, TchError> {
    if ENABLED.load(Ordering::Relaxed) && xs.f_kind()? == Kind::Float {
        xs.f_to_kind(Kind::Double)?.f_sqrt()?.f_to_kind(Kind::Float)
    } else {
        xs.f_sqrt()
    }
}
