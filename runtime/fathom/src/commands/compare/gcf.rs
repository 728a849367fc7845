//! `fathom compare gcf`: the same inputs here and at Google, or what was exported of both; what differs, and the size to give the
//! function there. How calls there are made is in `drive`, what is known of them in `known`.

use super::{
    as_google::{self, GROWTH},
    drive::{self, Drive, Driven},
    known::{Known, Names},
};
use crate::{
    analysis::{self, Configured, SizingArgs},
    args::DatabaseArgs,
    commands::profile,
    config::FILE_NAME,
    exit::code,
    google::{Asked, Generation, Google, GoogleArgs},
    inputs, output, progress, quantity,
};
use anyhow::{Context, bail};
use clap::Args;
use host::{Entry, Event};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::sleep,
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
were made are saved and compared.

Examples:
  fathom compare gcf line-reader --as-google                        our calls as Google would show them: no account needed
  fathom compare gcf line-reader --as-google --json > ours.json     in the form of Cloud Monitoring
  fathom compare gcf line-reader --from metrics.json --from log.json --chart compared.svg
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
    /// Longest to wait until Cloud Monitoring has as many calls as were made
    #[arg(long, value_name = "TIME", default_value = "5min", value_parser = waiting, help_heading = "Google")]
    wait: Nanos,
    /// Draw it, as SVG
    #[arg(long, value_name = "FILE", value_parser = svg)]
    chart: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What of the past is fetched where nobody says: an hour.
const SINCE: Duration = Duration::from_secs(3_600);

/// Time between two looks whether the metrics have come.
const LOOK: Duration = Duration::from_secs(15);

/// Time between two looks whether somebody wants it to end.
const BLINK: Duration = Duration::from_millis(50);

/// Becomes true at Ctrl-C: then nothing is waited for any more, and what is known is compared. At the second one the process ends.
fn stop_waiting() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let said = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                said.store(true, Ordering::Relaxed);
                output::note("interrupted: what is known is compared; once more ends it");
                if tokio::signal::ctrl_c().await.is_ok() {
                    std::process::exit(i32::from(code::INTERRUPTED));
                }
            }
        });
    });
    Ok(stop)
}

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

