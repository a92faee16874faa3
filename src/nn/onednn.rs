//! oneDNN's own tensors, `x.to_mkldnn()` in PyTorch: the layout in which libtorch computes convolutions on the CPU. A
//! network keeps the layout of its input from the first convolution to the last pool.

use super::Pair;
use tch::{TchError, Tensor};

/// `xs` as an ordinary tensor: for layers that oneDNN does not have, has slower, or rounds otherwise.
pub(super) fn to_dense(xs: &Tensor) -> Result<Tensor, TchError> {
    if xs.is_mkldnn() { xs.f_to_dense(None, false) } else { Ok(xs.shallow_clone()) }
}

/// Whether frames overlap: then a pixel's gradient is a sum, which oneDNN and libtorch round differently.
pub(super) fn overlap(kernel_size: Pair, stride: Pair) -> bool {
    stride.0.iter().zip(kernel_size.0).any(|(&stride, size)| stride < size)
}
