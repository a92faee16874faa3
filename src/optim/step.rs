//! The steps in Python's arithmetic, operation by operation.

use super::{Optimizer, Rule};
use tch::{TchError, Tensor};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPS: f64 = 1e-8;

impl Optimizer {
    /// Python's `_single_tensor_sgd`. A buffer of zeros becomes the first gradient, as Python's copy of it does.
    pub(super) fn momentum_step(&mut self) -> Result<(), TchError> {
        let Rule::Momentum { momentum, buffers } = &mut self.rule else { return Ok(()) };
        for ((_, parameter), buffer) in self.parameters.iter_mut().zip(buffers) {
            let mut grad = parameter.f_grad()?;
            if self.weight_decay != 0.0 {
                grad = add(&grad, parameter, self.weight_decay)?;
            }
            let _ = buffer.f_mul_scalar_(*momentum)?.f_add_(&grad)?;
            parameter.f_copy_(&add(parameter, buffer, -self.lr)?)?;
        }
        Ok(())
    }

    /// Python's `_single_tensor_adam`, operation by operation.
    pub(super) fn adam_step(&mut self) -> Result<(), TchError> {
        let Rule::Adam { decoupled_weight_decay, step, exp_avg, exp_avg_sq } = &mut self.rule else { return Ok(()) };
        *step += 1;
        // powf and not powi or sqrt: Python's ** is the C library's pow.
        let bias_correction1 = 1.0 - BETA1.powf(*step as f64);
        let bias_correction2 = 1.0 - BETA2.powf(*step as f64);
        let step_size = self.lr / bias_correction1;
        let moments = exp_avg.iter_mut().zip(exp_avg_sq);
        for ((_, parameter), (exp_avg, exp_avg_sq)) in self.parameters.iter_mut().zip(moments) {
            let mut grad = parameter.f_grad()?;
            if *decoupled_weight_decay {
                let _ = parameter.f_mul_scalar_(1.0 - self.lr * self.weight_decay)?;
            } else if self.weight_decay != 0.0 {
                grad = add(&grad, parameter, self.weight_decay)?;
            }
            let _ = exp_avg.f_lerp_(&grad, 1.0 - BETA1)?;
            // addcmul_ and addcdiv_ take no value in tch: as part of the first factor it rounds the same.
            let _ = exp_avg_sq.f_mul_scalar_(BETA2)?.f_addcmul_(&grad.f_mul_scalar(1.0 - BETA2)?, &grad)?;
            let denom = exp_avg_sq.f_sqrt()?.f_div_scalar(bias_correction2.powf(0.5))?.f_add_scalar(EPS)?;
            let _ = parameter.f_addcdiv_(&exp_avg.f_mul_scalar(-step_size)?, &denom)?;
        }
        Ok(())
    }
}

/// Python's `a.add(b, alpha=alpha)`, which rounds once: tch's `add` takes no alpha, and `addcmul` rounds as it does.
fn add(a: &Tensor, b: &Tensor, alpha: f64) -> Result<Tensor, TchError> {
    a.f_addcmul(b, &Tensor::f_full([], alpha, (a.f_kind()?, a.device()))?)
}
