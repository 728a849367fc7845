//! Fathom, the only binary: reads the command line and hands over to one file per command.
//!
//! Deliberately not here: how anything is done. Guests run in `host`, traces lie in `store`, models come from `learn`,
//! pictures from `report`.

mod allowance;
mod analysis;
mod args;
mod cli;
mod client;
mod commands;
mod config;
mod config_edit;
mod dashboards;
mod event_file;
mod exit;
mod frame;
mod google;
mod guest;
mod import;
mod inputs;
mod memory;
mod moment;
mod near;
mod output;
mod picture;
mod places;
mod plan_file;
mod pool;
mod progress;
mod quantity;
mod server;
mod sweep;
mod worker;

use cli::{Cli, Command};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse_from_environment();
    let done = match cli.command {
        Command::Profile(args) => commands::profile::run(args),
        Command::Run(args) => commands::run::run(args),
        Command::Inspect(args) => commands::inspect::run(args),
        Command::Init(args) => commands::init::run(args),
        Command::Report(args) => commands::report::run(args),
        Command::Flame(args) => commands::flame::run(args),
        Command::Traces(args) => commands::traces::run(args),
        Command::Recommend(args) => commands::recommend::run(args),
        Command::Bill(args) => commands::bill::run(args),
        Command::Diff(args) => commands::diff::run(args),
        Command::Compare(command) => commands::compare::run(command),
        Command::Explain(args) => commands::explain::run(args),
        Command::Replay(args) => commands::replay::run(args),
        Command::Import(args) => commands::import::run(args),
        Command::Plan(args) => commands::plan::run(args),
        Command::Serve(args) => commands::serve::run(args),
        Command::Package(command) => commands::package::run(command),
        Command::New(args) => commands::new::run(args),
        Command::Deploy(args) => commands::deploy::run(args),
        Command::Invoke(args) => commands::invoke::run(args),
        Command::List(args) => commands::list::run(args),
        Command::Top(args) => commands::top::run(args),
        Command::Describe(args) => commands::describe::run(args),
        Command::Apply(args) => commands::apply::run(args),
        Command::Logs(args) => commands::logs::run(args),
        Command::Remove(args) => commands::remove::run(args),
        Command::Learn(args) => commands::learn::run(args),
        Command::Inject(args) => commands::inject::run(args),
        Command::Bench(command) => commands::bench::run(command),
        Command::Doctor(args) => commands::doctor::run(args),
        Command::Dashboards(args) => commands::dashboards::run(args),
        Command::Completions(args) => commands::completions::run(args, cli::command()),
        Command::Worker => worker::run(),
    };
    exit::report(done)
}
