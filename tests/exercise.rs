//! The exercise's checker, on right and wrong attempts. It trains in this process, so it is a program of its own: libtorch has
//! one generator.

#[path = "../examples/exercise_lenet5/checker/mod.rs"]
mod checker;

use checker::{Layer, to_do};
use cnn_tutorial::nn::{self, Module};
use cnn_tutorial::optim::{Adam, AdamW, Optimizer, SGD};
use std::sync::Mutex;
use tch::nn::{Path, VarStore};
use tch::{Kind, TchError, Tensor};

trait Pool: Module + Layer {}
impl<T: Module + Layer> Pool for T {}

/// LeNet-5 as somebody may write it who makes one mistake, or none.
struct Attempt {
    mistake: &'static str,
    conv1: nn::Conv2d,
    avgpool1: Box<dyn Pool>,
    conv2: nn::Conv2d,
    avgpool2: nn::AvgPool2d,
    conv3: nn::Conv2d,
    fc1: nn::Linear,
    fc2: nn::Linear,
}

impl Attempt {
    fn new(vs: &Path, n_classes: i64, mistake: &'static str) -> Result<Self, TchError> {
        let is = |name: &str| mistake == name;
        if is("a fourth convolution") {
            nn::Conv2d::new(vs / "conv4", 120, 1, 1)?;
        }
        Ok(Self {
            mistake,
            conv1: match mistake {
                "nothing written" => to_do("conv1"),
                "no padding" => nn::Conv2d::new(vs / "conv1", 1, 6, 5)?,
                "three channels, stride 2" => nn::Conv2d::new(vs / "conv1", 3, 6, 5)?.padding(2).stride((2, 1)),
                "no channels" => nn::Conv2d::new(vs / "conv1", 0, 6, 5)?.padding(2),
                _ => nn::Conv2d::new(vs / "conv1", 1, 6, 5)?.padding(2),
            },
            avgpool1: match mistake {
                "nothing written" | "conv1 written" | "no padding" => Box::new(to_do::<nn::AvgPool2d>("avgpool1")),
                "max pool" => Box::new(nn::MaxPool2d::new(2)),
                "pool of 3" => Box::new(nn::AvgPool2d::new(3).stride(2)),
                _ => Box::new(nn::AvgPool2d::new(2)),
            },
            conv2: match mistake {
                "nothing written" | "conv1 written" => to_do("conv2"),
                "16 in_channels" => nn::Conv2d::new(vs / "conv2", 16, 6, 5)?,
                "kernel of 3" => nn::Conv2d::new(vs / "conv2", 6, 16, 3)?,
                "kernel of 5 and 3" => nn::Conv2d::new(vs / "conv2", 6, 16, (5, 3))?,
                "padding on layer 3" => nn::Conv2d::new(vs / "conv2", 6, 16, 5)?.padding(2),
                "one path for two" => nn::Conv2d::new(vs / "conv1", 6, 16, 5)?,
                _ => nn::Conv2d::new(vs / "conv2", 6, 16, 5)?,
            },
            avgpool2: if is("nothing written") { to_do("avgpool2") } else { nn::AvgPool2d::new(2) },
            conv3: match mistake {
                "nothing written" => to_do("conv3"),
                "84 filters" => nn::Conv2d::new(vs / "conv3", 16, 84, 5)?,
                _ => nn::Conv2d::new(vs / "conv3", 16, 120, 5)?,
            },
            fc1: match mistake {
                "nothing written" => to_do("fc1"),
                "400 in_features" => nn::Linear::new(vs / "fc1", 16 * 5 * 5, 84)?,
                _ => nn::Linear::new(vs / "fc1", 120, 84)?,
            },
            fc2: match mistake {
                "nothing written" | "all but fc2 written" => to_do("fc2"),
                "the slide's 120" => nn::Linear::new(vs / "fc2", 84, 120)?,
                "one path for both fc" => nn::Linear::new(vs / "fc1", 84, n_classes)?,
                "ten without n_classes" => nn::Linear::new(vs / "fc2", 84, 10)?,
                _ => nn::Linear::new(vs / "fc2", 84, n_classes)?,
            },
        })
    }

