//! Every Prometheus metric, with its name, unit and labels, declared once. Memory in bytes, times in seconds.

use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};
use trace::{Bytes, Outcome, Recommendation, Trace};

/// The metrics of one server.
pub(crate) struct Metrics {
    registry: Registry,
    invocations: IntCounterVec,
    out_of_memory: IntCounterVec,
    timeouts: IntCounterVec,
    duration: HistogramVec,
    needed: HistogramVec,
    live: HistogramVec,
    limit: GaugeVec,
    recommended: GaugeVec,
}

impl Metrics {
    /// All metrics, registered.
    pub(crate) fn new() -> prometheus::Result<Metrics> {
        let registry = Registry::new();
        let function = &["function"];
        // One page to 4 GiB, by doubling: what a 32-bit guest can have.
        let sizes = prometheus::exponential_buckets(65_536.0, 2.0, 17)?;
        let seconds = prometheus::exponential_buckets(0.001, 2.0, 16)?;
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = GaugeVec::new(Opts::new(name, help), function)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            let histogram = HistogramVec::new(options, function)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        Ok(Metrics {
            invocations: counter(
                "fathom_invocations_total",
                "Calls that have ended, by outcome.",
                &["function", "outcome"],
            )?,
            out_of_memory: counter(
                "fathom_out_of_memory_total",
                "Calls that failed after a growth of their memory was refused.",
                function,
            )?,
            timeouts: counter(
                "fathom_timeouts_total",
                "Calls stopped at their deadline.",
                function,
            )?,
            duration: histogram(
                "fathom_duration_seconds",
                "Wall-clock time of a call.",
                &seconds,
            )?,
            needed: histogram(
                "fathom_memory_needed_bytes",
                "Peak of committed memory of a call that succeeded.",
                &sizes,
            )?,
            live: histogram(
                "fathom_memory_live_bytes",
                "Peak of live heap bytes of a call that succeeded.",
                &sizes,
            )?,
            limit: gauge("fathom_memory_limit_bytes", "Memory a call may have.")?,
            recommended: gauge(
                "fathom_memory_recommended_bytes",
                "Memory recommended for a call, from what was recorded.",
            )?,
            registry,
        })
    }

    /// Counts a call that has ended.
    pub(crate) fn record(&self, trace: &Trace) {
        let name = trace.function.name.as_str();
        let outcome = match trace.outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::Limited => "limited",
            Outcome::TimedOut => "timed_out",
        };
        self.invocations.with_label_values(&[name, outcome]).inc();
        self.duration
            .with_label_values(&[name])
            .observe(trace.wall.as_seconds());
        // A call that was cut off needed more than it had: that is no measurement.
        if !trace.is_measurement() {
            return self.count_failure(name, trace.outcome);
        }
        self.needed
            .with_label_values(&[name])
            .observe(trace.needed().as_f64());
        if let Some(live) = trace.heap.live_peak() {
            self.live.with_label_values(&[name]).observe(live.as_f64());
        }
    }

    fn count_failure(&self, name: &str, outcome: Outcome) {
        match outcome {
            Outcome::Limited => self.out_of_memory.with_label_values(&[name]).inc(),
            Outcome::TimedOut => self.timeouts.with_label_values(&[name]).inc(),
            Outcome::Succeeded | Outcome::Failed => {}
        }
    }

    /// Makes a function known with its limit, and its counters with 0, so that rates have a beginning.
    pub(crate) fn deploy(&self, name: &str, limit: Bytes) {
        self.limit.with_label_values(&[name]).set(limit.as_f64());
        for outcome in ["succeeded", "failed", "limited", "timed_out"] {
            self.invocations.with_label_values(&[name, outcome]);
        }
        self.out_of_memory.with_label_values(&[name]);
        self.timeouts.with_label_values(&[name]);
    }

    /// What is recommended for a function now.
    pub(crate) fn recommend(&self, name: &str, recommendation: &Recommendation) {
        let bytes = recommendation.allocation_bytes.as_f64();
        self.recommended.with_label_values(&[name]).set(bytes);
    }

    /// The text that Prometheus scrapes, and its content type.
    pub(crate) fn text(&self) -> prometheus::Result<(String, Vec<u8>)> {
        let encoder = TextEncoder::new();
        let mut text = Vec::new();
        encoder.encode(&self.registry.gather(), &mut text)?;
        Ok((encoder.format_type().to_owned(), text))
    }
}
