//! A training run: its options, the files of its folder, and the network that they hold.

pub mod checkpoint;
pub mod config;
pub mod folder;
pub mod live;
pub mod metrics;
pub mod network;
pub mod options;
pub mod predictions;
pub mod weights;
