//! `fathom diff`: what two versions of a function differ by, for people and for a pull request; and whether that is too much.

use crate::{
    analysis::{self, Configured, SizingArgs},
    args::DatabaseArgs,
    config::FILE_NAME,
    exit::code,
    guest::Guest,
    output, quantity,
};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::{fs, path::Path, process::ExitCode};
use store::Store;
use trace::{Bytes, Difference, Profile};

/// Compare two versions of a function: memory, what drives it, bills
#[derive(Args)]
#[command(after_help = "\
A version is a profile.json that was saved, a module or folder whose calls are recorded, or the NAME of a recorded function, or
NAME@DIGEST for one of several versions.

Exit code 3 where the new version is not within what is asked by --fail-if-more, --fail-if-waste or --fail-if-over.

Examples:
  fathom diff baseline.json fathom-out/resize/profile.json
  fathom diff resize@3f9a resize@a1b2
  fathom diff baseline.json resize.wasm --format markdown --fail-if-more 5% >> $GITHUB_STEP_SUMMARY
  fathom diff baseline.json resize.wasm --fail-if-over 256MB --fail-if-waste 30%")]
pub(crate) struct DiffArgs {
    /// The version before
    old: String,
    /// The version now
    new: String,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    /// Fail if the largest need, what each call is to be given, or what it grows by for each of what drives it, is larger by more than
    /// this
    #[arg(long, value_name = "SHARE", value_parser = quantity::growth, help_heading = "Limits")]
    fail_if_more: Option<f64>,
    /// Fail if a call is given more today than it has to be, by more than this share of it (see --memory)
    #[arg(long, value_name = "SHARE", value_parser = quantity::share, help_heading = "Limits")]
    fail_if_waste: Option<f64>,
    /// Fail if each call has to be given more than this
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes, help_heading = "Limits")]
    fail_if_over: Option<Bytes>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print one JSON object
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Json,
}

/// Runs the command.
pub(crate) fn run(args: DiffArgs) -> anyhow::Result<ExitCode> {
    let are_saved = is_saved(&args.old) && is_saved(&args.new);
    if are_saved && (args.sizing.failure_rate.is_some() || !args.sizing.providers.is_empty()) {
        bail!(
            "--failure-rate and --providers are for versions that are learned here; `{}` and `{}` have been learned already",
            args.old,
            args.new
        );
    }
    let (old, new) = (args.profile(&args.old)?, args.profile(&args.new)?);
    let Some(difference) = learn::difference(&old, &new, args.sizing.seed) else {
        let name = |profile: &Profile| {
            profile
                .recommendation
                .is_none()
                .then(|| profile.function.name.clone())
        };
        let nothing = name(&old).or_else(|| name(&new)).unwrap_or_default();
        bail!("no call of `{nothing}` has succeeded: there is nothing to compare");
    };
    let broken = args.broken(&difference);
    match args.format {
        _ if args.json => print_json(&difference, &broken)?,
        Format::Json => print_json(&difference, &broken)?,
        Format::Markdown => output::text(report::difference_markdown(&difference, &broken))?,
        Format::Text => {
            output::text(report::difference_text(
                &difference,
                &broken,
                analysis::style(),
            ))?;
        }
    }
    Ok(if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(code::OVER)
    })
}

fn print_json(difference: &Difference, broken: &[String]) -> anyhow::Result<()> {
    let mut object = serde_json::to_value(difference)?;
    if let Some(fields) = object.as_object_mut() {
        fields.insert("broken".to_owned(), broken.into());
    }
    output::line(serde_json::to_string_pretty(&object)?)
}

impl DiffArgs {
    /// The profile of a version.
    fn profile(&self, version: &str) -> anyhow::Result<Profile> {
        let path = Path::new(version);
        if is_saved(version) {
            return saved(path);
        }
        let store = Store::open_existing(&self.database.db)?;
        let is_guest = path.is_file() || path.join(FILE_NAME).is_file();
        let (function, configured) = match is_guest {
            true => {
                let guest = Guest::find(path)?;
                let function = analysis::recorded_guest(&store, &self.database.db, path)?;
                // As `fathom profile` has it.
                let configured = Configured {
                    failure_rate: guest.config.recommend.failure_rate,
                    memory: guest.config.function.memory,
                };
                (function, configured)
            }
            false => {
                let found = analysis::find_function(&store, &self.database.db, Some(version))?;
                (found, Configured::default())
            }
        };
        let traces = analysis::read_traces(&store, &function, None)?;
        self.sizing.learn(&function, &traces, configured)
    }

    /// What a call is given today beyond what it has to be, over what it is given.
    fn waste(&self, difference: &Difference) -> f64 {
        let given = difference.allocation_bytes.new.as_f64();
        let today = self
            .sizing
            .memory
            .map(|memory| 1.0 - given / memory.as_f64());
        today.unwrap_or(difference.waste_share)
    }

    /// The limits that the new version is not within, a sentence each.
    fn broken(&self, difference: &Difference) -> Vec<String> {
        let mut broken = Vec::new();
        if let Some(most) = self.fail_if_more {
            let grown = |old: f64, new: f64| old > 0.0 && new > old * (1.0 + most);
            let mut check = |what: &str, old: f64, new: f64| {
                if grown(old, new) {
                    let share = (new / old - 1.0) * 100.0;
                    broken.push(format!(
                        "{what} is larger by {share:.1} %, at most {:.1} % is allowed",
                        most * 100.0
                    ));
                }
            };
            let Difference {
                peak_bytes,
                allocation_bytes,
                relation,
                ..
            } = difference;
            check(
                "the largest need",
                peak_bytes.old.as_f64(),
                peak_bytes.new.as_f64(),
            );
            check(
                "what each call is given",
                allocation_bytes.old.as_f64(),
                allocation_bytes.new.as_f64(),
            );
            // Only where chance does not make it so.
            let relation = relation
                .as_ref()
                .filter(|r| r.coefficient.new.low > r.coefficient.old.high);
            if let Some(relation) = relation {
                let what = format!("memory for each {}", relation.of);
                check(
                    &what,
                    relation.coefficient.old.value,
                    relation.coefficient.new.value,
                );
            }
        }
        let waste = self.waste(difference);
        if let Some(most) = self.fail_if_waste
            && waste > most
        {
            broken.push(format!(
                "{:.0} % of what a call is given today is wasted, at most {:.0} % is allowed",
                waste * 100.0,
                most * 100.0
            ));
        }
        if let Some(most) = self.fail_if_over
            && difference.allocation_bytes.new > most
        {
            broken.push(format!(
                "each call has to be given {}, at most {most} is allowed",
                difference.allocation_bytes.new
            ));
        }
        broken
    }
}

/// Whether a version is a profile that was saved.
fn is_saved(version: &str) -> bool {
    Path::new(version)
        .extension()
        .is_some_and(|extension| extension == "json")
}

/// A profile that was saved.
fn saved(path: &Path) -> anyhow::Result<Profile> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let profile: Profile = serde_json::from_str(&text).with_context(|| {
        format!(
            "`{}` is not a profile: expected what `fathom profile --json` prints",
            path.display()
        )
    })?;
    anyhow::ensure!(
        profile.schema == Profile::SCHEMA,
        "`{}` is of schema `{}`: expected `{}`",
        path.display(),
        profile.schema,
        Profile::SCHEMA
    );
    Ok(profile)
}
