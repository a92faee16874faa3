//! The same bits in less time: oneDNN's own tensors, and the mean of small frames.
//!
//! In oneDNN's layout, `x.to_mkldnn()` in PyTorch, libtorch computes convolutions on the CPU. A network keeps the layout of
//! its input from the first convolution to the last pool.

use super::{Pair, caught};
use tch::{Device, Kind, TchError, Tensor};

/// `xs` as an ordinary tensor: for layers that oneDNN does not have, has slower, or rounds otherwise.
pub(super) fn to_dense(xs: &Tensor) -> Result<Tensor, TchError> {
    if xs.is_mkldnn() { xs.f_to_dense(None, false) } else { Ok(xs.shallow_clone()) }
}

/// Whether all numbers are such that what is computed from them cannot become infinite within a few layers. In oneDNN's layout
/// ReLU makes 0 of NaN, and a max pool passes over it, where PyTorch has NaN until the end.
pub(crate) fn is_tame(numbers: &Tensor) -> Result<bool, TchError> {
    let (least, most) = numbers.f_detach()?.f_aminmax(None, false)?;
    Ok(least.f_double_value(&[])? >= -1e3 && most.f_double_value(&[])? <= 1e3) // not so if one is NaN
}

/// What a convolution with these parameters is given: `xs` as it is, or an ordinary tensor where they are not tame.
pub(super) fn to_dense_unless_tame(xs: &Tensor, [weight, bias]: [&Tensor; 2]) -> Result<Tensor, TchError> {
    let in_layout = !xs.is_mkldnn() || is_tame(weight)? && is_tame(bias)?;
    if in_layout { Ok(xs.shallow_clone()) } else { to_dense(xs) }
}

/// Whether frames overlap: then a pixel's gradient is a sum, which oneDNN and libtorch round differently.
pub(super) fn overlap(kernel_size: Pair, stride: Pair) -> bool {
    stride.0.iter().zip(kernel_size.0).any(|(&stride, size)| stride < size)
}

/// Whether frames of at most 2x2 fill `xs` side by side, on a CPU and in PyTorch's usual layout.
pub(super) fn takes_small_frames(xs: &Tensor, Pair(frame): Pair) -> bool {
    let fills = |(size, length): (&i64, i64)| *size >= length && size % length == 0;
    let plain =
        xs.dim() == 4 && xs.device() == Device::Cpu && matches!(xs.f_kind(), Ok(Kind::Float)) && xs.is_contiguous();
    plain && matches!(frame, [1 | 2, 1 | 2]) && xs.size()[2..].iter().zip(frame).all(fills)
}

/// The first pixels of all frames at once, plus the second ones, and so on: the order in which libtorch's own pool adds
/// them, so the bits are the same. That pool is slower because it goes from frame to frame.
pub(super) fn mean_of_small_frames(xs: &Tensor, Pair([height, width]): Pair) -> Result<Tensor, TchError> {
    let (n, channels, h, w) = xs.size4()?;
    let (down, right) = (h / height, w / width);
    let columns = xs.f_view([n, channels, down, height, right, width])?.f_unbind(5)?;
    let columns = columns.iter().map(|column| column.f_unbind(3)).collect::<Result<Vec<_>, _>>()?;
    let mut sum = Tensor::f_zeros([n, channels, down, right], (Kind::Float, Device::Cpu))?;
    for pixels in (0..height as usize).flat_map(|row| columns.iter().map(move |column| &column[row])) {
        let _ = sum.f_add_(pixels)?;
    }
    caught(|| sum.f_div_scalar(height * width))
}
