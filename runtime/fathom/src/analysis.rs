//! From recorded calls to a profile, and from a profile to what a person reads: shared by every command that explains
//! or sizes, whether it has just run the guest or not.

use crate::output;
use crate::{guest::Guest, near, places, quantity};
use anyhow::{Context as _, bail};
use clap::Args;
use learn::{Catalogue, CheckedSettings, Settings};
use report::{Context, Style, stacks::Merger};
use std::{
    fs,
    path::{Path, PathBuf},
};
use store::{Detail, Filter, Store};
use trace::{Bytes, FunctionId, Profile, Trace};

/// What a function is given today, unless somebody says otherwise: the default of Cloud Functions.
const BASELINE: Bytes = Bytes::mib(256);

/// Calls that may fail for want of memory, unless somebody says otherwise.
const FAILURE_RATE: f64 = 0.01;

/// Beyond so many calls the timelines are not read back: learning needs the summaries, a report draws one call.
const MOST_IN_FULL: usize = 500;

/// How a recommendation is made.
#[derive(Args, Clone)]
pub(crate) struct SizingArgs {
    /// Share of calls that may fail for want of memory [default: 0.01]
    #[arg(long, value_name = "RATE", env = "FATHOM_FAILURE_RATE", value_parser = quantity::failure_rate, help_heading = "Recommend")]
    pub(crate) failure_rate: Option<f64>,
    /// What a call is given today [default: 256 MiB]
    #[arg(long, value_name = "SIZE", env = "FATHOM_MEMORY", value_parser = quantity::bytes, help_heading = "Recommend")]
    pub(crate) memory: Option<Bytes>,
    /// Order of the calls when they are replayed at random
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1,
        help_heading = "Recommend"
    )]
    pub(crate) seed: u64,
    /// A provider to add to the built-in ones, or to take the place of one of them; a folder is all files of it. May be given
    /// several times
    #[arg(
        long,
        value_name = "FILE",
        env = "FATHOM_PROVIDERS",
        value_delimiter = ',',
        help_heading = "Recommend"
    )]
    pub(crate) providers: Vec<PathBuf>,
}

/// What the guest's file says about sizing.
#[derive(Clone, Copy, Default)]
pub(crate) struct Configured {
    pub(crate) failure_rate: Option<f64>,
    pub(crate) memory: Option<Bytes>,
}

impl SizingArgs {
    /// Learns from the calls and recommends.
    pub(crate) fn learn(
        &self,
        function: &FunctionId,
        traces: &[Trace],
        configured: Configured,
    ) -> anyhow::Result<Profile> {
        let settings = self.settings(traces, configured)?;
        Ok(learn::learn(
            function,
            traces,
            &settings,
            &self.catalogue()?,
        ))
    }

    /// What is decided before learning from these calls.
    pub(crate) fn settings(
        &self,
        traces: &[Trace],
        configured: Configured,
    ) -> anyhow::Result<CheckedSettings> {
        let settings = Settings {
            failure_rate: self
                .failure_rate
                .or(configured.failure_rate)
                .unwrap_or(FAILURE_RATE),
            baseline: self
                .memory
                .or(configured.memory)
                .or_else(|| traces.iter().rev().find_map(Trace::preset))
                .unwrap_or(BASELINE),
            runtime_base: runtime_base(traces),
            seed: self.seed,
            order: learn::order(traces),
        };
        Ok(settings.check()?)
    }

    /// The built-in providers, with those of the user.
    pub(crate) fn catalogue(&self) -> anyhow::Result<Catalogue> {
        let mut catalogue = Catalogue::bundled();
        for path in &self.providers {
            for file in provider_files(path)? {
                let text = fs::read_to_string(&file)
                    .with_context(|| format!("cannot read the provider `{}`", file.display()))?;
                catalogue = catalogue
                    .with(&text)
                    .with_context(|| format!("`{}`", file.display()))?;
            }
        }
        Ok(catalogue)
    }
}

/// A file, or the files of a folder in the order of their names.
fn provider_files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries =
        fs::read_dir(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let files = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    anyhow::ensure!(
        !files.is_empty(),
        "no provider in `{}`: expected files as NAME.toml",
        path.display()
    );
    Ok(files)
}

/// What the runtime needs beside the guest: the least that any process measured, since one that had to compile the
/// guest keeps some of the compiler's memory.
fn runtime_base(traces: &[Trace]) -> Bytes {
    let known = traces.iter().map(|trace| trace.runtime_base);
    known
        .filter(|base| *base > Bytes(0))
        .min()
        .unwrap_or_default()
}

/// Which recorded function is meant.
#[derive(Args, Clone)]
pub(crate) struct RecordedArgs {
    /// Name of a recorded function; may be left out where only one is recorded
    pub(crate) function: Option<String>,
    #[command(flatten)]
    pub(crate) database: crate::args::DatabaseArgs,
}

impl RecordedArgs {
    /// The function and its calls. Of several modules recorded under one name, the one called last.
    pub(crate) fn read(&self) -> anyhow::Result<(FunctionId, Vec<Trace>)> {
        let store = Store::open_existing(&self.database.db)?;
        let function = find_function(&store, &self.database.db, self.function.as_deref())?;
        let traces = read_traces(&store, &function, None)?;
        Ok((function, traces))
    }

    /// Every recorded function with its calls, by name. Of several modules recorded under one name, the one called last.
    pub(crate) fn read_all(&self) -> anyhow::Result<Vec<(FunctionId, Vec<Trace>)>> {
        let store = Store::open_existing(&self.database.db)?;
        // Of one name, the one called last comes first.
        let mut recorded = store.functions()?;
        recorded.dedup_by(|a, b| a.function.name == b.function.name);
        let calls = |f: &FunctionId| Ok((f.clone(), read_traces(&store, f, None)?));
        recorded.iter().map(|r| calls(&r.function)).collect()
    }
}

