//! Every Prometheus metric, with its name, unit and labels, declared once. Memory in bytes, times in seconds. Labels are
//! names of deployed functions and words of ours, whatever guests and callers do. The `gateway_*` are those of OpenFaaS.

use super::{admission::Load, metric_names as names, phase::Phase, records::Records};
use http::StatusCode;
use prometheus::{
    Counter, CounterVec, Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec,
    IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder, core::Collector,
};
use std::sync::atomic::Ordering;
use trace::{Bytes, Model, Outcome, Recommendation, Trace};

/// The metrics of one server.
pub(crate) struct Metrics {
    registry: Registry,
    invocations: IntCounterVec,
    out_of_memory: IntCounterVec,
    timeouts: IntCounterVec,
    cold_starts: IntCounterVec,
    reused: IntCounterVec,
    mispredictions: IntCounterVec,
    cpu: CounterVec,
    waste: CounterVec,
    granted_time: CounterVec,
    running: GaugeVec,
    duration: HistogramVec,
    queue: HistogramVec,
    needed: HistogramVec,
    largest: GaugeVec,
    live: HistogramVec,
    predicted: HistogramVec,
    limit: GaugeVec,
    recommended: GaugeVec,
    rate_asked: GaugeVec,
    rate_backed: GaugeVec,
    inputs_missing: GaugeVec,
    model_error: GaugeVec,
    model_samples: GaugeVec,
    phase: GaugeVec,
    rejected: IntCounterVec,
    budget: IntGauge,
    granted: IntGauge,
    kept: IntGauge,
    sandboxes: IntGauge,
    waiting: IntGauge,
    records_queued: IntGauge,
    records_stored: IntCounter,
    records_lost: IntCounter,
    lines_printed: IntCounter,
    lines_lost: IntCounter,
    gateway_invocations: IntCounterVec,
    gateway_started: IntCounterVec,
    gateway_seconds: HistogramVec,
    gateway_services: GaugeVec,
}

/// Those of one function, found once.
pub(crate) struct FunctionMetrics {
    succeeded: IntCounter,
    failed: IntCounter,
    limited: IntCounter,
    timed_out: IntCounter,
    out_of_memory: IntCounter,
    timeouts: IntCounter,
    cold_starts: IntCounter,
    reused: IntCounter,
    mispredictions: IntCounter,
    cpu: Counter,
    waste: Counter,
    granted_time: Counter,
    running: Gauge,
    duration: Histogram,
    queue: Histogram,
    needed: Histogram,
    largest: GaugeVec,
    live: Histogram,
    predicted: Histogram,
    limit: Gauge,
    recommended: GaugeVec,
    rate_asked: Gauge,
    rate_backed: GaugeVec,
    inputs_missing: GaugeVec,
    model_error: GaugeVec,
    model_samples: GaugeVec,
    phases: [Gauge; 3],
    gateway_started: IntCounter,
    gateway_invocations: IntCounterVec,
    gateway_seconds: HistogramVec,
    name: String,
    gateway_name: String,
}

/// Why a call was turned away before it began.
#[derive(Clone, Copy)]
pub(crate) enum Rejected {
    /// No such function.
    Unknown,
    /// Too many calls of the function.
    Busy,
    /// Too many wait for memory.
    QueueFull,
    /// It waited too long.
    Impatient,
    /// It never fits.
    TooLarge,
    /// Its code could not be made ready.
    NotLoaded,
}

impl Rejected {
    /// All of them.
    const ALL: [Rejected; 6] = [
        Rejected::Unknown,
        Rejected::Busy,
        Rejected::QueueFull,
        Rejected::Impatient,
        Rejected::TooLarge,
        Rejected::NotLoaded,
    ];

    fn name(self) -> &'static str {
        match self {
            Rejected::Unknown => "unknown",
            Rejected::Busy => "busy",
            Rejected::QueueFull => "queue_full",
            Rejected::Impatient => "queue_timeout",
            Rejected::TooLarge => "too_large",
            Rejected::NotLoaded => "not_loaded",
        }
    }
}

/// A registry that things are put into as they are made.
struct Making(Registry);

