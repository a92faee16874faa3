//! Layers and pools against what PyTorch computes.

use crate::common::{assert_same, digits, tensors};
use cnn_tutorial::data::DataLoader;
use cnn_tutorial::data::transforms::{channels_last, to_mkldnn};
use cnn_tutorial::evaluate::accuracy_and_loss;
use cnn_tutorial::explain::Explained;
use cnn_tutorial::nn::{
    AvgPool2d, BatchNorm2d, Conv2d, CrossEntropyLoss, LPPool2d, LayerKind, Linear, MaxPool2d, Module, ReLU, Tanh,
    all_stages, eval, forward, forward_hook, is_training, name_of, reset_parameters, stages,
};
use cnn_tutorial::optim::SGD;
use cnn_tutorial::summary::summary;
use cnn_tutorial::train::train;
use std::cell::Cell;
use std::ops::ControlFlow::Continue;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tch::kind::FLOAT_CPU;
use tch::{Device, Kind, TchError, Tensor, nn};

/// Runs the layer forward and backward and compares output and gradients with the fixtures called `name`.
fn check(name: &str, vs: &nn::VarStore, rounding: f64, forward: impl FnOnce(&Tensor) -> Result<Tensor, TchError>) {
    let fixture = tensors("layers.safetensors");
    let expected = |key: &str| &fixture[&format!("{name}.{key}")];
    for (key, mut parameter) in vs.variables() {
        tch::no_grad(|| parameter.copy_(expected(&key)));
    }
    let input = expected("input").set_requires_grad(true);
    let output = forward(&input).unwrap();
    assert_same(&output, expected("output"), rounding, name);
    (output * expected("grad_output")).sum(None).backward();
    assert_same(&input.grad(), expected("grad_input"), rounding, &format!("{name}: gradient of the input"));
    for (key, parameter) in vs.variables() {
        assert_same(
            &parameter.grad(),
            expected(&format!("grad_{key}")),
            rounding,
            &format!("{name}: gradient of {key}"),
        );
    }
}

fn check_conv(name: &str, make: impl FnOnce(nn::Path) -> Result<Conv2d, TchError>) {
    let vs = nn::VarStore::new(Device::Cpu);
    let conv = make(vs.root()).unwrap();
    check(name, &vs, 0.0, |xs| conv.forward(xs));
}

#[test]
fn convolution_takes_a_kernel_of_one_size_or_a_pair_and_gives_pytorchs_values_and_gradients() {
    check_conv("conv_int", |vs| Conv2d::new(vs, 1, 4, 3));
    check_conv("conv_pair", |vs| Conv2d::new(vs, 2, 3, (3, 2)));
}

#[test]
fn convolution_takes_stride_and_padding_and_gives_pytorchs_values_and_gradients() {
    check_conv("conv_stride", |vs| Ok(Conv2d::new(vs, 2, 3, 3)?.stride(2).padding(1)));
    check_conv("conv_pairs", |vs| Ok(Conv2d::new(vs, 1, 2, (5, 3))?.stride((2, 1)).padding((2, 0))));
}

#[test]
fn linear_gives_pytorchs_values_and_gradients() {
    let vs = nn::VarStore::new(Device::Cpu);
    let linear = Linear::new(vs.root(), 6, 4).unwrap();
    check("linear", &vs, 0.0, |xs| linear.forward(xs));
}

#[test]
fn batch_norm_gives_pytorchs_values_and_gradients_and_keeps_its_running_statistics() {
    let fixture = tensors("layers.safetensors");
    let vs = nn::VarStore::new(Device::Cpu);
    let norm = BatchNorm2d::new(vs.root(), 3).unwrap();
    let names = ["bias", "num_batches_tracked", "running_mean", "running_var", "weight"];
    assert!(names.iter().all(|name| vs.variables().contains_key(*name)) && vs.len() == names.len());
    assert_eq!(vs.trainable_variables().len(), 2, "the running statistics are not learned");
    for (mut parameter, key) in [(norm.weight.shallow_clone(), "weight"), (norm.bias.shallow_clone(), "bias")] {
        tch::no_grad(|| parameter.copy_(&fixture[&format!("batch_norm.0.{key}")]));
    }
    for batch in 0..3 {
        let expected = |key: &str| &fixture[&format!("batch_norm.{batch}.{key}")];
        let input = expected("input").set_requires_grad(true);
        let output = norm.forward(&input).unwrap();
        assert_same(&output, expected("output"), 1e-5, "output");
        vs.trainable_variables().iter_mut().for_each(Tensor::zero_grad);
        (output * expected("grad_output")).sum(None).backward();
        assert_same(&input.grad(), expected("grad_input"), 1e-4, "gradient of the input");
        assert_same(&norm.weight.grad(), expected("grad_weight"), 1e-4, "gradient of weight");
        assert_same(&norm.bias.grad(), expected("grad_bias"), 1e-4, "gradient of bias");
    }
    let _eval = eval();
    let input = &fixture["batch_norm.2.input"];
    assert_same(&norm.forward(input).unwrap(), &fixture["batch_norm.eval"], 1e-5, "in evaluation mode");
    for name in ["num_batches_tracked", "running_mean", "running_var"] {
        let (found, expected) = (&vs.variables()[name], &fixture[&format!("batch_norm.{name}")]);
        assert_eq!(found.kind(), expected.kind(), "{name}");
        assert_same(found, expected, 1e-6, name);
    }
}

