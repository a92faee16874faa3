//! What the slides say of each layer.

/// A layer of the slides.
pub struct Slide {
    pub name: &'static str,
    pub number: usize,
    pub layer: &'static str,
    /// Why an argument is what it is.
    pub why: &'static [(&'static str, &'static str)],
}

const STRIDE: (&str, &str) = ("stride", "The slide names no stride, so it is 1, as in Conv2d::new.");
const KERNEL: (&str, &str) = ("kernel_size", "The slide says 5x5.");
const POOL: &[(&str, &str)] = &[
    ("kernel_size", "The slide says 2x2."),
    (
        "stride",
        "A pool moves by its own size, so that its frames do not overlap. That is so in AvgPool2d::new already.",
    ),
];

pub const SLIDES: [Slide; 7] = [
    Slide {
        name: "conv1",
        number: 1,
        layer: "Conv2d(1, 6, kernel_size=5, stride=1, padding=2)",
        why: &[
            ("in_channels", "The images are grey, so they have one channel."),
            ("out_channels", "The slide says 6 filters, and each filter makes one channel."),
            KERNEL,
            STRIDE,
            (
                "padding",
                "With 2 zeros on each side a 5x5 kernel makes 28x28 of 28x28, without them 24x24. A method after \
                 Conv2d::new(..)? sets the padding.",
            ),
        ],
    },
    Slide { name: "avgpool1", number: 2, layer: "AvgPool2d(kernel_size=2, stride=2)", why: POOL },
    Slide {
        name: "conv2",
        number: 3,
        layer: "Conv2d(6, 16, kernel_size=5, stride=1, padding=0)",
        why: &[
            ("in_channels", "It takes the 6 channels that conv1 makes. A pool does not change their number."),
            ("out_channels", "The slide says 16 filters, and each filter makes one channel."),
            KERNEL,
            STRIDE,
            ("padding", "The slide says: no padding."),
        ],
    },
    Slide { name: "avgpool2", number: 4, layer: "AvgPool2d(kernel_size=2, stride=2)", why: POOL },
    Slide {
        name: "conv3",
        number: 5,
        layer: "Conv2d(16, 120, kernel_size=5, stride=1, padding=0)",
        why: &[
            ("in_channels", "It takes the 16 channels that conv2 makes."),
            ("out_channels", "The slide says 120 filters, and each filter makes one channel."),
            ("kernel_size", "The slide says 5x5. The maps are 5x5 here, so the kernel covers all of a map."),
            STRIDE,
            ("padding", "The slide says that the output is 1x1x120. A 5x5 kernel makes 1x1 of 5x5 without padding."),
        ],
    },
    Slide {
        name: "fc1",
        number: 6,
        layer: "Linear(in_features=120, out_features=84)",
        why: &[
            ("in_features", "conv3 makes 120 maps of 1x1, which are 120 numbers."),
            ("out_features", "The slide says: output dimensions 84."),
        ],
    },
    Slide {
        name: "fc2",
        number: 7,
        layer: "Linear(in_features=84, out_features=10)",
        why: &[
            ("in_features", "It takes the 84 numbers that fc1 makes."),
            ("out_features", "The network has one output for each class, n_classes, which is 10 for digits."),
        ],
    },
];
