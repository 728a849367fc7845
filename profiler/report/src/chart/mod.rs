//! Pictures: one chart per file, each a function from values to one drawing with a title and a description, to be had as an
//! SVG document or as a PNG.
//!
//! Drawn with plotters at twice the size they are shown at, because plotters puts everything on whole pixels. Text in an SVG
//! is left to the fonts of whoever looks (`sans-serif`), so its width is only ever estimated. Charts of nothing say so.

mod allocation;
mod as_google;
mod axis;
mod backend;
mod bill;
mod bitmap;
mod calibration;
mod calls;
mod canvas;
mod clock;
mod cloud;
mod curve;
mod ends;
mod legend;
mod of_function;
mod recent;
mod relation;
mod subject;
mod theme;
mod ticks;
mod timeline;
mod tip;
mod typeface;

pub use allocation::allocation;
pub(crate) use allocation::waste;
pub use as_google::as_google;
pub use bill::bill;
pub use calibration::calibration;
pub use calls::calls;
pub use canvas::Chart;
pub use cloud::cloud;
pub(crate) use of_function::telling;
pub use of_function::{NAMES, of_function};
pub use recent::recent;
pub use relation::relation;
pub use theme::Theme;
pub use timeline::timeline;