impl Making {
    fn kept<C: Collector + Clone + 'static>(
        &self,
        made: prometheus::Result<C>,
    ) -> prometheus::Result<C> {
        let made = made?;
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }

    fn counts(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
        self.kept(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn count(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.kept(IntCounter::new(name, help))
    }

    fn sums(&self, name: &str, help: &str) -> prometheus::Result<CounterVec> {
        self.kept(CounterVec::new(Opts::new(name, help), &["function"]))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
        self.kept(GaugeVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.kept(IntGauge::new(name, help))
    }

    fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> prometheus::Result<HistogramVec> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.kept(HistogramVec::new(options, labels))
    }
}

impl Metrics {
    /// All metrics, registered.
    pub(crate) fn new(budget: Bytes) -> prometheus::Result<Metrics> {
        let making = Making(Registry::new());
        let function = &["function"];
        // One page to 4 GiB, by doubling: what a 32-bit guest can have.
        let sizes = prometheus::exponential_buckets(65_536.0, 2.0, 17)?;
        let seconds = prometheus::exponential_buckets(0.000_1, 2.0, 20)?;
        let ratios = [
            0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0, 8.0, 16.0,
        ];
        let gateway = &["function_name", "code"];
        let metrics = Metrics {
            invocations: making.counts(
                names::INVOCATIONS,
                "Calls that have ended, by outcome.",
                &["function", "outcome"],
            )?,
            out_of_memory: making.counts(
                names::OUT_OF_MEMORY,
                "Calls that failed after a growth of their memory was refused.",
                function,
            )?,
            timeouts: making.counts(
                names::TIMEOUTS,
                "Calls stopped at their deadline.",
                function,
            )?,
            cold_starts: making.counts(
                names::COLD_STARTS,
                "Calls for which code had to be made ready first.",
                function,
            )?,
            reused: making.counts(
                names::REUSED,
                "Calls made in a sandbox that had made calls before.",
                function,
            )?,
            mispredictions: making.counts(
                names::MISPREDICTIONS,
                "Calls that needed more memory than was predicted for them.",
                function,
            )?,
            cpu: making.sums(names::CPU, "CPU time of calls.")?,
            waste: making.sums(
                names::WASTE,
                "Memory granted to calls and not needed by them, times the time they had it.",
            )?,
            granted_time: making.sums(
                names::GRANTED,
                "Memory granted to calls, times the time they had it: the whole of which the waste is a part.",
            )?,
            running: making.gauges(
                names::RUNNING,
                "Calls that have begun and not ended.",
                function,
            )?,
            duration: making.histogram(
                names::DURATION,
                "Wall-clock time of a call.",
                function,
                &seconds,
            )?,
            queue: making.histogram(
                names::QUEUE,
                "Time that a call waited for memory.",
                function,
                &seconds,
            )?,
            needed: making.histogram(
                names::NEEDED,
                "Peak of committed memory of a call that succeeded.",
                function,
                &sizes,
            )?,
            largest: making.gauges(
                names::LARGEST_NEED,
                "Largest need of a call that succeeded, since the server began.",
                function,
            )?,
            live: making.histogram(
                names::LIVE,
                "Peak of live heap bytes of a call that succeeded.",
                function,
                &sizes,
            )?,
            predicted: making.histogram(
                names::GRANTED_RATIO,
                "Memory granted to a call before it began, over what it needed.",
                function,
                &ratios,
            )?,
            limit: making.gauges(
                names::LIMIT,
                "Memory a call may have.",
                function,
            )?,
            recommended: making.gauges(
                names::RECOMMENDED,
                "Memory recommended for a call, from what was recorded.",
                function,
            )?,
            rate_asked: making.gauges(
                names::RATE_ASKED,
                "Share of calls that may fail for want of memory, as it was asked for.",
                function,
            )?,
            rate_backed: making.gauges(
                names::RATE_BACKED,
                "Smallest share of calls failing for want of memory that the recorded calls can back, or what was asked.",
                function,
            )?,
            inputs_missing: making.gauges(
                names::INPUTS_MISSING,
                "Distinct inputs to be seen before the share that was asked is backed; 0 where it is.",
                function,
            )?,
            model_error: making.gauges(
                names::MODEL_ERROR,
                "Median absolute error of the memory model on inputs held out of it, as a share.",
                function,
            )?,
            model_samples: making.gauges(
                names::MODEL_SAMPLES,
                "Distinct inputs that the memory model was learned from.",
                function,
            )?,
            phase: making.gauges(
                names::PHASE,
                "1 for the phase that a function is in.",
                &["function", "phase"],
            )?,
            rejected: making.counts(
                names::REJECTED,
                "Calls that were turned away before they began.",
                &["reason"],
            )?,
            budget: making.gauge(
                names::BUDGET,
                "Memory that all calls together may have.",
            )?,
            granted: making.gauge(
                names::BUDGET_GRANTED,
                "Memory that is granted to the calls that are running, and to sandboxes that wait for the next one.",
            )?,
            kept: making.gauge(
                names::BUDGET_KEPT,
                "Memory that slots keep for the next calls and no call has.",
            )?,
            sandboxes: making.gauge(
                names::SANDBOXES,
                "Sandboxes that have made calls and wait for the next one; what they hold is granted.",
            )?,
            waiting: making.gauge(names::WAITING, "Calls that wait for memory.")?,
            records_queued: making.gauge(
                names::RECORDS_QUEUED,
                "Records of calls that are not written yet.",
            )?,
            records_stored: making.count(
                names::RECORDS_STORED,
                "Records of calls in the database.",
            )?,
            records_lost: making.count(
                names::RECORDS_LOST,
                "Records of calls that were not written.",
            )?,
            lines_printed: making.count(
                names::LINES_PRINTED,
                "Calls printed on standard output, where that is asked for.",
            )?,
            lines_lost: making.count(
                names::LINES_LOST,
                "Calls that were to be printed and were not: nobody reads, or it is closed.",
            )?,
            gateway_invocations: making.counts(
                "gateway_function_invocation_total",
                "Function metrics, as OpenFaaS names them.",
                gateway,
            )?,
            gateway_started: making.counts(
                "gateway_function_invocation_started",
                "The number of function HTTP requests started, as OpenFaaS names it.",
                &["function_name"],
            )?,
            gateway_seconds: making.histogram(
                "gateway_functions_seconds",
                "Function time taken, as OpenFaaS names it.",
                gateway,
                &seconds,
            )?,
            gateway_services: making.gauges(
                "gateway_service_count",
                "Replicas of a function, as OpenFaaS names it: 1 where it is deployed.",
                &["function_name"],
            )?,
            registry: making.0.clone(),
        };
        let build = making.gauges(names::BUILD_INFO, "1, with the version.", &["version"])?;
        build
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1.0);
        metrics.budget.set(budget.0 as i64);
        // From the beginning, with 0: the first of them is then seen to come.
        for why in Rejected::ALL {
            metrics.rejected.with_label_values(&[why.name()]);
        }
        Ok(metrics)
    }

    /// What slots keep for the next calls.
    pub(crate) fn kept(&self, bytes: Bytes) {
        self.kept.set(bytes.0 as i64);
    }

    /// Those of a function, from its first call on: its counters are there with 0, so that rates have a beginning.
    pub(crate) fn function(&self, name: &str) -> FunctionMetrics {
        let label = &[name];
        let gateway_name = format!("{name}.{}", super::dialect::openfaas::NAMESPACE);
        let outcome = |outcome| self.invocations.with_label_values(&[name, outcome]);
        self.gateway_services
            .with_label_values(&[gateway_name.as_str()])
            .set(1.0);
        FunctionMetrics {
            succeeded: outcome("succeeded"),
            failed: outcome("failed"),
            limited: outcome("limited"),
            timed_out: outcome("timed_out"),
            out_of_memory: self.out_of_memory.with_label_values(label),
            timeouts: self.timeouts.with_label_values(label),
            cold_starts: self.cold_starts.with_label_values(label),
            reused: self.reused.with_label_values(label),
            mispredictions: self.mispredictions.with_label_values(label),
            cpu: self.cpu.with_label_values(label),
            waste: self.waste.with_label_values(label),
            granted_time: self.granted_time.with_label_values(label),
            running: self.running.with_label_values(label),
            duration: self.duration.with_label_values(label),
            queue: self.queue.with_label_values(label),
            needed: self.needed.with_label_values(label),
            largest: self.largest.clone(),
            live: self.live.with_label_values(label),
            predicted: self.predicted.with_label_values(label),
            limit: self.limit.with_label_values(label),
            recommended: self.recommended.clone(),
            rate_asked: self.rate_asked.with_label_values(label),
            rate_backed: self.rate_backed.clone(),
            inputs_missing: self.inputs_missing.clone(),
            model_error: self.model_error.clone(),
            model_samples: self.model_samples.clone(),
            phases: Phase::ALL.map(|phase| self.phase.with_label_values(&[name, phase.name()])),
            gateway_started: self
                .gateway_started
                .with_label_values(&[gateway_name.as_str()]),
            gateway_invocations: self.gateway_invocations.clone(),
            gateway_seconds: self.gateway_seconds.clone(),
            name: name.to_owned(),
            gateway_name,
        }
    }

    /// A function is there no more, and neither are its metrics.
    pub(crate) fn forget(&self, function: &FunctionMetrics) {
        let label = &[function.name.as_str()];
        // What was never there cannot be removed, which is as well.
        for counters in [
            &self.out_of_memory,
            &self.timeouts,
            &self.cold_starts,
            &self.reused,
            &self.mispredictions,
        ] {
            let _ = counters.remove_label_values(label);
        }
        for sums in [&self.cpu, &self.waste, &self.granted_time] {
            let _ = sums.remove_label_values(label);
        }
        for gauges in [
            &self.running,
            &self.largest,
            &self.limit,
            &self.recommended,
            &self.rate_asked,
            &self.rate_backed,
            &self.inputs_missing,
            &self.model_error,
            &self.model_samples,
        ] {
            let _ = gauges.remove_label_values(label);
        }
        for histograms in [
            &self.duration,
            &self.queue,
            &self.needed,
            &self.live,
            &self.predicted,
        ] {
            let _ = histograms.remove_label_values(label);
        }
        for outcome in ["succeeded", "failed", "limited", "timed_out"] {
            let _ = self.invocations.remove_label_values(&[label[0], outcome]);
        }
        for phase in Phase::ALL {
            let _ = self.phase.remove_label_values(&[label[0], phase.name()]);
        }
        let name = function.gateway_name.as_str();
        let _ = self.gateway_started.remove_label_values(&[name]);
        let _ = self.gateway_services.remove_label_values(&[name]);
        for code in (100..600)
            .map(|code| code.to_string())
            .chain([OTHER.to_owned()])
        {
            let _ = self
                .gateway_invocations
                .remove_label_values(&[name, code.as_str()]);
            let _ = self
                .gateway_seconds
                .remove_label_values(&[name, code.as_str()]);
        }
    }

    /// Counts a call that was turned away.
    pub(crate) fn reject(&self, why: Rejected) {
        self.rejected.with_label_values(&[why.name()]).inc();
    }

    /// The text that Prometheus scrapes, and its content type.
    pub(crate) fn text(
        &self,
        load: Load,
        sandboxes: usize,
        records: &Records,
    ) -> prometheus::Result<(String, Vec<u8>)> {
        self.granted.set(load.granted as i64);
        self.sandboxes.set(sandboxes as i64);
        self.waiting.set(load.waiting as i64);
        let counts = records.counts();
        self.records_queued
            .set(counts.queued.load(Ordering::Relaxed) as i64);
        let stored = [
            (&self.records_stored, &counts.stored),
            (&self.records_lost, &counts.lost),
        ];
        let printed = records.printed().map(|lines| {
            [
                (&self.lines_printed, &lines.printed),
                (&self.lines_lost, &lines.lost),
            ]
        });
        for (counter, now) in stored.into_iter().chain(printed.into_iter().flatten()) {
            let now = now.load(Ordering::Relaxed);
            counter.inc_by(now.saturating_sub(counter.get()));
        }
        let encoder = TextEncoder::new();
        let mut text = Vec::new();
        encoder.encode(&self.registry.gather(), &mut text)?;
        Ok((encoder.format_type().to_owned(), text))
    }
}

