//! What Cloud Monitoring and Cloud Logging have of a function is fetched, and metrics that cannot be seen yet are waited for. What it
//! means is read in `known`.

use super::{interrupt::Interrupt, known::Known};
use crate::{
    google::{Asked, Generation, Google, GoogleArgs},
    progress,
};
use std::{
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};
use trace::Nanos;

/// What of the past is fetched where nobody says: an hour.
const SINCE: Duration = Duration::from_secs(3_600);

/// A minute of Google's may have begun before the first call in it.
const MINUTE: Duration = Duration::from_secs(60);

/// Time between two looks whether the metrics have come.
const LOOK: Duration = Duration::from_secs(15);

/// Time between two looks whether somebody wants it to end.
const BLINK: Duration = Duration::from_millis(50);

/// What is asked for, and how long.
pub(super) struct Fetch<'a> {
    pub(super) google: &'a GoogleArgs,
    pub(super) project: &'a str,
    pub(super) function: &'a str,
    pub(super) generation: Generation,
    pub(super) since: Option<Nanos>,
    /// When the comparison began.
    pub(super) began: SystemTime,
    /// Longest to wait until Cloud Monitoring has the last call that was made.
    pub(super) wait: Nanos,
    /// Who may end the waiting; where nobody can, nothing is waited for.
    pub(super) interrupt: Option<&'a Interrupt>,
}

impl Fetch<'_> {
    /// Adds what Google has to what is known; `keep` is given it before anything more is asked that may be refused.
    pub(super) fn add_to(
        &self,
        known: &mut Known,
        keep: impl Fn(&Known) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut google: Google = self.google.google();
        let spinner = progress::spinner(format!("asking Google of {}", self.function));
        let waits = Instant::now();
        let longest = Duration::from_nanos(self.wait.0);
        let mut asked = Asked {
            project: self.project,
            region: self.google.region.as_deref(),
            function: self.function,
            generation: self.generation,
            from: self.first(known),
            to: SystemTime::now(),
        };
        let series = loop {
            asked.to = SystemTime::now();
            let series = google.series(&asked)?;
            let left = longest.saturating_sub(waits.elapsed());
            if known.is_seen_to_the_end(&series) || left.is_zero() || self.nobody_waits() {
                break series;
            }
            spinner.set_message(format!(
                "waiting for Cloud Monitoring: of the last of {} calls it has nothing yet",
                known.driven.len()
            ));
            let next = Instant::now() + LOOK.min(left);
            while Instant::now() < next && !self.nobody_waits() {
                sleep(BLINK);
            }
        };
        known.series.extend(series);
        // The log may be refused to somebody who may see the metrics.
        keep(known)?;
        match google.entries(&asked) {
            Ok(entries) => known.entries.extend(entries),
            Err(error) => known.note(format!("the log was not read: {error:#}")),
        }
        spinner.finish_and_clear();
        Ok(())
    }

    fn first(&self, known: &Known) -> SystemTime {
        let from = match (self.since, known.began()) {
            (Some(since), _) => self.began.checked_sub(Duration::from_nanos(since.0)),
            (None, Some(first)) => first.checked_sub(MINUTE),
            (None, None) => self.began.checked_sub(SINCE),
        };
        from.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn nobody_waits(&self) -> bool {
        self.interrupt.is_none_or(Interrupt::is_said)
    }
}
