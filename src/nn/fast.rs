//! The same bits in less time: oneDNN's own tensors, the maximum of frames, and the mean of small ones.
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

/// Whether `xs` is `[N, C, H, W]` on a CPU and in PyTorch's usual layout. One channel in `channels_last` is not, though it is
/// contiguous, and planes of one pixel are left out with it.
fn is_plain(xs: &Tensor) -> bool {
    xs.dim() == 4 && xs.device() == Device::Cpu && !xs.is_mkldnn() && xs.is_contiguous() && xs.stride()[1] != 1
}

/// Whether `max_of_frames` takes less time than libtorch's pool: for many planes, and where an image has few channels, only if all
/// of them fit into the processor's cache. Frames that do not fit are left to libtorch, which has the error.
pub(super) fn has_many_planes(xs: &Tensor, Pair(kernel_size): Pair, Pair(stride): Pair) -> bool {
    is_plain(xs) && matches!(xs.f_kind(), Ok(Kind::Float | Kind::Double)) && {
        let (planes, channels) = (xs.size()[0] * xs.size()[1], xs.size()[1]);
        let fits = xs.size()[2..].iter().zip(kernel_size).all(|(length, size)| (1..=*length).contains(&size));
        fits && stride.iter().all(|&stride| stride > 0) && planes >= 64 && (channels >= 8 || xs.numel() <= 500_000)
    }
}

/// The maximum of each frame. Where the planes lie side by side in memory, pixel by pixel, libtorch finds its place in many of them
/// at once. From there it is taken, and there its gradient goes, with the bits of libtorch's pool.
pub(super) fn max_of_frames(xs: &Tensor, Pair(kernel_size): Pair, Pair(stride): Pair) -> Result<Tensor, TchError> {
    let (n, channels, h, w) = xs.size4()?;
    let [down, right] = [0, 1].map(|i| ([h, w][i] - kernel_size[i]) / stride[i] + 1);
    let (images, channels) = if channels < 8 { (1, n * channels) } else { (n, channels) };
    let places = Tensor::f_empty([images, channels, down, right], (Kind::Int64, Device::Cpu))?;
    {
        let _no_grad = tch::no_grad_guard();
        // Some images at a time: they stay in the processor's cache, and the same memory serves again.
        let at_a_time = (250_000 * i64::from(tch::get_num_threads()) / (channels * h * w)).max(1);
        let parts = xs.f_view([images, channels, h, w])?.f_split(at_a_time, 0)?;
        for (part, mut places) in parts.into_iter().zip(places.f_split(at_a_time, 0)?) {
            let side_by_side = part.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])?;
            places.f_copy_(&side_by_side.f_max_pool2d_with_indices(kernel_size, stride, 0, 1, false)?.1)?;
        }
    }
    let places = places.f_view([images * channels, down * right])?;
    let maxima = xs.f_view([images * channels, h * w])?.f_gather(1, &places, false)?;
    maxima.f_internal_unsafe_view([n, -1, down, right]) // no view for autograd, which refuses to change some in place
}

/// Whether frames of at most 2x2 fill `xs` side by side.
pub(super) fn takes_small_frames(xs: &Tensor, Pair(frame): Pair) -> bool {
    let fills = |(size, length): (&i64, i64)| *size >= length && size % length == 0;
    is_plain(xs)
        && matches!(xs.f_kind(), Ok(Kind::Float))
        && matches!(frame, [1 | 2, 1 | 2])
        && xs.size()[2..].iter().zip(frame).all(fills)
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

#[cfg(test)]
mod tests {
    use super::has_many_planes;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn many_planes_of_numbers_in_pytorchs_usual_layout_are_pooled_at_once_where_frames_fit() {
        let takes = |xs: &Tensor, size: i64, stride: i64| has_many_planes(xs, size.into(), stride.into());
        let zeros = |shape: [i64; 4], kind| Tensor::zeros(shape, (kind, Device::Cpu));
        for shape in [[100, 16, 26, 26], [100, 1, 28, 28], [64, 1, 2, 1], [2, 32, 11, 11]] {
            assert!(takes(&zeros(shape, Kind::Float), 1, 1) && takes(&zeros(shape, Kind::Double), 1, 3), "{shape:?}");
        }
        let xs = zeros([100, 16, 8, 8], Kind::Float);
        assert!(takes(&xs, 8, 2) && !takes(&xs, 9, 2) && !takes(&xs, 0, 1) && !takes(&xs, 2, 0));
        assert!(!takes(&xs.transpose(2, 3), 2, 2) && !takes(&zeros([100, 16, 8, 8], Kind::Int64), 2, 2));
        for shape in [[63, 1, 8, 8], [0, 16, 8, 8], [100, 16, 1, 1], [1000, 6, 28, 28]] {
            assert!(!takes(&zeros(shape, Kind::Float), 1, 1), "{shape:?}");
        }
        assert!(!takes(&Tensor::zeros([100, 8, 8], (Kind::Float, Device::Cpu)), 2, 2));
    }
}