/// The recorded function of that name, or the only one. Of several modules recorded under one name the one called last,
/// or, for `NAME@DIGEST`, the one whose digest begins so.
pub(crate) fn find_function(
    store: &Store,
    database: &Path,
    wanted: Option<&str>,
) -> anyhow::Result<FunctionId> {
    let recorded = store.functions()?;
    let names = || recorded.iter().map(|f| f.function.name.as_str());
    let mut distinct: Vec<&str> = names().collect();
    distinct.dedup();
    let wanted = match (wanted, distinct.as_slice()) {
        (Some(wanted), _) => wanted,
        (None, [one]) => one,
        (None, []) => bail!("no calls are recorded in `{}`", database.display()),
        (None, several) => bail!(
            "several functions are recorded, say which: {}",
            several.join(", ")
        ),
    };
    let latest = |name: &str, digest: &str| {
        let versions = recorded.iter().filter(|f| {
            let hex = f.function.digest.trim_start_matches("sha256:");
            f.function.name == name && hex.starts_with(digest)
        });
        versions.max_by_key(|f| f.last_unix_ms)
    };
    if let Some(found) = latest(wanted, "") {
        return Ok(found.function.clone());
    }
    let Some((name, digest)) = wanted
        .rsplit_once('@')
        .filter(|(n, _)| names().any(|o| o == *n))
    else {
        bail!(
            "no calls of `{wanted}` are recorded in `{}`{}",
            database.display(),
            near::did_you_mean(wanted, names())
        );
    };
    match latest(name, digest.trim_start_matches("sha256:")) {
        Some(found) if !digest.is_empty() => Ok(found.function.clone()),
        _ => {
            let versions = recorded.iter().filter(|f| f.function.name == name);
            let digests: Vec<&str> = versions.map(|f| f.function.digest.as_str()).collect();
            bail!(
                "no version of `{name}` has a digest that begins with `{digest}`; recorded are {}",
                digests.join(", ")
            )
        }
    }
}

/// The recorded function that a guest is, by the digest of its module.
pub(crate) fn recorded_guest(
    store: &Store,
    database: &Path,
    guest: &Path,
) -> anyhow::Result<FunctionId> {
    let digest = host::digest(&Guest::find(guest)?.wasm);
    let mut recorded = store.functions()?.into_iter();
    let found = recorded.find(|recorded| recorded.function.digest == digest);
    let found = found.with_context(|| {
        let guest = guest.display();
        format!(
            "no calls of `{guest}` are recorded in `{}`: `fathom profile {guest}` makes some",
            database.display()
        )
    })?;
    Ok(found.function)
}

/// Calls of one function, those with the given ids or all. Not those that were made in a used sandbox: what they needed is not
/// their own.
pub(crate) fn read_traces(
    store: &Store,
    function: &FunctionId,
    ids: Option<Vec<store::TraceId>>,
) -> anyhow::Result<Vec<Trace>> {
    let mut filter = Filter {
        function: Some(function.name.clone()),
        digest: Some(function.digest.clone()),
        ids,
        detail: Detail::Summary,
        ..Filter::default()
    };
    let calls = match &filter.ids {
        Some(ids) => ids.len(),
        None => store.summaries(&filter)?.len(),
    };
    if calls <= MOST_IN_FULL {
        filter.detail = Detail::Full;
    }
    let mut traces = store.traces(&filter)?;
    traces.retain(Trace::had_fresh_sandbox);
    Ok(traces)
}

/// What the calls tell of themselves. Where they are so many that only summaries were read, their stacks are added up
/// one call after another.
pub(crate) fn context(
    store: &Store,
    function: &FunctionId,
    ids: Option<Vec<store::TraceId>>,
    traces: &[Trace],
) -> anyhow::Result<Context> {
    let mut context = Context::of_calls(traces);
    if traces.len() > MOST_IN_FULL {
        let filter = Filter {
            function: Some(function.name.clone()),
            digest: Some(function.digest.clone()),
            ids,
            detail: Detail::Full,
            ..Filter::default()
        };
        let mut merger = Merger::default();
        store.each(&filter, |_, trace| merger.add(&trace))?;
        context.stacks = merger.finish();
    }
    Ok(context)
}

/// Writes the report of a profile; the path of the page.
pub(crate) fn write_report(
    profile: &Profile,
    traces: &[Trace],
    context: &Context,
    out: Option<PathBuf>,
) -> anyhow::Result<PathBuf> {
    let folder = places::report_folder(out, &profile.function.name);
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    let page = folder.join("report.html");
    write(&page, report::html(profile, traces, context).as_bytes())?;
    write(
        &folder.join("profile.json"),
        report::json(profile).as_bytes(),
    )?;
    write(&folder.join("calls.csv"), &report::traces_csv(traces))?;
    Ok(page)
}

fn write(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    fs::write(path, contents).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Prints the screen, or the JSON form.
pub(crate) fn show(profile: &Profile, context: &Context, json: bool) -> anyhow::Result<()> {
    if json {
        return output::line(report::json(profile));
    }
    output::text(report::screen(profile, context, style()))
}

/// How text is shown on the terminal. Colours are taken out where nobody can see them, see `output`.
pub(crate) fn style() -> Style {
    Style {
        color: true,
        width: width(),
    }
}

/// Columns of the terminal; 100 where there is none.
pub(crate) fn width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .map_or(100, |columns| columns.clamp(60, 110))
}
