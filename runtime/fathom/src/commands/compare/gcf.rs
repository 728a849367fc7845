//! `fathom compare gcf`: the same inputs here and at Google, or what was exported of both; what differs, and the size to give the
//! function there. How calls there are made is in `drive`, what Google is asked of them in `fetch`, what is known of them in `known`.

use super::{
    as_google::{self, GROWTH},
    drive::{self, Drive, Ended},
    fetch::Fetch,
    interrupt::Interrupt,
    known::{Known, Names},
    writing,
};
use crate::{
    analysis::{self, Configured, SizingArgs},
    args::DatabaseArgs,
    commands::profile,
    config::FILE_NAME,
    exit::{self, code},
    google::{Generation, GoogleArgs, without_query},
    inputs, output, picture, quantity,
};
use anyhow::{Context, bail};
use clap::Args;
use host::{Entry, Event};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};
use store::Store;
use trace::{FunctionId, Input, Nanos, Profile, Trace};

/// Compare calls here with a function at Google: memory, time, bills, and the size to give it there
#[derive(Args)]
#[command(after_help = "\
Calls belong to each other by their execution id (Function-Execution-Id), their trace, or the record that Fathom writes where it
runs there. Google has the memory of a minute of calls: where all calls of a minute are known, its mean is compared with theirs,
so with `--every 61s` each call is known by itself. Where no call is known, distributions are compared.

Metrics can be seen up to four minutes after a call: with --url they are waited for (--wait). Ctrl-C ends the calls; those that
were made are saved and compared, as they are where a call breaks off. A second Ctrl-C ends everything.

Examples:
  fathom compare gcf line-reader --as-google                        our calls as Google would show them: no account needed
  fathom compare gcf line-reader --as-google --json > ours.json     in the form of Cloud Monitoring
  fathom compare gcf line-reader --from metrics.json --from log.json --chart compared.png
  fathom compare gcf guest-examples/line-reader --url https://europe-west1-p.cloudfunctions.net/line-reader \\
    --project p --every 61s --save seen.json
  fathom compare gcf line-reader --from seen.json --json | jq .memory.offset")]
pub(crate) struct GcfArgs {
    /// A guest, or the NAME of a recorded function, or NAME@DIGEST; may be left out where only one is recorded
    #[arg(value_name = "GUEST")]
    function: Option<String>,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    /// Show the calls recorded here in Google's form, against what they needed; with --json as Cloud Monitoring answers
    #[arg(long, conflicts_with_all = ["url", "from", "save"])]
    as_google: bool,
    /// With --as-google: factor from one bound of a bucket to the next
    #[arg(long, value_name = "FACTOR", requires = "as_google", default_value_t = GROWTH, value_parser = growth)]
    growth: f64,
    /// Exported answers of Cloud Monitoring, entries of Cloud Logging, or what --save wrote; may be given several times
    #[arg(long, value_name = "FILE", help_heading = "What is known there")]
    from: Vec<PathBuf>,
    /// Call the deployed function at this address with each input
    #[arg(long, value_name = "URL", help_heading = "What is known there")]
    url: Option<String>,
    /// Inputs to send, as `fathom profile` takes them [default: those of the guest's folder]
    #[arg(
        long = "input",
        value_name = "FILE",
        requires = "url",
        help_heading = "What is known there"
    )]
    inputs: Vec<PathBuf>,
    /// Type of what is sent [default: application/octet-stream]
    #[arg(
        long,
        value_name = "TYPE",
        requires = "url",
        help_heading = "What is known there"
    )]
    content_type: Option<String>,
    /// Whom the function takes tokens for [default: its address]
    #[arg(
        long,
        value_name = "URL",
        requires = "url",
        help_heading = "What is known there"
    )]
    audience: Option<String>,
    /// Time from the begin of one call to that of the next
    #[arg(long, value_name = "TIME", requires = "url", value_parser = quantity::duration, help_heading = "What is known there")]
    every: Option<Nanos>,
    /// Longest that a call there may take
    #[arg(long, value_name = "TIME", default_value = "540 s", value_parser = quantity::duration, help_heading = "What is known there")]
    timeout: Nanos,
    /// Write everything that is known there, so that it can be compared again with --from
    #[arg(long, value_name = "FILE", help_heading = "What is known there")]
    save: Option<PathBuf>,
    /// Its name there [default: the only one that is known, else the name here]
    #[arg(long, value_name = "NAME", help_heading = "Google")]
    gcf_function: Option<String>,
    /// Cloud Functions (1) or Cloud Run functions (2) [default: what is known there says so, else 1]
    #[arg(long, value_name = "1|2", value_parser = clap::value_parser!(u8).range(1..=2), help_heading = "Google")]
    generation: Option<u8>,
    /// What it is configured to have there, MB as Google counts them [default: what Cloud Monitoring says]
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..=1_048_576), help_heading = "Google")]
    gcf_memory: Option<u64>,
    #[command(flatten)]
    google: GoogleArgs,
    /// What of the past is fetched [default: since the first call of --url, else 1h]
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = "Google")]
    since: Option<Nanos>,
    /// Longest to wait until Cloud Monitoring has the last call that was made
    #[arg(long, value_name = "TIME", default_value = "5min", value_parser = waiting, help_heading = "Google")]
    wait: Nanos,
    /// Draw it, as SVG or PNG by the end of the name
    #[arg(long, value_name = "FILE", value_parser = picture::file)]
    chart: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Least time between two writings of what --save keeps while calls are made.
