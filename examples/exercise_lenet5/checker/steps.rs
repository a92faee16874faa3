//! The steps of forward, in the order of the slides.

use anyhow::{Result, bail};
use tch::Tensor;

/// The steps of forward: what does each, and the shape of what it makes of an image.
pub const STEPS: [(&str, &[i64]); 11] = [
    ("conv1", &[6, 28, 28]),
    ("tanh1", &[6, 28, 28]),
    ("avgpool1", &[6, 14, 14]),
    ("conv2", &[16, 10, 10]),
    ("tanh2", &[16, 10, 10]),
    ("avgpool2", &[16, 5, 5]),
    ("conv3", &[120, 1, 1]),
    ("tanh3", &[120, 1, 1]),
    ("fc1", &[84]),
    ("tanh4", &[84]),
    ("fc2", &[10]),
];

/// A step that `forward` has taken.
pub struct Step {
    /// The name of a layer that learns, or the kind of one that does not, such as `Tanh()`.
    pub name: String,
    pub output: Tensor,
}

/// What takes this step in the slides, by its kind if it does not learn.
pub fn kind(step: &str) -> &str {
    match step.trim_end_matches(char::is_numeric) {
        "tanh" => "Tanh()",
        "avgpool" => "AvgPool2d(kernel_size=2, stride=2)",
        _ => step,
    }
}

/// The step before `i`, in words.
pub fn before(i: usize) -> &'static str {
    i.checked_sub(1).map_or("the image", |i| STEPS[i].0)
}

/// Errors with the first step that is not the slides'.
pub fn compare(steps: &[Step]) -> Result<()> {
    let found = |i: usize| steps.get(i).map(|step| &*step.name);
    let expected = |i: usize| STEPS.get(i).map(|(name, _)| kind(name));
    let Some(i) = (0..steps.len()).find(|&i| found(i) != expected(i)) else { return Ok(()) };
    let (step, prev) = (&*steps[i].name, before(i));
    let Some(&(name, _)) = STEPS.get(i) else { bail!("{}", after_the_last(step)) };
    if found(i + 1) == expected(i) && found(i) == expected(i + 1) {
        let (second, _) = STEPS[i + 1];
        bail!("forward: after {prev} the order is wrong: {name} is expected first, and then {second}.");
    }
    if found(i + 1) == expected(i) {
        bail!("forward: between {prev} and {name} there is {step}, which is one step too many. Take it out.");
    }
    if let Some(later) = (i + 1..STEPS.len()).find(|&later| expected(later) == found(i)) {
        let missing: Vec<_> = STEPS[i..later].iter().map(|(name, _)| *name).collect();
        let verb = if missing.len() == 1 { "is" } else { "are" };
        let why = match kind(missing[0]) {
            "Tanh()" => " Two layers without an activation between them can do no more than one layer.",
            kind if kind.starts_with("AvgPool2d") => " A pool makes the maps half as wide and half as high.",
            _ => "",
        };
        bail!("forward: between {prev} and {} {} {verb} missing.{why}", STEPS[later].0, missing.join(" and "));
    }
    let why = match (kind(name), step.split('(').next().unwrap_or_default()) {
        ("Tanh()", "ReLU" | "Sigmoid") => " The assignment asks for the tanh activation, as in LeCun's paper.",
        (kind, "MaxPool2d") if kind.starts_with("AvgPool2d") => {
            " The slide says average pooling: LeNet-5 takes the mean of each frame, not its maximum."
        }
        _ if STEPS[..i].iter().any(|(name, _)| *name == step) => " Each layer has weights of its own and is used once.",
        _ => "",
    };
    bail!("forward: after {prev} comes {step}, and {name} is expected.{why}")
}

/// What has no place after the last layer, and why.
fn after_the_last(step: &str) -> String {
    let why = match step.split('(').next().unwrap_or_default() {
        "Softmax" => {
            "The loss, CrossEntropyLoss, computes the softmax itself, and with a second one before it the network learns \
             slowly. The slide allows probabilities as a result, but this training needs the logits."
        }
        "LogSoftmax" => {
            "The loss, CrossEntropyLoss, computes the logarithm of the softmax itself. This one belongs to another loss, NLLLoss."
        }
        "Tanh" | "ReLU" | "Sigmoid" => {
            "An activation limits the logits: with tanh they lie between -1 and 1, and the network could never be sure of a \
             digit."
        }
        _ => "It is one step too many.",
    };
    format!("forward: after fc2 comes {step}, and nothing is expected there. {why} Return what fc2 makes.")
}
