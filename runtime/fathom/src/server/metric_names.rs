//! The names of the metrics, once: what is counted here (`metrics`) is drawn by these names in the dashboards and asked for
//! by them in the rules. Units are in the names, as Prometheus has them. Not here: what they mean, which `metrics` says.

/// By `function` and `outcome`.
pub(crate) const INVOCATIONS: &str = "fathom_invocations_total";
pub(crate) const OUT_OF_MEMORY: &str = "fathom_out_of_memory_total";
pub(crate) const TIMEOUTS: &str = "fathom_timeouts_total";
pub(crate) const COLD_STARTS: &str = "fathom_cold_starts_total";
pub(crate) const REUSED: &str = "fathom_reused_sandbox_calls_total";
pub(crate) const MISPREDICTIONS: &str = "fathom_mispredictions_total";
pub(crate) const CPU: &str = "fathom_cpu_seconds_total";
pub(crate) const WASTE: &str = "fathom_memory_waste_byte_seconds_total";
/// Of which `WASTE` is a part.
pub(crate) const GRANTED: &str = "fathom_memory_granted_byte_seconds_total";
pub(crate) const RUNNING: &str = "fathom_calls_running";
pub(crate) const DURATION: &str = "fathom_duration_seconds";
pub(crate) const QUEUE: &str = "fathom_queue_seconds";
pub(crate) const NEEDED: &str = "fathom_memory_needed_bytes";
pub(crate) const LARGEST_NEED: &str = "fathom_memory_needed_largest_bytes";
pub(crate) const LIVE: &str = "fathom_memory_live_bytes";
pub(crate) const GRANTED_RATIO: &str = "fathom_memory_granted_ratio";
pub(crate) const LIMIT: &str = "fathom_memory_limit_bytes";
pub(crate) const RECOMMENDED: &str = "fathom_memory_recommended_bytes";
pub(crate) const RATE_ASKED: &str = "fathom_failure_rate_asked_ratio";
pub(crate) const RATE_BACKED: &str = "fathom_failure_rate_backed_ratio";
pub(crate) const INPUTS_MISSING: &str = "fathom_recommendation_inputs_missing";
pub(crate) const MODEL_ERROR: &str = "fathom_model_error_ratio";
pub(crate) const MODEL_SAMPLES: &str = "fathom_model_samples";
/// By `function` and `phase`.
pub(crate) const PHASE: &str = "fathom_phase";
/// By `reason`.
pub(crate) const REJECTED: &str = "fathom_rejected_total";
pub(crate) const BUDGET: &str = "fathom_budget_bytes";
pub(crate) const BUDGET_GRANTED: &str = "fathom_budget_granted_bytes";
pub(crate) const BUDGET_KEPT: &str = "fathom_budget_kept_bytes";
pub(crate) const SANDBOXES: &str = "fathom_sandboxes_waiting";
pub(crate) const WAITING: &str = "fathom_calls_waiting";
pub(crate) const RECORDS_QUEUED: &str = "fathom_records_queued";
pub(crate) const RECORDS_STORED: &str = "fathom_records_stored_total";
pub(crate) const RECORDS_LOST: &str = "fathom_records_lost_total";
pub(crate) const LINES_PRINTED: &str = "fathom_log_lines_total";
pub(crate) const LINES_LOST: &str = "fathom_log_lines_lost_total";
/// By `version`.
pub(crate) const BUILD_INFO: &str = "fathom_build_info";
