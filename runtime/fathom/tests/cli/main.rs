//! What a user of the binary does and sees: commands are run as a user runs them, and their exit codes, outputs and
//! files are looked at. Whether figures are right is seen in
//! `host`, `probe` and `learn`; here only in `findings`, on the examples that are shipped.

mod bad_input;
mod browser;
mod compared;
mod components;
mod examples;
mod findings;
mod flames;
mod gcf;
mod hostile;
mod imported;
mod interrupted;
mod npm;
mod packaged;
mod page;
mod pages;
mod pictures;
mod plan;
mod profile;
mod prometheus;
mod recorded;
mod run;
mod serve;
mod stacks;
mod support;
mod tools;
