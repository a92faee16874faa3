//! Slide "Define Hyperparameters, Loss, Optimizers": the options of a training run. Each option, its default and its help
//! are written here and nowhere else; `config.json` keeps them.

mod architecture;
mod arguments;
mod choices;
mod number;
mod path;
mod training;

pub use architecture::{ARCHITECTURES, Architecture, NewNetwork};
pub use arguments::Field;
pub use choices::{Algorithm, LrSchedule, Scale};
pub use number::{LrChange, NonNegative, Seed};
pub use path::path;

use crate::program::data::Source;
use crate::program::machine::device::DeviceChoice;
use clap::Args;
use cnn_tutorial::optim::AdamW;
use number::{Fraction, whole};
use path::text_path;
use serde::{Deserialize, Serialize};
use std::num::{NonZeroU8, NonZeroU32, NonZeroU64};
use std::path::PathBuf;

const NETWORK: &str = "Network";
const DATA: &str = "Data";
const TRAINING: &str = "Training";
pub const RESULTS: &str = "Results";
const MACHINE: &str = "Machine";

/// The options of a training run, which `config.json` keeps.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
pub struct Options {
    /// Network to train
    #[arg(long, help_heading = NETWORK, default_value = "cnn")]
    pub model: Architecture,

    /// CSV of MNIST (Kaggle's label,pixel0..pixel783 or another layout; plain or .gz), folder with one, with IDX files such as
    /// MNIST's or torchvision's root, or with the binary version of CIFAR-10, `kaggle` (data/train.csv), `mnist` (downloaded
    /// once) or `digits` (embedded) [default: data/train.csv, else data/mnist, else the download, else the embedded digits]
    #[arg(long, help_heading = DATA, value_name = "PATH|NAME")]
    pub data: Option<Source>,

    /// Fraction of the images that is kept for validation, as in scikit-learn's train_test_split
    #[arg(long, help_heading = DATA, value_name = "FRACTION", default_value = "0.2")]
    pub test_size: Fraction,

    /// Seed of the split, as in scikit-learn's train_test_split
    #[arg(long, help_heading = DATA, value_name = "N", default_value_t = 1212, value_parser = whole::<u32>(0, u32::MAX.into()))]
    pub random_state: u32,

    /// Range of the pixels that the network is given
    #[arg(long, help_heading = DATA, value_enum, default_value_t = Scale::Raw)]
    pub scale: Scale,

    /// Train for as many whole epochs as fit into N iterations: epochs = int(n_iters / (n_train / batch_size))
    #[arg(long, help_heading = TRAINING, value_name = "N", default_value_t = 2500, value_parser = whole::<u64>(0, u64::MAX))]
    pub n_iters: u64,

    /// Epochs to train, instead of --n-iters
    #[arg(long, help_heading = TRAINING, value_name = "N", conflicts_with = "n_iters", value_parser = whole::<NonZeroU64>(1, u64::MAX))]
    pub epochs: Option<NonZeroU64>,

    /// Iterations to train, instead of --n-iters; with --epochs the training ends at whichever comes first
    #[arg(long, help_heading = TRAINING, value_name = "N", value_parser = whole::<NonZeroU64>(1, u64::MAX))]
    pub max_steps: Option<NonZeroU64>,

    /// Number of images in a batch
    #[arg(long, help_heading = TRAINING, value_name = "N", default_value = "100", value_parser = whole::<NonZeroU32>(1, u32::MAX.into()))]
    pub batch_size: NonZeroU32,

    /// Optimizer, as in torch.optim [default: sgd for cnn, adam for lenet5]
    #[arg(long, help_heading = TRAINING, value_enum)]
    pub optimizer: Option<Algorithm>,

    /// Learning rate
    #[arg(long, help_heading = TRAINING, default_value = "0.001")]
    pub lr: NonNegative,

    /// Change the learning rate from iteration N on, as in 121=0.01; may be given several times
    #[arg(long, help_heading = TRAINING, value_name = "N=LR")]
    #[serde(default)]
    pub lr_from: Vec<LrChange>,

    /// Momentum of SGD
    #[arg(long, help_heading = TRAINING, default_value = "0")]
    pub momentum: NonNegative,

    /// Weight decay: an L2 penalty, decoupled for adamw [default: 0, for adamw 0.01]
    #[arg(long, help_heading = TRAINING)]
    pub weight_decay: Option<NonNegative>,

    /// How the learning rate changes over the epochs
    #[arg(long, help_heading = TRAINING, value_enum, default_value_t = LrSchedule::None)]
    pub lr_schedule: LrSchedule,

    /// Number of epochs after which --lr-schedule step changes the learning rate
    #[arg(long, help_heading = TRAINING, value_name = "N", default_value = "10", value_parser = whole::<NonZeroU64>(1, u64::MAX))]
    pub step_size: NonZeroU64,