#[test]
fn batch_norm_refuses_a_single_value_while_training_as_pytorch_does_and_what_is_no_image() {
    let norm = BatchNorm2d::new(nn::VarStore::new(Device::Cpu).root() / "bn1", 3).unwrap();
    let one = Tensor::ones([1, 3, 1, 1], tch::kind::FLOAT_CPU);
    let error = norm.forward(&one).unwrap_err().to_string();
    let expected = "bn1, BatchNorm2d(3) cannot take an input of [1, 3, 1, 1]: Expected more than 1 value per channel";
    assert!(error.contains(expected), "{error}");
    assert_eq!(i64::try_from(&norm.num_batches_tracked).unwrap(), 0, "it has not seen that");
    assert!(norm.forward(&Tensor::ones([4, 3], tch::kind::FLOAT_CPU)).is_err());
    let _eval = eval();
    assert!(norm.forward(&one).is_ok());
}

#[test]
fn pools_give_pytorchs_values_and_gradients() {
    let none = nn::VarStore::new(Device::Cpu);
    check("max", &none, 0.0, |xs| MaxPool2d::new(2).forward(xs));
    check("max_stride", &none, 0.0, |xs| MaxPool2d::new(3).stride(2).forward(xs));
    check("max_pair", &none, 0.0, |xs| MaxPool2d::new((2, 3)).stride((1, 2)).forward(xs));
    check("avg", &none, 0.0, |xs| AvgPool2d::new(2).forward(xs));
    check("avg_stride", &none, 0.0, |xs| AvgPool2d::new(2).stride(1).forward(xs));
    check("avg_pair", &none, 0.0, |xs| AvgPool2d::new((2, 4)).stride((2, 1)).forward(xs));
    // Powers and roots are not exact: another processor may round them otherwise.
    check("lp1", &none, 1e-5, |xs| LPPool2d::new(1.0, 2).forward(xs));
    check("lp2", &none, 1e-5, |xs| LPPool2d::new(2.0, 2).stride(1).forward(xs));
    check("lp3", &none, 1e-5, |xs| LPPool2d::new(3.0, (2, 3)).stride(2).forward(xs));
    check("lp16", &none, 1e-5, |xs| LPPool2d::new(16.0, 2).forward(xs));
}

#[test]
fn frames_of_few_pixels_side_by_side_have_the_mean_of_libtorchs_own_pool_in_every_bit() {
    let none = nn::VarStore::new(Device::Cpu);
    for (shape, frame) in [
        ([100, 6, 28, 28], (2, 2)),
        ([7, 16, 10, 10], (2, 2)),
        ([1, 3, 9, 8], (1, 2)),
        ([5, 1, 6, 7], (2, 1)),
        ([2, 2, 5, 5], (1, 1)),
    ] {
        let xs = (Tensor::randn(shape, tch::kind::FLOAT_CPU) * 3).exp() * Tensor::randn(shape, tch::kind::FLOAT_CPU);
        let (height, width) = frame;
        let expected = output_and_gradients(&none, &xs, |xs| {
            xs.f_avg_pool2d([height, width], [height, width], 0, false, true, None)
        });
        let found = output_and_gradients(&none, &xs, |xs| AvgPool2d::new(frame).forward(xs));
        assert_equal_bits(&found, &expected, &format!("{shape:?}, {frame:?}"));
    }
    // What does not fill its input, or cannot be, goes to libtorch.
    let xs = Tensor::ones([1, 1, 5, 1], tch::kind::FLOAT_CPU);
    assert_eq!(AvgPool2d::new((2, 1)).forward(&xs).unwrap().size(), [1, 1, 2, 1]);
    for frame in [(2, 2), (0, 1), (-1, -2), (i64::MAX, 2)] {
        assert!(AvgPool2d::new(frame).forward(&xs).is_err(), "{frame:?}");
    }
}

#[test]
fn frames_of_many_planes_have_the_maximum_of_libtorchs_own_pool_and_its_gradient_in_every_bit() {
    let bits = |tensors: [Tensor; 3], kind| tensors.map(|tensor| tensor.view_dtype(kind));
    tch::manual_seed(0);
    for (shape, kernel_size, stride) in [
        ([100, 16, 26, 26], (2, 2), (2, 2)),
        ([100, 32, 11, 11], (2, 2), (2, 2)),
        ([100, 1, 28, 28], (2, 2), (2, 2)),
        ([30, 6, 9, 8], (3, 3), (1, 2)),
        ([7, 20, 5, 7], (2, 3), (3, 1)),
        ([4, 16, 3, 3], (3, 3), (3, 3)),
        ([64, 1, 1, 2], (1, 1), (1, 1)),
    ] {
        for (kind, whole) in [(Kind::Float, Kind::Int), (Kind::Double, Kind::Int64)] {
            // Many are equal, and some are -0, infinite or no numbers.
            let xs = Tensor::randint_low(-3, 4, shape, (kind, Device::Cpu));
            let one_in_ten = || Tensor::rand(shape, tch::kind::FLOAT_CPU).lt(0.1);
            let xs = xs.where_self(&one_in_ten().logical_not(), &Tensor::from(-0f32));
            let xs = xs.where_self(&one_in_ten().logical_not(), &Tensor::from(f32::NEG_INFINITY));
            let xs = xs.where_self(&one_in_ten().logical_not(), &Tensor::from(f32::NAN)).to_kind(kind);
            let [found, expected] = [true, false].map(|ours| {
                let xs = xs.copy().set_requires_grad(true);
                let output = if ours {
                    MaxPool2d::new(kernel_size).stride(stride).forward(&xs).unwrap()
                } else {
                    let (kernel_size, stride) = (<[i64; 2]>::from(kernel_size), <[i64; 2]>::from(stride));
                    xs.max_pool2d(kernel_size, stride, 0, 1, false)
                };
                let weights = Tensor::arange(output.numel() as i64, (kind, Device::Cpu)).sin().view_as(&output);
                let loss = (&output * &output * weights).sum(None);
                let gradient = Tensor::run_backward(&[loss], &[&xs], true, true).remove(0);
                let second = Tensor::run_backward(&[(&gradient * &gradient).sum(None)], &[&xs], false, false).remove(0);
                bits([output.detach(), gradient.detach(), second], whole)
            });
            assert_equal_bits(&found, &expected, &format!("{shape:?} {kind:?}, {kernel_size:?}, {stride:?}"));
        }
    }
    // What libtorch's gives may be changed in place, also behind a pass without gradients.
    let weight = Tensor::ones([3, 3], tch::kind::FLOAT_CPU).set_requires_grad(true);
    let mut output = tch::no_grad(|| MaxPool2d::new(2).forward(&Tensor::ones([8, 16, 6, 6], FLOAT_CPU)).unwrap());
    output.f_mul_(&weight).unwrap().sum(None).backward();
    assert!(weight.grad().equal(&(Tensor::ones([3, 3], FLOAT_CPU) * 128)));
    // What is behind the pool looks at the layout, too.
    let one_channel = channels_last(&Tensor::zeros([64, 1, 6, 6], tch::kind::FLOAT_CPU)).unwrap();
    let expected = one_channel.max_pool2d(2, 2, 0, 1, false).stride();
    for pool in [&MaxPool2d::new(2) as &dyn Module, &AvgPool2d::new(2)] {
        assert_eq!(pool.forward(&one_channel).unwrap().stride(), expected);
    }
    let xs = Tensor::zeros([8, 16, 5, 5], tch::kind::FLOAT_CPU);
    let error = MaxPool2d::new(6).forward(&xs).unwrap_err().to_string();
    assert!(error.contains("Given input size: (16x5x5)"), "{error}");
}

