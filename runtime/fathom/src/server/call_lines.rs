//! Calls as lines on standard output, for whoever collects that: a bounded queue and a thread that prints. A standard output
//! that is closed or that nobody reads holds up neither calls nor their way into the database: what could not be printed is lost,
//! and counted. What is in a line is said in [`trace::LogLine`]; reading them back is the work of `import`.

use super::{
    queue::{LINGER, Most, Queue},
    stand_back,
};
use crate::output;
use http::HeaderMap;
use std::{
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use trace::{Breakpoint, LeftOut, LogLabels, LogLine, Observed, Severity, Touched, Trace};

/// Longest line, bytes. An entry of Cloud Logging has 256 KiB, in a form in which a number of one digit takes nine bytes and
/// more, so a line has a good deal less.
const LONGEST: usize = 96 << 10;

/// Longest that is waited at the end for what is still to be printed.
const PATIENCE: Duration = Duration::from_secs(2);

/// What an id of a trace is: so many hexadecimal digits.
const TRACE_ID: usize = 32;

/// What has become of the lines.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) printed: AtomicU64,
    /// The queue was full, or standard output could not be written.
    pub(crate) lost: AtomicU64,
}

/// Where calls go that are to be printed.
pub(crate) struct CallLines {
    queue: Arc<Queue<Call>>,
    counts: Arc<Counts>,
    /// Says nothing, and goes when everything is printed.
    printing: Mutex<mpsc::Receiver<()>>,
}

/// A call that is to be printed.
struct Call {
    trace: Arc<Trace>,
    /// Id of the request's trace.
    within: Option<String>,
}

impl CallLines {
    /// Starts the thread that prints. `project` is the one of Google's whose traces requests are of.
    pub(crate) fn start(project: Option<String>, most: Most) -> std::io::Result<CallLines> {
        let queue = Arc::new(Queue::of_at_most(most));
        let counts = Arc::<Counts>::default();
        let (ends, printing) = mpsc::channel();
        thread::Builder::new()
            .name("call lines".to_owned())
            .spawn({
                let (queue, counts) = (queue.clone(), counts.clone());
                move || {
                    let _ends: mpsc::Sender<()> = ends;
                    stand_back(5);
                    print_all(&queue, &counts, project.as_deref());
                }
            })?;
        Ok(CallLines {
            queue,
            counts,
            printing: Mutex::new(printing),
        })
    }

