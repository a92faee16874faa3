//! Looking on while a network works: the counterpart of PyTorch's forward hooks.

use super::Pair;
use super::onednn::to_dense;
use std::cell::RefCell;
use std::fmt::{self, Display};
use tch::{TchError, Tensor};

/// The frame that a convolution or a pool moves over its input.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub kernel_size: Pair,
    pub stride: Pair,
    pub padding: Pair,
}

impl Frame {
    /// As pools move theirs, unless they are told otherwise.
    pub(super) fn side_by_side(kernel_size: impl Into<Pair>) -> Self {
        let kernel_size = kernel_size.into();
        Self { kernel_size, stride: kernel_size, padding: 0.into() }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "kernel_size={}, stride={}", self.kernel_size, self.stride)
    }
}

/// A layer's part in one forward pass.
#[derive(Debug)]
pub struct Stage {
    /// The name of its parameters, such as `cnn1`; for a layer without, its kind and number, such as `relu1`.
    pub name: String,
    /// The layer with its arguments, such as `Conv2d(1, 16, kernel_size=3, stride=1, padding=0)`.
    pub layer: String,
    /// Nothing where the layer has no frame that moves.
    pub frame: Option<Frame>,
    /// `[N, ...]`
    pub input: Tensor,
    /// `[N, ...]`
    pub output: Tensor,
    /// What it has learned, weight and bias, where it learns.
    pub parameters: Option<[Tensor; 2]>,
}

impl Stage {
    /// The shape of what it makes of one image, such as `[16, 26, 26]`.
    pub fn shape(&self) -> Vec<i64> {
        self.output.size()[1..].to_vec()
    }

    /// How many numbers it has learned.
    pub fn n_parameters(&self) -> i64 {
        self.parameters.iter().flatten().map(|parameter| parameter.numel() as i64).sum()
    }

    /// Multiply-adds for one image, a bias counted as one, as torchinfo counts them: every parameter is used once for
    /// every place of the output.
    pub fn mult_adds(&self) -> i64 {
        self.n_parameters() * self.shape()[1..].iter().product::<i64>()
    }
}

thread_local! {
    static STAGES: RefCell<Option<Vec<Stage>>> = const { RefCell::new(None) };
}

/// Runs a forward pass and returns its result with every layer's part in it, in order; of one that ends with an error
/// the layers up to there.
pub fn record<T>(forward: impl FnOnce() -> T) -> (T, Vec<Stage>) {
    STAGES.set(Some(Vec::new()));
    let result = forward();
    (result, STAGES.take().unwrap_or_default())
}

/// What a layer without parameters passes its output through, to name the layer in an error and to be recorded.
pub(super) fn seen(
    layer: &impl Display,
    frame: Option<Frame>,
    input: &Tensor,
    output: Result<Tensor, TchError>,
) -> Result<Tensor, TchError> {
    let output = output.map_err(|error| refused(layer, input, error))?;
    add(|stages| {
        let layer = layer.to_string();
        let kind = layer.split('(').next().unwrap_or_default();
        let before = stages.iter().filter(|stage| stage.layer.starts_with(&format!("{kind}("))).count();
        let name = format!("{}{}", kind.trim_end_matches("2d").to_lowercase(), before + 1);
        Ok(Stage { name, layer, frame, input: plain(input)?, output: plain(&output)?, parameters: None })
    })?;
    Ok(output)
}

/// The same for a layer that learns, whose parameters are under `name`.
pub(super) fn learned(
    layer: &impl Display,
    name: &str,
    frame: Option<Frame>,
    parameters: [&Tensor; 2],
    input: &Tensor,
    output: Result<Tensor, TchError>,
) -> Result<Tensor, TchError> {
    let output = output.map_err(|error| refused(&format_args!("{name}, {layer}"), input, error))?;
    add(|_| {
        let (layer, name) = (layer.to_string(), name.to_owned());
        let parameters = Some(parameters.map(Tensor::shallow_clone));
        Ok(Stage { name, layer, frame, input: plain(input)?, output: plain(&output)?, parameters })
    })?;
    Ok(output)
}

/// libtorch's own message tells numbers, but not which layer they are of.
fn refused(layer: &impl Display, input: &Tensor, error: TchError) -> TchError {
    match error {
        TchError::Torch(error) => {
            TchError::Torch(format!("{layer} cannot take an input of {:?}: {error}", input.size()))
        }
        other => other,
    }
}

fn add(stage: impl FnOnce(&[Stage]) -> Result<Stage, TchError>) -> Result<(), TchError> {
    STAGES.with_borrow_mut(|stages| {
        if let Some(stages) = stages {
            stages.push(stage(stages)?);
        }
        Ok(())
    })
}

fn plain(tensor: &Tensor) -> Result<Tensor, TchError> {
    to_dense(tensor)?.f_detach()
}
