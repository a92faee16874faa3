//! oneDNN's own tensors, `torch._mkldnn` in PyTorch: the layout in which libtorch computes convolutions on the CPU.

use super::Pair;
use tch::{Device, Kind, TchError, Tensor};

/// `xs` as a tensor of oneDNN's, if libtorch would have oneDNN convolve this very `xs`; else `xs`.
pub(super) fn to_onednn(xs: &Tensor) -> Result<Tensor, TchError> {
    let is_channels_last = || xs.dim() == 4 && xs.stride()[1] == 1;
    let computed_by_onednn = cfg!(target_arch = "x86_64")
        && tch::utils::has_mkldnn()
        && xs.device() == Device::Cpu
        && xs.f_kind()? == Kind::Float
        && xs.size()[0] > 1 // libtorch has a kernel of its own for a single image
        && !xs.is_mkldnn()
        && !is_channels_last();
    if computed_by_onednn { xs.f_to_mkldnn(None) } else { Ok(xs.shallow_clone()) }
}

/// `xs` as an ordinary tensor.
pub(super) fn to_dense(xs: &Tensor) -> Result<Tensor, TchError> {
    if xs.is_mkldnn() { xs.f_to_dense(None, false) } else { Ok(xs.shallow_clone()) }
}

/// Whether frames overlap: then a pixel's gradient is a sum, which oneDNN and libtorch round differently.
pub(super) fn overlap(kernel_size: Pair, stride: Pair) -> bool {
    stride.0.iter().zip(kernel_size.0).any(|(&stride, size)| stride < size)
}
