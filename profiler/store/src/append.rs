//! Appending calls. The only statements that insert some.

use crate::{
    AppendError, Store, TraceId,
    facts::Facts,
    open::BUSY,
    places::Numbers,
    spans::{self, Span},
    stacks, wire,
};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Statement, TransactionBehavior, params,
    params_from_iter,
};
use std::{borrow::Borrow, sync::Arc};
use trace::{Observed, Outcome, PlannedProbe, Trace};

impl Store {
    /// Records one call. When this returns, the call survives the death of the process.
    pub fn append(&mut self, trace: &Trace) -> Result<TraceId, AppendError> {
        let ids = self.append_all(std::slice::from_ref(trace))?;
        Ok(ids[0])
    }

    /// Records several calls in one transaction, in the order given: all of them or none. Calls of one function that
    /// follow one another take less time, to record and to find again.
    pub fn append_all<T: Borrow<Trace>>(
        &mut self,
        traces: &[T],
    ) -> Result<Vec<TraceId>, AppendError> {
        let traces = || traces.iter().map(Borrow::borrow);
        let before = std::iter::once(None).chain(traces().map(Some));
        let observed_as_before: Vec<bool> = std::iter::zip(before, traces())
            .map(|(before, trace)| before.is_some_and(|before| same_places(before, trace)))
            .collect();
        let others = std::iter::zip(traces(), &observed_as_before)
            .filter(|(_, as_before)| !**as_before)
            .flat_map(|(trace, _)| &trace.observations);
        self.places
            .learn(&mut self.connection, others)
            .map_err(|source| self.explain_append(source))?;
        let mut rows: Vec<Row<'_>> = Vec::with_capacity(observed_as_before.len());
        for (trace, as_before) in std::iter::zip(traces(), observed_as_before) {
            let before = rows.last();
            let places = match before {
                Some(before) if as_before => before.places.clone(),
                _ => self.places.numbers(&trace.observations),
            };
            rows.push(Row::of(trace, before, places)?);
        }
        insert_all(&mut self.connection, &rows).map_err(|source| self.explain_append(source))
    }

    pub(crate) fn explain_append(&self, source: rusqlite::Error) -> AppendError {
        let path = self.path.clone();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => AppendError::DiskFull { path },
            Some(ErrorCode::ReadOnly) => AppendError::ReadOnly { path },
            Some(ErrorCode::DatabaseBusy) => AppendError::Busy {
                path,
                waited_seconds: BUSY.as_secs(),
            },
            _ => AppendError::Database { path, source },
        }
    }
}

/// A trace with its long parts already written as JSON, outside the transaction that other processes wait for.
struct Row<'a> {
    trace: &'a Trace,
    /// The numbers of what is observed.
    places: Numbers,
    facts: String,
    observations: String,
    timeline: String,
    /// `None` where they are those of the row before.
    armed: Option<String>,
    heap_profile: Option<String>,
    cpu_profile: Option<String>,
}

/// Mostly the very same list.
fn same(one: &Arc<[PlannedProbe]>, other: &Arc<[PlannedProbe]>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

/// Whether the same is observed of both, in the same order: of calls of one function mostly.
fn same_places(one: &Trace, other: &Trace) -> bool {
    let same = |one: &Observed, other: &Observed| {
        one.breakpoint == other.breakpoint && one.variable == other.variable
    };
    one.observations.len() == other.observations.len()
        && std::iter::zip(&one.observations, &other.observations)
            .all(|(one, other)| same(one, other))
}

impl<'a> Row<'a> {
    fn of(
        trace: &'a Trace,
        before: Option<&Row<'_>>,
        places: Numbers,
    ) -> Result<Row<'a>, AppendError> {
        let as_before = before.is_some_and(|before| same(&before.trace.armed, &trace.armed));
        let encoded = || -> serde_json::Result<Row<'a>> {
            Ok(Row {
                trace,
                facts: Facts::of(trace).encode()?,
                observations: wire::encode_observations(&trace.observations, &places)?,
                timeline: wire::encode_timeline(trace)?,
                armed: (!as_before)
                    .then(|| wire::encode_armed(&trace.armed))
                    .transpose()?,
                heap_profile: trace
                    .heap_profile
                    .as_ref()
                    .map(stacks::encode_heap)
                    .transpose()?,
                cpu_profile: trace
                    .cpu_profile
                    .as_ref()
                    .map(stacks::encode_cpu)
                    .transpose()?,
                places,
            })
        };
        encoded().map_err(|source| AppendError::Encode {
            function: trace.function.name.clone(),
            source,
        })
    }
}

