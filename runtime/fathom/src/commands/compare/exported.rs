//! Files of what is known of a function at Google: exported answers of Cloud Monitoring, entries of Cloud Logging, and what --save
//! writes. What of a file is not used, or not in it, is noted.

use super::{
    drive::Driven,
    known::{Known, ended},
};
use crate::import::{json_lines, monitoring};
use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fs, path::Path};
use trace::LogLine;

/// Name and version of the file.
const SCHEMA: &str = "fathom.gcf-calls/1";

/// The same as a file.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    schema: String,
    url: Option<String>,
    calls: Vec<Driven>,
    /// As `timeSeries.list` answers.
    #[serde(rename = "timeSeries")]
    series: Vec<Value>,
    /// As `entries.list` answers.
    entries: Vec<Value>,
}

impl Known {
    /// Takes in a file: one that was saved, an answer of Cloud Monitoring, or entries of Cloud Logging.
    pub(super) fn read(&mut self, path: &Path) -> anyhow::Result<()> {
        let bytes = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_start_matches('\u{feff}');
        let whole: Option<Value> = serde_json::from_str(text).ok();
        if let Some(schema) = whole.as_ref().and_then(|whole| whole["schema"].as_str()) {
            ensure!(
                schema == SCHEMA,
                "`{}` is of schema `{schema}`: expected `{SCHEMA}`",
                path.display()
            );
            let saved: Saved = serde_json::from_str(text)
                .with_context(|| format!("`{}` is not what --save writes", path.display()))?;
            check_dates(path, &saved.calls)?;
            self.url = self.url.take().or(saved.url);
            self.driven.extend(saved.calls);
            self.series.extend(saved.series);
            self.entries.extend(saved.entries);
            return Ok(());
        }
        let (pages, unreadable) = pages(text, whole);
        self.note_of_pages(path, &pages, unreadable);
        if text.contains("\"timeSeries\"") || text.contains("\"distributionValue\"") {
            let series = monitoring::series(text);
            let known = |series: &&Value| !monitoring::kind(series).is_empty();
            ensure!(
                series.iter().any(|series| known(&series)),
                "`{}` has no series of Cloud Monitoring: expected what `timeSeries.list` answers",
                path.display()
            );
            self.series.extend(series);
            return Ok(());
        }
        let entries: Vec<Value> = pages
            .into_iter()
            .flat_map(|mut page| match page.get_mut("entries") {
                Some(Value::Array(entries)) => std::mem::take(entries),
                _ => vec![page],
            })
            .collect();
        let is_entry = |entry: &&Value| {
            [
                "logName",
                "textPayload",
                "jsonPayload",
                "httpRequest",
                LogLine::CALL,
            ]
            .iter()
            .any(|field| entry.get(field).is_some())
        };
        ensure!(
            entries.iter().any(|entry| is_entry(&entry)),
            "`{}` is neither an answer of Cloud Monitoring, nor entries of Cloud Logging, nor what --save writes",
            path.display()
        );
        self.entries.extend(entries);
        Ok(())
    }

    /// What --save writes.
    pub(super) fn saved(&self) -> Saved {
        Saved {
            schema: SCHEMA.to_owned(),
            url: self.url.clone(),
            calls: self.driven.clone(),
            series: self.series.clone(),
            entries: self.entries.clone(),
        }
    }

    /// What of a file is not used, or not in it.
    fn note_of_pages(&mut self, path: &Path, pages: &[Value], unreadable: usize) {
        let file = path.display();
        if unreadable > 0 {
            self.note(format!(
                "parts of `{file}` that are no JSON objects, which are left out: {unreadable}"
            ));
        }
        let next = |page: &Value| page["nextPageToken"].as_str().map(str::to_owned);
        if pages
            .last()
            .and_then(next)
            .is_some_and(|next| !next.is_empty())
        {
            self.note(format!(
                "`{file}` is not all of the answer: it names a page after it (nextPageToken)"
            ));
        }
        let errors = pages
            .iter()
            .filter_map(|page| page["executionErrors"].as_array());
        for error in errors.flatten() {
            let why = error["message"].as_str().unwrap_or("it does not say why");
            self.note(format!(
                "`{file}` is not all of the answer: Cloud Monitoring could not read all data, {why}"
            ));
        }
    }
}

/// The first moment that has no four digits for its year, milliseconds since 1970-01-01 UTC.
const YEAR_10000: u64 = 253_402_300_800_000;

/// Google is asked from the first call on, and no date is written with five digits.
fn check_dates(path: &Path, calls: &[Driven]) -> anyhow::Result<()> {
    match calls.iter().find(|call| ended(call) >= YEAR_10000) {
        None => Ok(()),
        Some(call) => bail!(
            "`{}` says that the call with `{}` began at {} and took {} s: expected milliseconds since 1970 before the year 10000",
            path.display(),
            call.input.label,
            call.began_unix_ms,
            call.seconds
        ),
    }
}

/// The objects of a file, one or several in an array or one a line; and how many parts are none.
fn pages(text: &str, whole: Option<Value>) -> (Vec<Value>, usize) {
    match whole {
        Some(Value::Array(all)) => {
            let (pages, others): (Vec<Value>, Vec<Value>) =
                all.into_iter().partition(Value::is_object);
            (pages, others.len())
        }
        Some(page) => (vec![page], 0),
        None => {
            let (read, unreadable): (Vec<_>, Vec<_>) =
                json_lines::objects(text).partition(|(_, page)| page.is_ok());
            let read = read.into_iter().filter_map(|(_, page)| page.ok());
            (read.collect(), unreadable.len())
        }
    }
}
