//! The self-check that oneDNN's layout of images, in which a CNN takes less time on a CPU, gives the same bits.

use crate::program::run::options::NewNetwork;
use cnn_tutorial::data::transforms::to_mkldnn;
use cnn_tutorial::nn::{LayerKind, Module, all_stages, caught};
use tch::nn::VarStore;
use tch::{Device, Kind, TchError, Tensor};

/// Whether a network that `new` makes gives the same bits for images of this size in that layout, forward and backward.
///
/// A network that somebody has changed may not: oneDNN's tensors have no `view` and no dropout and cannot be printed.
/// Draws from the default generator.
pub fn gives_the_same_bits(new: NewNetwork, image_size: [i64; 3]) -> bool {
    caught(|| compare(new, image_size)).is_ok_and(|gives| gives)
}

fn compare(new: NewNetwork, [channels, height, width]: [i64; 3]) -> Result<bool, TchError> {
    let vs = VarStore::new(Device::Cpu);
    let model = new(&vs.root())?;
    // As many as it takes to be given the layout with one thread, too.
    let images = Tensor::f_randint(256, [16, channels, height, width], tch::kind::FLOAT_CPU)?;
    // What is one's own does not look for numbers that this layout would hide, as the library's layers do. It ends with the first
    // fully connected layer.
    let stages = all_stages(&*model, &images)?;
    let mut in_layout = stages.iter().map(|stage| stage.kind).take_while(|&kind| kind != LayerKind::Linear);
    if in_layout.any(|kind| matches!(kind, LayerKind::Other(_) | LayerKind::Forward)) {
        return Ok(false);
    }
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
    use crate::program::run::network::generator;
    use crate::program::run::options::NewNetwork;
    use cnn_tutorial::models::CNNModel;
    use cnn_tutorial::nn::{self, Module};
    use tch::{TchError, Tensor, nn::Path};

    /// A convolution, then what somebody may write after it.
    struct Edited(nn::Conv2d, fn(Tensor) -> Result<Tensor, TchError>);

    impl Module for Edited {
        fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
            self.1(self.0.forward(x)?)
        }
    }

    macro_rules! edited {
        ($then:expr) => {
            |vs: &Path| Ok(Box::new(Edited(nn::Conv2d::new(vs / "conv", 1, 4, 3)?, $then)))
        };
    }

    fn gives_the_same_bits(new: NewNetwork) -> bool {
        let _alone = generator(); // other tests draw, too
        super::gives_the_same_bits(new, [1, 28, 28])
    }

    #[test]
    fn the_slides_cnn_may_be_given_its_images_in_onednns_layout() {
        assert!(gives_the_same_bits(|vs| Ok(Box::new(CNNModel::new(vs)?))));
        assert!(gives_the_same_bits(edited!(|out| nn::AvgPool2d::new(2).forward(&nn::ReLU.forward(&out)?))));
    }

    #[test]
    fn a_network_is_checked_with_images_of_the_datas_size() {
        let in_colour: NewNetwork = |vs| {
            Ok(Box::new(Edited(nn::Conv2d::new(vs / "conv", 3, 4, 3)?, |out| nn::AvgPool2d::new(2).forward(&out))))
        };
        assert!(super::gives_the_same_bits(in_colour, [3, 32, 20]));
        assert!(!gives_the_same_bits(in_colour), "one channel does not fit");
    }

    #[test]
    fn a_layer_of_ones_own_is_given_no_images_in_that_layout() {
        let own: NewNetwork = edited!(|out| {
            let out = nn::forward_hook("Same()", nn::LayerKind::Other("same"), None, &out, Ok(out.shallow_clone()))?;
            nn::AvgPool2d::new(2).forward(&out)
        });
        assert!(!gives_the_same_bits(own), "though it does");
        // There tch's ReLU makes 0 of NaN.
        assert!(
            !gives_the_same_bits(edited!(|out| nn::AvgPool2d::new(2).forward(&out.f_relu()?))),
            "nor what is no layer"
        );
        assert!(!gives_the_same_bits(edited!(|out| out.f_add(&nn::ReLU.forward(&out)?))), "nor what is given again");
        struct Divided(CNNModel);
        impl Module for Divided {
            fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
                self.0.forward(xs)?.f_div_scalar(2)
            }
        }
        assert!(gives_the_same_bits(|vs| Ok(Box::new(Divided(CNNModel::new(vs)?)))), "behind the last layer it may");
    }

    #[test]
    fn a_network_is_checked_in_that_layout_with_one_thread_too() {
        let threads = tch::get_num_threads();
        tch::set_num_threads(1);
        let refused = !gives_the_same_bits(edited!(|out| nn::ReLU.forward(&out.view([out.size()[0], -1]))));
        tch::set_num_threads(threads);
        assert!(refused, "what it does not have was not seen");
    }

    #[test]
    fn a_network_with_what_that_layout_does_not_have_is_not_given_it() {
        assert!(!gives_the_same_bits(edited!(|out| nn::ReLU.forward(&out.view([out.size()[0], -1])))), "view");
        assert!(!gives_the_same_bits(edited!(|out| nn::Dropout::new(0.5).forward(&out))), "dropout");
        assert!(!gives_the_same_bits(edited!(|out| {
            let _ = format!("{out}");
            Ok(out)
        })));
        assert!(
            !gives_the_same_bits(edited!(|out| nn::Linear::forward(
                &nn::Linear::new(tch::nn::VarStore::new(tch::Device::Cpu).root(), 7, 7)?,
                &out
            ))),
            "a shape that does not fit"
        );
    }
}
