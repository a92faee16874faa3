//! The library: readers, layers, optimizers and charts. What draws Python's numbers is in `models.rs`, a program of its own,
//! since libtorch has one generator.

#[path = "../common/mod.rs"]
mod common;

mod charts;
mod data;
mod files;
mod layers;
mod optimizers;
mod tch_users;
