//! What `fathom flame` and `fathom traces export` share: which calls, which view of their stacks, and where the result
//! goes.

use crate::args::DatabaseArgs;
use crate::{analysis, near, output};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use report::stacks::{By, Folded, Measure, Merged, Merger, View};
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use store::{Detail, Filter, Store, TraceId};
use trace::{FunctionId, Trace};

/// Which stacks, and how they are shown.
#[derive(Args, Clone)]
pub(crate) struct StackArgs {
    /// Which stacks: held at the peak, allocated, still held at the end, given back at once, or CPU time
    #[arg(long, value_enum, value_name = "VIEW", help_heading = "Stacks")]
    pub(crate) view: Option<ViewArg>,
    /// Count blocks instead of bytes
    #[arg(long, help_heading = "Stacks")]
    pub(crate) blocks: bool,
    /// What is one place: a line of a function, or a function [default: line]
    #[arg(long, value_enum, value_name = "PLACE", help_heading = "Stacks")]
    pub(crate) by: Option<ByArg>,
    /// Only this call: the label of its input, of which the newest, or its number [default: all calls, added up]
    #[arg(long, value_name = "CALL", help_heading = "Stacks")]
    pub(crate) call: Option<String>,
}

/// A view, as a flag says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ViewArg {
    AtPeak,
    Allocated,
    AtEnd,
    Temporary,
    Cpu,
}

/// What is one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ByArg {
    Line,
    Function,
}

impl StackArgs {
    pub(crate) fn view(&self, otherwise: View) -> View {
        match self.view {
            Some(ViewArg::AtPeak) => View::AtPeak,
            Some(ViewArg::Allocated) => View::Allocated,
            Some(ViewArg::AtEnd) => View::AtEnd,
            Some(ViewArg::Temporary) => View::Temporary,
            Some(ViewArg::Cpu) => View::Cpu,
            None => otherwise,
        }
    }

    pub(crate) fn by(&self, otherwise: By) -> By {
        match self.by {
            Some(ByArg::Line) => By::Line,
            Some(ByArg::Function) => By::Function,
            None => otherwise,
        }
    }

    pub(crate) fn measure(&self) -> Measure {
        match self.blocks {
            true => Measure::Blocks,
            false => Measure::Bytes,
        }
    }

    /// Whether any of the flags was given.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.view.is_some() || self.blocks || self.by.is_some() || self.call.is_some()
    }

    /// The calls added up and folded, by line unless said otherwise; what should be known of the sum is told.
    pub(crate) fn folded(&self, calls: &Calls) -> anyhow::Result<Folded> {
        let view = self.view(View::AtPeak);
        let merged = calls.merged()?;
        let folded = merged.folded(view, self.measure(), self.by(By::Line))?;
        tell(&merged.notes(view));
        Ok(folded)
    }
}

/// Recorded calls of one function, not read yet.
pub(crate) struct Calls {
    store: Store,
    filter: Filter,
    /// The function they are of.
    pub(crate) function: FunctionId,
}

impl Calls {
    /// The calls of a function, or one of them.
    pub(crate) fn find(
        database: &DatabaseArgs,
        function: Option<&str>,
        newest: Option<usize>,
        call: Option<&str>,
    ) -> anyhow::Result<Calls> {
        let store = Store::open_existing(&database.db)?;
        let function = analysis::find_function(&store, &database.db, function)?;
        let mut calls = Calls {
            filter: Filter {
                function: Some(function.name.clone()),
                digest: Some(function.digest.clone()),
                newest,
                detail: Detail::Full,
                ..Filter::default()
            },
            store,
            function,
        };
        if let Some(call) = call {
            calls.filter.ids = Some(vec![calls.number(call)?]);
        }
        Ok(calls)
    }

    /// The newest call of that input, or the call of that number.
    fn number(&self, call: &str) -> anyhow::Result<TraceId> {
        let recorded = self.store.summaries(&self.filter)?;
        let labelled = recorded.iter().rev().find(|s| s.input_label == call);
        let numbered = || {
            let number = call.parse::<i64>().ok()?;
            recorded.iter().find(|s| s.id.0 == number)
        };
        match labelled.or_else(numbered) {
            Some(summary) => Ok(summary.id),
            None => bail!(
                "no call of input `{call}` of `{}` is recorded, and none of that number{}",
                self.function.name,
                near::did_you_mean(call, recorded.iter().map(|s| s.input_label.as_str()))
            ),
        }
    }

    /// All of them added up, one after another.
    pub(crate) fn merged(&self) -> anyhow::Result<Merged> {
        let mut merger = Merger::default();
        self.store
            .each(&self.filter, |_, trace| merger.add(&trace))?;
        merger
            .finish()
            .with_context(|| format!("no calls of `{}` are recorded", self.function.name))
    }

    /// All of them.
    pub(crate) fn traces(&self) -> anyhow::Result<Vec<Trace>> {
        Ok(self.store.traces(&self.filter)?)
    }

    /// The only one. Of several, the newest that has what the view shows.
    pub(crate) fn one(&self, view: View) -> anyhow::Result<Trace> {
        let mut last = None;
        self.store.each(&self.filter, |_, trace| {
            let has = |trace: &Trace| match view {
                View::Cpu => trace.cpu_profile.is_some(),
                _ => trace.heap_profile.is_some(),
            };
            if has(&trace) || !last.as_ref().is_some_and(has) {
                last = Some(trace);
            }
        })?;
        last.with_context(|| format!("no calls of `{}` are recorded", self.function.name))
    }
}

/// What a reader should know about a sum, on standard error.
pub(crate) fn tell(notes: &[String]) {
    for note in notes {
        output::note(format_args!("note: {note}"));
    }
}

/// Whether bytes are for people's eyes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Binary,
}

/// Writes to the file, or to standard output where that is asked for by `-` or by saying nothing.
pub(crate) fn write_out(bytes: &[u8], out: Option<&Path>, kind: Kind) -> anyhow::Result<()> {
    match out {
        Some(path) if path != Path::new("-") => {
            fs::write(path, bytes).with_context(|| format!("cannot write `{}`", path.display()))
        }
        _ if kind == Kind::Binary && std::io::stdout().is_terminal() => {
            bail!(
                "this format is not text, and standard output is a terminal: say where to write it, -o FILE"
            )
        }
        _ => output::bytes(bytes),
    }
}

/// The file where a picture goes that nobody said a place for: the folder of the function's report.
pub(crate) fn picture(out: Option<PathBuf>, function: &str, name: &str) -> anyhow::Result<PathBuf> {
    let folder = crate::places::report_folder(out, function);
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    Ok(folder.join(name))
}
