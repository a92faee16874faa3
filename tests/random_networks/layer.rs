//! A layer as scripts/random_networks.py draws it: the library's, or one as somebody writes it.

use cnn_tutorial::nn::{self, LayerKind, Module};
use serde::Deserialize;
use tch::nn::{Init, Path};
use tch::{Kind, TchError, Tensor};

#[derive(Deserialize)]
pub struct Layer {
    name: String,
    pub used: Used,
    pub calls: usize,
    pub joined: Option<Joined>,
    #[serde(flatten)]
    kind: Kinds,
}

/// What a layer's output and its input make together.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Joined {
    Add,
    Mul,
    Cat,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
pub enum Used {
    Always(bool),
    /// In the steps that leave this remainder, divided by this number.
    Sometimes(i64, i64),
}

type Two = (i64, i64);

#[derive(Deserialize)]
#[serde(tag = "kind")]
enum Kinds {
    Conv2d {
        in_channels: i64,
        out_channels: i64,
        kernel_size: Two,
        stride: Two,
        padding: Two,
        groups: Option<i64>,
        dilation: Option<Two>,
        bias: Option<bool>,
    },
    Linear {
        in_features: i64,
        out_features: i64,
    },
    BatchNorm2d {
        num_features: i64,
    },
    MaxPool2d(Pool),
    AvgPool2d(Pool),
    LPPool2d {
        norm_type: f64,
        #[serde(flatten)]
        pool: Pool,
    },
    Dropout {
        p: f64,
    },
    ReLU,
    Tanh,
    Flatten,
    // Not the library's
    AdaptiveAvgPool2d {
        output_size: Two,
    },
    AdaptiveMaxPool2d {
        output_size: Two,
    },
    BatchNorm1d {
        num_features: i64,
    },
    GroupNorm {
        num_groups: i64,
        num_channels: i64,
    },
    LayerNorm {
        normalized_shape: i64,
    },
    Dropout2d {
        p: f64,
    },
    #[serde(rename = "ELU")]
    Elu,
    #[serde(rename = "GELU")]
    Gelu,
    Hardswish,
    LeakyReLU,
    Mish,
    PReLU,
    Sigmoid,
    SiLU,
    Softplus,
}

/// `padding`, `ceil_mode` and `count_include_pad` are not arguments of the library's pools.
#[derive(Clone, Copy, Deserialize)]
struct Pool {
    kernel_size: Two,
    stride: Two,
    padding: Option<Two>,
    ceil_mode: Option<bool>,
    count_include_pad: Option<bool>,
}

/// An operation of tch's own, as somebody writes it into a `forward`.
struct Operation<F>(F);

impl<F: Fn(&Tensor) -> Result<Tensor, TchError>> Module for Operation<F> {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        self.0(xs)
    }
}

/// A layer that the library does not have, as somebody writes it.
struct OwnLayer<F> {
    kind: &'static str,
    name: String,
    parameters: Vec<Tensor>,
    compute: F,
}

impl<F: Fn(&Tensor, &[Tensor]) -> Result<Tensor, TchError>> Module for OwnLayer<F> {
    fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let parameters: Vec<_> = self.parameters.iter().collect();
        let out = (self.compute)(xs, &self.parameters);
        nn::forward_hook(self.kind, LayerKind::Other(self.kind), Some((&self.name, &parameters)), xs, out)
    }
}

fn pair((down, right): Two) -> [i64; 2] {
    [down, right]
}

/// `weight` 1 and `bias` 0, as norms begin with.
fn norm(
    vs: Path,
    kind: &'static str,
    size: i64,
    compute: impl Fn(&Tensor, &[Tensor]) -> Result<Tensor, TchError> + 'static,
) -> Result<Box<dyn Module>, TchError> {
    let name = nn::name_of(&vs)?;
    let weight = vs.f_var("weight", &[size], Init::Const(1.)).map_err(nn::without_stack)?;
    let bias = vs.f_var("bias", &[size], Init::Const(0.))?;
    Ok(Box::new(OwnLayer { kind, name, parameters: vec![weight, bias], compute }))
}

/// `torch.nn.Conv2d` with arguments that the library's does not have.
struct OwnConv2d {
    channels: Two,
    kernel_size: Two,
    stride: Two,
    padding: Two,
    dilation: Two,
    groups: i64,
    bias: bool,
}

