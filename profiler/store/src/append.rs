//! Appending calls. The only statements that insert some.

use crate::{AppendError, Store, TraceId, open::BUSY, places::Places, stacks, wire};
use rusqlite::{
    CachedStatement, Connection, ErrorCode, OptionalExtension, ToSql, TransactionBehavior,
    params_from_iter,
};
use std::{borrow::Borrow, sync::Arc};
use trace::{Heap, Outcome, PlannedProbe, Served, SizedBy, Touched, Trace};

impl Store {
    /// Records one call. When this returns, the call survives the death of the process.
    pub fn append(&mut self, trace: &Trace) -> Result<TraceId, AppendError> {
        let ids = self.append_all(std::slice::from_ref(trace))?;
        Ok(ids[0])
    }

    /// Records several calls in one transaction, in the order given: all of them or none.
    pub fn append_all<T: Borrow<Trace>>(
        &mut self,
        traces: &[T],
    ) -> Result<Vec<TraceId>, AppendError> {
        let observed = traces.iter().flat_map(|trace| &trace.borrow().observations);
        self.places
            .learn(&mut self.connection, observed)
            .map_err(|source| self.explain_append(source))?;
        let mut rows = Vec::with_capacity(traces.len());
        let mut before = None;
        for trace in traces.iter().map(Borrow::borrow) {
            rows.push(Row::of(trace, before, &self.places)?);
            before = Some(trace);
        }
        insert_all(&mut self.connection, &rows).map_err(|source| self.explain_append(source))
    }

