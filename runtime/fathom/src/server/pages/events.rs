//! Events that keep an open page as it is now (server-sent events): what has changed of it, once a second at most, made only
//! when something has. A page that nobody looks at costs nothing.

use super::super::{Server, answer, stage::Stage};
use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::stream;
use http::StatusCode;
use report::pages::Update;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Interval, MissedTickBehavior},
};

/// Pages that are kept as it is now at the same time.
pub(crate) const WATCHED: usize = 64;

/// How often it is looked for what has changed.
const LOOK: Duration = Duration::from_secs(1);

/// How often something is said where nothing has changed, so that it is noticed who has gone.
const ALIVE: Duration = Duration::from_secs(10);

/// What a page shows, and how it is known that it may show something else now.
pub(super) trait Shown: Send + 'static {
    /// Differs from what it was where the page may have changed. Cheap.
    fn sign(&self, server: &Server) -> u64;

    /// Everything that changes of the page, as it is now; `None` where what it shows is not there any more. May take its time.
    fn update(&self, server: &Arc<Server>) -> anyhow::Result<Option<Update>>;
}

/// A page that somebody looks at.
struct Watching<S> {
    server: Arc<Server>,
    shown: Arc<S>,
    ticks: Interval,
    sign: Option<u64>,
    sent: Update,
    has_ended: bool,
    _place: OwnedSemaphorePermit,
}

/// The events of a page, from what it shows now on.
pub(super) fn events<S: Shown + Sync>(server: &Arc<Server>, shown: S) -> Response {
    let Ok(place) = server.watched.clone().try_acquire_owned() else {
        let what = format!("{WATCHED} pages are open already; this one can be reloaded");
        return answer::refusal(StatusCode::SERVICE_UNAVAILABLE, &what);
    };
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watching = Watching {
        server: server.clone(),
        shown: Arc::new(shown),
        ticks,
        sign: None,
        sent: Update::default(),
        has_ended: false,
        _place: place,
    };
    let events = stream::unfold(watching, |mut watching| async move {
        let event = watching.next().await?;
        Some((Ok::<Event, Infallible>(event), watching))
    });
    let alive = KeepAlive::new().interval(ALIVE);
    Sse::new(events).keep_alive(alive).into_response()
}

impl<S: Shown + Sync> Watching<S> {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.has_ended {
                return None;
            }
            let stopping = self.server.stages.come_to(Stage::Stopping);
            tokio::select! {
                () = stopping => {}
                _ = self.ticks.tick() => {}
            }
            if self.server.stages.now() >= Stage::Stopping {
                self.has_ended = true;
                return Some(Event::default().event("end").data("stopping"));
            }
            let sign = self.shown.sign(&self.server);
            if self.sign == Some(sign) {
                continue;
            }
            self.sign = Some(sign);
            let (server, shown) = (self.server.clone(), self.shown.clone());
            let update = tokio::task::spawn_blocking(move || shown.update(&server)).await;
            let update = match update {
                Ok(Ok(Some(update))) => update,
                Ok(Ok(None)) => {
                    self.has_ended = true;
                    return Some(Event::default().event("end").data("gone"));
                }
                // It is tried again when something else has changed.
                Ok(Err(_)) | Err(_) => continue,
            };
            let news = update.since(&self.sent);
            self.sent = update;
            if news.is_empty() {
                continue;
            }
            if let Ok(event) = Event::default().event("update").json_data(&news) {
                return Some(event);
            }
        }
    }
}
