//! Tables with a header: CSV, and what has semicolons or tabs in place of commas.

use super::{
    mapping::MappingArgs,
    row::{NoCall, Rows, mapped},
};
use crate::near;
use anyhow::{Context, bail};
use std::borrow::Cow;

pub(super) fn read(text: &str, mapping: &MappingArgs, rows: &mut Rows) -> anyhow::Result<()> {
    mapping.check_whole()?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader.headers().context("no header of a table")?.clone();
    for column in mapping.columns() {
        if !header.iter().any(|name| name == column.name) {
            bail!(
                "there is no column `{column}`{}",
                near::did_you_mean(&column.name, header.iter())
            );
        }
    }
    let position = |wanted: &str| header.iter().position(|name| name == wanted);
    for record in reader.records() {
        match record {
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                let no = NoCall::new("not a row of a table", error.to_string());
                rows.add(line as usize, Err(no));
            }
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line) as usize;
                let get = |name: &str| {
                    let field = position(name).and_then(|at| record.get(at));
                    field.map(Cow::Borrowed)
                };
                let whole: Vec<&str> = record.iter().collect();
                rows.add(line, mapped(mapping, get, whole.join("\u{1f}")));
            }
        }
    }
    Ok(())
}

/// What the header has most of.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    let all = [b',', b'\t', b';'];
    // Of as many, the first.
    let most = all
        .into_iter()
        .rev()
        .max_by_key(|delimiter| count(*delimiter));
    most.unwrap_or(b',')
}
