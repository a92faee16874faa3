//! The program from outside: its real binary, its page in a real browser, Python beside it.

#[path = "../common/mod.rs"]
mod common;
mod page;
mod running;
mod serving;

mod browser;
mod cli;
mod cuda;
mod docs;
mod download;
mod explain;
mod files;
mod guard;
mod host;
mod images;
mod own_network;
mod own_project;
mod photographs;
mod play;
mod portable;
mod python;
mod resume;
mod robust;
mod setup;
mod trained;
mod training;
mod training_page;
mod tutorial;
mod versions;
