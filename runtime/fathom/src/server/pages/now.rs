//! The server and its functions at this moment, as values that pages show.

use super::super::{Server, function::Deployed, phase::Phase, sizing::SizeBy};
use crate::moment::unix_ms;
use report::pages::{FunctionNow, Needs, Recommended, ServerNow};
use std::sync::atomic::Ordering;
use store::Store;
use trace::{Bytes, PhaseChange};

/// The server.
pub(super) fn server(server: &Server) -> ServerNow {
    let load = server.admission.load();
    let sandboxes = server.waiting.number();
    ServerNow {
        version: env!("CARGO_PKG_VERSION"),
        up_seconds: server.begun.elapsed().as_secs_f64(),
        budget: server.admission.memory(),
        granted: Bytes(load.granted),
        running: load.calls.saturating_sub(sandboxes),
        waiting: load.waiting,
        records_lost: server.records.counts().lost.load(Ordering::Relaxed),
    }
}

/// What a command needs to reach this server beside its name: ` --server http://...`; nothing where it listens where commands
/// look for it.
pub(super) fn address(server: &Server) -> String {
    let listen = server.listens_on();
    match listen.ip().is_loopback() && listen.port() == 8080 {
        true => String::new(),
        false => format!(" --server http://{listen}"),
    }
}

/// One of its functions.
pub(super) fn function(function: &Deployed) -> FunctionNow {
    let version = function.version();
    let totals = function.totals().clone();
    let learned = function.sizing.learned();
    let needed = totals.needed.map(|(least, most)| Needs {
        median: totals.quantile(0.5).unwrap_or(least),
        p99: totals.quantile(0.99).unwrap_or(most),
        max: most,
    });
    FunctionNow {
        name: function.name.clone(),
        digest: version.id.digest.clone(),
        phase: function.phases.now().name(),
        stale_because: function.phases.why_stale(),
        calls: totals.calls,
        running: function.running(),
        failed: totals.failed,
        limited: totals.limited,
        timed_out: totals.timed_out,
        cold: totals.cold,
        mispredicted: totals.mispredicted,
        made_again: totals.made_again,
        needed,
        limit: version.manifest.limits.memory,
        sized_by: match version.manifest.size_by {
            SizeBy::Setting => "this setting",
            SizeBy::Recommendation => "what is recommended",
            SizeBy::Call => "the model, one by one",
        },
        recommended: learned.map(|learned| Recommended {
            bytes: learned.recommendation.allocation_bytes,
            confidence: learned.recommendation.confidence,
            is_lower_bound: learned.recommendation.cut_off().calls() > 0,
        }),
        waste_byte_seconds: totals.waste_byte_seconds,
        wall_seconds: totals.wall.as_seconds(),
    }
}

/// From phase to phase, those recorded by former servers too.
pub(super) fn phases(server: &Server, function: &Deployed) -> anyhow::Result<Vec<PhaseChange>> {
    function.phases.history(|| {
        let deployed = unix_ms(function.created);
        let store = Store::open_existing(&server.settings.database)?;
        let mut before = store.phase_changes(&function.name)?;
        before.retain(|change| change.unix_ms < deployed);
        if !before.is_empty() {
            before.push(PhaseChange {
                unix_ms: deployed,
                to: Phase::Learning.name().to_owned(),
                why: "it was deployed, and learns from what is recorded".to_owned(),
            });
        }
        Ok(before)
    })
}
