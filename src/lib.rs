//! The PyTorch tutorial "Introduction to Convolutional Neural Nets" in Rust, number for number.
//!
//! Read it slide by slide:
//!
//! 1. "Convolutional Layers" and their arguments: [`nn::Conv2d`]; "Pooling": [`nn::MaxPool2d`], [`nn::AvgPool2d`],
//!    [`nn::LPPool2d`]
//! 2. "Data Preparation": [`data`], with [`data::train_test_split`] and [`data::DataLoader`]
//! 3. "Model Definition": [`models::CNNModel`]
//! 4. "Define Hyperparameters, Loss, Optimizers": [`options::Options`], [`train::Schedule`], [`optim::Optimizer`]
//! 5. "Model Training": [`train::Training`]; "Tracking progress": [`evaluate::accuracy_and_loss`]
//! 6. "Plot your tracked quantities": [`plots::line_chart`]
//! 7. "Exercise: MNIST Classification using LeNet-5": [`models::LeNet5`]
//!
//! [`explain`] and [`summary`] show what each layer does; [`report`] and [`predict`] use a [`trained`] network;
//! [`checkpoint`] and [`signals`] let a run be interrupted; [`doctor`] looks for what may be wrong with a machine.
//! [`commands::train_model`] is the whole of it in one function; [`run`], [`device`] and [`libtorch`] are what a program
//! needs besides.

/// Writes a line to standard error, as `eprintln!` does; but where nobody listens any more, the program goes on.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

pub mod checkpoint;
pub mod cli;
pub mod commands;
pub mod data;
pub mod device;
pub mod doctor;
pub mod evaluate;
pub mod explain;
pub mod libtorch;
pub mod models;
pub mod nn;
pub mod optim;
pub mod options;
pub mod pictures;
pub mod plots;
pub mod predict;
pub mod report;
pub mod repr;
pub mod run;
pub mod signals;
pub mod summary;
pub mod train;
pub mod trained;