/// A call that is running.
pub(crate) struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The code of an answer that nobody has named.
const OTHER: &str = "other";

impl FunctionMetrics {
    /// A call has begun. It has ended when the answer is dropped, however that comes.
    pub(crate) fn begin(&self) -> Running {
        self.gateway_started.inc();
        self.running.inc();
        Running(self.running.clone())
    }

    /// A call has ended.
    pub(crate) fn end(&self, trace: &Trace) {
        match trace.outcome {
            Outcome::Succeeded => self.succeeded.inc(),
            Outcome::Failed => self.failed.inc(),
            Outcome::Limited => {
                self.limited.inc();
                self.out_of_memory.inc();
            }
            Outcome::TimedOut => {
                self.timed_out.inc();
                self.timeouts.inc();
            }
        }
        let seconds = trace.wall.as_seconds();
        self.duration.observe(seconds);
        self.cpu.inc_by(trace.cpu.as_seconds());
        if let Some(served) = &trace.served {
            self.queue.observe(served.queued.as_seconds());
            if served.cold {
                self.cold_starts.inc();
            }
            if served.reused > 0 {
                self.reused.inc();
            }
            if served.mispredicted {
                self.mispredictions.inc();
            }
            let (granted, needed) = (served.granted.as_f64(), trace.needed().as_f64());
            self.waste.inc_by((granted - needed).max(0.0) * seconds);
            self.granted_time.inc_by(granted * seconds);
            if trace.is_measurement() && needed > 0.0 {
                self.predicted
                    .observe(served.granted_first.as_f64() / needed);
            }
            self.count_answer(served.status, served.total.as_seconds());
        }
        // A call that was cut off needed more than it had: that is no measurement.
        if trace.is_measurement() {
            self.needed.observe(trace.needed().as_f64());
            if let Some(live) = trace.heap.live_peak() {
                self.live.observe(live.as_f64());
            }
        }
    }

