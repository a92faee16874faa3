//! Looking on while a network works: the counterpart of PyTorch's forward hooks.

use super::onednn::to_dense;
use std::cell::RefCell;
use std::fmt::Display;
use tch::{TchError, Tensor};

/// A layer's part in one forward pass.
#[derive(Debug)]
pub struct Stage {
    /// The name of its parameters, such as `cnn1`; for a layer without, its kind and number, such as `relu1`.
    pub name: String,
    /// The layer with its arguments, such as `Conv2d(1, 16, kernel_size=3, stride=1, padding=0)`.
    pub layer: String,
    /// `[N, ...]`
    pub output: Tensor,
    /// The values it has learned, where it learns.
    pub weight: Option<Tensor>,
    /// How many numbers it has learned.
    pub parameters: i64,
}

impl Stage {
    /// The shape of what it makes of one image, such as `[16, 26, 26]`.
    pub fn shape(&self) -> Vec<i64> {
        self.output.size()[1..].to_vec()
    }

    /// Multiply-adds for one image, a bias counted as one, as torchinfo counts them: every parameter is used once for
    /// every place of the output.
    pub fn mult_adds(&self) -> i64 {
        self.parameters * self.shape()[1..].iter().product::<i64>()
    }
}

thread_local! {
    static STAGES: RefCell<Option<Vec<Stage>>> = const { RefCell::new(None) };
}

/// Runs a forward pass and returns its result with every layer's part in it, in order.
pub fn record<T>(forward: impl FnOnce() -> Result<T, TchError>) -> Result<(T, Vec<Stage>), TchError> {
    STAGES.set(Some(Vec::new()));
    let result = forward();
    let stages = STAGES.take().unwrap_or_default();
    Ok((result?, stages))
}

pub(super) fn is_recording() -> bool {
    STAGES.with_borrow(Option::is_some)
}

/// What every layer passes its output through. Does nothing unless `record` is at work.
pub(super) fn seen(
    layer: &impl Display,
    name: &str,
    parameters: [Option<&Tensor>; 2],
    output: Tensor,
) -> Result<Tensor, TchError> {
    STAGES.with_borrow_mut(|stages| {
        if let Some(stages) = stages {
            let layer = layer.to_string();
            let name = match name {
                "" => {
                    let kind = layer.split('(').next().unwrap_or_default();
                    let before = stages.iter().filter(|stage| stage.layer.starts_with(&format!("{kind}("))).count();
                    format!("{}{}", kind.trim_end_matches("2d").to_lowercase(), before + 1)
                }
                name => name.to_owned(),
            };
            stages.push(Stage {
                name,
                layer,
                output: to_dense(&output)?.f_detach()?,
                weight: parameters[0].map(Tensor::shallow_clone),
                parameters: parameters.iter().flatten().map(|parameter| parameter.numel() as i64).sum(),
            });
        }
        Ok(output)
    })
}
