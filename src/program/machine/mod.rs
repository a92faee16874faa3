//! The machine that a training runs on: its devices, CUDA, libtorch, memory and signals.

pub mod cuda;
pub mod device;
mod library;
pub mod libtorch;
pub mod processor;
mod memory;
pub mod signals;

pub use memory::keep_freed_memory;
