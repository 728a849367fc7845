//! How far a server is on its way from its start to its end: said once, and heard by whoever asks, before or after.

use tokio::sync::watch;

/// Where a server is. It only ever goes on to the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// New calls are taken.
    #[default]
    Serving,
    /// No new ones are, and those that run go on.
    Stopping,
    /// Those that still run end, whatever they do.
    Ending,
}

/// The stage of a server.
#[derive(Default)]
pub(super) struct Stages(watch::Sender<Stage>);

impl Stages {
    pub(super) fn now(&self) -> Stage {
        *self.0.borrow()
    }

    pub(super) fn go_on_to(&self, stage: Stage) {
        self.0.send_modify(|now| *now = stage.max(*now));
    }

    /// Ready once that stage has come.
    pub(super) async fn come_to(&self, stage: Stage) {
        // What tells of it is not dropped while somebody waits here.
        let _ = self.0.subscribe().wait_for(|now| *now >= stage).await;
    }
}
