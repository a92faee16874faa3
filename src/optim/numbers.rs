//! The numbers that a step computes with.

use super::{Optimizer, Rule};
use crate::nn::caught;
use tch::{Device, Kind, TchError, Tensor};

/// A number as a tensor: an operation that is recorded on a card reads it anew in each step.
///
/// Python's add, addcmul and addcdiv take a factor and round once; tch's addcmul does so with the factor as a tensor.
pub(super) struct Number {
    value: Option<f64>,
    pub(super) tensor: Tensor,
}

impl Number {
    fn set(&mut self, value: f64) -> Result<(), TchError> {
        if self.value != Some(value) {
            let _ = caught(|| self.tensor.f_fill_(value))?;
            self.value = Some(value);
        }
        Ok(())
    }
}

/// The numbers of one parameter's step, or of all at once.
pub(super) struct Numbers {
    pub(super) weight_decay: Number,
    pub(super) momentum: Number,
    /// What a parameter is multiplied by where the weight decay is decoupled.
    pub(super) decay: Number,
    pub(super) one_minus_beta2: Number,
    /// `bias_correction2 ** 0.5`
    pub(super) bias_correction2_sqrt: Number,
    /// How far a parameter goes along its move.
    pub(super) alpha: Number,
}

impl Numbers {
    fn new(kind: Kind, device: Device) -> Result<Self, TchError> {
        let number = || Ok::<_, TchError>(Number { value: None, tensor: Tensor::f_zeros([], (kind, device))? });
        Ok(Self {
            weight_decay: number()?,
            momentum: number()?,
            decay: number()?,
            one_minus_beta2: number()?,
            bias_correction2_sqrt: number()?,
            alpha: number()?,
        })
    }

    fn are_for(&self, grad: &Tensor) -> bool {
        let tensor = &self.alpha.tensor;
        tensor.device() == grad.device() && tensor.f_kind().ok() == grad.f_kind().ok()
    }
}

impl Optimizer {
    /// Writes the numbers of the `i`th parameter's step. Whether they are now in other memory than before.
    pub(super) fn write_numbers(&mut self, i: usize, grad: &Tensor) -> Result<bool, TchError> {
        let is_new = !self.numbers[i].as_ref().is_some_and(|numbers| numbers.are_for(grad));
        if is_new {
            self.numbers[i] = Some(Numbers::new(grad.f_kind()?, grad.device())?);
        }
        let step_size = self.step_size(i);
        let Some(numbers) = &mut self.numbers[i] else { return Ok(is_new) };
        numbers.weight_decay.set(self.weight_decay)?;
        numbers.decay.set(1.0 - self.lr * self.weight_decay)?;
        match self.rule {
            Rule::Momentum { momentum, nesterov: true, .. } => numbers.momentum.set(momentum)?,
            Rule::Sgd | Rule::Momentum { .. } => {}
            Rule::Adam { betas: (_, beta2), .. } => {
                numbers.one_minus_beta2.set(1.0 - beta2)?;
                numbers.bias_correction2_sqrt.set((1.0 - beta2.powf(self.steps[i] as f64)).powf(0.5))?;
            }
        }
        // On a CPU Python's Adam has multiplied the move by the step size.
        let is_scaled = matches!(self.rule, Rule::Adam { .. }) && grad.device() == Device::Cpu;
        numbers.alpha.set(if is_scaled { 1.0 } else { -step_size })?;
        Ok(is_new)
    }

    /// The learning rate, in Adam over its `bias_correction1`.
    pub(super) fn step_size(&self, i: usize) -> f64 {
        match self.rule {
            Rule::Sgd | Rule::Momentum { .. } => self.lr,
            // powf and not powi or sqrt: Python's ** is the C library's pow.
            Rule::Adam { betas: (beta1, _), .. } => self.lr / (1.0 - beta1.powf(self.steps[i] as f64)),
        }
    }
}
