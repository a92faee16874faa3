//! Who is let in: the address that is listened at, the connections that are taken, the token, and what a request may bring.

pub mod address;
pub mod connections;
pub mod guard;
mod shares;
pub mod token;