    fn explain_append(&self, source: rusqlite::Error) -> AppendError {
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
    refusals: String,
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

impl<'a> Row<'a> {
    fn of(
        trace: &'a Trace,
        before: Option<&Trace>,
        places: &Places,
    ) -> Result<Row<'a>, AppendError> {
        let as_before = before.is_some_and(|before| same(&before.armed, &trace.armed));
        let encoded = || -> serde_json::Result<Row<'a>> {
            Ok(Row {
                trace,
                refusals: wire::encode_refusals(&trace.refusals)?,
                observations: wire::encode_observations(&trace.observations, places)?,
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
    let mut statements = Statements::default();
    let mut shared = None;
    for row in rows {
        let these = Shared::of(&transaction, row, shared)?;
        let id = insert(&transaction, &mut statements, row, these)?;
        if let Some(served) = &row.trace.served {
            insert_served(&transaction, &mut statements, id, served)?;
        }
        ids.push(id);
        shared = Some((row.trace, these));
    }
    drop(statements);
    transaction.commit()?;
    Ok(ids)
}

/// Prepared once for all rows of a transaction.
#[derive(Default)]
struct Statements<'c> {
    calls: Option<CachedStatement<'c>>,
    served: Option<CachedStatement<'c>>,
}

/// A column and what goes into it.
type Column<'v> = (&'static str, &'v dyn ToSql);

/// Inserts a row; `place` is where the statement is kept for the next one. By position: with forty columns, finding each
/// by its name takes longer than inserting does.
fn insert_into<'c>(
    connection: &'c Connection,
    place: &mut Option<CachedStatement<'c>>,
    table: &str,
    columns: &[Column<'_>],
) -> rusqlite::Result<i64> {
    let statement = match place {
        Some(statement) => statement,
        None => {
            let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            let values = vec!["?"; columns.len()].join(", ");
            let names = names.join(", ");
            let text = format!("INSERT INTO {table} ({names}) VALUES ({values})");
            place.insert(connection.prepare_cached(&text)?)
        }
    };
    statement.insert(params_from_iter(columns.iter().map(|(_, value)| value)))
}

fn insert<'c>(
    connection: &'c Connection,
    statements: &mut Statements<'c>,
    row: &Row<'_>,
    shared: Shared,
) -> rusqlite::Result<TraceId> {
    let trace = row.trace;
    let heap = HeapColumns::from(trace.heap);
    let (touched_at_end, touched_unavailable) = match &trace.touched {
        None => (None, None),
        Some(Touched::Measured { at_end, .. }) => (Some(at_end.0 as i64), None),
        Some(Touched::Unavailable { reason }) => (None, Some(reason)),
    };
    // SQLite's integers are signed: `as i64` wraps above 2^63, and reading wraps back.
    let columns: [Column<'_>; 36] = [
        ("function", &shared.function),
        ("input_label", &trace.input.label),
        ("input_digest", &trace.input.digest),
        ("started_unix_ms", &(trace.started_unix_ms as i64)),
        ("limit_memory", &(trace.limits.memory.0 as i64)),
        ("limit_timeout", &(trace.limits.timeout.0 as i64)),
        ("outcome", &outcome_text(trace.outcome)),
        ("exit_code", &trace.exit_code),
        ("failure", &trace.failure),
        ("committed_start", &(trace.committed_start.0 as i64)),
        ("committed_peak", &(trace.committed_peak.0 as i64)),
        ("needed", &(trace.needed().0 as i64)),
        ("refused_count", &(trace.refused_count as i64)),
        ("heap", &heap.kind),
        ("live_peak", &heap.live_peak),
        ("live_at_end", &heap.live_at_end),
        ("allocated_total", &heap.allocated_total),
        ("allocations", &heap.allocations),
        ("wall", &(trace.wall.0 as i64)),
        ("cpu", &(trace.cpu.0 as i64)),
        ("bytes_in", &(trace.bytes_in as i64)),
        ("bytes_out", &(trace.bytes_out as i64)),
        ("contended", &trace.contended),
        ("runtime_base", &(trace.runtime_base.0 as i64)),
        ("machine", &shared.machine),
        ("armed", &shared.armed),
        ("probe_hits", &(trace.probe_cost.hits as i64)),
        ("probe_host_calls", &(trace.probe_cost.host_calls as i64)),
        ("probe_cpu", &trace.probe_cost.cpu_seconds),
        ("touched_at_end", &touched_at_end),
        ("touched_unavailable", &touched_unavailable),
        ("refusals", &row.refusals),
        ("observations", &row.observations),
        ("timeline", &row.timeline),
        ("heap_profile", &row.heap_profile),
        ("cpu_profile", &row.cpu_profile),
    ];
    insert_into(connection, &mut statements.calls, "calls", &columns).map(TraceId)
}

/// What only a served call has.
fn insert_served<'c>(
    connection: &'c Connection,
    statements: &mut Statements<'c>,
    call: TraceId,
    served: &Served,
) -> rusqlite::Result<()> {
    let columns: [Column<'_>; 12] = [
        ("call", &call.0),
        ("request", &served.id),
        ("dialect", &served.dialect),
        ("status", &served.status),
        ("cold", &served.cold),
        ("sized_by", &sized_by_text(served.sized_by)),
        ("granted_first", &(served.granted_first.0 as i64)),
        ("granted", &(served.granted.0 as i64)),
        ("mispredicted", &served.mispredicted),
        ("queued", &(served.queued.0 as i64)),
        ("init", &(served.init.0 as i64)),
        ("total", &(served.total.0 as i64)),
    ];
    insert_into(connection, &mut statements.served, "served", &columns).map(|_| ())
}

/// The words of the column.
pub(crate) fn sized_by_text(sized_by: SizedBy) -> &'static str {
    match sized_by {
        SizedBy::Setting => "setting",
        SizedBy::Recommendation => "recommendation",
        SizedBy::Model => "model",
        SizedBy::Replay => "replay",
    }
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
            let key = || rusqlite::params_from_iter(key);
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

#[derive(Default)]
struct HeapColumns {
    kind: &'static str,
    live_peak: Option<i64>,
    live_at_end: Option<i64>,
    allocated_total: Option<i64>,
    allocations: Option<i64>,
}

impl From<Heap> for HeapColumns {
    fn from(heap: Heap) -> HeapColumns {
        match heap {
            Heap::Live {
                peak,
                at_end,
                allocations,
            } => HeapColumns {
                kind: "live",
                live_peak: Some(peak.0 as i64),
                live_at_end: Some(at_end.0 as i64),
                allocations: Some(allocations as i64),
                ..HeapColumns::default()
            },
            Heap::AllocatedOnly { total, allocations } => HeapColumns {
                kind: "allocated_only",
                allocated_total: Some(total.0 as i64),
                allocations: Some(allocations as i64),
                ..HeapColumns::default()
            },
            Heap::Unknown => HeapColumns {
                kind: "unknown",
                ..HeapColumns::default()
            },
        }
    }
}
