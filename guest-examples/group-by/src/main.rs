//! Groups the rows of a CSV by their keys: how many there are of each, their sum, the smallest and the largest.
//!
//! `select key, count(value), sum(value), min(value), max(value) from stdin group by key`, by hashing. Rows are read
//! one by one and forgotten, only groups stay. So memory follows `keys`, the number of groups, and neither the number
//! of `rows` nor the size of the text says anything about it.

use std::{
    collections::HashMap,
    error::Error,
    io::{self, Read, Write},
    process::ExitCode,
};

use csv::{Reader, StringRecord};
use fathom_watch::watch;

/// What is known of the rows of one key.
struct Group {
    count: u32,
    sum: i64,
    min: i32,
    max: i32,
}

impl Group {
    fn of(value: i32) -> Group {
        Group {
            count: 1,
            sum: value.into(),
            min: value,
            max: value,
        }
    }

    fn add(&mut self, value: i32) {
        self.count += 1;
        self.sum += i64::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

type Groups = HashMap<String, Group>;

fn main() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("group-by: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> Result<(), Box<dyn Error>> {
    let (rows, groups) = group(io::stdin().lock())?;
    Ok(report(rows, &groups)?)
}

/// The number of rows, and the groups.
fn group(text: impl Read) -> Result<(u32, Groups), Box<dyn Error>> {
    let mut text = Reader::from_reader(text);
    if text.headers()? != ["key", "value"].as_slice() {
        return Err("the first line has to be key,value".into());
    }
    let mut groups = Groups::new();
    let mut rows = 0;
    let mut row = StringRecord::new();
    while text.read_record(&mut row)? {
        rows += 1;
        watch!("rows", rows);
        let (key, value) = (&row[0], &row[1]);
        let value = value
            .parse()
            .map_err(|error| format!("row {rows}: {value:?} is not a value: {error}"))?;
        match groups.get_mut(key) {
            Some(group) => group.add(value),
            None => {
                groups.insert(key.to_owned(), Group::of(value));
                watch!("keys", groups.len());
            }
        }
    }
    Ok((rows, groups))
}

/// One line. A map has no order, and none may show in it.
fn report(rows: u32, groups: &Groups) -> io::Result<()> {
    let mut out = io::stdout();
    write!(out, "{rows} rows, {} keys", groups.len())?;
    // Of equal sums, the one whose key comes first.
    let largest = groups
        .iter()
        .max_by(|(key, group), (other, than)| group.sum.cmp(&than.sum).then(other.cmp(key)));
    if let Some((key, group)) = largest {
        write!(out, ", most in {key}: {}", group.sum)?;
    }
    let checksum = groups
        .iter()
        .map(|(key, group)| hash(key, group))
        .fold(0, u64::wrapping_add);
    writeln!(out, ", checksum {checksum:016x}")
}

/// Fowler, Noll and Vo's FNV-1a, of the key and the numbers in little-endian order.
fn hash(key: &str, group: &Group) -> u64 {
    let numbers = [
        &group.count.to_le_bytes()[..],
        &group.sum.to_le_bytes(),
        &group.min.to_le_bytes(),
        &group.max.to_le_bytes(),
    ];
    key.bytes()
        .chain(numbers.into_iter().flatten().copied())
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}