const KEEP: Duration = Duration::from_secs(1);

fn growth(text: &str) -> Result<f64, String> {
    let growth = text.parse::<f64>().ok();
    growth.filter(|growth| (1.01..=100.0).contains(growth)).ok_or_else(|| {
        format!("`{text}` is not a factor between bounds: expected a number from 1.01 to 100, as in 1.4")
    })
}

/// A time, which may be none.
fn waiting(text: &str) -> Result<Nanos, String> {
    match text
        .trim()
        .trim_end_matches(|c: char| c.is_ascii_alphabetic())
        .trim()
    {
        "0" => Ok(Nanos(0)),
        _ => quantity::duration(text),
    }
}

/// The function here, and its calls.
struct Here {
    function: FunctionId,
    traces: Vec<Trace>,
    profile: Profile,
}

/// Runs the command.
pub(crate) fn run(args: GcfArgs) -> anyhow::Result<ExitCode> {
    if args.as_google {
        let here = args.here(None)?;
        return as_google::run(
            &as_google::Wanted {
                growth: args.growth,
                configured: args.sizing.memory,
                chart: args.chart.as_deref(),
                json: args.json,
            },
            &here.traces,
            &here.profile,
            &args.sizing.catalogue()?,
        );
    }
    let project = args.google.project(args.url.is_some());
    if args.from.is_empty() && args.url.is_none() && project.is_none() {
        bail!(
            "nothing says what is known there: give exported JSON with --from, the function's address with --url, or its project \
             with --project; --as-google needs none of them"
        );
    }
    // Before anything is made that could not be written.
    for path in args.save.iter().chain(&args.chart) {
        writing::probe(path)?;
    }
    let mut known = Known::default();
    for file in &args.from {
        known.read(file)?;
    }
    let began = SystemTime::now();
    let mut interrupt = None;
    let mut is_broken = false;
    let mut measured = None;
    if let Some(url) = &args.url {
        let (function, sent) = args.inputs_to_send()?;
        measured = Some(function);
        let heard = interrupt.insert(Interrupt::listen()?).clone();
        is_broken = args.drive(url, &sent, heard, &mut known)?;
    }
    let here = args.here(measured)?;
    if let Some(project) = &project {
        let fetch = Fetch {
            google: &args.google,
            project,
            function: args.gcf_function.as_deref().unwrap_or(&here.function.name),
            generation: args.generation(&known),
            since: args.since,
            began,
            wait: args.wait,
            interrupt: interrupt.as_ref(),
        };
        fetch.add_to(&mut known, |known| args.write(known))?;
    }
    known.drop_repeats();
    args.write(&known)?;
    let generation = args.generation(&known);
    let deployed = known.deployed(&Names {
        wanted: args.gcf_function.as_deref(),
        otherwise: &here.function.name,
        configured_mb: args.gcf_memory,
        region: args.google.region.as_deref(),
        generation,
    });
    if deployed.is_err() {
        // Why so little is known may be in them.
        for note in &known.notes {
            output::note(format_args!("note: {note}"));
        }
    }
    let deployed = deployed?;
    let catalogue = args.sizing.catalogue()?;
    let key = match generation {
        Generation::First => "gcf-gen1",
        Generation::Second => "cloud-run",
    };
    let mut providers = catalogue.providers().iter();
    let provider = providers.find(|provider| provider.key == key);
    let provider = provider.with_context(|| format!("there is no provider `{key}`"))?;
    let mut compared = learn::compare_cloud(
        &here.function,
        &here.traces,
        &here.profile,
        &deployed,
        provider,
        args.sizing.seed,
    );
    compared.notes.extend(known.notes);
    if let Some(path) = &args.chart {
        let theme = report::chart::Theme::default();
        let chart = report::chart::cloud(&compared, &theme);
        writing::whole(path, picture::bytes(&chart, path)?)?;
    }
    if args.json {
        output::line(serde_json::to_string_pretty(&compared)?)?;
    } else {
        output::text(report::cloud_text(&compared, analysis::style()))?;
    }
    Ok(if is_broken {
        ExitCode::from(code::FATHOM)
    } else if interrupt.is_some_and(|interrupt| interrupt.is_said()) {
        ExitCode::from(code::INTERRUPTED)
    } else {
        ExitCode::SUCCESS
    })
}

