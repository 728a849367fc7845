//! What guests write to their standard error: the last lines of each function, for those who ask. Bounded per line, per call
//! and per function; never written to disk, because what a guest prints is its own affair.

use host::Log;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};
use tokio::sync::broadcast;

/// Lines kept per function.
const MOST_LINES: usize = 1_000;

/// Bytes kept per function.
const MOST_BYTES: usize = 256 << 10;

/// Longest line.
const LONGEST_LINE: usize = 4 << 10;

/// Bytes taken from one call. Who writes more has it cut off, and goes on.
const MOST_PER_CALL: usize = 64 << 10;

/// Lines that somebody who follows may be behind.
const FOLLOWED: usize = 256;

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: SystemTime,
    /// Id of the call.
    pub(crate) call: Arc<str>,
    pub(crate) text: String,
}

/// The lines of one function.
#[derive(Default)]
pub(crate) struct Logs(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    lines: VecDeque<Line>,
    bytes: usize,
    followed: Option<broadcast::Sender<Line>>,
}

impl Logs {
    /// The last lines since a moment, at most so many.
    pub(crate) fn tail(&self, since: Option<SystemTime>, most: Option<usize>) -> Vec<Line> {
        let kept = self.lock();
        let wanted: Vec<Line> = kept
            .lines
            .iter()
            .filter(|line| since.is_none_or(|since| line.at >= since))
            .cloned()
            .collect();
        let skipped = wanted.len().saturating_sub(most.unwrap_or(usize::MAX));
        wanted.into_iter().skip(skipped).collect()
    }

    /// Lines from now on.
    pub(crate) fn follow(&self) -> broadcast::Receiver<Line> {
        let mut kept = self.lock();
        kept.followed
            .get_or_insert_with(|| broadcast::channel(FOLLOWED).0)
            .subscribe()
    }

    /// Nobody follows any more.
    pub(crate) fn let_go(&self) {
        self.lock().followed = None;
    }

    fn add(&self, line: Line) {
        let mut kept = self.lock();
        if let Some(followed) = &kept.followed
            && followed.send(line.clone()).is_err()
        {
            // Nobody follows any more.
            kept.followed = None;
        }
        kept.bytes += line.text.len();
        kept.lines.push_back(line);
        while kept.lines.len() > MOST_LINES || kept.bytes > MOST_BYTES {
            let oldest = kept.lines.pop_front();
            kept.bytes -= oldest.map_or(0, |line| line.text.len());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one call writes.
pub(crate) struct CallLog {
    function: Arc<super::function::Deployed>,
    call: Arc<str>,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    /// A line that has not ended.
    line: Vec<u8>,
    bytes: usize,
}

impl CallLog {
    pub(crate) fn of(function: Arc<super::function::Deployed>, call: &str) -> CallLog {
        CallLog {
            function,
            call: call.into(),
            written: Mutex::default(),
        }
    }

    /// Adds a line of our own.
    pub(crate) fn say(&self, text: &str) {
        self.end_line(&mut text.as_bytes().to_vec());
    }

    fn end_line(&self, line: &mut Vec<u8>) {
        // Whatever it is, it becomes text of one line: what follows a log must not be able to be told stories by it.
        let text = String::from_utf8_lossy(line);
        let text = text
            .chars()
            .map(|c| {
                if c.is_control() && c != '\t' {
                    '\u{fffd}'
                } else {
                    c
                }
            })
            .collect();
        line.clear();
        self.function.logs.add(Line {
            at: SystemTime::now(),
            call: self.call.clone(),
            text,
        });
    }
}

impl Log for CallLog {
    fn write(&self, bytes: &[u8]) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let left = MOST_PER_CALL.saturating_sub(written.bytes);
        if left == 0 {
            return;
        }
        written.bytes += bytes.len();
        let mut line = std::mem::take(&mut written.line);
        for byte in bytes.iter().take(left) {
            if *byte == b'\n' {
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                self.end_line(&mut line);
            } else {
                line.push(*byte);
                if line.len() >= LONGEST_LINE {
                    self.end_line(&mut line);
                }
            }
        }
        if bytes.len() >= left {
            if !line.is_empty() {
                self.end_line(&mut line);
            }
            self.say("[more of this call's log was cut off]");
        }
        written.line = line;
    }
}

impl Drop for CallLog {
    fn drop(&mut self) {
        let written = self
            .written
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let mut line = std::mem::take(&mut written.line);
        if !line.is_empty() {
            self.end_line(&mut line);
        }
    }
}
