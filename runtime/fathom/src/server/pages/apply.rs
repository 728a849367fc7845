//! What the button does: gives a function another limit, as `fathom apply` does, and shows its page again.

use super::{
    super::{
        Server,
        apply::{NotApplied, Wanted, set_memory},
    },
    failed, html, unknown,
};
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;
use report::pages::problem_page;
use serde::Deserialize;
use std::sync::Arc;
use trace::Bytes;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// Bytes: those that were on the page, whatever is recommended meanwhile.
    memory: u64,
}

pub(super) async fn apply(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    Form(asked): Form<Asked>,
) -> Response {
    let Some(function) = server.registry.find(&name) else {
        return unknown(&server, &name);
    };
    let asked = Bytes(asked.memory);
    let learned = function.sizing.learned();
    let recommended = learned.map(|learned| learned.recommendation.allocation_bytes);
    let before = function.applied().map(|applied| applied.before);
    let wanted = match asked {
        // As much as is recommended, if that may be applied.
        asked if recommended == Some(asked) => Wanted::default(),
        asked if before == Some(asked) => Wanted {
            memory: Some(asked),
            ..Wanted::default()
        },
        _ => return outdated(&name, recommended),
    };
    let applied = {
        let (server, name) = (server.clone(), name.clone());
        tokio::task::spawn_blocking(move || set_memory(&server, &name, wanted)).await
    };
    match applied {
        // The name is that of a function, so there is nothing in it that a path cannot have.
        Ok(Ok(applied)) => {
            if applied.before != applied.after {
                function.set_applied(applied);
            }
            // What it would save now is another amount.
            server.teacher.teach(&function);
            Redirect::to(&format!("/functions/{name}?applied")).into_response()
        }
        Ok(Err(NotApplied::Unknown { .. })) => unknown(&server, &name),
        Ok(Err(error)) => {
            let back = format!("/functions/{name}");
            let page = problem_page(
                "Nothing was changed",
                &format!("{error}."),
                Some((&name, &back)),
            );
            html(error.status(), page)
        }
        Err(_) => failed("Applying it was broken off."),
    }
}

/// What was on the page is recommended no more.
fn outdated(name: &str, recommended: Option<Bytes>) -> Response {
    let said = match recommended {
        Some(bytes) => format!("Meanwhile {bytes} is recommended: look at it again."),
        None => "Nothing is recommended yet: call it more often.".to_owned(),
    };
    let back = format!("/functions/{name}");
    let page = problem_page("Nothing was changed", &said, Some((name, &back)));
    html(StatusCode::CONFLICT, page)
}
