//! Looking on while a network works: the counterpart of PyTorch's forward hooks.

use super::seen::{Identity, seen};
use super::{Frame, Module, caught};
use std::cell::RefCell;
use std::fmt::Display;
use tch::{TchError, Tensor};

/// What a layer computes, and the frame that it moves over its input, if it has one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerKind {
    Conv2d(Frame),
    Linear,
    MaxPool2d(Frame),
    AvgPool2d(Frame),
    LPPool2d(Frame, f64),
    ReLU,
    Tanh,
    Dropout,
    BatchNorm2d,
    /// A layer of one's own: a word for its kind, such as `sigmoid`. The other kinds promise the library's arithmetic.
    Other(&'static str),
    /// No layer, and nothing for [`forward_hook`]: what [`super::all_stages`] finds between layers.
    Forward,
}

impl LayerKind {
    pub fn is_pool(self) -> bool {
        matches!(self, Self::MaxPool2d(_) | Self::AvgPool2d(_) | Self::LPPool2d(..))
    }

    /// A word for the kind: with a number behind it, the name of a layer without parameters, `relu1`.
    fn name(self) -> &'static str {
        match self {
            Self::Conv2d(_) => "conv",
            Self::Linear => "linear",
            Self::MaxPool2d(_) => "maxpool",
            Self::AvgPool2d(_) => "avgpool",
            Self::LPPool2d(..) => "lppool",
            Self::ReLU => "relu",
            Self::Tanh => "tanh",
            Self::Dropout => "dropout",
            Self::BatchNorm2d => "batchnorm",
            Self::Other(name) => name,
            Self::Forward => "forward",
        }
    }
}

/// A layer's part in one forward pass.
#[derive(Debug)]
pub struct Stage {
    /// The name of its parameters, such as `cnn1`; for a layer without, its kind and number, such as `relu1`.
    pub name: String,
    pub kind: LayerKind,
    /// The layer with its arguments, such as `Conv2d(1, 16, kernel_size=3, stride=1, padding=0)`.
    pub layer: String,
    /// `[N, ...]`
    pub input: Tensor,
    /// `[N, ...]`
    pub output: Tensor,
    /// What it has learned, the weight first; empty where it does not learn.
    pub parameters: Vec<Tensor>,
    /// Which tensors input and output are copies of.
    pub(super) identities: [Identity; 2],
}

impl Stage {
    /// The shape of what it makes of one image, such as `[16, 26, 26]`.
    pub fn shape(&self) -> Vec<i64> {
        self.output.size().into_iter().skip(1).collect()
    }

    /// How many numbers it has learned.
    pub fn n_parameters(&self) -> i64 {
        self.parameters.iter().map(|parameter| parameter.numel() as i64).sum()
    }

    /// Multiply-adds for one image, a bias counted as one, as torchinfo counts them: a convolution uses every parameter once
    /// for every place of its output, other layers once. A convolution is what has a weight of as many dimensions as its output,
    /// three or more.
    pub fn mult_adds(&self) -> i64 {
        let is_convolution = self.parameters.first().is_some_and(|w| w.dim() > 2 && w.dim() == self.output.dim());
        let places = if is_convolution { self.shape().iter().skip(1).product() } else { 1 };
        self.n_parameters() * places
    }
}

thread_local! {
    static STAGES: RefCell<Option<Vec<Stage>>> = const { RefCell::new(None) };
}

/// Runs a forward pass and returns its result with every layer's part in it, in order. Where the pass ends with an error,
/// these are the layers up to there.
pub fn stages<T>(forward: impl FnOnce() -> T) -> (T, Vec<Stage>) {
    let outer = Outer(STAGES.replace(Some(Vec::new())));
    let result = forward();
    let stages = STAGES.take().unwrap_or_default();
    drop(outer);
    (result, stages)
}

/// What an outer call of [`stages`] has collected so far. It is put back when the inner call ends, also where that panics.
struct Outer(Option<Vec<Stage>>);

impl Drop for Outer {
    fn drop(&mut self) {
        STAGES.set(self.0.take());
    }
}

/// A network's forward pass: PyTorch's `model(xs)`. Where it is `model.forward(xs)` that fails or panics, as tch's plain methods
/// do, the error leaves out libtorch's stack, and tells after which layer where a second pass ends with the same error.
pub fn forward(model: &dyn Module, xs: &Tensor) -> Result<Tensor, TchError> {
    let pass = || caught(|| model.forward(xs)).map_err(words);
    pass().map_err(|error| {
        // Once more, to see how far it comes: in the same mode, for in the other one it may come further.
        let _no_grad = tch::no_grad_guard();
        let (again, seen) = stages(pass);
        // Where memory does not suffice, it may end elsewhere.
        if again.err().as_ref() != Some(&error) {
            return TchError::Torch(format!("the network fails: {error}"));
        }
        let place = match seen.last() {
            Some(stage) => format!("after {}, which gives [N, {}", stage.name, &format!("{:?}", stage.shape())[1..]),
            None => "before its first layer is done".into(),
        };
        TchError::Torch(format!("the network fails {place}: {error}"))
    })
}

fn words(error: TchError) -> String {
    match without_stack(error) {
        TchError::Torch(error) => error,
        other => other.to_string(),
    }
}

/// An error of libtorch's as Python shows it: its words, and not the stack that stands below them.
pub fn without_stack(error: TchError) -> TchError {
    match error {
        TchError::Torch(error) => TchError::Torch(before_stack(&error).to_owned()),
        other => other,
    }
}

/// The part of a message of libtorch's that stands before its stack.
pub fn before_stack(message: &str) -> &str {
    let stacks = ["\nException raised from", "\nframe #0"];
    let start = stacks.iter().filter_map(|stack| message.find(stack)).min();
    &message[..start.unwrap_or(message.len())]
}

/// What every layer passes its output through, so that [`stages`] sees it, and an error names the layer.
///
/// `layer` is the layer with its arguments, `input` and `output` are `[N, ...]`. `learned`, where the layer learns, is the name
/// that [`super::name_of`] gives, and its parameters, the weight first. A layer that changes its input in place passes a copy of
/// what it was. Where `output` is an error, that is returned with the layer's name and the input's shape. A layer that does not
/// call this works as well, but has no row of its own in the summary, and in pictures no name.
pub fn forward_hook(
    layer: impl Display,
    kind: LayerKind,
    learned: Option<(&str, &[&Tensor])>,
    input: &Tensor,
    output: Result<Tensor, TchError>,
) -> Result<Tensor, TchError> {
    // libtorch's own message tells numbers, but not which layer they are of.
    let output = output.map_err(|error| {
        let name = learned.map(|(name, _)| format!("{name}, ")).unwrap_or_default();
        TchError::Torch(format!("{name}{layer} cannot take an input of {:?}: {}", input.size(), words(error)))
    })?;
    if STAGES.with_borrow(Option::is_none) {
        return Ok(output);
    }
    let layer = layer.to_string();
    let [(input, given), (output_now, gives)] = [seen(input)?, seen(&output)?];
    STAGES.with_borrow_mut(|stages| {
        let Some(stages) = stages else { return };
        let number = || 1 + stages.iter().filter(|stage| stage.kind.name() == kind.name()).count();
        stages.push(Stage {
            name: learned.map_or_else(|| format!("{}{}", kind.name(), number()), |(name, _)| name.to_owned()),
            kind,
            layer,
            input,
            output: output_now,
            parameters: learned.iter().flat_map(|(_, parameters)| *parameters).map(|p| p.shallow_clone()).collect(),
            identities: [given, gives],
        });
    });
    Ok(output)
}