impl OwnConv2d {
    fn layer(self, vs: Path) -> Result<Box<dyn Module>, TchError> {
        let Self { channels: (in_channels, out_channels), kernel_size, groups, bias, .. } = self;
        let name = nn::name_of(&vs)?;
        if in_channels % groups != 0 || out_channels % groups != 0 {
            return Err(TchError::Torch("channels must be divisible by groups".into()));
        }
        let size = [out_channels, in_channels / groups, kernel_size.0, kernel_size.1];
        let weight = vs.f_var("weight", &size, Init::Const(0.)).map_err(nn::without_stack)?;
        let bias = bias.then(|| vs.f_var("bias", &[out_channels], Init::Const(0.))).transpose()?;
        nn::reset_parameters(&weight, bias.as_ref())?;
        let parameters = [weight].into_iter().chain(bias).collect();
        let [stride, padding, dilation] = [self.stride, self.padding, self.dilation].map(pair);
        let compute = move |xs: &Tensor, parameters: &[Tensor]| {
            xs.f_conv2d(&parameters[0], parameters.get(1), stride, padding, dilation, groups)
        };
        Ok(Box::new(OwnLayer { kind: "conv", name, parameters, compute }))
    }
}

fn batch_norm1d(vs: Path, num_features: i64) -> Result<Box<dyn Module>, TchError> {
    let number = (vs.kind(), vs.device());
    let mean = vs.add("running_mean", Tensor::f_zeros([num_features], number).map_err(nn::without_stack)?, false);
    let var = vs.add("running_var", Tensor::f_ones([num_features], number)?, false);
    let batches = vs.add("num_batches_tracked", Tensor::f_zeros([], (Kind::Int64, vs.device()))?, false);
    norm(vs, "batchnorm", num_features, move |xs, parameters| {
        let training = nn::is_training();
        if training {
            if xs.size()[0] == 1 {
                return Err(TchError::Torch("expected more than 1 value per channel when training".into()));
            }
            let _ = batches.shallow_clone().f_add_scalar_(1)?;
        }
        let [weight, bias] = [&parameters[0], &parameters[1]].map(Some);
        xs.f_batch_norm(weight, bias, Some(&mean), Some(&var), training, 0.1, 1e-5, true)
    })
}

impl Pool {
    /// With arguments that the library's pools do not have.
    fn is_own(&self) -> bool {
        self.ceil_mode.is_some()
    }

    fn max(self, xs: &Tensor) -> Result<Tensor, TchError> {
        let [kernel_size, stride, padding] =
            [self.kernel_size, self.stride, self.padding.unwrap_or_default()].map(pair);
        xs.f_max_pool2d(kernel_size, stride, padding, 1, self.ceil_mode.unwrap_or_default())
    }

    fn mean(self, xs: &Tensor) -> Result<Tensor, TchError> {
        let [kernel_size, stride, padding] =
            [self.kernel_size, self.stride, self.padding.unwrap_or_default()].map(pair);
        let (ceil_mode, count_include_pad) =
            (self.ceil_mode.unwrap_or_default(), self.count_include_pad.unwrap_or(true));
        xs.f_avg_pool2d(kernel_size, stride, padding, ceil_mode, count_include_pad, None)
    }

    /// `torch.nn.functional.lp_pool2d`
    fn power_average(self, xs: &Tensor, norm_type: f64) -> Result<Tensor, TchError> {
        let out = self.mean(&xs.f_pow_tensor_scalar(norm_type)?)?;
        let magnitudes = out.f_sign()?.f_mul(&out.f_abs()?.f_relu()?)?;
        let area = self.kernel_size.0 * self.kernel_size.1;
        magnitudes.f_mul_scalar(area)?.f_pow_tensor_scalar(1.0 / norm_type)
    }
}