/// The output and the gradients of input and parameters.
fn output_and_gradients(
    vs: &nn::VarStore,
    xs: &Tensor,
    forward: impl FnOnce(&Tensor) -> Result<Tensor, TchError>,
) -> Vec<Tensor> {
    for mut variable in vs.trainable_variables() {
        variable.zero_grad();
    }
    let xs = xs.copy().set_requires_grad(true);
    let output = forward(&xs).unwrap();
    let output = if output.is_mkldnn() { output.to_dense(None, false) } else { output };
    let weights = Tensor::arange(output.numel() as i64, tch::kind::FLOAT_CPU).sin().view_as(&output);
    (&output * weights).sum(None).backward();
    let mut variables: Vec<_> = vs.variables().into_iter().collect();
    variables.sort_by(|a, b| a.0.cmp(&b.0));
    [output, xs.grad()].into_iter().chain(variables.into_iter().map(|(_, variable)| variable.grad().copy())).collect()
}

#[track_caller]
fn assert_equal_bits(found: &[Tensor], expected: &[Tensor], what: &str) {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(expected).all(|(found, expected)| found.equal(expected)), "{what}");
}

#[test]
fn images_in_onednns_layout_change_no_bit_of_any_layer() {
    for n in [1, 7, 100] {
        for (pool, places) in [
            (MaxPool2d::new(2), 11 * 11),
            (MaxPool2d::new(3).stride(2), 10 * 10),
            (MaxPool2d::new((2, 3)).stride(3), 7 * 6),
        ] {
            tch::manual_seed(n);
            let images = Tensor::randint(256, [n, 1, 28, 28], tch::kind::FLOAT_CPU);
            let vs = nn::VarStore::new(Device::Cpu);
            let conv = |name: &str, i, o| Conv2d::new(&vs.root() / name, i, o, 3).unwrap();
            let (first, second) = (conv("first", 1, 16), conv("second", 16, 32));
            let last = Linear::new(&vs.root() / "last", 32 * places, 10).unwrap();
            let network = |images: &Tensor| {
                let out = pool.forward(&ReLU.forward(&first.forward(images)?)?)?;
                let out = ReLU.forward(&second.forward(&out)?)?;
                last.forward(&out.f_flatten(1, -1)?)
            };
            let expected = output_and_gradients(&vs, &images, network);
            let found = output_and_gradients(&vs, &images, |images| network(&in_onednns_layout(images)));
            assert_equal_bits(&found, &expected, &format!("{n} images, {pool}"));
        }
    }
}

/// A batch in the layout, where libtorch has it; a single image it computes without.
fn in_onednns_layout(xs: &Tensor) -> Tensor {
    let has_it = cfg!(target_arch = "x86_64") && tch::utils::has_mkldnn() && xs.size()[0] > 1;
    if has_it { xs.to_mkldnn() } else { xs.shallow_clone() }
}