    /// A guest may answer with any number; those that mean nothing are one.
    fn count_answer(&self, status: u16, seconds: f64) {
        let known =
            StatusCode::from_u16(status).is_ok_and(|code| code.canonical_reason().is_some());
        let code = if known {
            status.to_string()
        } else {
            OTHER.to_owned()
        };
        let labels = &[self.gateway_name.as_str(), code.as_str()];
        self.gateway_invocations.with_label_values(labels).inc();
        self.gateway_seconds
            .with_label_values(labels)
            .observe(seconds);
    }

    /// What it is set to, and the share of its calls that may fail for want of memory.
    pub(crate) fn set(&self, limit: Bytes, failure_rate: f64, phase: Phase) {
        self.limit.set(limit.as_f64());
        self.rate_asked.set(failure_rate);
        for (gauge, its) in self.phases.iter().zip(Phase::ALL) {
            gauge.set(f64::from(u8::from(its == phase)));
        }
    }

    /// The largest need so far, where a call has shown one.
    pub(crate) fn needed_at_most(&self, largest: Option<Bytes>) {
        if let Some(largest) = largest {
            let label = &[self.name.as_str()];
            self.largest.with_label_values(label).set(largest.as_f64());
        }
    }

    /// What was learned of it.
    pub(crate) fn learned(&self, recommendation: &Recommendation, model: &Model) {
        let label = &[self.name.as_str()];
        self.recommended
            .with_label_values(label)
            .set(recommendation.allocation_bytes.as_f64());
        self.rate_backed
            .with_label_values(label)
            .set(recommendation.failure_rate_backed);
        self.inputs_missing
            .with_label_values(label)
            .set(recommendation.inputs_needed as f64);
        self.model_samples
            .with_label_values(label)
            .set(model.n as f64);
        if let Some(held_out) = model.held_out {
            self.model_error
                .with_label_values(label)
                .set(held_out.median_ape);
        }
    }
}