    fn layers(&self) -> [&dyn Layer; 7] {
        let Self { conv1, avgpool1, conv2, avgpool2, conv3, fc1, fc2, .. } = self;
        [conv1, &**avgpool1, conv2, avgpool2, conv3, fc1, fc2]
    }
}

impl Module for Attempt {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let Self { mistake, conv1, avgpool1, conv2, avgpool2, conv3, fc1, fc2 } = self;
        let tanh = nn::Tanh;
        let is = |name: &str| *mistake == name;
        if is("forward not written") {
            return Ok(to_do("layers 1 and 2 of forward"));
        }
        let out = conv1.forward(x)?;
        let out = match *mistake {
            "pool before tanh" => tanh.forward(&avgpool1.forward(&out)?)?,
            "no avgpool1" => tanh.forward(&out)?,
            "the image again" => avgpool1.forward(&tanh.forward(x)?)?,
            "max pool in forward" => nn::MaxPool2d::new(2).forward(&tanh.forward(&out)?)?,
            "operations of tch" => out.f_tanh()?.f_avg_pool2d([2, 2], [2, 2], 0, false, true, None)?,
            "tanh twice" => avgpool1.forward(&tanh.forward(&tanh.forward(&out)?)?)?,
            "half of layers 1 and 2" => return Ok(to_do("layers 3 and 4 of forward")),
            _ => avgpool1.forward(&tanh.forward(&out)?)?,
        };
        if is("layers 1 and 2 written") {
            return Ok(to_do("layers 3 and 4 of forward"));
        }
        let out = match *mistake {
            "conv1 twice" => conv1.forward(&out)?,
            "conv3 before conv2" => conv3.forward(&out)?,
            "noise" => conv2.forward(&out.f_mul_scalar(2)?)?,
            _ => conv2.forward(&out)?,
        };
        let out = match *mistake {
            "relu" => nn::ReLU.forward(&out)?,
            "f_relu" => out.f_relu()?,
            _ => tanh.forward(&out)?,
        };
        let out = if is("no avgpool2") { out } else { avgpool2.forward(&out)? };
        let out = tanh.forward(&conv3.forward(&out)?)?;
        let out = match *mistake {
            "no flatten" => out,
            "flatten of all" => out.f_flatten(0, -1)?,
            "a view that panics" => out.view([7, 7]),
            "view" => out.f_view([-1, 120])?,
            _ => out.f_flatten(1, -1)?,
        };
        let out = if is("no fc1") { out } else { fc1.forward(&out)? };
        let out = match *mistake {
            "no tanh4" => fc2.forward(&out)?,
            "no fc2" => return tanh.forward(&out),
            "f_tanh" => fc2.forward(&out.f_tanh()?)?,
            _ => fc2.forward(&tanh.forward(&out)?)?,
        };
        match *mistake {
            "softmax" => out.f_softmax(-1, Kind::Float),
            "log_softmax" => out.f_log_softmax(1, Kind::Float),
            "tanh at the end" => tanh.forward(&out),
            "f_sigmoid at the end" => out.f_sigmoid(),
            "the digit itself" => out.f_argmax(-1, false),
            "one row" => out.f_flatten(0, -1),
            _ => Ok(out),
        }
    }
}

fn optimizer(vs: &VarStore, mistake: &str) -> Result<Optimizer, TchError> {
    match mistake {
        "optimizer not written" => to_do("optimizer"),
        "sgd" => SGD::default().build(vs, 0.001),
        "momentum" => SGD { momentum: 0.9, ..SGD::default() }.build(vs, 0.001),
        "adamw" => AdamW::default().build(vs, 0.001),
        "weight decay" => Adam { weight_decay: 0.01, ..Adam::default() }.build(vs, 0.001),
        "negative rate" => Adam::default().build(vs, -0.001),
        "rate 10" => Adam::default().build(vs, 10.0),
        "rate 0.002" => Adam::default().build(vs, 0.002),
        _ => Adam::default().build(vs, 0.001),
    }
}

/// What is answered to an attempt with this mistake.
fn answer(mistake: &'static str) -> Result<(), String> {
    let new = |vs: &Path, n_classes| Attempt::new(vs, n_classes, mistake);
    checked(new, |vs| optimizer(vs, mistake))
}

