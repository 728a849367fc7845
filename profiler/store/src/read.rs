//! Reading calls back. Nothing here writes.

use crate::{
    Detail, Filter, ReadError, Store, TraceId, append::outcome_text, facts::Facts, shared::Shared,
    spans, stacks, wire,
};
use rusqlite::{Row, ToSql};
use std::path::Path;
use trace::{Bytes, FunctionId, Nanos, Outcome, Touched, Trace};

/// One line of a list of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The call's number.
    pub id: TraceId,
    /// The function called.
    pub function: FunctionId,
    /// What a person recognises the input by.
    pub input_label: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What it needed: [`Trace::needed`], so a lower bound where the call was limited.
    pub needed: Bytes,
    /// Exact peak of live bytes; `None` where the allocator's frees could not be seen.
    pub live_peak: Option<Bytes>,
    /// Wall-clock time of the call.
    pub wall: Nanos,
    /// Wall-clock time at the start, milliseconds since 1970-01-01 UTC.
    pub started_unix_ms: u64,
}

/// A function of which calls are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFunction {
    /// Its name and the digest of its module.
    pub function: FunctionId,
    /// Number of recorded calls.
    pub calls: u64,
    /// When the last of them started, milliseconds since 1970-01-01 UTC.
    pub last_unix_ms: u64,
}

/// What is known of every call, in the order of [`trace_of`].
const COLUMNS: &str = "
    calls.id, name, digest, started_unix_ms, outcome, wall, cpu, machine, armed, request, input_label, facts, observations";

/// What only a full read wants, behind the others. It must not even be named where it is not wanted: naming it reads it.
const LONG: &str = "timeline, heap_profile, cpu_profile";

/// The calls that a filter chooses: the newest are chosen inside, the order of recording is restored outside.
fn chosen(filter: &Filter) -> String {
    let (calls, asked) = spans::among(filter);
    let asked = match asked.is_empty() {
        true => String::new(),
        false => format!("WHERE {}", asked.join(" AND ")),
    };
    format!(
        "FROM calls JOIN functions ON functions.id = calls.function WHERE calls.id IN (
            SELECT calls.id FROM {calls} {asked} ORDER BY calls.id DESC LIMIT :newest
        )
        ORDER BY calls.id"
    )
}

impl Store {
    /// The chosen calls, oldest first.
    pub fn traces(&self, filter: &Filter) -> Result<Vec<Trace>, ReadError> {
        let mut traces = Vec::new();
        self.each(filter, |_, trace| traces.push(trace))?;
        Ok(traces)
    }

    /// Visits the chosen calls one after another, oldest first, holding only one in memory.
    pub fn each(
        &self,
        filter: &Filter,
        mut visit: impl FnMut(TraceId, Trace),
    ) -> Result<(), ReadError> {
        let columns = match filter.detail {
            Detail::Full => format!("{COLUMNS}, {LONG}"),
            Detail::Summary => COLUMNS.to_owned(),
        };
        let mut shared = Shared::new(&self.connection);
        self.rows(&columns, filter, |id, row| {
            let mut trace = trace_of(row, &mut shared)?;
            if filter.detail == Detail::Full {
                add_long(row, &mut trace)?;
            }
            visit(id, trace);
            Ok(())
        })
    }

    /// The chosen calls as lines of a list, oldest first. `filter.detail` does not matter.
    pub fn summaries(&self, filter: &Filter) -> Result<Vec<Summary>, ReadError> {
        let columns = "calls.id, name, digest, started_unix_ms, outcome, wall, needed, live_peak, input_label";
        let mut summaries = Vec::new();
        self.rows(columns, filter, |id, row| {
            summaries.push(Summary {
                id,
                function: function_of(row, 1)?,
                started_unix_ms: unsigned(row, 3)?,
                outcome: outcome_of(row, 4)?,
                wall: Nanos(unsigned(row, 5)?),
                needed: Bytes(unsigned(row, 6)?),
                live_peak: row.get::<_, Option<i64>>(7)?.map(|peak| Bytes(peak as u64)),
                input_label: row.get(8)?,
            });
            Ok(())
        })?;
        Ok(summaries)
    }

    /// The functions of which calls are recorded, by name, the version called last first.
    pub fn functions(&self) -> Result<Vec<RecordedFunction>, ReadError> {
        let query = "
            SELECT name, digest, calls, started_unix_ms
            FROM (SELECT function, sum(spans.calls) AS calls, max(last) AS last FROM spans GROUP BY function) AS recorded
            JOIN functions ON functions.id = recorded.function
            JOIN calls ON calls.id = (SELECT max(id) FROM calls WHERE id <= recorded.last)
            ORDER BY name, recorded.last DESC";
        let read = || -> rusqlite::Result<Vec<RecordedFunction>> {
            let mut statement = self.connection.prepare_cached(query)?;
            let functions = statement.query_map((), |row| {
                Ok(RecordedFunction {
                    function: function_of(row, 0)?,
                    calls: unsigned(row, 2)?,
                    last_unix_ms: unsigned(row, 3)?,
                })
            })?;
            functions.collect()
        };
        read().map_err(|source| database(&self.path, source))
    }