#[test]
fn what_is_not_a_number_or_would_become_infinite_is_so_in_onednns_layout_too() {
    for (number, name) in [(f64::NAN, "weight"), (f64::NAN, "bias"), (1e30, "weight"), (-1e38, "bias"), (0.5, "bias")] {
        let vs = nn::VarStore::new(Device::Cpu);
        let conv1 = Conv2d::new(&vs.root() / "conv1", 1, 3, 3).unwrap();
        let conv2 = Conv2d::new(&vs.root() / "conv2", 3, 2, 3).unwrap();
        for conv in ["conv1", "conv2"] {
            let mut parameter = vs.variables()[&format!("{conv}.{name}")].detach().flatten(0, -1);
            let signs = Tensor::arange(parameter.numel() as i64, tch::kind::FLOAT_CPU).remainder(2) * 2 - 1;
            parameter.copy_(&(signs * number));
        }
        let forward = |xs: &Tensor| {
            let out = ReLU.forward(&conv1.forward(xs).unwrap()).unwrap();
            let out = MaxPool2d::new(2).forward(&ReLU.forward(&conv2.forward(&out).unwrap()).unwrap()).unwrap();
            if out.is_mkldnn() { out.to_dense(None, false) } else { out }
        };
        let images = Tensor::rand([20, 1, 9, 9], tch::kind::FLOAT_CPU) * 255.0;
        let (plain, layout) = (forward(&images), forward(&to_mkldnn(&images).unwrap()));
        assert!(plain.allclose(&layout, 0.0, 0.0, true), "{name} {number}: {plain} {layout}");
        assert_eq!(bool::try_from(plain.isnan().any()).unwrap(), number.is_nan(), "{name} {number}");
        let huge = &images * 1e36;
        assert!(!to_mkldnn(&huge).unwrap().is_mkldnn());
    }
}

#[test]
fn every_layer_takes_a_tensor_in_onednns_layout() {
    tch::manual_seed(0);
    let vs = nn::VarStore::new(Device::Cpu);
    let conv = Conv2d::new(vs.root(), 1, 4, 3).unwrap();
    let xs = Tensor::randn([5, 1, 12, 12], tch::kind::FLOAT_CPU);
    let dense = conv.forward(&xs).unwrap();
    let blocked = conv.forward(&in_onednns_layout(&xs)).unwrap();
    assert_eq!(blocked.is_mkldnn(), cfg!(target_arch = "x86_64") && tch::utils::has_mkldnn());
    let layers: [&dyn Module; 5] =
        [&Tanh, &AvgPool2d::new(2), &AvgPool2d::new(3).stride(1), &MaxPool2d::new(3).stride(1), &LPPool2d::new(2.0, 2)];
    for (i, layer) in layers.iter().enumerate() {
        assert!(layer.forward(&blocked).unwrap().equal(&layer.forward(&dense).unwrap()), "layer {i}");
    }
}

#[test]
fn layers_name_themselves_with_pytorchs_arguments() {
    let vs = nn::VarStore::new(Device::Cpu);
    let conv = Conv2d::new(&vs.root() / "conv", 1, 16, (3, 5)).unwrap().padding(2);
    assert_eq!(conv.to_string(), "Conv2d(1, 16, kernel_size=(3, 5), stride=1, padding=2)");
    assert_eq!(MaxPool2d::new(2).to_string(), "MaxPool2d(kernel_size=2, stride=2)");
    assert_eq!(AvgPool2d::new(2).stride(1).to_string(), "AvgPool2d(kernel_size=2, stride=1)");
    assert_eq!(LPPool2d::new(2.0, 2).to_string(), "LPPool2d(norm_type=2, kernel_size=2, stride=2)");
    let linear = Linear::new(&vs.root() / "fc", 800, 10).unwrap();
    assert_eq!(linear.to_string(), "Linear(in_features=800, out_features=10)");
}

#[test]
fn a_layer_given_the_wrong_shape_is_an_error_that_names_it_and_not_a_panic() {
    let vs = nn::VarStore::new(Device::Cpu);
    let xs = Tensor::zeros([1, 1, 2, 2], tch::kind::FLOAT_CPU);
    let conv = Conv2d::new(&vs.root() / "cnn1", 3, 1, 3).unwrap();
    let linear = Linear::new(&vs.root() / "fc1", 800, 10).unwrap();
    let layers: [(&dyn Module, &str); 4] = [
        (&conv, "cnn1, Conv2d(3, 1, kernel_size=3, stride=1, padding=0) cannot take an input of [1, 1, 2, 2]: "),
        (&linear, "fc1, Linear(in_features=800, out_features=10) cannot take an input of [1, 1, 2, 2]: "),
        (&MaxPool2d::new(3), "MaxPool2d(kernel_size=3, stride=3) cannot take an input of [1, 1, 2, 2]: "),
        (
            &LPPool2d::new(2.0, 3),
            "LPPool2d(norm_type=2, kernel_size=3, stride=3) cannot take an input of [1, 1, 2, 2]: ",
        ),
    ];
    for (layer, words) in layers {
        let error = layer.forward(&xs).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn the_summary_of_a_network_whose_layers_do_not_fit_says_where_they_do_not() {
    struct Misfit(Conv2d);

    impl Module for Misfit {
        fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
            self.0.forward(xs)?.f_view([-1, 801])
        }
    }

    let vs = nn::VarStore::new(Device::Cpu);
    let misfit = Misfit(Conv2d::new(&vs.root() / "cnn1", 1, 16, 3).unwrap());
    let error = format!("{:#}", summary(&misfit, &vs, &[1, 1, 28, 28]).unwrap_err());
    assert!(
        error.contains("the network fails after cnn1, which gives [N, 16, 26, 26]: ") && error.contains("801"),
        "{error}"
    );
}

#[test]
fn a_convolution_that_cannot_be_is_an_error_that_tells_its_arguments() {
    let vs = nn::VarStore::new(Device::Cpu);
    for (in_channels, out_channels, kernel_size) in [(1, -1, (3, 3)), (0, 1, (3, 3)), (1, 1, (-3, 3)), (1, 1, (3, 0))] {
        let error = Conv2d::new(&vs.root() / "cnn1", in_channels, out_channels, kernel_size).unwrap_err().to_string();
        let words = format!("cnn1, Conv2d({in_channels}, {out_channels}, kernel_size=");
        assert!(error.contains(&words) && error.contains("1 or more"), "{error}");
    }
    // More than any machine's memory, and more than a number of bytes can tell.
    for channels in [1 << 45, 1 << 62] {
        for error in [
            Conv2d::new(&vs.root() / "cnn1", channels, 1, 3).map(drop),
            Linear::new(&vs.root() / "fc1", channels, 1).map(drop),
            BatchNorm2d::new(&vs.root() / "bn1", channels).map(drop),
        ] {
            assert_eq!(error.unwrap_err().to_string().lines().count(), 1, "libtorch's words");
        }
    }
    assert!(vs.is_empty(), "nothing is left of them");
}

#[test]
fn an_error_of_libtorch_comes_without_its_stack() {
    let vs = nn::VarStore::new(Device::Cpu);
    let linear = Linear::new(&vs.root() / "fc1", 800, 10).unwrap();
    let error = linear.forward(&Tensor::zeros([1, 2], tch::kind::FLOAT_CPU)).unwrap_err().to_string();
    assert!(error.contains("fc1, Linear(") && error.lines().count() == 1, "{error}");
}

/// A network whose layers fit each other, but for what somebody wrote between them.
struct Between(Conv2d, MaxPool2d);

impl Module for Between {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        self.1.forward(&self.0.forward(xs)?)?.f_view([-1, 801])
    }
}