impl Layer {
    pub fn module(&self, vs: &Path) -> Result<Box<dyn Module>, TchError> {
        let vs = vs / &self.name;
        let operation = |operation: fn(&Tensor) -> Result<Tensor, TchError>| Box::new(Operation(operation));
        Ok(match self.kind {
            Kinds::Conv2d { in_channels, out_channels, kernel_size, stride, padding, groups, dilation, bias }
                if groups.is_some() || dilation.is_some() || bias.is_some() =>
            {
                let channels = (in_channels, out_channels);
                let (dilation, groups) = (dilation.unwrap_or((1, 1)), groups.unwrap_or(1));
                let bias = bias.unwrap_or(true);
                OwnConv2d { channels, kernel_size, stride, padding, dilation, groups, bias }.layer(vs)?
            }
            Kinds::Conv2d { in_channels, out_channels, kernel_size, stride, padding, .. } => {
                Box::new(nn::Conv2d::new(vs, in_channels, out_channels, kernel_size)?.stride(stride).padding(padding))
            }
            Kinds::Linear { in_features, out_features } => Box::new(nn::Linear::new(vs, in_features, out_features)?),
            Kinds::BatchNorm2d { num_features } => Box::new(nn::BatchNorm2d::new(vs, num_features)?),
            Kinds::MaxPool2d(pool) if pool.is_own() => Box::new(Operation(move |xs: &Tensor| pool.max(xs))),
            Kinds::AvgPool2d(pool) if pool.is_own() => Box::new(Operation(move |xs: &Tensor| pool.mean(xs))),
            Kinds::LPPool2d { norm_type, pool } if pool.is_own() => {
                Box::new(Operation(move |xs: &Tensor| pool.power_average(xs, norm_type)))
            }
            Kinds::MaxPool2d(Pool { kernel_size, stride, .. }) => {
                Box::new(nn::MaxPool2d::new(kernel_size).stride(stride))
            }
            Kinds::AvgPool2d(Pool { kernel_size, stride, .. }) => {
                Box::new(nn::AvgPool2d::new(kernel_size).stride(stride))
            }
            Kinds::LPPool2d { norm_type, pool: Pool { kernel_size, stride, .. } } => {
                Box::new(nn::LPPool2d::new(norm_type, kernel_size).stride(stride))
            }
            Kinds::Dropout { p } => Box::new(nn::Dropout::new(p)),
            Kinds::ReLU => Box::new(nn::ReLU),
            Kinds::Tanh => Box::new(nn::Tanh),
            Kinds::Flatten => operation(|xs| xs.f_flatten(1, -1)),
            Kinds::AdaptiveAvgPool2d { output_size } => {
                Box::new(Operation(move |xs: &Tensor| xs.f_adaptive_avg_pool2d(pair(output_size))))
            }
            Kinds::AdaptiveMaxPool2d { output_size } => {
                Box::new(Operation(move |xs: &Tensor| Ok(xs.f_adaptive_max_pool2d(pair(output_size))?.0)))
            }
            Kinds::BatchNorm1d { num_features } => batch_norm1d(vs, num_features)?,
            Kinds::GroupNorm { num_groups, num_channels } => {
                norm(vs, "groupnorm", num_channels, move |xs, parameters| {
                    xs.f_group_norm(num_groups, Some(&parameters[0]), Some(&parameters[1]), 1e-5, true)
                })?
            }
            Kinds::LayerNorm { normalized_shape } => norm(vs, "layernorm", normalized_shape, move |xs, parameters| {
                xs.f_layer_norm([normalized_shape], Some(&parameters[0]), Some(&parameters[1]), 1e-5, true)
            })?,
            Kinds::Dropout2d { p } => {
                Box::new(Operation(move |xs: &Tensor| xs.f_feature_dropout(p, nn::is_training())))
            }
            Kinds::PReLU => {
                let (name, weight) = (nn::name_of(&vs)?, vs.f_var("weight", &[1], Init::Const(0.25))?);
                let compute = |xs: &Tensor, parameters: &[Tensor]| xs.f_prelu(&parameters[0]);
                Box::new(OwnLayer { kind: "prelu", name, parameters: vec![weight], compute })
            }
            Kinds::Elu => operation(Tensor::f_elu),
            Kinds::Gelu => operation(|xs| xs.f_gelu("none")),
            Kinds::Hardswish => operation(Tensor::f_hardswish),
            Kinds::LeakyReLU => operation(Tensor::f_leaky_relu),
            Kinds::Mish => operation(Tensor::f_mish),
            Kinds::Sigmoid => operation(Tensor::f_sigmoid),
            Kinds::SiLU => operation(Tensor::f_silu),
            Kinds::Softplus => operation(Tensor::f_softplus),
        })
    }
}