    /// Runs a query over the chosen calls; what `take` cannot make sense of is blamed on the call it came from.
    fn rows(
        &self,
        columns: &str,
        filter: &Filter,
        mut take: impl FnMut(TraceId, &Row<'_>) -> Result<(), RowError>,
    ) -> Result<(), ReadError> {
        let path = &self.path;
        let database = |source| database(path, source);
        let query = format!("SELECT {columns} {}", chosen(filter));
        let mut statement = self.connection.prepare_cached(&query).map_err(database)?;
        let ids = filter.ids.as_deref().map(id_list);
        // SQLite reads a negative limit as none.
        let newest = filter
            .newest
            .map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX));
        let values: [(&str, &dyn ToSql); 5] = [
            (":name", &filter.function),
            (":digest", &filter.digest),
            (":request", &filter.request),
            (":ids", &ids),
            (":newest", &newest),
        ];
        for (name, value) in values {
            // Not every filter asks for everything.
            if let Some(place) = statement.parameter_index(name).map_err(database)? {
                statement
                    .raw_bind_parameter(place, value)
                    .map_err(database)?;
            }
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(database)? {
            let id = TraceId(row.get(0).map_err(database)?);
            take(id, row).map_err(|error| ReadError::Damaged {
                path: path.clone(),
                id,
                what: error.to_string(),
            })?;
        }
        Ok(())
    }
}

pub(crate) fn database(path: &Path, source: rusqlite::Error) -> ReadError {
    ReadError::Database {
        path: path.to_owned(),
        source,
    }
}

/// As a JSON array, which SQLite can join with.
fn id_list(ids: &[TraceId]) -> String {
    let ids: Vec<String> = ids.iter().map(TraceId::to_string).collect();
    format!("[{}]", ids.join(","))
}

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowError {
    #[error(transparent)]
    Column(#[from] rusqlite::Error),
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    #[error("`{0}` is no outcome")]
    Outcome(String),
    #[error("`{0}` is nobody who sizes calls")]
    SizedBy(String),
    #[error("of its being served only a part is there")]
    Request,
    #[error("its timeline belongs to other observations")]
    Timeline,
    #[error("its {0} is not there")]
    Shared(&'static str),
}

/// By position, in the order of [`COLUMNS`]: finding each by its name takes longer than reading it.
fn trace_of(row: &Row<'_>, shared: &mut Shared<'_>) -> Result<Trace, RowError> {
    let facts = Facts::decode(text(row, 11)?)?;
    let trace = facts.trace(function_of(row, 1)?, row.get(10)?, row.get(9)?)?;
    Ok(Trace {
        started_unix_ms: unsigned(row, 3)?,
        outcome: outcome_of(row, 4)?,
        wall: Nanos(unsigned(row, 5)?),
        cpu: Nanos(unsigned(row, 6)?),
        machine: shared.machine(row.get(7)?)?,
        armed: shared.armed(row.get(8)?)?,
        observations: shared.observations(text(row, 12)?)?,
        ..trace
    })
}

/// What stands in [`LONG`], behind the others.
fn add_long(row: &Row<'_>, trace: &mut Trace) -> Result<(), RowError> {
    let optional = |at| -> rusqlite::Result<_> { Ok(row.get_ref(at)?.as_str_or_null()?) };
    let timeline = wire::decode_timeline(text(row, 13)?)?;
    if !timeline.hits.is_empty() && timeline.hits.len() != trace.observations.len() {
        return Err(RowError::Timeline);
    }
    if let Some(Touched::Measured { samples, .. }) = &mut trace.touched {
        *samples = timeline.touched;
    }
    trace.growths = timeline.growths;
    trace.samples = timeline.samples;
    for (observed, hits) in std::iter::zip(&mut trace.observations, timeline.hits) {
        observed.hits = hits;
    }
    trace.heap_profile = optional(14)?.map(stacks::decode_heap).transpose()?;
    trace.cpu_profile = optional(15)?.map(stacks::decode_cpu).transpose()?;
    Ok(())
}

/// Name and digest, which stand here and behind it.
pub(crate) fn function_of(row: &Row<'_>, at: usize) -> rusqlite::Result<FunctionId> {
    Ok(FunctionId {
        name: row.get(at)?,
        digest: row.get(at + 1)?,
    })
}

fn outcome_of(row: &Row<'_>, at: usize) -> Result<Outcome, RowError> {
    let found = text(row, at)?;
    [
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::Limited,
        Outcome::TimedOut,
    ]
    .into_iter()
    .find(|outcome| outcome_text(*outcome) == found)
    .ok_or_else(|| RowError::Outcome(found.to_owned()))
}

/// Text of a row, borrowed: the long columns are decoded without a copy.
fn text<'a>(row: &'a Row<'_>, at: usize) -> rusqlite::Result<&'a str> {
    Ok(row.get_ref(at)?.as_str()?)
}

/// The counterpart of `as i64` in `append`.
pub(crate) fn unsigned(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(at)? as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some ten thousand calls lie between one of a function that is called seldom and the next: those are not looked at.
    #[test]
    fn only_calls_that_may_be_chosen_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("fathom.db")).unwrap();
        let of = |text: &str| Some(text.to_owned());
        let by_request = |id| Filter {
            request: of(id),
            ..Filter::default()
        };
        for filter in [
            by_request("01a22a04-78d0-742d-a62c-cf806c74ed20"),
            by_request("7f3a"),
            Filter {
                function: of("a"),
                newest: Some(3),
                ..Filter::default()
            },
            Filter {
                digest: of("sha256:0"),
                ..Filter::default()
            },
        ] {
            let query = format!("EXPLAIN QUERY PLAN SELECT calls.id {}", chosen(&filter));
            let mut plan = store.connection.prepare(&query).unwrap();
            // Without values: how it is asked does not depend on them.
            let mut steps = plan.raw_query();
            while let Some(step) = steps.next().unwrap() {
                let step: String = step.get("detail").unwrap();
                let scans = step.starts_with("SCAN calls") || step.contains("AUTOMATIC");
                assert!(!scans, "{step}: {query}");
            }
        }
    }
}
