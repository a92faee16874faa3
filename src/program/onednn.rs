//! Whether a network may be given its images in oneDNN's layout, which saves a CNN a third of its time on a CPU.

use super::architecture::Architecture;
use cnn_tutorial::nn::{Module, to_mkldnn};
use std::panic::{self, AssertUnwindSafe};
use tch::nn::VarStore;
use tch::{Device, Kind, TchError, Tensor};

/// Whether a network of `architecture` gives the same bits in that layout, forward and backward.
///
/// A network that somebody has changed may not: oneDNN's tensors have no `view` and no dropout and cannot be printed.
/// Draws from the default generator.
pub fn gives_the_same_bits(architecture: &Architecture) -> bool {
    // An operation that is missing is an error or, of tch's plain methods, a panic, which need not be shown.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let same = panic::catch_unwind(AssertUnwindSafe(|| compare(architecture)));
    panic::set_hook(hook);
    matches!(same, Ok(Ok(true)))
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
