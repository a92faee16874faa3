//! A step in Python's arithmetic, operation by operation.

use super::numbers::Numbers;
use super::{Optimizer, Rule};
use crate::nn::{caught, without_stack};
use crate::portable;
use std::mem;
use tch::{Device, TchError, Tensor};

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
    /// The first half of a step: counts it for the parameters that have a gradient, and writes its numbers to where the second
    /// half reads them. Whether that is in other memory than in the step before.
    pub(crate) fn begin_step(&mut self) -> Result<bool, TchError> {
        if self.steps.iter().all(|&step| step == 0) {
            self.follow_parameters()?;
        }
        let grads = self.grads()?;
        for (step, _) in self.steps.iter_mut().zip(&grads).filter(|(_, grad)| grad.defined()) {
            *step += 1;
        }
        let many = if self.is_together(&grads) { 1 } else { grads.len() };
        let mut is_new = false;
        for (i, grad) in grads.iter().enumerate().take(many).filter(|(_, grad)| grad.defined()) {
            is_new |= self.write_numbers(i, grad)?;
        }
        Ok(is_new)
    }

    /// The second half: moves the parameters that have a gradient, all at once or one after the other. It reads nothing but
    /// tensors, so a card can record it.
    pub(crate) fn end_step(&mut self) -> Result<(), TchError> {
        let grads = self.grads()?;
        let _no_grad = tch::no_grad_guard();
        let step = || {
            if self.is_together(&grads) {
                let moves = self.moves(None, flat(&grads)?)?;
                for (i, moves) in parts(&moves, &grads)?.into_iter().enumerate() {
                    self.apply(i, 0, &moves)?;
                }
                return Ok(());
            }
            for (i, grad) in grads.iter().enumerate().filter(|(_, grad)| grad.defined()) {
                let moves = self.moves(Some(i), grad.shallow_clone())?;
                self.apply(i, i, &moves)?;
            }
            Ok(())
        };
        caught(step).map_err(without_stack)
    }

    /// A network may have become one of another kind or device since this was made: PyTorch's optimizers keep nothing before
    /// their first step.
    fn follow_parameters(&mut self) -> Result<(), TchError> {
        let is_like = |(kept, (_, parameter)): (&Tensor, &(String, Tensor))| {
            kept.device() == parameter.device() && kept.f_kind().ok() == parameter.f_kind().ok()
        };
        let parameters = mem::take(&mut self.parameters);
        let mut others = self.buffers().into_iter().filter(|buffer| !buffer.parts.iter().zip(&parameters).all(is_like));
        let followed = others.try_for_each(|buffer| {
            *buffer = Buffer::zeros(&parameters)?;
            Ok(())
        });
        drop(others);
        self.parameters = parameters;
        followed
    }

    fn grads(&self) -> Result<Vec<Tensor>, TchError> {
        self.parameters.iter().map(|(_, parameter)| parameter.f_grad()).collect()
    }

    /// Whether all parameters move at once: where something is kept for each, all are of one kind and device, all have a gradient
    /// and all have taken as many steps. Those of plain SGD never do.
    fn is_together(&self, grads: &[Tensor]) -> bool {
        let buffer = match &self.rule {
            Rule::Sgd => None,
            Rule::Momentum { buffer, .. } => buffer.flat.as_ref(),
            Rule::Adam { exp_avg, .. } => exp_avg.flat.as_ref(),
        };
        buffer.is_some() && grads.iter().all(Tensor::defined) && self.steps.windows(2).all(|two| two[0] == two[1])
    }

    /// Along what to move one parameter, or all of them; buffers and moments become those of this step.
    ///
    /// A step with momentum is Python's `_single_tensor_sgd`; a buffer of zeros becomes the first gradient, as Python's copy
    /// of it does. Adam is Python's `_single_tensor_adam` on a CPU and its `_multi_tensor_adam`, which rounds in other
    /// places, on a GPU.
    fn moves(&self, one: Option<usize>, mut grad: Tensor) -> Result<Tensor, TchError> {
        let i = one.unwrap_or(0);
        let numbers = self.numbers_of(i)?;
        if self.weight_decay != 0.0 && !self.decoupled {
            let parameters = match one {
                Some(i) => self.parameters[i].1.f_detach()?,
                None => flat(&self.parameters.iter().map(|(_, p)| p.f_detach()).collect::<Result<Vec<_>, _>>()?)?,
            };
            grad = grad.f_addcmul(&parameters, &numbers.weight_decay.tensor)?;
        }
        let buffer =
            |buffer: &Buffer| buffer.of(one).ok_or_else(|| TchError::Torch("a parameter has no buffer".into()));
        match &self.rule {
            Rule::Sgd => Ok(grad),
            Rule::Momentum { momentum, nesterov, buffer: kept } => {
                let buffer = buffer(kept)?.f_mul_scalar_(*momentum)?.f_add_(&grad)?;
                if *nesterov { grad.f_addcmul(&buffer, &numbers.momentum.tensor) } else { Ok(buffer) }
            }
            Rule::Adam { betas: (beta1, beta2), eps, exp_avg, exp_avg_sq } => {
                let (mut exp_avg, mut exp_avg_sq) = (buffer(exp_avg)?, buffer(exp_avg_sq)?);
                let on_cpu = grad.device() == Device::Cpu;
                let (a, b) = if on_cpu {
                    (grad.f_mul_scalar(1.0 - beta2)?, &grad)
                } else {
                    (grad.f_mul(&grad)?, &numbers.one_minus_beta2.tensor)
                };
                let _ = exp_avg.f_lerp_(&grad, 1.0 - beta1)?;
                let _ = exp_avg_sq.f_mul_scalar_(*beta2)?.f_addcmul_(&a, b)?;
                let denom =
                    portable::sqrt(&exp_avg_sq)?.f_div(&numbers.bias_correction2_sqrt.tensor)?.f_add_scalar(*eps)?;
                if on_cpu { exp_avg.f_mul_scalar(-self.step_size(i))?.f_div(&denom) } else { exp_avg.f_div(&denom) }
            }
        }
    }

    /// Moves the `i`th parameter, with the numbers at `of`.
    fn apply(&mut self, i: usize, of: usize, moves: &Tensor) -> Result<(), TchError> {
        let mut parameter = self.parameters[i].1.shallow_clone();
        let numbers = self.numbers_of(of)?;
        if self.decoupled {
            let _ = parameter.f_mul_(&numbers.decay.tensor)?;
        }
        parameter.f_addcmul_(moves, &numbers.alpha.tensor).map(|_| ())
    }

    fn numbers_of(&self, i: usize) -> Result<&Numbers, TchError> {
        let numbers = self.numbers.get(i).and_then(Option::as_ref);
        numbers.ok_or_else(|| TchError::Torch("the step of a parameter has no numbers".into()))
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
