//! The store from outside: what goes in comes out, and a file survives what happens to files.

mod choosing;
mod exact;
mod phases;
mod processes;
mod refused;
mod sample;
