//! How images lie in memory: PyTorch's channels_last, and oneDNN's layout, which saves a CNN a third of its time on a CPU.

use super::architecture::Architecture;
use super::quietly;
use cnn_tutorial::nn::Module;
use tch::nn::VarStore;
use tch::{Device, Kind, TchError, Tensor};

/// `images.to(memory_format=torch.channels_last)`, which tch does not have. Where there is one channel, only the strides
/// tell libtorch the format.
pub fn channels_last(images: &Tensor) -> Result<Tensor, TchError> {
    let (n, _, h, w) = images.size4()?;
    images.f_contiguous()?.f_as_strided([n, 1, h, w], [h * w, 1, w, 1], None)
}

/// `xs` in oneDNN's layout, if libtorch would have oneDNN convolve this very `xs`; else `xs`.
///
/// A network keeps the layout of its input from the first convolution to the last pool. The kernels and bits are those
/// that an ordinary tensor gets; what is saved is bringing every convolution's input into the layout and its output back.
/// `nn::ReLU` works in place there: a network that uses what was before a ReLU once more must not be given it.
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

/// Whether a network of `architecture` gives the same bits in that layout, forward and backward.
///
/// A network that somebody has changed may not: oneDNN's tensors have no `view` and no dropout and cannot be printed.
/// Draws from the default generator.
pub fn gives_the_same_bits(architecture: &Architecture) -> bool {
    matches!(quietly(|| compare(architecture)), Some(Ok(true)))
}

fn compare(architecture: &Architecture) -> Result<bool, TchError> {
    let vs = VarStore::new(Device::Cpu);
    let model = (architecture.new)(&vs.root())?;
    let images = Tensor::f_randint(256, [8, 1, 28, 28], tch::kind::FLOAT_CPU)?;
    let plain = outputs(&vs, &*model, &images)?;
    let in_layout = outputs(&vs, &*model, &to_mkldnn(&images)?)?;
    let equal: Vec<_> = plain.iter().zip(&in_layout).map(|(a, b)| a.f_equal(b)).collect::<Result<_, _>>()?;
    Ok(equal.into_iter().all(|equal| equal))
}

/// The logits and every parameter's gradient.
fn outputs(vs: &VarStore, model: &dyn Module, images: &Tensor) -> Result<Vec<Tensor>, TchError> {
    let logits = model.forward(images)?;
    let loss = logits.f_square()?.f_sum(Kind::Float)?;
    let mut outputs = Tensor::f_run_backward(&[loss], &vs.trainable_variables(), false, false)?;
    outputs.push(logits);
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use super::gives_the_same_bits;
    use crate::program::architecture::{ARCHITECTURES, Architecture};
    use cnn_tutorial::nn::{self, Module};
    use tch::{TchError, Tensor, nn::Path};

    /// A convolution, then what somebody may write after it.
    struct Edited(nn::Conv2d, fn(Tensor) -> Result<Tensor, TchError>);

    impl Module for Edited {
        fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
            self.1(self.0.forward(x)?)
        }
    }

    macro_rules! architecture {
        ($then:expr) => {
            Architecture {
                new: |vs: &Path| Ok(Box::new(Edited(nn::Conv2d::new(vs / "conv", 1, 4, 3)?, $then))),
                ..ARCHITECTURES[0]
            }
        };
    }

    #[test]
    fn the_slides_cnn_may_be_given_its_images_in_onednns_layout() {
        assert!(gives_the_same_bits(&ARCHITECTURES[0]));
        let pooled = architecture!(|out| nn::AvgPool2d::new(2).forward(&nn::ReLU.forward(&out)?));
        assert!(gives_the_same_bits(&pooled));
    }

    #[test]
    fn a_network_with_what_that_layout_does_not_have_or_rounds_otherwise_is_not_given_it() {
        assert!(!gives_the_same_bits(&architecture!(|out| Ok(out.view([out.size()[0], -1])))), "view");
        assert!(!gives_the_same_bits(&architecture!(|out| Ok(out.dropout(0.5, true)))), "dropout");
        assert!(!gives_the_same_bits(&architecture!(|out| {
            let _ = format!("{out}");
            Ok(out)
        })));
        assert!(
            !gives_the_same_bits(&architecture!(|out| out.f_add(&nn::ReLU.forward(&out)?))),
            "what was before a ReLU"
        );
        assert!(
            !gives_the_same_bits(&architecture!(|out| nn::Linear::forward(
                &nn::Linear::new(tch::nn::VarStore::new(tch::Device::Cpu).root(), 7, 7)?,
                &out
            ))),
            "a shape that does not fit"
        );
    }
}
