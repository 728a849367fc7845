//! One row per distinct input: what its calls needed. Features are in `features`.
//!
//! Repeats of one input are one row: the largest memory, the mean of times.

use crate::statistics::mean;
use std::collections::HashMap;
use trace::Trace;

/// What was measured of one distinct input.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The input's label, of its first call.
    pub(crate) label: String,
    /// Largest committed peak, bytes.
    pub(crate) committed: f64,
    /// Largest live peak, bytes, where an allocator was found.
    pub(crate) live: Option<f64>,
    /// Mean CPU time, seconds, of the calls that ran alone if there are any.
    pub(crate) cpu: f64,
    /// Start of its first call, milliseconds since 1970.
    pub(crate) started: u64,
}

/// For every measured trace the index of its input, in order of first appearance.
pub(crate) fn rows_by_input(measured: &[&Trace]) -> Vec<usize> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    measured
        .iter()
        .map(|t| {
            let next = known.len();
            *known.entry(&t.input.digest).or_insert(next)
        })
        .collect()
}

/// The rows, in order of first appearance.
pub(crate) fn measure(measured: &[&Trace], row_of: &[usize]) -> Vec<Row> {
    let mut repeats: Vec<Vec<&Trace>> = Vec::new();
    for (trace, &row) in measured.iter().zip(row_of) {
        if row == repeats.len() {
            repeats.push(Vec::new());
        }
        repeats[row].push(trace);
    }
    repeats
        .iter()
        .filter_map(|calls| measure_one(calls))
        .collect()
}

fn measure_one(calls: &[&Trace]) -> Option<Row> {
    let first = calls.first()?;
    let largest = |of: &dyn Fn(&Trace) -> Option<f64>| {
        calls.iter().filter_map(|t| of(t)).max_by(f64::total_cmp)
    };
    Some(Row {
        label: first.input.label.clone(),
        committed: largest(&|t| Some(t.committed_peak.as_f64()))?,
        live: largest(&|t| t.heap.live_peak().map(|b| b.as_f64())),
        cpu: seconds(calls, |t| t.cpu.as_seconds()),
        started: calls.iter().map(|t| t.started_unix_ms).min()?,
    })
}

/// Mean of a time over calls; calls under contention count only where there are no others.
pub(crate) fn seconds(calls: &[&Trace], of: impl Fn(&Trace) -> f64) -> f64 {
    let alone: Vec<f64> = calls
        .iter()
        .filter(|t| !t.contended)
        .map(|t| of(t))
        .collect();
    let all = || calls.iter().map(|t| of(t)).collect::<Vec<f64>>();
    mean(&alone).or_else(|| mean(&all())).unwrap_or(0.0)
}