#[test]
fn an_error_between_the_layers_tells_after_which_one_and_comes_without_libtorchs_stack() {
    let vs = nn::VarStore::new(Device::Cpu);
    let model = Between(Conv2d::new(&vs.root() / "cnn1", 1, 4, 3).unwrap(), MaxPool2d::new(2));
    let digits = digits();
    let loader = DataLoader::new(&digits, 100);
    let mut optimizer = SGD::default().build(&vs, 0.1).unwrap();
    let trained = train(&model, &CrossEntropyLoss, &mut optimizer, loader.epochs(1), |_, _| Ok(Continue(())));
    let measured = accuracy_and_loss(&model, &CrossEntropyLoss, &loader).unwrap_err().to_string();
    for error in
        [trained.unwrap_err().to_string(), measured, summary(&model, &vs, &[1, 1, 28, 28]).unwrap_err().to_string()]
    {
        let expected = "the network fails after maxpool1, which gives [N, 4, 13, 13]: shape '[-1, 801]' is invalid";
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn a_loss_of_labels_that_there_are_no_logits_for_comes_without_libtorchs_stack() {
    let (logits, labels) = (Tensor::zeros([2, 3], tch::kind::FLOAT_CPU), Tensor::from_slice(&[0i64, 3]));
    let error = CrossEntropyLoss.forward(&logits, &labels).unwrap_err().to_string();
    assert!(error.contains("Target 3 is out of bounds") && error.lines().count() == 1, "{error}");
}

/// A network whose last layer gives a number without dimensions.
struct Total(Linear);

impl Module for Total {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        ReLU.forward(&self.0.forward(&xs.f_flatten(1, -1)?)?.f_sum(tch::Kind::Float)?)
    }
}

#[test]
fn the_summary_of_a_network_that_gives_one_number_counts_its_parameters() {
    let vs = nn::VarStore::new(Device::Cpu);
    let model = Total(Linear::new(&vs.root() / "fc1", 784, 10).unwrap());
    let table = summary(&model, &vs, &[1, 1, 28, 28]).unwrap();
    assert!(table.lines().last().unwrap().contains("7850"), "{table}");
}

#[test]
fn the_summary_counts_parameters_outside_of_layers_and_of_layers_that_are_not_used_and_those_used_twice_once() {
    /// Its layer is used twice.
    struct Twice(Linear, Tensor);
    impl Module for Twice {
        fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
            self.0.forward(&self.0.forward(&xs.f_flatten(1, -1)?)?)?.f_mul(&self.1)
        }
    }
    let vs = nn::VarStore::new(Device::Cpu);
    let model = Twice(Linear::new(&vs.root() / "fc1", 16, 16).unwrap(), vs.root().ones("scale", &[16]));
    let _unused = Linear::new(&vs.root() / "fc2", 3, 2).unwrap();
    let _norm = BatchNorm2d::new(&vs.root() / "bn1", 5).unwrap();
    let table = summary(&model, &vs, &[1, 1, 4, 4]).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    let others: Vec<_> = rows[3..rows.len() - 1].iter().map(|row| (row[0], row[row.len() - 2])).collect();
    assert_eq!(
        others,
        [("bn1.bias", "5"), ("bn1.weight", "5"), ("fc2.bias", "2"), ("fc2.weight", "6"), ("scale", "16")]
    );
    assert_eq!(rows.last().unwrap()[1], (16 * 16 + 16 + 16 + 6 + 2 + 10).to_string(), "{table}");
}

#[test]
fn evaluation_mode_lasts_until_the_last_of_its_guards_is_dropped() {
    let first = eval();
    let second = eval();
    drop(first);
    assert!(!is_training());
    drop(second);
    assert!(is_training());
    let mut mode = Some(eval());
    assert!(mode.is_some());
    mode = Some(eval());
    assert!(!is_training());
    drop(mode);
    assert!(is_training());
}

