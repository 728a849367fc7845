//! Runs guests in wasmtime: one [`Engine`] per process, one [`Function`] per deployed guest, one sandbox per call. Calls are made
//! one at a time ([`Function::invoke`]) or served, many at once ([`Function::serve`]).
//!
//! A call takes an [`Event`] and [`trace::Limits`] and gives a [`trace::Trace`]. The guest may be hostile: memory,
//! time, output and files are limited, and whatever it does becomes an outcome, never a panic of the host.
//!
//! Not here: servers, databases, what the numbers mean. wasmtime is named in no other crate.
//!
//! # Accuracy
//!
//! Committed memory and peaks of live bytes are exact. Times of the first hits of a breakpoint are exact to the
//! clock; once hits are thinned, the times of the others are those of the last tick of the timeline.

mod budget;
mod cache;
mod calibrate;
mod component;
mod cpu;
mod engine;
mod error;
mod event;
mod features;
mod function;
mod guest;
mod heap;
mod injected;
mod invoke;
mod json_shape;
mod machine;
mod meter;
mod outcome;
mod pagemap;
mod parts;
mod process;
mod recorder;
mod sampler;
mod sandbox;
mod scratch;
mod serving;
mod stacks;
mod state;
mod stdio;
mod touched;

pub use cache::Cache;
pub use engine::{Engine, EngineError, Slots};
pub use error::InvokeError;
pub use event::{Body, Event, EventError, Mount};
pub use features::input_features;
pub use function::{Entry, Function, LoadError, digest};
pub use sandbox::{Call, Finished, OnDeadline};
pub use scratch::remove_scratch_of;
pub use serving::{
    Ahead, BodyError, Grants, Growing, GuestBody, HttpCall, Outbound, Served, Service, Stop, Turn,
    Used,
};
pub use stdio::{Log, Output, OutputRoom, TooMuchOutput};
