//! What the program can be asked to do: each command with the options it takes.

pub mod doctor;
pub mod evaluate;
pub mod explain;
pub mod play;
pub mod predict;
pub mod summary;
pub mod train;