#[test]
fn the_summary_takes_a_network_of_64_bits_and_names_layers_by_their_whole_path() {
    let mut vs = nn::VarStore::new(Device::Cpu);
    let root = vs.root();
    let layers = ["block1", "block2"].map(|block| Linear::new(&root / block / "fc", 4, 4).unwrap());
    vs.double();
    let table = summary(&layers[0], &vs, &[1, 4]).unwrap();
    let names: Vec<_> = table.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, ["Layer", "block1.fc", "block2.fc.bias", "block2.fc.weight", "Total"]);
    let xs = Tensor::zeros([1, 5], (tch::Kind::Double, Device::Cpu));
    let error = layers[1].forward(&xs).unwrap_err().to_string();
    assert!(error.contains("block2.fc, Linear(in_features=4, out_features=4) cannot take"), "{error}");
}

#[test]
fn a_second_layer_of_the_same_name_is_refused() {
    let vs = nn::VarStore::new(Device::Cpu);
    let at = |name: &str| vs.root() / "block1" / name;
    let _layers = (Conv2d::new(at("conv"), 1, 2, 3).unwrap(), Linear::new(at("fc"), 2, 2).unwrap());
    let _norm = BatchNorm2d::new(at("bn"), 2).unwrap();
    let errors = [
        Conv2d::new(at("conv"), 2, 2, 3).err(),
        Linear::new(at("fc"), 2, 2).err(),
        BatchNorm2d::new(at("bn"), 2).err(),
        Linear::new(at("conv"), 2, 2).err(),
    ];
    for (error, name) in errors.into_iter().zip(["conv", "fc", "bn", "conv"]) {
        let error = error.unwrap().to_string();
        assert!(error.contains(&format!("two layers have the path \"block1.{name}\": give each its own")), "{error}");
    }
    assert_eq!(vs.variables().len(), 2 + 2 + 5);
}

#[test]
fn the_summarys_columns_stand_below_each_other_whatever_names_the_layers_have() {
    let vs = nn::VarStore::new(Device::Cpu);
    let fc = Linear::new(vs.root() / "a_long_block" / "and_a_long_name", 4, 4).unwrap();
    let table = summary(&fc, &vs, &[1, 4]).unwrap();
    let ends: Vec<_> = table.lines().map(str::len).collect();
    assert!(ends.iter().all(|end| *end == ends[0]), "{table}");
}

#[test]
fn an_error_of_tchs_own_between_the_layers_tells_the_place_too() {
    struct Sizes(ReLU);
    impl Module for Sizes {
        fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
            let (_, _, _, _) = self.0.forward(xs)?.size4()?;
            Ok(xs.shallow_clone())
        }
    }
    let error = forward(&Sizes(ReLU), &Tensor::zeros([2, 3], tch::kind::FLOAT_CPU)).unwrap_err().to_string();
    assert!(error.contains("the network fails after relu1, which gives [N, 3]: invalid shape"), "{error}");
}

#[test]
fn the_summary_counts_a_parameter_of_two_names_once() {
    let vs = nn::VarStore::new(Device::Cpu);
    let fc = Linear::new(&vs.root() / "fc", 4, 4).unwrap();
    let _tied = vs.root().add("tied", fc.weight.shallow_clone(), true);
    let unused = vs.root().ones("unused", &[2]);
    let _again = vs.root().add("unused_again", unused, true);
    let table = summary(&fc, &vs, &[1, 4]).unwrap();
    let names: Vec<_> = table.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, ["Layer", "fc", "unused", "Total"]);
    assert!(table.lines().last().unwrap().contains(" 22 "), "{table}");
}

/// `torch.nn.Sigmoid`, which the library does not have.
struct Sigmoid;

impl Module for Sigmoid {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        forward_hook("Sigmoid()", LayerKind::Other("sigmoid"), None, xs, xs.f_sigmoid())
    }
}

/// `torch.nn.Conv2d(channels, channels, 3, groups=channels)` with a scale for each channel: three parameters.
struct Scaled {
    parameters: [Tensor; 3],
    name: String,
}

impl Scaled {
    fn new(vs: nn::Path, channels: i64) -> Result<Self, TchError> {
        let (name, zero) = (name_of(&vs)?, nn::Init::Const(0.));
        let (weight, bias) = (vs.f_var("weight", &[channels, 1, 3, 3], zero)?, vs.f_var("bias", &[channels], zero)?);
        reset_parameters(&weight, Some(&bias))?;
        let scale = vs.f_var("scale", &[channels, 1, 1], nn::Init::Const(1.))?;
        Ok(Self { parameters: [weight, bias, scale], name })
    }
}

impl Module for Scaled {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let [weight, bias, scale] = &self.parameters;
        let out = xs.f_conv2d(weight, Some(bias), 1, 0, 1, weight.size()[0]).and_then(|out| out.f_mul(scale));
        let learned = Some((&*self.name, &[weight, bias, scale][..]));
        forward_hook("Scaled()", LayerKind::Other("scaled"), learned, xs, out)
    }
}

struct OwnLayers(Sigmoid, Scaled, Sigmoid);

impl Module for OwnLayers {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        self.2.forward(&self.1.forward(&self.0.forward(xs)?)?)
    }
}

