//! A step in Python's arithmetic, operation by operation.

use super::{Optimizer, Rule};
use tch::{Device, Kind, TchError, Tensor};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPS: f64 = 1e-8;

impl Optimizer {
    /// A step with momentum is Python's `_single_tensor_sgd`; a buffer of zeros becomes the first gradient, as Python's copy
    /// of it does. Adam is Python's `_single_tensor_adam` on a CPU and its `_multi_tensor_adam`, which rounds in other
    /// places, on a GPU.
    pub(super) fn flat_step(&mut self) -> Result<(), TchError> {
        let Self { lr, weight_decay, decoupled, parameters, rule, .. } = self;
        let (lr, weight_decay, decoupled) = (*lr, *weight_decay, *decoupled);
        let mut grad = flat(parameters, |parameter| {
            let grad = parameter.f_grad()?; // none where the network has not used the parameter
            if grad.defined() { Ok(grad) } else { parameter.f_detach()?.f_zeros_like() }
        })?;
        let (device, on_cpu) = (grad.device(), grad.device() == Device::Cpu);
        // Python's add, addcmul and addcdiv take a factor and round once: tch's addcmul does so with the factor as a tensor.
        let factor = |value: f64| Tensor::f_full([], value, (Kind::Float, device));
        if weight_decay != 0.0 && !decoupled {
            grad = grad.f_addcmul(&flat(parameters, Tensor::f_detach)?, &factor(weight_decay)?)?;
        }
        let (moves, alpha) = match rule {
            Rule::Sgd => (grad, -lr),
            Rule::Momentum { momentum, buffer } => {
                let _ = buffer.f_mul_scalar_(*momentum)?.f_add_(&grad)?;
                (buffer.shallow_clone(), -lr)
            }
            Rule::Adam { step, exp_avg, exp_avg_sq } => {
                *step += 1;
                // powf and not powi or sqrt: Python's ** is the C library's pow.
                let bias_correction1 = 1.0 - BETA1.powf(*step as f64);
                let bias_correction2 = 1.0 - BETA2.powf(*step as f64);
                let step_size = lr / bias_correction1;
                let (a, b) = if on_cpu {
                    (grad.f_mul_scalar(1.0 - BETA2)?, grad.shallow_clone())
                } else {
                    (grad.f_mul(&grad)?, factor(1.0 - BETA2)?)
                };
                let _ = exp_avg.f_lerp_(&grad, 1.0 - BETA1)?;
                let _ = exp_avg_sq.f_mul_scalar_(BETA2)?.f_addcmul_(&a, &b)?;
                let denom = exp_avg_sq.f_sqrt()?.f_div(&factor(bias_correction2.powf(0.5))?)?.f_add_scalar(EPS)?;
                if on_cpu {
                    (exp_avg.f_mul_scalar(-step_size)?.f_div(&denom)?, 1.0)
                } else {
                    (exp_avg.f_div(&denom)?, -step_size)
                }
            }
        };
        let (moves, alpha) = (parts(&moves, parameters)?, factor(alpha)?);
        for ((_, parameter), moves) in parameters.iter_mut().zip(moves) {
            if decoupled {
                let _ = parameter.f_mul_scalar_(1.0 - lr * weight_decay)?;
            }
            let _ = parameter.f_addcmul_(&moves, &alpha)?;
        }
        Ok(())
    }
}

/// `[n]`: what `of` makes of each parameter, one after the other.
pub(super) fn flat(
    parameters: &[(String, Tensor)],
    of: impl Fn(&Tensor) -> Result<Tensor, TchError>,
) -> Result<Tensor, TchError> {
    let parts: Vec<_> =
        parameters.iter().map(|(_, parameter)| of(parameter)?.f_flatten(0, -1)).collect::<Result<_, _>>()?;
    Tensor::f_cat(&parts, 0)
}

/// The parts of a flat tensor, each in the shape of its parameter. They share its memory.
pub(super) fn parts(flat: &Tensor, parameters: &[(String, Tensor)]) -> Result<Vec<Tensor>, TchError> {
    let sizes: Vec<_> = parameters.iter().map(|(_, parameter)| parameter.numel() as i64).collect();
    let parts = flat.f_split_with_sizes(sizes, 0)?.into_iter().zip(parameters);
    parts.map(|(part, (_, parameter))| part.f_view_as(parameter)).collect()
}