    /// What --lr-schedule step multiplies the learning rate by
    #[arg(long, help_heading = TRAINING, default_value = "0.1")]
    pub gamma: NonNegative,

    /// Turn, scale and shift each training image a little, differently in each epoch
    #[arg(long, help_heading = DATA)]
    pub augment: bool,

    /// Start from the weights in a safetensors file, which Rust or Python wrote
    #[arg(long, help_heading = NETWORK, value_name = "FILE", value_parser = text_path)]
    pub init_from: Option<PathBuf>,

    /// Take the training images in a random order, another one in each epoch: that of DataLoader(shuffle=True)
    #[arg(long, help_heading = DATA)]
    pub shuffle: bool,

    /// Seed for the weights and for the order of the images, as in torch.manual_seed
    #[arg(long, help_heading = NETWORK, value_name = "N", default_value = "0")]
    pub seed: Seed,

    /// Measure the validation accuracy and log it every N iterations
    #[arg(long, help_heading = RESULTS, value_name = "N", default_value = "50", value_parser = whole::<NonZeroU64>(1, u64::MAX))]
    pub eval_every: NonZeroU64,

    /// Print a line every N iterations
    #[arg(long, help_heading = RESULTS, value_name = "N", default_value = "500", value_parser = whole::<NonZeroU64>(1, u64::MAX))]
    pub print_every: NonZeroU64,

    /// Write a checkpoint for --resume every N iterations
    #[arg(long, help_heading = RESULTS, value_name = "N", default_value = "500", value_parser = whole::<NonZeroU64>(1, u64::MAX))]
    pub save_every: NonZeroU64,

    /// Where to compute: auto, cpu, cuda, cuda:N or mps
    #[arg(long, help_heading = MACHINE, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,

    /// Keep a pixel's channels next to each other in memory, as torch.channels_last does. The last bits are others then
    #[arg(long, help_heading = MACHINE)]
    #[serde(default)]
    pub channels_last: bool,

    /// Make cuDNN give the same bits each time, as torch.backends.cudnn.deterministic does. A CPU always gives them
    #[arg(long, help_heading = MACHINE)]
    #[serde(default)]
    pub deterministic: bool,

    /// Compute the same digits on every x86 processor with AVX2. This is slower: it uses one thread, unless --threads is given
    #[arg(long, help_heading = MACHINE)]
    #[serde(default)]
    pub portable: bool,

    /// Launch each operation on a GPU by itself, as PyTorch does, instead of a whole training step as one CUDA graph
    #[arg(long, help_heading = MACHINE)]
    #[serde(default)]
    pub eager: bool,

    /// Number of CPU threads that work on one operation [default: libtorch's choice, one per core]
    #[arg(long, help_heading = MACHINE, value_name = "N", value_parser = whole::<NonZeroU8>(1, u8::MAX.into()))]
    pub threads: Option<NonZeroU8>,

    /// Folder for the results [default: runs/<model>, or runs/<model>-digits for the embedded digits; if it exists already,
    /// with -2, -3 and so on]
    #[arg(long, help_heading = RESULTS, value_name = "DIR", value_parser = text_path)]
    pub out: Option<PathBuf>,

    /// Replace the results that are in the folder already
    #[arg(long, help_heading = RESULTS)]
    pub overwrite: bool,
}

impl Options {
    /// Refuses options that do not go together.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.algorithm() != Algorithm::Sgd && f64::from(self.momentum) != 0.0 {
            return Err("--momentum goes with --optimizer sgd: Adam has its betas instead");
        }
        if !self.lr_from.is_empty() && self.has_schedule() {
            return Err("--lr-from goes with --lr-schedule none: a schedule has learning rates of its own");
        }
        if !self.lr_from.is_sorted_by(|a, b| a.iteration < b.iteration) {
            return Err("--lr-from has to be given in the order of its iterations, each of them once");
        }
        if self.portable && !matches!(self.device, DeviceChoice::Auto | DeviceChoice::Cpu) {
            return Err("--portable is for the CPU: a GPU rounds in ways of its own");
        }
        if self.print_every < self.eval_every {
            return Err("--print-every must not be less than --eval-every: a line tells the last accuracy measured");
        }
        Ok(())
    }

    pub fn batch_size(&self) -> i64 {
        self.batch_size.get().into()
    }

    /// The optimizer's name, that of the slides where none was given.
    pub fn algorithm(&self) -> Algorithm {
        self.optimizer.unwrap_or(self.model.optimizer)
    }

    /// The weight decay, PyTorch's default for the optimizer where none was given.
    pub fn weight_decay(&self) -> f64 {
        let default = if self.algorithm() == Algorithm::Adamw { AdamW::default().weight_decay } else { 0.0 };
        self.weight_decay.map_or(default, f64::from)
    }
}
