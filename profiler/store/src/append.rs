//! Appending calls. The only statements that insert.

use crate::{AppendError, Store, TraceId, open::BUSY, wire};
use rusqlite::{Connection, ErrorCode, TransactionBehavior, named_params};
use trace::{FunctionId, Heap, Outcome, Trace};

/// Every column but the id; the ids of functions are looked up by the statement before it.
const INSERT_CALL: &str = "
    INSERT INTO calls (
        function, input_label, input_digest, started_unix_ms, limit_memory, limit_timeout, outcome, exit_code, failure,
        committed_start, committed_peak, needed, refused_count, heap, live_peak, live_at_end, allocated_total,
        allocations, wall, cpu, bytes_in, bytes_out, contended, runtime_base, refusals,
        observations, timeline
    ) VALUES (
        :function, :input_label, :input_digest, :started_unix_ms, :limit_memory, :limit_timeout, :outcome, :exit_code,
        :failure, :committed_start, :committed_peak, :needed, :refused_count, :heap, :live_peak, :live_at_end,
        :allocated_total, :allocations, :wall, :cpu, :bytes_in, :bytes_out, :contended, :runtime_base, :refusals,
        :observations, :timeline
    )";

impl Store {
    /// Records one call. When this returns, the call survives the death of the process.
    pub fn append(&mut self, trace: &Trace) -> Result<TraceId, AppendError> {
        let ids = self.append_all(std::slice::from_ref(trace))?;
        Ok(ids[0])
    }

    /// Records several calls in one transaction, in the order given: all of them or none.
    pub fn append_all(&mut self, traces: &[Trace]) -> Result<Vec<TraceId>, AppendError> {
        let rows = traces.iter().map(Row::of).collect::<Result<Vec<_>, _>>()?;
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
}

impl Row<'_> {
    fn of(trace: &Trace) -> Result<Row<'_>, AppendError> {
        let encoded = || -> serde_json::Result<Row<'_>> {
            Ok(Row {
                trace,
                refusals: wire::encode_refusals(&trace.refusals)?,
                observations: wire::encode_observations(&trace.observations)?,
                timeline: wire::encode_timeline(trace)?,
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
    let ids = rows
        .iter()
        .map(|row| insert(&transaction, row))
        .collect::<rusqlite::Result<_>>()?;
    transaction.commit()?;
    Ok(ids)
}

fn insert(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<TraceId> {
    let trace = row.trace;
    let function = function_row(connection, &trace.function)?;
    let heap = HeapColumns::from(trace.heap);
    // SQLite's integers are signed: `as i64` wraps above 2^63, and reading wraps back.
    connection
        .prepare_cached(INSERT_CALL)?
        .insert(named_params! {
            ":function": function,
            ":input_label": trace.input.label,
            ":input_digest": trace.input.digest,
            ":started_unix_ms": trace.started_unix_ms as i64,
            ":limit_memory": trace.limits.memory.0 as i64,
            ":limit_timeout": trace.limits.timeout.0 as i64,
            ":outcome": outcome_text(trace.outcome),
            ":exit_code": trace.exit_code,
            ":failure": trace.failure,
            ":committed_start": trace.committed_start.0 as i64,
            ":committed_peak": trace.committed_peak.0 as i64,
            ":needed": trace.needed().0 as i64,
            ":refused_count": trace.refused_count as i64,
            ":heap": heap.kind,
            ":live_peak": heap.live_peak,
            ":live_at_end": heap.live_at_end,
            ":allocated_total": heap.allocated_total,
            ":allocations": heap.allocations,
            ":wall": trace.wall.0 as i64,
            ":cpu": trace.cpu.0 as i64,
            ":bytes_in": trace.bytes_in as i64,
            ":bytes_out": trace.bytes_out as i64,
            ":contended": trace.contended,
            ":runtime_base": trace.runtime_base.0 as i64,
            ":refusals": row.refusals,
            ":observations": row.observations,
            ":timeline": row.timeline,
        })
        .map(TraceId)
}

/// The row of a function, made when it is recorded for the first time.
fn function_row(connection: &Connection, function: &FunctionId) -> rusqlite::Result<i64> {
    let key = (&function.name, &function.digest);
    connection
        .prepare_cached(
            "INSERT INTO functions (name, digest) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute(key)?;
    connection
        .prepare_cached("SELECT id FROM functions WHERE name = ?1 AND digest = ?2")?
        .query_row(key, |row| row.get(0))
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
