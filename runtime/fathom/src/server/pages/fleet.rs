//! `/`: all functions.

use super::{
    super::Server,
    events::{self, Shown},
    html, now,
};
use axum::{
    extract::{Query, State},
    response::Response,
};
use http::StatusCode;
use report::pages::{FleetView, Sort, Update, fleet_page, fleet_update};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Asked {
    sort: Option<String>,
    /// What names contain.
    find: Option<String>,
}

impl Asked {
    /// An order that nobody knows is the usual one: the address may be an old one.
    fn sort(&self) -> Sort {
        let named = self.sort.as_deref().and_then(Sort::named);
        named.unwrap_or_default()
    }

    fn find(&self) -> &str {
        self.find.as_deref().unwrap_or_default().trim()
    }
}

fn view(server: &Server, asked: &Asked) -> FleetView {
    FleetView {
        address: now::address(server),
        server: now::server(server),
        functions: server
            .registry
            .all()
            .iter()
            .map(|f| now::function(f))
            .collect(),
        sort: asked.sort(),
        find: asked.find().to_owned(),
    }
}

pub(super) async fn page(
    State(server): State<Arc<Server>>,
    Query(asked): Query<Asked>,
) -> Response {
    html(StatusCode::OK, fleet_page(&view(&server, &asked)))
}

struct Fleet(Asked);

impl Shown for Fleet {
    fn sign(&self, server: &Server) -> u64 {
        // Every second: it is cheap, and what has not changed is not sent.
        server.begun.elapsed().as_millis() as u64
    }

    fn update(&self, server: &Arc<Server>) -> anyhow::Result<Option<Update>> {
        Ok(Some(fleet_update(&view(server, &self.0))))
    }
}

pub(super) async fn events(
    State(server): State<Arc<Server>>,
    Query(asked): Query<Asked>,
) -> Response {
    events::events(&server, Fleet(asked))
}
