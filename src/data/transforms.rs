//! What a [`DataLoader`](super::DataLoader) can make of its images on their way to the network, and
//! [`parameters_channels_last`], which goes with [`channels_last`].

use crate::nn::{caught, is_tame};
use tch::nn::VarStore;
use tch::{Device, Kind, TchError, Tensor};

/// Pixels from 0 to 1 instead of 0 to 255, whatever the shape of `images`.
pub fn unit_scale(images: &Tensor) -> Result<Tensor, TchError> {
    // By a tensor: a GPU multiplies by the reciprocal of a scalar, which rounds otherwise.
    caught(|| images.f_div(&Tensor::f_full([], 255.0, (Kind::Float, images.device()))?))
}

/// `images.to(memory_format=torch.channels_last)`, which tch does not have. Images are `[N, C, H, W]`.
pub fn channels_last(images: &Tensor) -> Result<Tensor, TchError> {
    let (n, c, h, w) = images.size4()?;
    let images = images.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])?;
    // Where there is one channel, only the strides tell libtorch the format.
    images.f_as_strided([n, c, h, w], [h * w * c, 1, w * c, c], None)
}

/// `model.to(memory_format=torch.channels_last)`, which a network needs whose images are `channels_last`: a convolution looks
/// at its weights too to choose how it computes, and so how it rounds.
pub fn parameters_channels_last(vs: &VarStore) -> Result<(), TchError> {
    vs.variables().into_values().filter(|variable| variable.dim() == 4).try_for_each(|mut variable| {
        let values = channels_last(&variable.f_detach()?)?;
        variable.f_set_data(&values)
    })
}

/// `xs` in oneDNN's layout, if libtorch would have oneDNN convolve this very `xs`; else `xs`.
///
/// A network keeps the layout of its input from the first convolution to the last pool. The kernels and bits are those
/// that an ordinary tensor gets; what is saved is bringing every convolution's input into the layout and its output back.
/// Only this library's layers, and no layer of one's own, `f_flatten` and `f_add` may see such a tensor: libtorch's other
/// operations compute otherwise there, and NaN may vanish.
/// `nn::ReLU` works in place there: a network that uses what was before a ReLU once more must not be given it, nor one with a
/// ReLU behind anything but a convolution. Once a loss is NaN, a gradient may be NaN there where PyTorch's is 0.
pub fn to_mkldnn(xs: &Tensor) -> Result<Tensor, TchError> {
    let is_channels_last = || xs.dim() == 4 && xs.stride()[1] == 1;
    let computed_by_onednn = cfg!(target_arch = "x86_64")
        && tch::utils::has_mkldnn()
        && xs.device() == Device::Cpu
        && xs.f_kind()? == Kind::Float
        && xs.size()[0] > 1 // libtorch has a kernel of its own for a single image
        && (xs.size()[0] >= 16 || tch::get_num_threads() > 1) // and, with one thread, for 1x1 kernels and few images
        && !is_channels_last()
        && is_tame(xs)?;
    if computed_by_onednn { xs.f_to_mkldnn(None) } else { Ok(xs.shallow_clone()) }
}

/// Degrees, fraction of the size, and fraction of half the image's side, each either way.
const ROTATION: f64 = 12.0;
const SCALE: f64 = 0.12;
const SHIFT: f64 = 0.12;

/// Each image turned, scaled and shifted a little, anew in every epoch, as LeCun et al. 1998 distort theirs.
///
/// Images are `[N, C, H, W]`, floats; the channels of an image stay together. Four numbers for each image come from the default
/// generator.
///
/// `torch.nn.functional.affine_grid` and `grid_sample`, in the order of operations of `augment` in scripts/tutorial.py.
pub fn augment(images: &Tensor) -> Result<Tensor, TchError> {
    caught(|| augmented(images))
}

fn augmented(images: &Tensor) -> Result<Tensor, TchError> {
    let (n, _, h, w) = images.size4()?;
    let random = Tensor::f_rand([n, 4], (Kind::Float, Device::Cpu))?.f_mul_scalar(2.0)?.f_sub_scalar(1.0)?;
    let column = |i: i64, range: f64| random.f_select(1, i)?.f_mul_scalar(range);
    let angle = column(0, ROTATION.to_radians())?;
    let scale = column(1, SCALE)?.f_add_scalar(1.0)?;
    let (cos, sin) = (angle.f_cos()?.f_mul(&scale)?, angle.f_sin()?.f_mul(&scale)?);
    let (shift_x, shift_y) = (column(2, SHIFT)?, column(3, SHIFT)?);
    // Places are counted in halves of width and height: where these differ, a turn has to tell them apart.
    let (across, down) = (sin.f_mul_scalar(h as f64 / w as f64)?, sin.f_mul_scalar(w as f64 / h as f64)?);
    let rows = [[&cos, &across.f_neg()?, &shift_x], [&down, &cos, &shift_y]];
    let rows = rows.iter().map(|row| Tensor::f_stack(row, 1)).collect::<Result<Vec<_>, _>>()?;
    let theta = Tensor::f_stack(&rows, 1)?.f_to(images.device())?; // [N, 2, 3]
    let grid = Tensor::f_affine_grid_generator(&theta, images.size(), false)?;
    let (bilinear, zeros) = (0, 0);
    images.f_grid_sampler(&grid, bilinear, zeros, false)
}