fn checked(
    new: impl Fn(&Path, i64) -> Result<Attempt, TchError>,
    optimizer: impl Fn(&VarStore) -> Result<Optimizer, TchError>,
) -> Result<(), String> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    let _alone = GENERATOR.lock();
    checker::check(new, Attempt::layers, optimizer).map_err(|error| format!("{error:#}"))
}

const MISPRINT: &str = "fc2: out_features is 120, and 10 is expected. The slide says 120, which is a misprint";
const FLATTEN: &str = "forward: fc1 is given [2, 120, 1, 1], and [2, 120] is expected for 2 images.";
const SOFTMAX: &str = "and nothing is expected there. The loss, CrossEntropyLoss, computes the softmax itself";

/// Mistakes, and words that their answers have.
const MISTAKES: &[(&str, &[&str])] = &[
    // What is to do
    ("nothing written", &["Next: conv1, layer 1. Write it in the place of `to_do(\"conv1\")`"]),
    ("conv1 written", &["Next: avgpool1, layer 2."]),
    ("all but fc2 written", &["Next: fc2, layer 7.", "n_classes"]),
    ("forward not written", &["Next: layers 1 and 2 of forward. Use conv1, tanh1, avgpool1 there"]),
    ("layers 1 and 2 written", &["Next: layers 3 and 4 of forward. Use conv2, tanh2, avgpool2 there"]),
    ("half of layers 1 and 2", &["forward: after conv1 avgpool1 is missing."]),
    ("optimizer not written", &["Next: the optimizer"]),
    // In new
    ("no padding", &["conv1: padding is 0, and 2 is expected. With 2 zeros on each side"]),
    (
        "three channels, stride 2",
        &[
            "conv1: in_channels is 3, and 1 is expected. The images are grey",
            "And stride is (2, 1), and 1 is expected.",
        ],
    ),
    ("no channels", &["new fails: conv1, Conv2d(0, 6, kernel_size=5): expected 1 or more of each"]),
    ("max pool", &["avgpool1: it is of kind MaxPool2d, and AvgPool2d is expected. The slide says average pooling"]),
    ("pool of 3", &["avgpool1: kernel_size is 3, and 2 is expected. The slide says 2x2."]),
    (
        "16 in_channels",
        &["conv2: in_channels is 16, and 6 is expected. It takes the 6", "And out_channels is 6, and 16 is expected."],
    ),
    ("kernel of 3", &["conv2: kernel_size is 3, and 5 is expected. The slide says 5x5."]),
    ("kernel of 5 and 3", &["conv2: kernel_size is (5, 3), and 5 is expected. The slide says 5x5."]),
    ("padding on layer 3", &["conv2: padding is 2, and 0 is expected. The slide says: no padding."]),
    ("one path for two", &["new fails: two layers have the path \"conv1\": give each its own"]),
    ("84 filters", &["conv3: out_channels is 84, and 120 is expected. The slide says 120 filters"]),
    ("400 in_features", &["fc1: in_features is 400, and 120 is expected. conv3 makes 120 maps of 1x1"]),
    ("the slide's 120", &[MISPRINT, "They are the argument n_classes."]),
    ("one path for both fc", &["new fails: two layers have the path \"fc1\""]),
    ("ten without n_classes", &["fc2: out_features is 10 for 7 classes, too. Write n_classes"]),
    // In forward
    ("pool before tanh", &["forward: after conv1 the order is wrong: tanh1 is expected first, and then avgpool1."]),
    ("no avgpool1", &["forward: between tanh1 and conv2 avgpool1 is missing. A pool makes the maps half as wide"]),
    (
        "the image again",
        &["forward: tanh1 takes the image, and what conv1 makes is expected. Does its line say `&out`?"],
    ),
    (
        "max pool in forward",
        &["forward: after tanh1 comes MaxPool2d(", "and avgpool1 is expected. The slide says average"],
    ),
    ("tanh twice", &["forward: between tanh1 and avgpool1 there is Tanh(), which is one step too many."]),
    (
        "conv1 twice",
        &["forward: after avgpool1 comes conv1, and conv2 is expected. conv1 cannot take what avgpool1 makes."],
    ),
    ("conv3 before conv2", &["forward: after avgpool1 comes conv3, and conv2 is expected."]),
    ("noise", &["forward: conv2 takes what none of your layers makes, and what avgpool1 makes is expected."]),
    (
        "relu",
        &["forward: after conv2 comes ReLU(), and tanh2 is expected. The assignment asks for the tanh activation"],
    ),
    ("f_relu", &["forward: after conv2 comes ReLU(), and tanh2 is expected."]),
    ("no avgpool2", &["forward: between tanh2 and conv3 avgpool2 is missing."]),
    ("no flatten", &[FLATTEN, "`examples/tutorial.rs` shows under \"Flatten\""]),
    ("flatten of all", &["forward: fc1 is given [240], and [2, 120] is expected for 2 images."]),
    (
        "a view that panics",
        &[
            "forward: it fails after tanh3, where fc1 is expected. The reason is: shape '[7, 7]' is invalid for input of size 240. (",
        ],
    ),
    ("no fc1", &["forward: between tanh3 and tanh4 fc1 is missing."]),
    ("no tanh4", &["forward: between fc1 and fc2 tanh4 is missing. Two layers without an activation between them"]),
    ("no fc2", &["forward: it ends after tanh4, and fc2 is missing."]),
    (
        "softmax",
        &["forward: after fc2 comes Softmax(), ", SOFTMAX, "The slide allows probabilities", "Return what fc2 makes."],
    ),
    ("log_softmax", &["forward: after fc2 comes LogSoftmax(), ", "computes the logarithm of the softmax itself"]),
    ("tanh at the end", &["forward: after fc2 comes Tanh(), ", "they lie between -1 and 1"]),
    ("f_sigmoid at the end", &["forward: after fc2 comes Sigmoid(), "]),
    ("the digit itself", &["forward: what it returns is not what fc2 makes. Return its logits."]),
    ("one row", &["forward: of 2 images it makes [20], and [2, 10] is expected"]),
    ("a fourth convolution", &["new: it makes conv4.bias, which forward uses nowhere."]),
    // The optimizer
    ("sgd", &["optimizer: it is SGD, and Adam is expected."]),
    ("momentum", &["optimizer: it is SGD with momentum, and Adam is expected."]),
    ("adamw", &["optimizer: it is AdamW, and Adam without weight decay is expected. Weight decay draws every weight"]),
    ("weight decay", &["optimizer: it is Adam with a weight_decay, and Adam without"]),
    ("negative rate", &["optimizer: it fails. The reason is: Invalid learning rate: -0.001"]),
    (
        "rate 10",
        &[
            "accuracy:  ",
            "and more than 95 % is expected. Your learning rate is 10, and 0.001 is expected.",
            "near 10 %",
        ],
    ),
    ("rate 0.002", &["accuracy:  9", "That is enough. Your learning rate is 0.002, and 0.001 is expected"]),
];

#[test]
fn the_exercise_names_the_first_thing_that_is_wrong_and_why() {
    let (mut wrong, mut all) = (Vec::new(), String::new());
    for (mistake, words) in MISTAKES {
        let answer = answer(mistake).err().unwrap_or("Well done!".into());
        if !(answer.starts_with(words[0]) && words.iter().all(|words| answer.contains(words))) {
            wrong.push(format!("{mistake}: expected {words:?}, found: {answer}"));
        }
        all += &answer;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for code in ["Adam::default().build", "f_flatten(1", ".padding(2)", "84, n_classes", "Exception raised"] {
        assert!(!all.contains(code), "the answer, or libtorch's stack, stands in an answer to a mistake: {code}");
    }
}

#[test]
fn the_exercise_accepts_the_answer_however_it_is_written() {
    for form in ["operations of tch", "f_tanh", "view"] {
        let new = |vs: &Path, n_classes| Attempt::new(vs, n_classes, form);
        let error = checked(new, |_| to_do("optimizer")).unwrap_err();
        assert!(error.starts_with("Next: the optimizer"), "{form}: {error}");
    }
    assert_eq!(answer(""), Ok(()));
}
