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
    let wanted = Wanted {
        memory: Some(Bytes(asked.memory)),
        ..Wanted::default()
    };
    let applied = {
        let (server, name) = (server.clone(), name.clone());
        tokio::task::spawn_blocking(move || set_memory(&server, &name, wanted)).await
    };
    match applied {
        // The name is that of a function, so there is nothing in it that a path cannot have.
        Ok(Ok(applied)) => {
            let path = format!("/functions/{name}?applied={}", applied.before.0);
            Redirect::to(&path).into_response()
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
