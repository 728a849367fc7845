//! One recorded call, by its id: from the database, or from memory where it is not written yet.

use super::Server;
use std::sync::Arc;
use store::{Filter, Store};
use trace::Trace;

/// The call, and whether it is in the database; `None` where there is none. Reads a file: not for threads that others wait for.
pub(super) fn call(server: &Arc<Server>, id: &str) -> anyhow::Result<Option<(Trace, bool)>> {
    let filter = Filter {
        request: Some(id.to_owned()),
        newest: Some(1),
        ..Filter::default()
    };
    let stored = Store::open_existing(&server.settings.database)?.traces(&filter)?;
    if let Some(trace) = stored.into_iter().next_back() {
        return Ok(Some((trace, true)));
    }
    let recent = server.records.recent();
    let is_it = |trace: &&Arc<Trace>| trace.served.as_ref().is_some_and(|served| served.id == id);
    let found = recent.iter().find(is_it);
    Ok(found.map(|trace| ((**trace).clone(), false)))
}
