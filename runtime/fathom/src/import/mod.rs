//! Calls that were recorded elsewhere, made calls of ours: one file per form. What a row means is said by a mapping, or by
//! the form itself. Nothing is stored here, and nothing is learned.

mod csv;
mod distribution;
pub(crate) mod google_log;
pub(crate) mod json_lines;
mod lambda;
mod mapping;
pub(crate) mod monitoring;
pub(crate) mod quantity;
mod row;
mod words;

pub(crate) use mapping::MappingArgs;
pub(crate) use row::Rows;

use anyhow::Context;
use clap::ValueEnum;
use std::{fs, io::Read, path::Path};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A table with a header, its fields parted by commas, semicolons or tabs
    Csv,
    /// A JSON object per line
    #[value(alias = "jsonl", alias = "ndjson")]
    JsonLines,
    /// REPORT lines of AWS Lambda: text, JSON logs, or what `aws logs` prints
    LambdaReport,
    /// Entries of Google's Cloud Logging: the records of Fathom in them, and calls that ran out of memory
    GoogleLog,
    /// Distributions of Google's Cloud Monitoring: memory of the calls of each minute
    CloudMonitoring,
}

impl Form {
    /// As it is recorded.
    fn name(self) -> &'static str {
        match self {
            Form::Csv => "csv",
            Form::JsonLines => "json-lines",
            Form::LambdaReport => "lambda-report",
            Form::GoogleLog => "google-log",
            Form::CloudMonitoring => "cloud-monitoring",
        }
    }

    /// What a file is by its contents, then by its name.
    fn guess(path: &Path, text: &str) -> Form {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension {
            _ if monitoring::is_likely(text) => Form::CloudMonitoring,
            _ if google_log::is_likely(text) => Form::GoogleLog,
            _ if lambda::is_likely(text) => Form::LambdaReport,
            Some("jsonl" | "ndjson" | "json") => Form::JsonLines,
            _ if text.trim_start().starts_with(['{', '[']) => Form::JsonLines,
            _ => Form::Csv,
        }
    }
}

/// Reads the calls of a file, `-` for standard input.
pub(crate) fn read(path: &Path, form: Option<Form>, mapping: &MappingArgs) -> anyhow::Result<Rows> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
    } else {
        bytes = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    }
    // A letter that is not UTF-8 spoils a name at most.
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_start_matches('\u{feff}');
    let form = form.unwrap_or_else(|| Form::guess(path, text));
    let mut rows = Rows::new(form.name());
    let read = match form {
        Form::Csv => csv::read(text, mapping, &mut rows),
        Form::JsonLines => json_lines::read(text, mapping, &mut rows),
        Form::LambdaReport => lambda::read(text, mapping, &mut rows),
        Form::GoogleLog => google_log::read(text, mapping, &mut rows),
        Form::CloudMonitoring => monitoring::read(text, mapping, &mut rows),
    };
    read.with_context(|| format!("`{}`", path.display()))?;
    Ok(rows)
}
