//! The two networks of the slides, one file each.

mod cnn;
mod lenet5;

pub use cnn::CNNModel;
pub use lenet5::LeNet5;
