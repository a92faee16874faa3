//! A step in Python's arithmetic, operation by operation.

use super::{Optimizer, Rule};
use crate::portable;
use tch::{Device, TchError, Tensor};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPS: f64 = 1e-8;

/// What an optimizer keeps for each parameter.
pub(super) struct Buffer {
    /// `[n]`: all parts one after the other, so that one operation is enough. Not for parameters of several kinds or devices.
    flat: Option<Tensor>,
    /// Each in the shape of its parameter.
    pub(super) parts: Vec<Tensor>,
}

impl Buffer {
    pub(super) fn zeros(parameters: &[(String, Tensor)]) -> Result<Self, TchError> {
        let zeros = |(_, parameter): &(String, Tensor)| parameter.f_detach()?.f_zeros_like();
        let zeros = parameters.iter().map(zeros).collect::<Result<Vec<_>, _>>()?;
        let of_one_kind =
            |pair: &[Tensor]| pair[0].f_kind().ok() == pair[1].f_kind().ok() && pair[0].device() == pair[1].device();
        if !zeros.windows(2).all(of_one_kind) {
            return Ok(Self { flat: None, parts: zeros });
        }
        let flat = flat(&zeros)?;
        Ok(Self { parts: parts(&flat, &zeros)?, flat: Some(flat) })
    }

    /// The part of one parameter, or all of them.
    fn of(&self, one: Option<usize>) -> Option<Tensor> {
        match one {
            Some(i) => self.parts.get(i).map(Tensor::shallow_clone),
            None => self.flat.as_ref().map(Tensor::shallow_clone),
        }
    }
}

impl Optimizer {
    /// Moves the parameters that have a gradient: where all have one and have taken as many steps, all at once.
    pub(super) fn own_step(&mut self) -> Result<(), TchError> {
        let grads: Vec<_> =
            self.parameters.iter().map(|(_, parameter)| parameter.f_grad()).collect::<Result<_, _>>()?;
        for (step, _) in self.steps.iter_mut().zip(&grads).filter(|(_, grad)| grad.defined()) {
            *step += 1;
        }
        let buffer = match &self.rule {
            Rule::Sgd => None,
            Rule::Momentum { buffer, .. } => buffer.flat.as_ref(),
            Rule::Adam { exp_avg, .. } => exp_avg.flat.as_ref(),
        };
        if buffer.is_some() && grads.iter().all(Tensor::defined) && self.steps.windows(2).all(|two| two[0] == two[1]) {
            let (moves, alpha) = self.moves(None, flat(&grads)?)?;
            for (i, moves) in parts(&moves, &grads)?.into_iter().enumerate() {
                self.apply(i, &moves, &alpha)?;
            }
            return Ok(());
        }
        for (i, grad) in grads.into_iter().enumerate().filter(|(_, grad)| grad.defined()) {
            let (moves, alpha) = self.moves(Some(i), grad)?;
            self.apply(i, &moves, &alpha)?;
        }
        Ok(())
    }

    /// Along what to move one parameter, or all of them, and how far; buffers and moments become those of this step.
    ///
    /// A step with momentum is Python's `_single_tensor_sgd`; a buffer of zeros becomes the first gradient, as Python's copy
    /// of it does. Adam is Python's `_single_tensor_adam` on a CPU and its `_multi_tensor_adam`, which rounds in other
    /// places, on a GPU.
    fn moves(&self, one: Option<usize>, mut grad: Tensor) -> Result<(Tensor, Tensor), TchError> {
        let (device, kind) = (grad.device(), grad.f_kind()?);
        // Python's add, addcmul and addcdiv take a factor and round once: tch's addcmul does so with the factor as a tensor.
        let factor = |value: f64| Tensor::f_full([], value, (kind, device));
        if self.weight_decay != 0.0 && !self.decoupled {
            let parameters = match one {
                Some(i) => self.parameters[i].1.f_detach()?,
                None => flat(&self.parameters.iter().map(|(_, p)| p.f_detach()).collect::<Result<Vec<_>, _>>()?)?,
            };
            grad = grad.f_addcmul(&parameters, &factor(self.weight_decay)?)?;
        }
        let buffer =
            |buffer: &Buffer| buffer.of(one).ok_or_else(|| TchError::Torch("a parameter has no buffer".into()));
        let (moves, alpha) = match &self.rule {
            Rule::Sgd => (grad, -self.lr),
            Rule::Momentum { momentum, buffer: kept } => {
                let mut buffer = buffer(kept)?;
                let _ = buffer.f_mul_scalar_(*momentum)?.f_add_(&grad)?;
                (buffer, -self.lr)
            }
            Rule::Adam { exp_avg, exp_avg_sq } => {
                let (mut exp_avg, mut exp_avg_sq) = (buffer(exp_avg)?, buffer(exp_avg_sq)?);
                let step = self.steps[one.unwrap_or(0)] as f64;
                // powf and not powi or sqrt: Python's ** is the C library's pow.
                let bias_correction1 = 1.0 - BETA1.powf(step);
                let bias_correction2 = 1.0 - BETA2.powf(step);
                let step_size = self.lr / bias_correction1;
                let on_cpu = device == Device::Cpu;
                let (a, b) = if on_cpu {
                    (grad.f_mul_scalar(1.0 - BETA2)?, grad.shallow_clone())
                } else {
                    (grad.f_mul(&grad)?, factor(1.0 - BETA2)?)
                };
                let _ = exp_avg.f_lerp_(&grad, 1.0 - BETA1)?;
                let _ = exp_avg_sq.f_mul_scalar_(BETA2)?.f_addcmul_(&a, &b)?;
                let denom =
                    portable::sqrt(&exp_avg_sq)?.f_div(&factor(bias_correction2.powf(0.5))?)?.f_add_scalar(EPS)?;
                if on_cpu {
                    (exp_avg.f_mul_scalar(-step_size)?.f_div(&denom)?, 1.0)
                } else {
                    (exp_avg.f_div(&denom)?, -step_size)
                }
            }
        };
        Ok((moves, factor(alpha)?))
    }

    fn apply(&mut self, i: usize, moves: &Tensor, alpha: &Tensor) -> Result<(), TchError> {
        let parameter = &mut self.parameters[i].1;
        if self.decoupled {
            let _ = parameter.f_mul_scalar_(1.0 - self.lr * self.weight_decay)?;
        }
        parameter.f_addcmul_(moves, alpha).map(|_| ())
    }
}

/// `[n]`: the tensors one after the other.
fn flat(tensors: &[Tensor]) -> Result<Tensor, TchError> {
    let parts: Vec<_> = tensors.iter().map(|tensor| tensor.f_flatten(0, -1)).collect::<Result<_, _>>()?;
    Tensor::f_cat(&parts, 0)
}

/// The parts of a flat tensor, each in the shape of one of these. They share its memory.
fn parts(flat: &Tensor, like: &[Tensor]) -> Result<Vec<Tensor>, TchError> {
    let sizes: Vec<_> = like.iter().map(|tensor| tensor.numel() as i64).collect();
    let parts = flat.f_split_with_sizes(sizes, 0)?.into_iter().zip(like);
    parts.map(|(part, tensor)| part.f_view_as(tensor)).collect()
}
