//! oneDNN's own tensors, `x.to_mkldnn()` in PyTorch: the layout in which libtorch computes convolutions on the CPU.

use super::Pair;
use tch::{Device, Kind, TchError, Tensor};

/// `xs` in oneDNN's layout, if libtorch would have oneDNN convolve this very `xs`; else `xs`.
///
/// A network keeps the layout of its input from the first convolution to the last pool. The kernels and bits are those
/// that an ordinary tensor gets; what is saved is bringing every convolution's input into the layout and its output back.
/// [`ReLU`](super::ReLU) works in place there: a network that uses what was before a ReLU once more must not be given it.
pub fn to_mkldnn(xs: &Tensor) -> Result<Tensor, TchError> {
    let is_channels_last = || xs.dim() == 4 && xs.stride()[1] == 1;
    let computed_by_onednn = cfg!(target_arch = "x86_64")
        && tch::utils::has_mkldnn()
        && xs.device() == Device::Cpu
        && xs.f_kind()? == Kind::Float
        && xs.size()[0] > 1 // libtorch has a kernel of its own for a single image
        && !is_channels_last();
    if computed_by_onednn { xs.f_to_mkldnn(None) } else { Ok(xs.shallow_clone()) }
}

/// `xs` as an ordinary tensor: for layers that oneDNN does not have, has slower, or rounds otherwise.
pub(super) fn to_dense(xs: &Tensor) -> Result<Tensor, TchError> {
    if xs.is_mkldnn() { xs.f_to_dense(None, false) } else { Ok(xs.shallow_clone()) }
}

/// Whether frames overlap: then a pixel's gradient is a sum, which oneDNN and libtorch round differently.
pub(super) fn overlap(kernel_size: Pair, stride: Pair) -> bool {
    stride.0.iter().zip(kernel_size.0).any(|(&stride, size)| stride < size)
}
