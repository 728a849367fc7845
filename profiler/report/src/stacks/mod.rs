//! Call stacks shown: who allocated the memory, who held it, who used the processor.
//!
//! Calls are added up by [`Merger`]; from the sum comes one [`Folded`] profile per [`View`], and from that a picture or
//! a file for somebody else's viewer; and heatmaps that say when. One file per format. What needs the order of events
//! ([`firefox`], [`perf_script`]) is made from the calls themselves.
//!
//! Deliberately not here: finding out names and lines. A recorded frame has them, or nobody knows them any more.

mod collapsed;
mod differential;
mod error;
mod firefox;
mod flamegraph;
mod folded;
mod heatmap;
mod intern;
mod label;
mod merge;
mod origin;
mod over_time;
mod perf_script;
mod pprof;
mod proto;
mod scale;
mod similarity;
mod view;
mod who;

pub use collapsed::collapsed;
pub use differential::differential;
pub use error::StackError;
pub use firefox::firefox;
pub use flamegraph::flamegraph;
pub(crate) use flamegraph::frames_only;
pub use folded::Folded;
pub(crate) use heatmap::Heatmap;
pub use merge::{Merged, Merger};
pub use perf_script::{PerfScript, perf_script};
pub use pprof::{pprof_cpu, pprof_heap};
pub(crate) use scale::Clock;
pub use similarity::{Comparison, similarity};
pub use view::{By, Measure, View};
pub use who::{Holder, Who, who_text};
