//! The command line: what can be asked, grouped as a newcomer meets it. Flags are declared by each command, and those
//! that several share in `args`.

use crate::exit::code;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::fmt::Write;

/// Measure how deep each call goes: exact memory of functions, explained by their variables, sized and priced.
#[derive(Parser)]
#[command(name = "fathom", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a function on many inputs, learn what drives its memory, recommend an allocation
    Profile(crate::commands::profile::ProfileArgs),
    /// Run one call and print what it used
    Run(crate::commands::run::RunArgs),
    /// List what can be observed in a guest
    Inspect(crate::commands::inspect::InspectArgs),
    /// Write a commented fathom.toml
    Init(crate::commands::init::InitArgs),
    /// Write the report of what was recorded, without running anything
    Report(crate::commands::report::ReportArgs),
    /// Draw who allocated or held the memory, as a flame graph
    Flame(crate::commands::flame::FlameArgs),
    /// List, show, export and prune recorded calls
    #[command(subcommand)]
    Traces(crate::commands::traces::TracesCommand),
    /// Recommend an allocation from what was recorded
    Recommend(crate::commands::recommend::RecommendArgs),
    /// Write the few breakpoints that predict a function's memory, or check that they still do
    Plan(crate::commands::plan::PlanArgs),
    /// Explain a size: its parts, the calls nearest to it, what would change it
    Explain(crate::commands::explain::ExplainArgs),
    /// What calls cost at each provider, and how much of that is for nothing
    Bill(crate::commands::bill::BillArgs),
    /// Compare two versions of a function: memory, what drives it, bills
    Diff(crate::commands::diff::DiffArgs),
    /// Compare calls here with the same function deployed at a cloud
    #[command(subcommand)]
    Compare(crate::commands::compare::CompareCommand),
    /// Replay recorded calls under each rule for sizing: what it wastes, and how often it fails
    Replay(crate::commands::replay::ReplayArgs),
    /// Import calls that were recorded elsewhere
    Import(crate::commands::import::ImportArgs),
    /// Serve functions over HTTP: every call measured, limited and rightsized
    Serve(crate::commands::serve::ServeArgs),
    /// Write dashboards of Grafana, rules and configuration of Prometheus for a server
    Dashboards(crate::commands::dashboards::DashboardsArgs),
    /// Make a folder of a function that a provider runs
    #[command(subcommand)]
    Package(crate::commands::package::PackageCommand),
    /// Make a function from a template
    New(crate::commands::new::NewArgs),
    /// Deploy a function to a running server
    Deploy(crate::commands::deploy::DeployArgs),
    /// Call a function of a running server
    Invoke(crate::commands::invoke::InvokeArgs),
    /// List the functions of a running server
    List(crate::commands::list::ListArgs),
    /// Watch the functions of a running server: calls, memory, and what is held for nothing
    Top(crate::commands::top::TopArgs),
    /// Describe a function of a running server, with its last calls
    Describe(crate::commands::describe::DescribeArgs),
    /// Give a function of a running server the memory that is recommended for it
    Apply(crate::commands::apply::ApplyArgs),
    /// Print what the calls of a function have written to their standard error
    Logs(crate::commands::logs::LogsArgs),
    /// Remove a function from a running server
    Remove(crate::commands::remove::RemoveArgs),
    /// Fit models to what was recorded and print them
    Learn(crate::commands::learn::LearnArgs),
    /// Write a guest with its probes injected
    Inject(crate::commands::inject::InjectArgs),
    /// Measure what this machine gives
    #[command(subcommand)]
    Bench(crate::commands::bench::BenchCommand),
    /// Print what this machine offers and where things lie
    Doctor(crate::commands::doctor::DoctorArgs),
    /// Print a completion script for a shell
    Completions(crate::commands::completions::CompletionsArgs),
    /// Make calls for another fathom process
    #[command(hide = true)]
    Worker,
}

/// The groups of the help, in the order in which they are needed. A test checks that none is forgotten.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Start", &["profile", "run", "inspect", "init"]),
    ("Understand", &["report", "flame", "traces"]),
    (
        "Size",
        &[
            "recommend",
            "explain",
            "bill",
            "diff",
            "compare",
            "replay",
            "import",
            "plan",
        ],
    ),
    (
        "Serve",
        &[
            "serve",
            "package",
            "new",
            "deploy",
            "invoke",
            "list",
            "top",
            "describe",
            "apply",
            "logs",
            "remove",
            "dashboards",
        ],
    ),
    (
        "Stages and the rest",
        &["learn", "inject", "bench", "doctor", "completions"],
    ),
];

const EXAMPLES: &str = "\
Examples:
  fathom profile guest-examples/line-reader           every bundled input, one screen, report.html
  fathom profile queens.wasm --sweep size=4..12 -- {size}   the argument from 4 to 12
  fathom run guest.wasm < input.txt                   one call, with an account on stderr
  fathom inspect guest.wasm                           what could be watched

`fathom COMMAND --help` explains a command.";

impl Cli {
    /// Parses the process's arguments; help and errors end the process here, as clap does.
    pub(crate) fn parse_from_environment() -> Cli {
        let parsed = command()
            .try_get_matches()
            .and_then(|matches| Cli::from_arg_matches(&matches));
        parsed.unwrap_or_else(|error| {
            // Nobody is left to be told if this fails.
            let _ = error.print();
            let code = if error.use_stderr() { code::FATHOM } else { 0 };
            std::process::exit(i32::from(code))
        })
    }
}

/// The command with its grouped help.
pub(crate) fn command() -> clap::Command {
    let command = Cli::command();
    let groups = grouped_commands(&command);
    command.help_template(format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}Options:\n{{options}}\n\n{EXAMPLES}\n"
    ))
}

fn grouped_commands(command: &clap::Command) -> String {
    let mut text = String::new();
    for (title, names) in GROUPS {
        let _ = writeln!(text, "{title}:");
        for name in names {
            let about = command
                .find_subcommand(name)
                .and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {name:<12} {about}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_command_is_in_the_help() {
        command().debug_assert();
        let grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        for subcommand in Cli::command().get_subcommands() {
            if !subcommand.is_hide_set() {
                assert!(
                    grouped.contains(&subcommand.get_name()),
                    "{}",
                    subcommand.get_name()
                );
            }
        }
        assert_eq!(
            grouped.len(),
            grouped
                .iter()
                .collect::<std::collections::BTreeSet<_>>()
                .len()
        );
    }
}
