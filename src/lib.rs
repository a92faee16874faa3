//! The PyTorch tutorial "Introduction to Convolutional Neural Nets" in Rust, number for number.
//!
//! Read it slide by slide, with `examples/tutorial.rs` beside it, which is the whole of it in one file:
//!
//! 1. "Convolutional Layers" and their arguments: [`nn::Conv2d`]; "Pooling": [`nn::MaxPool2d`], [`nn::AvgPool2d`],
//!    [`nn::LPPool2d`]
//! 2. "Data Preparation": [`data`], with [`data::train_test_split`] and [`data::DataLoader`]
//! 3. "Model Definition": [`models::CNNModel`]
//! 4. "Define Hyperparameters, Loss, Optimizers": [`train::num_epochs`], [`nn::CrossEntropyLoss`], [`optim`]
//! 5. "Model Training": [`train::train`]; "Tracking progress": [`evaluate::accuracy_and_loss`]
//! 6. "Plot your tracked quantities": [`plots::line_chart`]
//! 7. "Exercise: MNIST Classification using LeNet-5": [`models::LeNet5`]
//!
//! [`summary`] and [`explain`] show what each layer does. The program around the tutorial (its command line, the folder
//! of a run, resuming, downloads) is not here but in `src/program`, which uses this library and which nothing here uses.

// In the slides' order.
pub mod nn;
pub mod data;
pub mod models;
pub mod optim;
pub mod train;
pub mod evaluate;
pub mod plots;

// What shows how a network works.
pub mod summary;
pub mod explain;
pub mod figures;

// What it is computed on, and how numbers are written.
pub mod cuda;
pub mod portable;
pub mod repr;

/// The blocks of the page for users of tch are tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/tch-users.md")]
struct TchUsers;