#[test]
fn a_layer_of_ones_own_is_counted_named_and_drawn_as_those_of_the_library_are() {
    let vs = nn::VarStore::new(Device::Cpu);
    let network = OwnLayers(Sigmoid, Scaled::new(&vs.root() / "own", 2).unwrap(), Sigmoid);
    let table = summary(&network, &vs, &[1, 2, 6, 6]).unwrap();
    let rows: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1], ["sigmoid1", "Sigmoid()", "[2,", "6,", "6]", "-", "-"]);
    // Counted as a convolution: 18 + 2 + 2 parameters, each used at 4 * 4 places.
    assert_eq!(rows[2], ["own", "Scaled()", "[2,", "4,", "4]", "22", "352"]);
    assert_eq!(rows[3][0], "sigmoid2");
    assert_eq!(rows[4], ["Total", "22", "352"]);

    let error = forward(&network, &Tensor::zeros([1, 3, 6, 6], FLOAT_CPU)).unwrap_err().to_string();
    assert!(error.contains("own, Scaled() cannot take an input of [1, 3, 6, 6]"), "{error}");

    let explained = Explained {
        model: &network,
        start: None,
        title: "Own layers",
        image: &Tensor::ones([1, 2, 6, 6], FLOAT_CPU),
        caption: "ones",
        classes: &[],
        kernel_size: 2.into(),
        stride: 2.into(),
    };
    let figures = explained.figures().unwrap();
    let titles = |name: &str| -> Vec<String> {
        let (_, figure) = figures.iter().find(|(found, _)| *found == name).unwrap();
        figure.rows.iter().flatten().map(|panel| panel.title.clone()).collect()
    };
    assert_eq!(titles("filters.png"), ["own: kernels"]);
    assert_eq!(titles("layers.png"), ["input", "sigmoid1", "own", "sigmoid2"]);
}

#[test]
fn what_a_network_computes_between_its_layers_and_after_them_has_its_place_among_them() {
    /// Brings its images to 0..1, adds what it was given, and divides the logits.
    struct Residual(Conv2d, ReLU, Linear);
    impl Module for Residual {
        fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
            let xs = xs.f_div_scalar(255)?;
            let out = self.1.forward(&self.0.forward(&xs)?.f_add(&xs)?)?;
            self.2.forward(&out.f_flatten(1, -1)?)?.f_div_scalar(3)
        }
    }
    let vs = nn::VarStore::new(Device::Cpu);
    let conv1 = Conv2d::new(vs.root() / "conv1", 2, 2, 3).unwrap().padding(1);
    let network = Residual(conv1, ReLU, Linear::new(vs.root() / "fc1", 32, 5).unwrap());
    let xs = Tensor::rand([1, 2, 4, 4], FLOAT_CPU) * 255;
    let stages = all_stages(&network, &xs).unwrap();
    let names: Vec<_> = stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["forward1", "conv1", "forward2", "relu1", "fc1", "forward3"], "and flattening is none");
    for two in stages.windows(2) {
        assert_eq!(two[0].output.flatten(0, -1), two[1].input.flatten(0, -1), "{} takes that", two[1].name);
    }
    assert_eq!(stages[0].input, xs);
    assert_eq!(stages[5].output, network.forward(&xs).unwrap().detach());
    assert_eq!((stages[2].shape(), stages[2].kind), (vec![2, 4, 4], LayerKind::Forward));
    assert!(stages.iter().all(|stage| !stage.input.requires_grad() && !stage.output.requires_grad()));
}

#[test]
fn what_is_changed_in_place_given_again_or_reshaped_at_the_end_has_its_place_among_the_layers_too() {
    struct Network(ReLU, Tanh, fn(&Self, &Tensor) -> Result<Tensor, TchError>);
    impl Module for Network {
        fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
            self.2(self, xs)
        }
    }
    let xs = || Tensor::arange(8, FLOAT_CPU).view([1, 2, 2, 2]) - 4;
    let seen = |forward| -> Vec<(String, String, Vec<f32>)> {
        let stages = all_stages(&Network(ReLU, Tanh, forward), &xs()).unwrap();
        let numbers = |stage: &Tensor| Vec::try_from(stage.flatten(0, -1)).unwrap();
        stages.into_iter().map(|stage| (stage.name, stage.layer, numbers(&stage.output))).collect()
    };
    let (computed, relu) = ("computed in forward()".to_owned(), vec![0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0]);
    let part = |name: &str, layer: &str, numbers: Vec<f32>| (name.to_owned(), layer.to_owned(), numbers);
    let twice: Vec<f32> = relu.iter().map(|number| 2.0 * number).collect();

    let in_place = seen(|network, xs| network.0.forward(xs)?.f_mul_scalar_(2));
    assert_eq!(in_place, [part("relu1", "ReLU()", relu.clone()), part("forward1", &computed, twice)]);

    let given = xs();
    let of_input = Network(ReLU, Tanh, |network, xs| network.0.forward(&xs.shallow_clone().f_mul_scalar_(-1)?));
    let stages = all_stages(&of_input, &given).unwrap();
    assert_eq!((&given, &stages[0].input), (&xs(), &xs()), "what it was before the network changed it");
    assert_eq!((stages[0].name.as_str(), &stages[0].output), ("forward1", &-xs()));

    let branches = seen(|network, xs| {
        let (one, _) = (network.0.forward(xs)?, network.1.forward(xs)?);
        network.0.forward(&one)
    });
    let names: Vec<_> = branches.iter().map(|(name, layer, _)| (name.as_str(), layer.as_str())).collect();
    let again = [("forward1", "input, again"), ("tanh1", "Tanh()"), ("forward2", "relu1, again"), ("relu2", "ReLU()")];
    assert_eq!(names, [&[("relu1", "ReLU()")], &again[..]].concat());

    for forward in [
        |network: &Network, xs: &Tensor| network.0.forward(xs)?.f_flatten(1, -1),
        |_: &Network, xs: &Tensor| xs.f_flatten(1, -1),
    ] {
        let stages = all_stages(&Network(ReLU, Tanh, forward), &xs()).unwrap();
        let last = stages.last().unwrap();
        assert_eq!(last.shape(), [8], "the network's answer has the network's shape");
        assert!(last.layer.ends_with(", reshaped"), "{}", last.layer);
    }
}

