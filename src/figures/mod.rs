//! Pictures of what layers do: panels of maps and bars in a figure, drawn on a canvas.

pub mod canvas;
mod figure;
mod map;

pub use figure::Figure;
pub use map::{Colors, Content, Map, Panel, short};
