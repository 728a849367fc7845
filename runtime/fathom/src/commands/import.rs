//! `fathom import`: calls that were recorded elsewhere, into the same store.

use crate::{
    args::DatabaseArgs,
    import::{self, Form, MappingArgs},
    output, progress,
};
use anyhow::bail;
use clap::Args;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::PathBuf,
    process::ExitCode,
};
use store::{Detail, Filter, Store};
use trace::{LeftOut, Trace};

/// Calls stored at a time.
const AT_A_TIME: usize = 1_000;

/// Import calls that were recorded elsewhere
#[derive(Args)]
#[command(after_help = "\
A unit may stand behind a column, as in realtime:ms; sizes are in bytes and times in seconds unless said. `512 MB` and
`1.2 GiB` are read as they are. Calls that are recorded already are left out, so a file that has grown can be imported again.

Examples:
  fathom import trace.csv --function-column process --order start --target peak_rss --feature rchar \\
    --configured memory --duration realtime:ms
  fathom import calls.jsonl --function resize --target used:MiB --feature request.bytes
  aws logs filter-log-events --log-group-name /aws/lambda/resize --filter-pattern REPORT |
    fathom import - --function resize
  gcloud logging read 'jsonPayload.fathom_call.outcome:*' --format=json --freshness=30d | fathom import -
  fathom replay                                         what each rule would have done with them")]
pub(crate) struct ImportArgs {
    /// Files to read, `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What the files are [default: by their contents, then by their names]
    #[arg(long, value_enum)]
    format: Option<Form>,
    #[command(flatten)]
    mapping: MappingArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let mut read = Vec::new();
    // Before anything is stored: a misspelt column in the last file leaves nothing half done.
    for file in &args.files {
        read.push((file, import::read(file, args.format, &args.mapping)?));
    }
    let mut store = Store::open(&args.database.db)?;
    let mut known = HashSet::new();
    let mut read_back = HashSet::new();
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    let mut already = 0;
    let mut left_out = Vec::new();
    let mut lacking: BTreeMap<LeftOut, usize> = BTreeMap::new();
    let mut too_many_words = BTreeSet::new();
    for (file, rows) in read {
        for reason in &rows.left_out {
            if !args.json {
                output::note(format_args!(
                    "{}: left out {}: {} (line {}: `{}`)",
                    file.display(),
                    counted(reason.rows, "row"),
                    reason.why,
                    reason.first_line,
                    reason.first_text.escape_debug()
                ));
            }
            left_out.push(serde_json::json!({
                "file": file.display().to_string(),
                "why": reason.why,
                "rows": reason.rows,
                "first_line": reason.first_line,
                "first_text": reason.first_text,
            }));
        }
        for (part, calls) in &rows.lacking {
            if !args.json {
                output::note(format_args!(
                    "{}: {} without their {part}",
                    file.display(),
                    counted(*calls, "call")
                ));
            }
            *lacking.entry(*part).or_default() += calls;
        }
        for column in rows.too_many_words.iter().filter(|_| !args.json) {
            output::note(format_args!(
                "{}: `{column}` has more different words than tell kinds of calls apart: none is recorded",
                file.display()
            ));
        }
        too_many_words.extend(rows.too_many_words.iter().cloned());
        let bar = progress::bar(rows.number(), "storing");
        let mut read = rows.calls();
        // A portion at a time: a call is many times as large as the row that it was read from.
        loop {
            let mut new: Vec<Trace> = read.by_ref().take(AT_A_TIME).collect();
            if new.is_empty() {
                break;
            }
            let before = new.len();
            for call in &new {
                if read_back.insert(call.function.digest.clone()) {
                    remember(&store, &call.function.digest, &mut known)?;
                }
            }
            new.retain(|call| known.insert(identity(call)));
            already += before - new.len();
            store.append_all(&new)?;
            bar.inc(before as u64);
            for call in new {
                *calls.entry(call.function.name).or_default() += 1;
            }
        }
        bar.finish_and_clear();
    }
    let imported: usize = calls.values().sum();
    if args.json {
        output::line(serde_json::json!({
            "calls": imported,
            "functions": calls,
            "already_recorded": already,
            "left_out": left_out,
            "lacking": lacking,
            "too_many_words": too_many_words,
        }))?;
    } else {
        let there = match already {
            0 => String::new(),
            n => format!(
                "; {} recorded already, as they were read then (another --db reads them anew)",
                counted(n, "call")
            ),
        };
        output::line(format_args!(
            "imported {} of {} into {}{there}",
            counted(imported, "call"),
            counted(calls.len(), "function"),
            args.database.db.display()
        ))?;
    }
    if imported == 0 && already == 0 {
        bail!("nothing in it is a call");
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes in the calls that are recorded of functions with this digest: all that were imported have one.
fn remember(store: &Store, digest: &str, known: &mut HashSet<[u8; 32]>) -> anyhow::Result<()> {
    let filter = Filter {
        digest: Some(digest.to_owned()),
        detail: Detail::Summary,
        ..Filter::default()
    };
    store.each(&filter, |_, call| {
        known.insert(identity(&call));
    })?;
    Ok(())
}

/// What tells a call from others: a digest, since many are kept. The id of a served call is its caller's, who may send the same
/// with several.
fn identity(call: &Trace) -> [u8; 32] {
    let own = match (&call.imported, &call.served) {
        (Some(imported), _) => imported.row.clone(),
        (None, served) => {
            let id = served.as_ref().map_or("", |served| served.id.as_str());
            format!("{id} {} {}", call.input.digest, call.started_unix_ms)
        }
    };
    Sha256::digest([call.function.name.as_str(), &own].join("\0")).into()
}

fn counted(things: usize, one: &str) -> String {
    let plural = if things == 1 { "" } else { "s" };
    format!("{things} {one}{plural}")
}
