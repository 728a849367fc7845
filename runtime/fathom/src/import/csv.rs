//! Tables with a header: CSV, and what has semicolons or tabs in place of commas.

use super::{
    mapping::MappingArgs,
    row::{NoCall, Rows, mapped},
    words::{Words, is_of_words},
};
use crate::near;
use anyhow::{Context, bail};
use csv::{Reader, ReaderBuilder, StringRecord};
use std::borrow::Cow;

pub(super) fn read(text: &str, mapping: &MappingArgs, rows: &mut Rows) -> anyhow::Result<()> {
    mapping.check_whole()?;
    let mut builder = ReaderBuilder::new();
    builder.delimiter(delimiter(text)).flexible(true);
    let mut reader = builder.from_reader(text.as_bytes());
    let header = reader.headers().context("no header of a table")?.clone();
    for column in mapping.columns() {
        match header.iter().filter(|name| *name == column.name).count() {
            1 => {}
            0 => bail!(
                "there is no column `{column}`{}",
                near::did_you_mean(&column.name, header.iter())
            ),
            _ => bail!("several columns are called `{column}`: it is not clear which is meant"),
        }
    }
    let position = |wanted: &str| header.iter().position(|name| name == wanted);
    let mut words = Words::of(mapping, |column| {
        let mut again = builder.from_reader(text.as_bytes());
        let records = again.records().flatten();
        let mut texts =
            records.filter_map(|record| record.get(position(column)?).map(str::to_owned));
        is_of_words(&mut texts)
    });
    // Where what the reader reads begins: its byte, and the lines before it.
    let (mut first_byte, mut lines_before) = (0, 0);
    while let Some((byte, line, record)) = next(&mut reader)? {
        let (byte, line) = (first_byte + byte, lines_before + line);
        let is_last = first_byte + reader.position().byte() as usize >= text.len();
        if is_last && is_open(&text[byte..], &record) {
            let row = text[byte..].lines().next().unwrap_or_default();
            rows.add(line, Err(NoCall::new("a quote that does not end", row)));
            // The rows after it are rows again.
            first_byte = byte
                + text[byte..]
                    .find('\n')
                    .map_or(text.len() - byte, |end| end + 1);
            lines_before = line;
            reader = builder
                .has_headers(false)
                .from_reader(&text.as_bytes()[first_byte..]);
            continue;
        }
        let get = |name: &str| {
            let field = position(name).and_then(|at| record.get(at));
            field.map(Cow::Borrowed)
        };
        let whole: Vec<&str> = record.iter().collect();
        rows.add(line, mapped(mapping, &mut words, get, whole.join("\u{1f}")));
    }
    rows.too_many_words.extend(words.names());
    Ok(())
}

/// The next record, the byte at which it begins, and its line.
fn next(reader: &mut Reader<&[u8]>) -> anyhow::Result<Option<(usize, usize, StringRecord)>> {
    let mut record = StringRecord::new();
    let is_one = reader.read_record(&mut record).context("not a table")?;
    let place = record.position().map(|at| (at.byte(), at.line()));
    let (byte, line) = place.unwrap_or_default();
    Ok(is_one.then_some((byte as usize, line as usize, record)))
}

/// Whether the last record goes on to the end of the text because a quote in it does not end.
fn is_open(rest: &str, record: &StringRecord) -> bool {
    let is_long = record.iter().any(|field| field.contains('\n'));
    is_long && rest.bytes().filter(|byte| *byte == b'"').count() % 2 == 1
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