    /// Takes a call, or counts it as lost. `within` is the id of its request's trace.
    pub(crate) fn push(&self, trace: Arc<Trace>, within: Option<String>, bytes: usize) {
        if !self.queue.push(Call { trace, within }, bytes) {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Prints what is in the queue, unless nobody reads it.
    pub(crate) fn finish(&self) {
        self.queue.close();
        let printing = self.printing.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = printing.recv_timeout(PATIENCE);
        if waited == Err(mpsc::RecvTimeoutError::Timeout) {
            output::note("warning: nobody reads standard output: some calls were not printed");
        }
    }
}

fn print_all(queue: &Queue<Call>, counts: &Counts, project: Option<&str>) {
    let mut is_failing = false;
    while let Some(calls) = queue.take(LINGER * 100) {
        for call in calls {
            let line = line(&call.trace, call.within.as_deref(), project);
            let mut stdout = std::io::stdout().lock();
            match stdout.write_all(&line).and_then(|()| stdout.flush()) {
                Ok(()) => {
                    counts.printed.fetch_add(1, Ordering::Relaxed);
                    is_failing = false;
                }
                Err(error) => {
                    counts.lost.fetch_add(1, Ordering::Relaxed);
                    if !is_failing {
                        output::note(format_args!(
                            "warning: calls are not printed, though they are served: {error}"
                        ));
                    }
                    is_failing = true;
                }
            }
        }
    }
}

/// The id of a request's trace, by the header field of W3C or by Google's own.
pub(crate) fn trace_of(headers: &HeaderMap) -> Option<String> {
    let field = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let of_w3c = field("traceparent").and_then(|text| text.split('-').nth(1));
    let of_google = || field("x-cloud-trace-context").and_then(|text| text.split('/').next());
    let is_id = |id: &&str| id.len() == TRACE_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = of_w3c.filter(is_id).or_else(|| of_google().filter(is_id))?;
    Some(id.to_ascii_lowercase())
}

/// A call as a line, with its end.
fn line(trace: &Trace, within: Option<&str>, project: Option<&str>) -> Vec<u8> {
    let print = |call: Option<&Trace>, left_out: &[LeftOut]| -> Vec<u8> {
        let line = LogLine {
            severity: Severity::of(trace.outcome),
            message: message(trace, left_out),
            trace: project
                .zip(within)
                .map(|(project, id)| format!("projects/{project}/traces/{id}")),
            labels: LogLabels {
                fathom_function: &trace.function.name,
                fathom_call_id: trace
                    .served
                    .as_ref()
                    .map_or("", |served| served.id.as_str()),
            },
            call,
            left_out,
        };
        // Nothing in it cannot be written: its maps have names for keys.
        let mut text = serde_json::to_vec(&line).unwrap_or_default();
        text.push(b'\n');
        text
    };
    let is_number = trace.observations.iter().all(has_numbers);
    if is_number {
        let whole = print(Some(trace), &[]);
        if whole.len() <= LONGEST {
            return whole;
        }
    }
    let mut shorter = trace.clone();
    let mut left_out = Vec::new();
    if !is_number {
        shorter.observations.retain(has_numbers);
        left_out.push(LeftOut::NotNumbers);
    }
    for part in [LeftOut::Stacks, LeftOut::Timeline, LeftOut::Hits] {
        let line = print(Some(&shorter), &left_out);
        if line.len() <= LONGEST {
            return line;
        }
        leave_out(&mut shorter, part);
        left_out.push(part);
    }
    let line = print(Some(&shorter), &left_out);
    if line.len() <= LONGEST {
        return line;
    }
    print(None, &[LeftOut::Record])
}

/// JSON has no infinity, and nothing that is no number.
fn has_numbers(observed: &Observed) -> bool {
    let summary = [
        observed.first,
        observed.last,
        observed.min,
        observed.max,
        observed.sum,
    ];
    let hits = observed.hits.iter().map(|hit| hit.value);
    summary.into_iter().chain(hits).all(f64::is_finite)
}

/// Takes a part out of a record. What it came to stays: peaks, sums, counts.
fn leave_out(trace: &mut Trace, part: LeftOut) {
    match part {
        LeftOut::Stacks => {
            trace.heap_profile = None;
            trace.cpu_profile = None;
        }
        LeftOut::Timeline => {
            trace.samples.clear();
            trace.growths.clear();
            if let Some(Touched::Measured { samples, .. }) = &mut trace.touched {
                samples.clear();
            }
            // A value for each sample means nothing without them.
            trace
                .observations
                .retain(|observed| observed.breakpoint != Breakpoint::Sample);
        }
        LeftOut::Hits => {
            for observed in &mut trace.observations {
                observed.hits.clear();
            }
        }
        LeftOut::NotNumbers | LeftOut::Record | LeftOut::Other => {}
    }
}

fn message(trace: &Trace, left_out: &[LeftOut]) -> String {
    let needed = trace.needed();
    let mut message = format!(
        "{}: {}, {needed} needed in {}",
        trace.function.name, trace.outcome, trace.wall
    );
    if let Some(why) = &trace.failure {
        message.push_str(": ");
        message.push_str(why);
    }
    if left_out == [LeftOut::Record] {
        message.push_str("; its record is too long for a line of the log and was left out");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::sample;
    use serde_json::Value;
    use trace::{Bytes, Hit, Moment, Nanos, Sample};

    fn moment() -> Moment {
        Moment {
            at: Nanos(1_234_567),
            committed: Bytes(7 << 16),
            live: Some(Bytes(123_456)),
        }
    }

    fn read(line: &[u8]) -> Value {
        assert!(line.len() <= LONGEST && line.ends_with(b"\n"));
        serde_json::from_slice(line).expect("an object")
    }

    #[test]
    fn a_record_that_is_too_long_loses_what_matters_least_and_says_so() {
        let mut call = sample::call();
        call.committed_peak = Bytes(7 << 16);
        let whole = read(&line(&call, None, None));
        assert_eq!(
            serde_json::from_value::<Trace>(whole[LogLine::CALL].clone()).unwrap(),
            call
        );
        assert!(whole.get(LogLine::LEFT_OUT).is_none());

        call.samples = vec![Sample::clone(&moment()); 10_000];
        let cut = read(&line(&call, None, None));
        assert_eq!(
            cut[LogLine::LEFT_OUT],
            serde_json::json!(["stacks", "timeline"])
        );
        let read_back: Trace = serde_json::from_value(cut[LogLine::CALL].clone()).unwrap();
        assert_eq!(read_back.committed_peak, call.committed_peak);

        let mut many = Observed::before_the_call("n", 3.0);
        many.hits = vec![
            Hit {
                value: 3.0,
                moment: moment(),
                live_until_next: None,
            };
            256
        ];
        call.observations = vec![many; 20];
        let cut = read(&line(&call, None, None));
        assert_eq!(
            cut[LogLine::LEFT_OUT],
            serde_json::json!(["stacks", "timeline", "hits"])
        );
        assert_eq!(cut[LogLine::CALL]["observations"][19]["max"], 3.0);

        call.failure = Some("x".repeat(10));
        call.observations = vec![Observed::before_the_call("n".repeat(1_000), 1.0); 100];
        let gone = read(&line(&call, None, None));
        assert_eq!(gone[LogLine::LEFT_OUT], serde_json::json!(["record"]));
        assert!(gone.get(LogLine::CALL).is_none());
    }

    #[test]
    fn what_is_no_number_is_left_out_and_not_the_record() {
        let mut call = sample::call();
        call.observations = vec![
            Observed::before_the_call("n", 3.0),
            Observed::before_the_call("ratio", f64::NAN),
        ];
        let line = read(&line(&call, None, None));
        assert_eq!(line[LogLine::LEFT_OUT], serde_json::json!(["not_numbers"]));
        let read_back: Trace = serde_json::from_value(line[LogLine::CALL].clone()).unwrap();
        assert_eq!(read_back.observations, call.observations[..1]);
    }

    #[test]
    fn a_request_is_known_by_the_trace_that_it_is_part_of() {
        let id = "105445AA7843BC8BF206B12000100000";
        let known = id.to_ascii_lowercase();
        let of = |name: &'static str, value: String| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            trace_of(&headers)
        };
        assert_eq!(
            of("x-cloud-trace-context", format!("{id}/1;o=1")),
            Some(known.clone())
        );
        assert_eq!(
            of("traceparent", format!("00-{id}-00f067aa0ba902b7-01")),
            Some(known.clone())
        );
        assert_eq!(of("traceparent", "00-\"}-x-01".to_owned()), None);
        let call = sample::call();
        let line = read(&line(&call, Some(&known), Some("my-project")));
        assert_eq!(
            line["logging.googleapis.com/trace"],
            format!("projects/my-project/traces/{known}")
        );
    }
}