fn insert_all(connection: &mut Connection, rows: &[Row<'_>]) -> rusqlite::Result<Vec<TraceId>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut ids = Vec::with_capacity(rows.len());
    let mut insert = transaction.prepare_cached(INSERT)?;
    let mut next = spans::next(&transaction)?;
    let mut span: Option<Span<'_>> = None;
    let mut shared = None;
    for row in rows {
        let these = Shared::of(&transaction, row, shared)?;
        shared = Some((row.trace, these));
        if let Some(ended) = span.take_if(|span| !span.is_of(these.function)) {
            ended.insert(&transaction)?;
        }
        let span = span.get_or_insert_with(|| Span::empty(next, these.function));
        let id = span.take(row.trace);
        next = id + 1;
        insert_one(&mut insert, id, row, these)?;
        ids.push(TraceId(id));
    }
    if let Some(ended) = span {
        ended.insert(&transaction)?;
    }
    drop(insert);
    transaction.commit()?;
    Ok(ids)
}

const INSERT: &str = "
    INSERT INTO calls (
        id, function, started_unix_ms, outcome, needed, live_peak, wall, cpu, machine, armed, request, input_label, facts,
        observations, timeline, heap_profile, cpu_profile
    ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

fn insert_one(
    insert: &mut Statement<'_>,
    id: i64,
    row: &Row<'_>,
    shared: Shared,
) -> rusqlite::Result<()> {
    let trace = row.trace;
    // SQLite's integers are signed: `as i64` wraps above 2^63, and reading wraps back.
    insert.execute(params![
        id,
        shared.function,
        trace.started_unix_ms as i64,
        outcome_text(trace.outcome),
        trace.needed().0 as i64,
        trace.heap.live_peak().map(|peak| peak.0 as i64),
        trace.wall.0 as i64,
        trace.cpu.0 as i64,
        shared.machine,
        shared.armed,
        trace.served.as_ref().map(|served| &served.id),
        trace.input.label,
        row.facts,
        row.observations,
        row.timeline,
        row.heap_profile,
        row.cpu_profile,
    ])?;
    Ok(())
}

/// Rows that several calls share, looked up, or made when they are needed for the first time.
#[derive(Clone, Copy)]
struct Shared {
    function: i64,
    machine: i64,
    armed: i64,
}

impl Shared {
    /// Those of a row; what it has in common with the row before is not looked up again.
    fn of(
        connection: &Connection,
        row: &Row<'_>,
        before: Option<(&Trace, Shared)>,
    ) -> rusqlite::Result<Shared> {
        let trace = row.trace;
        let find = |select: &str, insert: &str, key: &[&str]| -> rusqlite::Result<i64> {
            let key = || params_from_iter(key);
            let found = connection
                .prepare_cached(select)?
                .query_row(key(), |row| row.get(0))
                .optional()?;
            match found {
                Some(id) => Ok(id),
                None => connection.prepare_cached(insert)?.insert(key()),
            }
        };
        let function = match before {
            Some((before, ids)) if before.function == trace.function => ids.function,
            _ => find(
                "SELECT id FROM functions WHERE name = ?1 AND digest = ?2",
                "INSERT INTO functions (name, digest) VALUES (?1, ?2)",
                &[&trace.function.name, &trace.function.digest],
            )?,
        };
        let machine = match before {
            Some((before, ids)) if before.machine == trace.machine => ids.machine,
            _ => find(
                "SELECT id FROM machines WHERE processor = ?1 AND kernel = ?2 AND engine = ?3",
                "INSERT INTO machines (processor, kernel, engine) VALUES (?1, ?2, ?3)",
                &[
                    &trace.machine.processor,
                    &trace.machine.kernel,
                    &trace.machine.engine,
                ],
            )?,
        };
        let armed = match (before, &row.armed) {
            (Some((_, ids)), None) => ids.armed,
            (_, text) => find(
                "SELECT id FROM armed WHERE probes = ?1",
                "INSERT INTO armed (probes) VALUES (?1)",
                &[text.as_deref().unwrap_or("[]")],
            )?,
        };
        Ok(Shared {
            function,
            machine,
            armed,
        })
    }
}

/// How an outcome is written in its column.
pub(crate) fn outcome_text(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Limited => "limited",
        Outcome::TimedOut => "timed_out",
    }
}