impl GcfArgs {
    /// The recorded calls of the function, and what they say.
    fn here(&self, measured: Option<FunctionId>) -> anyhow::Result<Here> {
        let store = Store::open_existing(&self.database.db)?;
        let function = match (measured, self.guest()) {
            (Some(function), _) => function,
            (None, Some(guest)) => analysis::recorded_guest(&store, &self.database.db, guest)?,
            (None, None) => {
                analysis::find_function(&store, &self.database.db, self.function.as_deref())?
            }
        };
        let traces = analysis::read_traces(&store, &function, None)?;
        let profile = self
            .sizing
            .learn(&function, &traces, Configured::default())?;
        Ok(Here {
            function,
            traces,
            profile,
        })
    }

    /// The guest, where one is named and not a recorded function.
    fn guest(&self) -> Option<&Path> {
        let path = Path::new(self.function.as_ref()?);
        (path.is_file() || path.join(FILE_NAME).is_file()).then_some(path)
    }

    /// The function here and what is to be sent there. Inputs of a guest that were not measured here are measured first.
    fn inputs_to_send(&self) -> anyhow::Result<(FunctionId, Vec<(Input, Event)>)> {
        if let Some(guest) = self.guest() {
            let made = profile::make_missing(guest, &self.inputs, &self.database.db)?;
            return Ok((made.function, made.inputs));
        }
        let store = Store::open_existing(&self.database.db)?;
        let function =
            analysis::find_function(&store, &self.database.db, self.function.as_deref())?;
        if self.inputs.is_empty() {
            bail!(
                "nothing says which inputs to send: name them with --input, or give the guest in place of `{}`",
                function.name
            );
        }
        let traces = analysis::read_traces(&store, &function, None)?;
        let sent = inputs::of_paths(&self.inputs)?.into_iter().map(|event| {
            let digest = event.digest(&Entry::Start)?;
            // Of a call that was served the type is in the digest too: then its name tells.
            let is_known = traces.iter().any(|call| call.input.digest == digest);
            let by_label = traces.iter().find(|call| call.input.label == event.label);
            let input = match by_label.filter(|_| !is_known) {
                Some(call) => call.input.clone(),
                None => Input {
                    label: event.label.clone(),
                    digest,
                },
            };
            Ok((input, event))
        });
        let sent = sent.collect::<anyhow::Result<Vec<(Input, Event)>>>()?;
        Ok((function, sent))
    }

    /// Calls the deployed function and saves what was made; whether a call broke off, which is said at once.
    fn drive(
        &self,
        url: &str,
        sent: &[(Input, Event)],
        interrupt: Interrupt,
        known: &mut Known,
    ) -> anyhow::Result<bool> {
        let drive = Drive {
            url,
            audience: self
                .audience
                .as_deref()
                .unwrap_or_else(|| without_query(url)),
            content_type: self.content_type.as_deref(),
            every: self.every,
            timeout: self.timeout,
            tokens: self.google.tokens(),
        };
        known.url = Some(without_query(url).to_owned());
        let before = known.driven.len();
        let mut kept = Instant::now();
        let made = drive::run(drive, sent, interrupt, |calls| {
            if kept.elapsed() < KEEP && calls.len() > 1 {
                return Ok(());
            }
            kept = Instant::now();
            known.driven.truncate(before);
            known.driven.extend_from_slice(calls);
            self.write(known)
        })?;
        let how_many = format!("{} of {} calls were made", made.calls.len(), sent.len());
        known.driven.truncate(before);
        known.driven.extend(made.calls);
        // Before anything else is asked for that may fail.
        self.write(known)?;
        match made.ended {
            Ended::All => Ok(false),
            Ended::Interrupted => {
                output::note(how_many);
                Ok(false)
            }
            Ended::Broken(error) => {
                exit::say(&error.context(format!("{how_many}, which are kept and compared")));
                Ok(true)
            }
        }
    }

    fn generation(&self, known: &Known) -> Generation {
        match self.generation {
            Some(2) => Generation::Second,
            Some(_) => Generation::First,
            None => known.generation(),
        }
    }

    fn write(&self, known: &Known) -> anyhow::Result<()> {
        match &self.save {
            Some(path) => writing::whole(path, &serde_json::to_string_pretty(&known.saved())?),
            None => Ok(()),
        }
    }
}