fn svg(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().is_some_and(|extension| extension == "svg") {
        true => Ok(path),
        false => Err(format!(
            "`{text}` is not an SVG: expected a name that ends in .svg"
        )),
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
    if args.from.is_empty() && args.url.is_none() && args.google.project.is_none() {
        bail!(
            "nothing says what is known there: give exported JSON with --from, the function's address with --url, or its project \
             with --project; --as-google needs none of them"
        );
    }
    let mut known = Known::default();
    for file in &args.from {
        known.read(file)?;
    }
    let began = SystemTime::now();
    let mut interrupted = false;
    let mut measured = None;
    if let Some(url) = &args.url {
        let (function, sent) = args.inputs_to_send()?;
        let (driven, ended) = args.drive(url, &sent)?;
        (measured, interrupted) = (Some(function), ended);
        known.url = Some(url.clone());
        known.driven.extend(driven);
        // Before anything else is asked for that may fail.
        args.write(&known)?;
    }
    let here = args.here(measured)?;
    if args.google.project.is_some() {
        let stop = match args.url.is_some() && !interrupted {
            true => stop_waiting()?,
            false => Arc::new(AtomicBool::new(true)),
        };
        args.fetch(&mut known, began, &here, &stop)?;
        args.write(&known)?;
    }
    let generation = args.generation(&known);
    let deployed = known.deployed(&Names {
        wanted: args.gcf_function.as_deref(),
        otherwise: &here.function.name,
        configured_mb: args.gcf_memory,
        generation,
    })?;
    let catalogue = args.sizing.catalogue()?;
    let key = match generation {
        Generation::First => "gcf-gen1",
        Generation::Second => "cloud-run",
    };
    let mut providers = catalogue.providers().iter();
    let provider = providers.find(|provider| provider.key == key);
    let provider = provider.with_context(|| format!("there is no provider `{key}`"))?;
    let compared = learn::compare_cloud(
        &here.function,
        &here.traces,
        &here.profile,
        &deployed,
        provider,
        args.sizing.seed,
    );
    if let Some(path) = &args.chart {
        let chart = report::chart::cloud(&compared, &report::chart::Theme::default());
        fs::write(path, chart).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    if args.json {
        output::line(serde_json::to_string_pretty(&compared)?)?;
    } else {
        output::text(report::cloud_text(&compared, analysis::style()))?;
    }
    Ok(if interrupted {
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

    /// Calls the deployed function; what was made, and whether Ctrl-C ended it.
    fn drive(&self, url: &str, sent: &[(Input, Event)]) -> anyhow::Result<(Vec<Driven>, bool)> {
        let drive = Drive {
            url,
            audience: self.audience.as_deref().unwrap_or(url),
            content_type: self.content_type.as_deref(),
            every: self.every,
            timeout: self.timeout,
            tokens: self.google.tokens(),
        };
        let driven = drive::run(drive, sent)?;
        if driven.interrupted {
            output::note(format_args!(
                "interrupted: {} of {} calls were made",
                driven.calls.len(),
                sent.len()
            ));
        }
        Ok((driven.calls, driven.interrupted))
    }

    /// Fetches what Google has, until it has as many calls as were made or the time to wait is over.
    fn fetch(
        &self,
        known: &mut Known,
        began: SystemTime,
        here: &Here,
        stop: &AtomicBool,
    ) -> anyhow::Result<()> {
        let project = self.google.project.as_deref().unwrap_or_default();
        let function = self
            .gcf_function
            .as_deref()
            .unwrap_or(&here.function.name)
            .to_owned();
        let from = match (self.since, known.driven.is_empty()) {
            (Some(since), _) => began.checked_sub(Duration::from_nanos(since.0)),
            (None, true) => began.checked_sub(SINCE),
            // A minute of Google's may have begun before.
            (None, false) => known
                .began()
                .and_then(|at| at.checked_sub(Duration::from_secs(60))),
        };
        let from = from.unwrap_or(SystemTime::UNIX_EPOCH);
        let generation = self.generation(known);
        let mut google: Google = self.google.google();
        let spinner = progress::spinner(format!("asking Google of {function}"));
        let waits = Instant::now();
        let longest = Duration::from_nanos(self.wait.0);
        loop {
            let asked = Asked {
                project,
                region: self.google.region.as_deref(),
                function: &function,
                generation,
                from,
                to: SystemTime::now(),
            };
            let series = google.series(&asked)?;
            let has = Known::values_of_memory(&series);
            let left = longest.saturating_sub(waits.elapsed());
            let is_over = left.is_zero() || stop.load(Ordering::Relaxed);
            if has >= known.driven.len() as u64 || is_over {
                known.series.extend(series);
                known.entries.extend(google.entries(&asked)?);
                spinner.finish_and_clear();
                return Ok(());
            }
            spinner.set_message(format!(
                "waiting for Cloud Monitoring: it has {has} of {} calls",
                known.driven.len()
            ));
            let next = Instant::now() + LOOK.min(left);
            while Instant::now() < next && !stop.load(Ordering::Relaxed) {
                sleep(BLINK);
            }
        }
    }

    fn generation(&self, known: &Known) -> Generation {
        match self.generation {
            Some(2) => Generation::Second,
            Some(_) => Generation::First,
            None if known.is_of_cloud_run() => Generation::Second,
            None => Generation::First,
        }
    }

    fn write(&self, known: &Known) -> anyhow::Result<()> {
        let Some(path) = &self.save else {
            return Ok(());
        };
        let text = serde_json::to_string_pretty(&known.saved())?;
        // Whole or not at all: what was there is not lost to a full disk.
        let beside = path.with_extension("json.new");
        fs::write(&beside, text)
            .and_then(|()| fs::rename(&beside, path))
            .with_context(|| format!("cannot write `{}`", path.display()))
    }
}