#[test]
fn first_weights_of_less_than_two_dimensions_are_refused_as_pytorch_does() {
    let error = reset_parameters(&Tensor::zeros([3], FLOAT_CPU), None).unwrap_err().to_string();
    assert!(error.contains("expected a weight of two or more dimensions, found [3]"), "{error}");
}

#[test]
fn a_layer_of_no_inputs_is_made_with_a_bias_of_0_as_pytorch_does() {
    let vs = nn::VarStore::new(Device::Cpu);
    let fc = Linear::new(&vs.root() / "fc", 0, 3).unwrap();
    assert_eq!(Vec::<f32>::try_from(&fc.bias).unwrap(), [0.0; 3]);
    assert_eq!(fc.weight.size(), [3, 0]);
}

#[test]
fn a_forward_pass_that_fails_only_while_training_tells_the_place_where_it_does() {
    struct Norms(ReLU, BatchNorm2d, Tanh);
    impl Module for Norms {
        fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
            self.2.forward(&self.1.forward(&self.0.forward(xs)?)?)
        }
    }
    let norm = BatchNorm2d::new(nn::VarStore::new(Device::Cpu).root() / "bn1", 2).unwrap();
    let one = Tensor::ones([1, 2, 1, 1], tch::kind::FLOAT_CPU);
    let error = norm.forward(&one.flatten(1, -1)).unwrap_err().to_string();
    assert!(
        error.contains("bn1, BatchNorm2d(2) cannot take an input of [1, 2]: expected 4D input (got 2D input)"),
        "{error}"
    );
    let error = forward(&Norms(ReLU, norm, Tanh), &one).unwrap_err().to_string();
    assert!(error.contains("the network fails after relu1, which gives [N, 2, 1, 1]: bn1, BatchNorm2d(2)"), "{error}");
}

/// A network with something of its own behind its layer.
struct Then(Linear, fn(Tensor) -> Result<Tensor, TchError>);

impl Module for Then {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        self.1(self.0.forward(xs)?)
    }
}

#[test]
fn a_forward_pass_that_panics_leaves_gradients_tracked_and_nothing_looked_on() {
    let vs = nn::VarStore::new(Device::Cpu);
    let model = Then(Linear::new(&vs.root() / "fc", 4, 4).unwrap(), |out| Ok(out.view([-1, 801])));
    assert!(summary(&model, &vs, &[1, 4]).is_err());
    let xs = Tensor::ones([1, 4], tch::kind::FLOAT_CPU);
    assert!(model.0.forward(&xs).unwrap().requires_grad() && is_training());
    let ((), seen) = stages(|| {
        let panics = catch_unwind(AssertUnwindSafe(|| stages(|| model.forward(&xs))));
        assert!(panics.is_err());
        let _ = model.0.forward(&xs);
    });
    assert_eq!(seen.len(), 1, "what was looked on at first still is");
}

#[test]
fn what_a_network_panics_with_is_an_error_that_says_where() {
    let network = |then| Then(Linear::new(nn::VarStore::new(Device::Cpu).root() / "fc", 4, 4).unwrap(), then);
    let xs = Tensor::ones([1, 4], tch::kind::FLOAT_CPU);
    let error_of = |then| forward(&network(then), &xs).unwrap_err().to_string();
    let place = "the network fails after fc, which gives [N, 4]: ";
    let error = error_of(|out| Ok(out.view([-1, 801])));
    assert!(error.ends_with(&format!("{place}shape '[-1, 801]' is invalid for input of size 4")), "{error}");
    // tch's method returns a Result, but panics: it lets go of the number before it looks for libtorch's error.
    let error = error_of(|out| out.f_to_kind(Kind::Int64)?.f_mul_scalar_(0.5));
    assert!(
        error.contains(&format!("{place}result type Float can't be cast to")) && error.lines().count() == 1,
        "{error}"
    );
    // What is not libtorch's is told with its line.
    let error = error_of(|out| {
        let sizes = out.size();
        out.f_view(sizes[2])
    });
    assert!(
        error.contains(&format!("{place}index out of bounds")) && error.contains(", at tests/library/layers.rs:"),
        "{error}"
    );
}

#[test]
fn an_error_is_not_given_a_place_where_it_does_not_come_again() {
    thread_local! {
        static PASSES: Cell<i64> = const { Cell::new(0) };
    }
    let vs = nn::VarStore::new(Device::Cpu);
    let network = Then(Linear::new(&vs.root() / "fc", 4, 4).unwrap(), |out| {
        PASSES.set(PASSES.get() + 1);
        out.f_view(800 + PASSES.get()) // as where memory does not suffice for something else each time
    });
    let error = forward(&network, &Tensor::ones([1, 4], tch::kind::FLOAT_CPU)).unwrap_err().to_string();
    assert!(error.ends_with("the network fails: shape '[801]' is invalid for input of size 4"), "{error}");
}

#[test]
fn a_power_average_that_cannot_be_is_an_error_and_no_panic() {
    let xs = Tensor::ones([1, 1, 4, 4], tch::kind::FLOAT_CPU);
    let error = LPPool2d::new(0.0, 2).forward(&xs).unwrap_err().to_string();
    assert!(error.contains("LPPool2d(norm_type=0, kernel_size=2, stride=2) cannot take"), "{error}");
    // No memory holds its powers.
    let huge = xs.narrow(2, 0, 1).narrow(3, 0, 1).expand([1 << 15, 1 << 15, 1 << 10, 4], false);
    let error = LPPool2d::new(2.0, 2).forward(&huge).unwrap_err().to_string();
    assert!(error.contains("can't allocate memory") && error.lines().count() == 1, "{error}");
}
