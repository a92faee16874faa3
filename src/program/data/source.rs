//! What `--data` names, and what lies there.

use super::doubts::announce;
use super::download::{HOW_TO_HAVE_MNIST, MNIST_DIR, download_mnist, is_mnist_in};
use crate::program::files::EMPTY_PATH;
use crate::program::messages::word;
use anyhow::{Context, Result, anyhow};
use cnn_tutorial::data::{
    Dataset, digits, find_csv, has_test, idx_name, is_cifar10, is_idx, parse_csv, read_cifar10_test,
    read_cifar10_train, read_csv, read_mnist_test, read_mnist_train,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// scikit-learn's 1,797 handwritten digits in the layout of Kaggle's train.csv, written by scripts/make_digits.py.
const DIGITS: &[u8] = include_bytes!("../../../assets/digits.csv.gz");

/// Where Kaggle's file lies, if the learner has it, relative to the current folder.
const KAGGLE_CSV: &str = "data/train.csv";

/// What `--data` names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Source {
    /// MNIST in `data/mnist`, downloaded if it is not there.
    Mnist,
    /// Kaggle's Digit Recognizer in `data/train.csv`.
    Kaggle,
    /// The digits that are embedded in the program.
    Digits,
    /// A CSV, or a folder with one or with files of MNIST's or CIFAR-10's format.
    Path(PathBuf),
}

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(match name {
            "" => return Err(EMPTY_PATH),
            "mnist" => Self::Mnist,
            "kaggle" => Self::Kaggle,
            "digits" => Self::Digits,
            _ => Self::Path(name.into()),
        })
    }
}

impl TryFrom<String> for Source {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        match source {
            Source::Mnist => "mnist".into(),
            Source::Kaggle => "kaggle".into(),
            Source::Digits => "digits".into(),
            Source::Path(path) => path.display().to_string(),
        }
    }
}

/// What lies at a path.
enum Files {
    Cifar10,
    Idx,
    Csv(PathBuf),
}

impl Files {
    fn at(path: &Path) -> Self {
        match find_csv(path) {
            _ if is_cifar10(path) => Self::Cifar10,
            Some(csv) if !is_idx(path) => Self::Csv(csv),
            _ if path.is_dir() => Self::Idx,
            _ => Self::Csv(path.to_owned()),
        }
    }
}

/// What it is in words.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Mnist => write!(f, "MNIST in {MNIST_DIR}"),
            Self::Kaggle => write!(f, "Kaggle's digits in {KAGGLE_CSV}"),
            Self::Digits => f.write_str("scikit-learn's digits, embedded in the program"),
            Self::Path(path) => match Files::at(path) {
                Files::Cifar10 => write!(f, "{} in CIFAR-10's format", path.display()),
                Files::Idx => write!(f, "{} in {}", idx_name(path).unwrap_or("images"), path.display()),
                Files::Csv(csv) => write!(f, "{}", csv.display()),
            },
        }
    }
}

impl Source {
    /// Downloads what is not here.
    pub fn fetch(&self) -> Result<()> {
        if *self == Self::Mnist {
            download_mnist(Path::new(MNIST_DIR))
                .context(format!("MNIST could not be downloaded: {HOW_TO_HAVE_MNIST}; or --data names other data"))?;
        }
        Ok(())
    }

    /// What a command on a run needs to find its data again: ` --data` with their path, if they have no name.
    pub fn option(&self) -> String {
        match self {
            Self::Path(path) => format!(" --data {}", word(path)),
            _ => String::new(),
        }
    }

    /// Whether its images can be read without a download.
    pub fn is_at_hand(&self) -> bool {
        match self {
            Self::Mnist => is_mnist_in(Path::new(MNIST_DIR)),
            Self::Kaggle => Path::new(KAGGLE_CSV).is_file(),
            Self::Digits | Self::Path(_) => true,
        }
    }

    /// Its images. MNIST's and CIFAR-10's are the training images: the test images stay untouched.
    pub fn load(&self) -> Result<Dataset> {
        match self {
            Self::Mnist => {
                download_mnist(Path::new(MNIST_DIR)).context(format!(
                    "MNIST could not be downloaded: {HOW_TO_HAVE_MNIST}; or `--data digits` trains on the embedded digits, \
                     `--data FILE` on a CSV of your own"
                ))?;
                read_mnist_train(Path::new(MNIST_DIR))
            }
            Self::Kaggle => self.announced(read_csv(KAGGLE_CSV)?),
            Self::Digits => parse_csv(DIGITS, "the embedded digits"),
            Self::Path(path) => self.announced(match Files::at(path) {
                Files::Cifar10 => read_cifar10_train(path)?,
                Files::Csv(csv) => read_csv(csv)?,
                Files::Idx if is_idx(path) => read_mnist_train(path)?,
                Files::Idx => read_mnist_train(path).map_err(|error| {
                    anyhow!(
                        "{error:#}, or with CIFAR-10's binary version or train.csv; `--data mnist` downloads MNIST instead"
                    )
                })?,
            }),
        }
    }

    /// MNIST's or CIFAR-10's 10,000 test images; nothing where the source has none of its own.
    pub fn load_test(&self) -> Result<Option<Dataset>> {
        match self {
            Self::Mnist => {
                self.fetch()?;
                Ok(Some(read_mnist_test(Path::new(MNIST_DIR))?))
            }
            Self::Kaggle | Self::Digits => Ok(None),
            Self::Path(path) if !has_test(path) => Ok(None),
            Self::Path(path) if is_cifar10(path) => self.announced(read_cifar10_test(path)?).map(Some),
            Self::Path(path) => self.announced(read_mnist_test(path)?).map(Some),
        }
    }

    /// Says what a person should know of the images.
    fn announced(&self, dataset: Dataset) -> Result<Dataset> {
        let (are_digits, remark) = (dataset.classes == digits(), dataset.remark.as_deref());
        announce(self, &dataset.images, are_digits, remark)?;
        Ok(dataset)
    }
}
