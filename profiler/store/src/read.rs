//! Reading calls back. Nothing here writes.

use crate::{
    Detail, Filter, ReadError, Store, TraceId,
    append::{outcome_text, sized_by_text},
    shared::Shared,
    stacks, wire,
};
use rusqlite::{Row, named_params};
use std::path::Path;
use trace::{
    Bytes, FunctionId, Heap, Input, Limits, Nanos, Outcome, ProbeCost, Served, SizedBy, Touched,
    Trace,
};

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

/// All columns but the timeline and the stacks, which must not even be named where they are not wanted: naming them
/// reads them.
const COLUMNS: &str = "
    calls.id, name, digest, input_label, input_digest, started_unix_ms, limit_memory, limit_timeout, outcome, exit_code,
    failure, committed_start, committed_peak, refused_count, heap, live_peak, live_at_end, allocated_total, allocations,
    wall, cpu, bytes_in, bytes_out, contended, runtime_base, machine, armed, probe_hits, probe_host_calls, probe_cpu,
    touched_at_end, touched_unavailable, refusals, observations, request, dialect, status, cold, sized_by, granted_first,
    granted, mispredicted, queued, init, total";

/// The newest calls are chosen inside, the order of recording is restored outside.
const CHOSEN: &str = "
    FROM calls JOIN functions ON functions.id = calls.function LEFT JOIN served ON served.call = calls.id
    WHERE calls.id IN (
        SELECT calls.id FROM calls
        WHERE (:name IS NULL OR function IN (SELECT id FROM functions WHERE name = :name))
          AND (:digest IS NULL OR function IN (SELECT id FROM functions WHERE digest = :digest))
          AND (:request IS NULL OR calls.id IN (SELECT call FROM served WHERE request = :request))
          AND (:ids IS NULL OR calls.id IN (SELECT value FROM json_each(:ids)))
        ORDER BY calls.id DESC LIMIT :newest
    )
    ORDER BY calls.id";

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
        let long = match filter.detail {
            Detail::Full => "timeline, heap_profile, cpu_profile",
            Detail::Summary => "NULL AS timeline, NULL AS heap_profile, NULL AS cpu_profile",
        };
        let columns = format!("{COLUMNS}, {long}");
        let mut shared = Shared::new(&self.connection);
        self.rows(&columns, filter, |id, row| {
            let trace = trace_of(row, &mut shared)?;
            visit(id, trace);
            Ok(())
        })
    }

    /// The chosen calls as lines of a list, oldest first. `filter.detail` does not matter.
    pub fn summaries(&self, filter: &Filter) -> Result<Vec<Summary>, ReadError> {
        let columns = "calls.id, name, digest, input_label, outcome, needed, live_peak, wall, started_unix_ms";
        let mut summaries = Vec::new();
        self.rows(columns, filter, |id, row| {
            summaries.push(Summary {
                id,
                function: function_of(row)?,
                input_label: row.get("input_label")?,
                outcome: outcome_of(row)?,
                needed: Bytes(unsigned(row, "needed")?),
                live_peak: optional(row, "live_peak")?.map(Bytes),
                wall: Nanos(unsigned(row, "wall")?),
                started_unix_ms: unsigned(row, "started_unix_ms")?,
            });
            Ok(())
        })?;
        Ok(summaries)
    }

    /// The functions of which calls are recorded, by name, the version called last first.
    pub fn functions(&self) -> Result<Vec<RecordedFunction>, ReadError> {
        let query = "
            SELECT name, digest, count(*) AS calls, max(started_unix_ms) AS last
            FROM calls JOIN functions ON functions.id = calls.function
            GROUP BY functions.id ORDER BY name, max(calls.id) DESC";
        let read = || -> rusqlite::Result<Vec<RecordedFunction>> {
            let mut statement = self.connection.prepare_cached(query)?;
            let functions = statement.query_map((), |row| {
                Ok(RecordedFunction {
                    function: function_of(row)?,
                    calls: unsigned(row, "calls")?,
                    last_unix_ms: unsigned(row, "last")?,
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
        let query = format!("SELECT {columns} {CHOSEN}");
        let mut statement = self.connection.prepare_cached(&query).map_err(database)?;
        let mut rows = statement
            .query(named_params! {
                ":name": filter.function,
                ":digest": filter.digest,
                ":request": filter.request,
                ":ids": filter.ids.as_deref().map(id_list),
                // SQLite reads a negative limit as none.
                ":newest": filter.newest.map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX)),
            })
            .map_err(database)?;
        while let Some(row) = rows.next().map_err(database)? {
            let id = TraceId(row.get("id").map_err(database)?);
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
    #[error("`{0}` is no kind of heap")]
    Heap(String),
    #[error("its timeline belongs to other observations")]
    Timeline,
    #[error("its {0} is not there")]
    Shared(&'static str),
}

fn trace_of(row: &Row<'_>, shared: &mut Shared<'_>) -> Result<Trace, RowError> {
    let mut trace = Trace {
        function: function_of(row)?,
        input: Input {
            label: row.get("input_label")?,
            digest: row.get("input_digest")?,
        },
        started_unix_ms: unsigned(row, "started_unix_ms")?,
        limits: Limits {
            memory: Bytes(unsigned(row, "limit_memory")?),
            timeout: Nanos(unsigned(row, "limit_timeout")?),
        },
        outcome: outcome_of(row)?,
        exit_code: row.get("exit_code")?,
        failure: row.get("failure")?,
        committed_start: Bytes(unsigned(row, "committed_start")?),
        committed_peak: Bytes(unsigned(row, "committed_peak")?),
        growths: Vec::new(),
        refusals: wire::decode_refusals(text(row, "refusals")?)?,
        refused_count: unsigned(row, "refused_count")?,
        heap: heap_of(row)?,
        samples: Vec::new(),
        observations: shared.observations(text(row, "observations")?)?,
        wall: Nanos(unsigned(row, "wall")?),
        cpu: Nanos(unsigned(row, "cpu")?),
        bytes_in: unsigned(row, "bytes_in")?,
        bytes_out: unsigned(row, "bytes_out")?,
        contended: row.get("contended")?,
        runtime_base: Bytes(unsigned(row, "runtime_base")?),
        machine: shared.machine(row.get("machine")?)?,
        armed: shared.armed(row.get("armed")?)?,
        probe_cost: ProbeCost {
            hits: unsigned(row, "probe_hits")?,
            host_calls: unsigned(row, "probe_host_calls")?,
            cpu_seconds: row.get::<_, Option<f64>>("probe_cpu")?.unwrap_or(f64::NAN),
        },
        touched: touched_of(row)?,
        heap_profile: long(row, "heap_profile")?
            .map(stacks::decode_heap)
            .transpose()?,
        cpu_profile: long(row, "cpu_profile")?
            .map(stacks::decode_cpu)
            .transpose()?,
        served: served_of(row)?,
    };
    if let Some(timeline) = long(row, "timeline")? {
        add_timeline(&mut trace, wire::decode_timeline(timeline)?)?;
    }
    Ok(trace)
}

fn add_timeline(trace: &mut Trace, timeline: wire::Timeline) -> Result<(), RowError> {
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
    Ok(())
}

pub(crate) fn function_of(row: &Row<'_>) -> rusqlite::Result<FunctionId> {
    Ok(FunctionId {
        name: row.get("name")?,
        digest: row.get("digest")?,
    })
}

fn outcome_of(row: &Row<'_>) -> Result<Outcome, RowError> {
    let found = text(row, "outcome")?;
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

/// What only a served call has; `None` where it was not served.
fn served_of(row: &Row<'_>) -> Result<Option<Served>, RowError> {
    let Some(id) = row.get("request")? else {
        return Ok(None);
    };
    let found = text(row, "sized_by")?;
    let sized_by = [
        SizedBy::Setting,
        SizedBy::Recommendation,
        SizedBy::Model,
        SizedBy::Replay,
    ]
    .into_iter()
    .find(|sized_by| sized_by_text(*sized_by) == found)
    .ok_or_else(|| RowError::SizedBy(found.to_owned()))?;
    Ok(Some(Served {
        id,
        dialect: row.get("dialect")?,
        status: row.get("status")?,
        cold: row.get("cold")?,
        sized_by,
        granted_first: Bytes(unsigned(row, "granted_first")?),
        granted: Bytes(unsigned(row, "granted")?),
        mispredicted: row.get("mispredicted")?,
        queued: Nanos(unsigned(row, "queued")?),
        init: Nanos(unsigned(row, "init")?),
        total: Nanos(unsigned(row, "total")?),
    }))
}

fn heap_of(row: &Row<'_>) -> Result<Heap, RowError> {
    match text(row, "heap")? {
        "live" => Ok(Heap::Live {
            peak: Bytes(unsigned(row, "live_peak")?),
            at_end: Bytes(unsigned(row, "live_at_end")?),
            allocations: unsigned(row, "allocations")?,
        }),
        "allocated_only" => Ok(Heap::AllocatedOnly {
            total: Bytes(unsigned(row, "allocated_total")?),
            allocations: unsigned(row, "allocations")?,
        }),
        "unknown" => Ok(Heap::Unknown),
        other => Err(RowError::Heap(other.to_owned())),
    }
}

fn touched_of(row: &Row<'_>) -> rusqlite::Result<Option<Touched>> {
    if let Some(reason) = row.get("touched_unavailable")? {
        return Ok(Some(Touched::Unavailable { reason }));
    }
    Ok(
        optional(row, "touched_at_end")?.map(|at_end| Touched::Measured {
            at_end: Bytes(at_end),
            // They are part of the timeline.
            samples: Vec::new(),
        }),
    )
}

/// A long column, borrowed; `None` where it is absent or not wanted.
fn long<'a>(row: &'a Row<'_>, column: &str) -> rusqlite::Result<Option<&'a str>> {
    Ok(row.get_ref(column)?.as_str_or_null()?)
}

/// Text of a row, borrowed: the long columns are decoded without a copy.
fn text<'a>(row: &'a Row<'_>, column: &str) -> rusqlite::Result<&'a str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// The counterpart of `as i64` in `append`.
pub(crate) fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)? as u64)
}

fn optional(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|value| value as u64))
}
