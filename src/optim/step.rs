//! The steps in Python's arithmetic, operation by operation.

use super::{Optimizer, Rule};
use tch::{Device, TchError, Tensor};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPS: f64 = 1e-8;

impl Optimizer {
    /// Python's `_single_tensor_sgd`. A buffer of zeros becomes the first gradient, as Python's copy of it does.
    pub(super) fn momentum_step(&mut self) -> Result<(), TchError> {
        let mut grad = self.grad()?;
        let Rule::Momentum { momentum, buffer } = &mut self.rule else { return Ok(()) };
        if self.weight_decay != 0.0 {
            let parameters = flat(&self.parameters, Tensor::f_detach)?;
            grad = grad.f_addcmul(&parameters, &scalar(&grad, self.weight_decay)?)?;
        }
        let _ = buffer.f_mul_scalar_(*momentum)?.f_add_(&grad)?;
        let alpha = scalar(buffer, -self.lr)?;
        let moves = parts(buffer, &self.parameters)?;
        for ((_, parameter), buffer) in self.parameters.iter_mut().zip(moves) {
            let _ = parameter.f_addcmul_(&buffer, &alpha)?;
        }
        Ok(())
    }

    /// Python's `_single_tensor_adam` on a CPU, and its `_multi_tensor_adam`, which rounds in other places, on a GPU.
    pub(super) fn adam_step(&mut self) -> Result<(), TchError> {
        let mut grad = self.grad()?;
        let Rule::Adam { decoupled_weight_decay, step, exp_avg, exp_avg_sq } = &mut self.rule else { return Ok(()) };
        *step += 1;
        // powf and not powi or sqrt: Python's ** is the C library's pow.
        let bias_correction1 = 1.0 - BETA1.powf(*step as f64);
        let bias_correction2 = 1.0 - BETA2.powf(*step as f64);
        let step_size = self.lr / bias_correction1;
        if !*decoupled_weight_decay && self.weight_decay != 0.0 {
            let parameters = flat(&self.parameters, Tensor::f_detach)?;
            grad = grad.f_addcmul(&parameters, &scalar(&grad, self.weight_decay)?)?;
        }
        // addcmul_ and addcdiv_ take no value in tch: as a factor in its place it rounds the same.
        let on_cpu = grad.device() == Device::Cpu;
        let (a, b) = match on_cpu {
            true => (grad.f_mul_scalar(1.0 - BETA2)?, grad.shallow_clone()),
            false => (grad.f_mul(&grad)?, scalar(&grad, 1.0 - BETA2)?),
        };
        let _ = exp_avg.f_lerp_(&grad, 1.0 - BETA1)?;
        let _ = exp_avg_sq.f_mul_scalar_(BETA2)?.f_addcmul_(&a, &b)?;
        let denom = exp_avg_sq.f_sqrt()?.f_div(&scalar(&grad, bias_correction2.powf(0.5))?)?.f_add_scalar(EPS)?;
        let (moves, alpha) = match on_cpu {
            true => (exp_avg.f_mul_scalar(-step_size)?.f_div(&denom)?, 1.0),
            false => (exp_avg.f_div(&denom)?, -step_size),
        };
        let (moves, alpha) = (parts(&moves, &self.parameters)?, scalar(&grad, alpha)?);
        for ((_, parameter), moves) in self.parameters.iter_mut().zip(moves) {
            if *decoupled_weight_decay {
                let _ = parameter.f_mul_scalar_(1.0 - self.lr * self.weight_decay)?;
            }
            let _ = parameter.f_addcmul_(&moves, &alpha)?;
        }
        Ok(())
    }

    /// All gradients, zeros where the network has not used a parameter.
    fn grad(&self) -> Result<Tensor, TchError> {
        flat(&self.parameters, |parameter| {
            let grad = parameter.f_grad()?;
            if grad.defined() { Ok(grad) } else { parameter.f_detach()?.f_zeros_like() }
        })
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

/// A factor for `addcmul`. Python's `a.add(b, alpha=alpha)` rounds once: tch's `add` takes no alpha, `addcmul` rounds as it does.
fn scalar(like: &Tensor, value: f64) -> Result<Tensor, TchError> {
    Tensor::f_full([], value, (like.f_kind()?, like.device()))
}
