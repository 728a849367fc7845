//! `/calls/ID`: one call, as it is recorded.

use super::{
    super::{Server, recorded},
    failed, html,
};
use crate::analysis::Configured;
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use report::pages::{CallView, call_page, problem_page};
use std::sync::Arc;
use trace::{Profile, Trace};

pub(super) async fn page(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Response {
    let made = tokio::task::spawn_blocking(move || -> anyhow::Result<Option<String>> {
        let Some((call, is_stored)) = recorded::call(&server, &id)? else {
            return Ok(None);
        };
        let view = CallView {
            profile: known(&server, &call)?,
            is_stored,
            is_deployed: server.registry.find(&call.function.name).is_some(),
            call,
        };
        Ok(Some(call_page(&view)))
    });
    match made.await {
        Ok(Ok(Some(page))) => html(StatusCode::OK, page),
        Ok(Ok(None)) => {
            let said = "No call with this id is recorded: its record is folded into its day after a time, or the id is another one.";
            html(
                StatusCode::NOT_FOUND,
                problem_page("No such call", said, None),
            )
        }
        Ok(Err(error)) => failed(&format!("{error:#}")),
        Err(_) => failed("Making the page was broken off."),
    }
}

/// What is known of its function now, where that is still the same module.
fn known(server: &Server, call: &Trace) -> anyhow::Result<Profile> {
    let function = server.registry.find(&call.function.name);
    let same = function.filter(|function| function.version().id == call.function);
    match same.and_then(|function| function.sizing.learned()) {
        Some(learned) => Ok(learned.whole()),
        None => {
            let calls = std::slice::from_ref(call);
            let learning = &server.settings.learning;
            learning.learn(&call.function, calls, Configured::default())
        }
    }
}
