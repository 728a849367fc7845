//! One call, from a request to its record: admitted with what it is predicted to need, run apart from the threads that
//! accept and administer, answered, counted, recorded.

use super::{
    Server,
    admission::{Grant, Refused},
    answer::{self, Answer},
    bodies::CallRoom,
    cgi,
    function::{Deployed, Place, Ready, Version},
    logs::CallLog,
    manifest::Protocol,
    metrics::Rejected,
    phase::Wanted,
    reuse::Granted,
    sizing::{self, Size, SizeBy},
    stage::Stage,
    teacher,
};
use bytes::Bytes as Body;
use host::{
    Ahead, Call, Entry, Event, Growing, GuestBody, HttpCall, InvokeError, Output, Served, Service,
    Stop, Turn, Used,
};
use http::{HeaderMap, Request, Response, header};
use std::{
    convert::Infallible,
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::Instant,
};
use tokio::sync::oneshot;
use trace::{Bytes, Limits, Nanos, Observed, Outcome, SizedBy};

/// What a call takes of the machine beside the memory and the tables of its guest and its body: store, stack, mailbox.
/// Counted for every call.
const OVERHEAD: u64 = 256 << 10;

/// A body up to so long is looked into where it arrives.
const SMALL: usize = 64 << 10;

/// A request for a function.
pub(crate) struct Ask {
    /// As its caller knows it.
    pub(crate) id: String,
    pub(crate) function: String,
    /// By which dialect it came.
    pub(crate) dialect: &'static str,
    /// What the function sees: path and query are those below the function's own.
    pub(crate) request: Request<Body>,
    /// What its body takes, and what is printed, until it is answered.
    pub(crate) room: Arc<CallRoom>,
    pub(crate) remote: Option<SocketAddr>,
    /// What it will need, where somebody knows: nobody does but a benchmark.
    pub(crate) known: Option<Bytes>,
}

/// A call that will have a record.
struct Alive(Arc<Server>);

impl Alive {
    fn new(server: &Arc<Server>) -> Alive {
        server.alive.fetch_add(1, Ordering::Relaxed);
        Alive(server.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::Release);
    }
}

/// A call with everything it needs.
struct Prepared {
    server: Arc<Server>,
    /// Until it is recorded.
    _alive: Alive,
    function: Arc<Deployed>,
    version: Arc<Version>,
    ready: Arc<Ready>,
    ask: Ask,
    call: Call,
    input: Vec<Observed>,
    log: Arc<CallLog>,
    begun: Instant,
    cold: bool,
    queued: Nanos,
    loaded: Nanos,
    /// Another call may have its sandbox.
    leaves: bool,
}

/// What a call was admitted with.
struct Admitted {
    grant: Arc<Grant>,
    /// A sandbox that waited for it, which is in the grant.
    used: Option<Used>,
    /// What it is predicted to need.
    size: Size,
    /// What it takes beside that, bytes.
    fixed: u64,
}

/// Makes a call and answers it. Dropping the future stops it, and it is recorded as far as it came.
pub(crate) async fn call(server: &Arc<Server>, ask: Ask) -> Answer {
    let begun = Instant::now();
    let Some(function) = server.registry.find(&ask.function) else {
        let near = server.registry.near(&ask.function);
        let what = format!("no function `{}`{near}", ask.function.escape_debug());
        return server.reject(Rejected::Unknown, ask.id, &what);
    };
    let version = function.version();
    let Some(place) = function.enter(version.manifest.calls) else {
        let what = format!(
            "`{}` has {} calls under way, and no more than {} are allowed",
            function.name,
            function.running(),
            version.manifest.calls
        );
        return server.reject(Rejected::Busy, ask.id, &what);
    };
    let wanted = function.phases.count();
    let Chosen { ready, cold, deep } = match code(server, &function, &version, &wanted).await {
        Ok(ready) => ready,
        Err(error) => {
            return server.reject(Rejected::NotLoaded, ask.id, &format!("{error:#}"));
        }
    };
    let loaded = begun.elapsed().into();
    let look = {
        let (server, function) = (server.clone(), function.clone());
        let (version, ready) = (version.clone(), ready.clone());
        move |ask: Ask| {
            let looked = look_at(&function, &version, &ready, &ask, deep, &server);
            (ask, looked)
        }
    };
    let (ask, looked) = if ask.request.body().len() <= SMALL {
        look(ask)
    } else {
        // It may have to be parsed, and others wait for this thread.
        let id = ask.id.clone();
        match tokio::task::spawn_blocking(move || look(ask)).await {
            Ok(looked) => looked,
            Err(_) => return answer::lost(&id),
        }
    };
    let (call, input) = match looked {
        Ok(looked) => looked,
        Err(why) => return answer::bad_request(&ask.id, &why),
    };
    let setting = version.manifest.limits.memory;
    let size = match ask.known {
        Some(bytes) => Size {
            bytes,
            by: SizedBy::Model,
        },
        None => function
            .sizing
            .size(version.manifest.size_by, setting, &input),
    };
    let fixed = OVERHEAD
        .saturating_add(ready.tables.0)
        .saturating_add(ask.room.body());
    let waited = Instant::now();
    // What calls before it have left is not its own: some calls are there to be learned from.
    let leaves = version.manifest.reuse > 1 && !deep && !wanted.fresh;
    let waits = match leaves {
        true => server.waiting.take(&ready, size.bytes.0, fixed),
        false => None,
    };
    let (grant, used) = match waits {
        Some(Granted { used, grant }) => (Arc::new(grant), Some(used)),
        None => match admit(server, size.bytes, fixed, false).await {
            Ok(grant) => (grant, None),
            Err((why, what)) => return server.reject(why, ask.id, &what),
        },
    };
    if deep {
        function.phases.has_deep();
    }
    let log = Arc::new(CallLog::of(function.clone(), &ask.id));
    let prepared = Prepared {
        server: server.clone(),
        _alive: Alive::new(server),
        version,
        ready,
        call,
        input,
        log,
        begun,
        cold,
        queued: waited.elapsed().into(),
        loaded,
        leaves,
        function,
        ask,
    };
    let (reply, answered) = oneshot::channel();
    let (here, gone) = oneshot::channel();
    let id = prepared.ask.id.clone();
    let method = prepared.ask.request.method().clone();
    let room = prepared.ask.room.clone();
    let admitted = Admitted {
        grant,
        used,
        size,
        fixed,
    };
    server
        .guests
        .spawn(prepared.run(place, admitted, reply, gone));
    match answered.await {
        Ok(answer) => answer.while_here(here, &method, room),
        Err(_) => answer::lost(&id),
    }
}

/// The code that a call runs.
struct Chosen {
    ready: Arc<Ready>,
    /// It had to be brought.
    cold: bool,
    /// It traces deep.
    deep: bool,
}

/// The code to run: where a call is to be traced deep the deep one, if it is there already; else it is brought there
/// meanwhile.
async fn code(
    server: &Arc<Server>,
    function: &Deployed,
    version: &Arc<Version>,
    wanted: &Wanted,
) -> anyhow::Result<Chosen> {
    if wanted.deep {
        if let Some(ready) = version.deep().at_once(server) {
            return Ok(Chosen {
                ready,
                cold: false,
                deep: true,
            });
        }
        version.bring_deep(server, function.phases.is_patient());
    }
    let (ready, cold) = version.serving().ready(server, version).await?;
    Ok(Chosen {
        ready,
        cold,
        deep: false,
    })
}

/// A grant of memory, or why there is none.
async fn admit(
    server: &Arc<Server>,
    bytes: Bytes,
    fixed: u64,
    first: bool,
) -> Result<Arc<Grant>, (Rejected, String)> {
    let bytes = bytes.0.saturating_add(fixed);
    let admitted = async {
        loop {
            let mut admitted = std::pin::pin!(server.admission.admit(bytes, first));
            match poll_fn(|context| Poll::Ready(admitted.as_mut().poll(context))).await {
                // What a sandbox holds that waits may be what it would have waited for.
                Poll::Ready(Err(Refused::QueueFull)) if server.waiting.let_oldest_go() => {}
                Poll::Ready(admitted) => return admitted,
                Poll::Pending => {
                    if server.waiting.number() > 0 {
                        // It takes time to let go of much memory, and others wait for this thread.
                        let server = server.clone();
                        tokio::task::spawn_blocking(move || {
                            server.waiting.make_room(&server.admission);
                        });
                    }
                    return admitted.await;
                }
            }
        }
    };
    match tokio::time::timeout(server.settings.patience, admitted).await {
        Ok(Ok(grant)) => Ok(Arc::new(grant)),
        Ok(Err(refused @ Refused::TooLarge { .. })) => {
            Err((Rejected::TooLarge, refused.to_string()))
        }
        Ok(Err(refused @ Refused::QueueFull)) => Err((Rejected::QueueFull, refused.to_string())),
        Err(_) => Err((
            Rejected::Impatient,
            format!(
                "the call has waited {} s for memory",
                server.settings.patience.as_secs_f64()
            ),
        )),
    }
}

/// The request as the guest is given it, and what is known of it.
fn look_at(
    function: &Deployed,
    version: &Version,
    ready: &Ready,
    ask: &Ask,
    deep: bool,
    server: &Server,
) -> Result<(Call, Vec<Observed>), String> {
    let call = Call {
        // The memories of a component's modules are not open to their host.
        touched: deep && !ready.function.is_component(),
        ..describe(function, version, ready, ask, server)?
    };
    let input = host::input_features(&call.event).map_err(|error| error.to_string())?;
    Ok((call, input))
}

/// The request as the guest is given it.
fn describe(
    function: &Deployed,
    version: &Version,
    ready: &Ready,
    ask: &Ask,
    server: &Server,
) -> Result<Call, String> {
    let manifest = &version.manifest;
    let body = ask.request.body();
    let mut env = manifest.env.clone();
    if manifest.protocol == Protocol::Cgi {
        let port = server.settings.listen.port();
        let name = &function.name;
        env.extend(cgi::variables(
            name,
            &ask.request,
            body.len(),
            ask.remote,
            port,
        ));
    }
    let args = match &ready.entry {
        Entry::Invoke(export) => match ready.function.arity(export) {
            Some((0, _)) | None => Vec::new(),
            Some((parameters, _)) => answer::arguments(body, parameters)?,
        },
        Entry::Start | Entry::Http => manifest.args.clone(),
    };
    let content_type = ask.request.headers().get(header::CONTENT_TYPE);
    Ok(Call {
        event: Event {
            label: "request".to_owned(),
            body: host::Body::Bytes(body.clone()),
            content_type: content_type
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            args,
            env,
            mount: manifest.mount.clone(),
            scratch: manifest.scratch,
            swept: Vec::new(),
        },
        entry: ready.entry.clone(),
        limits: manifest.limits,
        output: Output::Capture {
            most: manifest.output.0,
        },
        rate_hz: 199.0,
        contended: true,
        touched: false,
        seed: 0,
    })
}

/// What a call was given, and why.
struct Given {
    /// Before it began.
    first: Bytes,
    /// When it ended.
    last: Bytes,
    /// Who said how much.
    by: SizedBy,
    mispredicted: bool,
}

/// How one attempt ended.
struct Attempt {
    served: Result<Served, String>,
    /// It was stopped, or refused, for want of memory that others have.
    starved: bool,
    /// The status that was said while it ran; its answer is on its way.
    said: Option<u16>,
    /// The answer that it gave, where nobody was given it yet.
    whole: Option<Response<GuestBody>>,
}

/// Whether it failed for want of memory that others have, or in a sandbox in which other calls have left something, which says
/// nothing of a fresh one.
fn is_starved(served: &Served) -> bool {
    let outcome = served.finished.trace.outcome;
    let failed = matches!(outcome, Outcome::Limited | Outcome::Failed);
    served.starved || served.reused > 0 && failed && !served.stopped
}

fn is_success(served: &Served) -> bool {
    served.finished.trace.outcome == Outcome::Succeeded
}

/// So often a guest may go on within one turn because something of its answer was read: others wait.
const MOST_ROUNDS: u32 = 8;

/// Waits for the end of a call and reads its answer meanwhile. Once the guest waits for something, or its turn is over, or it
/// has answered more than is read ahead, `say` is given what there is: then it is a stream. An answer that is whole before
/// is for whoever asked when the call has ended, and is given back.
async fn read_ahead(
    mut serving: Pin<&mut impl Future<Output = Result<Served, InvokeError>>>,
    mut head: oneshot::Receiver<Response<GuestBody>>,
    say: &mut impl FnMut(Response<GuestBody>),
) -> (Result<Served, InvokeError>, Option<Response<GuestBody>>) {
    let mut answer: Option<Response<GuestBody>> = None;
    let served = poll_fn(|context| {
        let mut rounds = 0..MOST_ROUNDS;
        loop {
            let served = serving.as_mut().poll(context);
            let begins = head.try_recv().ok();
            let begun = begins.is_some();
            answer = answer.take().or(begins);
            let ahead = match &mut answer {
                Some(answer) => answer.body_mut().read_ahead(context),
                None => Ahead::Waiting,
            };
            let goes_on = (begun || ahead == Ahead::Read) && rounds.next().is_some();
            let is_said = match &served {
                Poll::Ready(Ok(served)) if is_success(served) => ahead != Ahead::Whole,
                // What went wrong is a better answer than the beginning of another one.
                Poll::Ready(_) => {
                    answer = None;
                    false
                }
                Poll::Pending => ahead == Ahead::Full || !goes_on,
            };
            if is_said && let Some(answer) = answer.take() {
                say(answer);
            }
            if served.is_ready() || !goes_on {
                return served;
            }
        }
    })
    .await;
    (served, answer)
}

impl Prepared {
    async fn run(
        mut self,
        place: Place,
        admitted: Admitted,
        reply: oneshot::Sender<Answer>,
        gone: oneshot::Receiver<()>,
    ) {
        let setting = self.version.manifest.limits.memory;
        let running = self.function.metrics(&self.server).begin();
        let mut reply = Some(reply);
        let mut gone = Gone::new(gone);
        let Admitted {
            mut grant,
            used,
            size,
            fixed,
        } = admitted;
        let mut attempt = self
            .attempt(&grant, used, fixed, &mut reply, &mut gone)
            .await;
        let mut given = Given {
            first: grant.first(),
            last: grant.bytes(),
            by: size.by,
            mispredicted: grant.is_mispredicted(),
        };
        let can_again = attempt.starved
            && attempt.said.is_none()
            && attempt
                .served
                .as_ref()
                .is_ok_and(|served| !served.had_effect);
        if can_again {
            // What it held is needed elsewhere while it waits.
            drop(grant);
            let waited = Instant::now();
            let admitted = tokio::select! {
                admitted = admit(&self.server, setting, fixed, true) => admitted,
                () = self.server.stages.come_to(Stage::Ending) => {
                    Err((Rejected::Impatient, "the server has stopped".to_owned()))
                }
            };
            match admitted {
                Ok(full) => {
                    self.queued = Nanos(self.queued.0 + Nanos::from(waited.elapsed()).0);
                    grant = full;
                    attempt = self
                        .attempt(&grant, None, fixed, &mut reply, &mut gone)
                        .await;
                    given.last = grant.bytes();
                    given.by = SizedBy::Replay;
                }
                Err((why, what)) => {
                    let answer = self.server.reject(why, self.ask.id.clone(), &what);
                    drop((place, running));
                    return self.end(attempt, given, reply, Some(answer));
                }
            }
        }
        self.leave(&mut attempt, grant);
        drop((place, running));
        if attempt.said.is_some() {
            // What was answered is known when it was read.
            tokio::select! {
                () = gone.has_answer() => {}
                () = tokio::time::sleep(self.server.settings.drain) => {}
                () = self.server.stages.come_to(Stage::Ending) => {}
            }
        }
        self.end(attempt, given, reply, None);
    }

    async fn attempt(
        &self,
        grant: &Arc<Grant>,
        used: Option<Used>,
        fixed: u64,
        reply: &mut Option<oneshot::Sender<Answer>>,
        gone: &mut Gone,
    ) -> Attempt {
        let share = Arc::new(Share {
            grant: grant.clone(),
            fixed,
            taken: AtomicU64::new(fixed + used.as_ref().map_or(0, |used| used.taken().0)),
            in_used: used.is_some(),
            server: self.server.clone(),
            function: self.function.clone(),
            version: self.version.clone(),
            input: self.input.clone(),
        });
        let service = Service {
            input: self.input.clone(),
            grants: Some(share.clone()),
            log: Some(self.log.clone()),
            room: Some(self.ask.room.clone()),
            outbound: self.version.manifest.outbound.clone(),
        };
        let evicted = AtomicBool::new(false);
        let stop = async {
            tokio::select! {
                () = gone.gone() => Stop {
                    outcome: Outcome::Failed,
                    why: "the client went away".to_owned(),
                },
                never = self.give_back(&share) => match never {},
                () = self.server.stages.come_to(Stage::Ending) => Stop {
                    outcome: Outcome::Failed,
                    why: "the server has stopped".to_owned(),
                },
                () = grant.stopped() => {
                    evicted.store(true, Ordering::Relaxed);
                    Stop {
                        outcome: Outcome::Limited,
                        why: "stopped: it needed more memory than predicted, and another call needed it too"
                            .to_owned(),
                    }
                }
            }
        };
        let (respond, head) = oneshot::channel();
        let http = (self.call.entry == Entry::Http).then(|| HttpCall {
            request: self.request_for_component(),
            respond,
        });
        let mut said = None;
        let mut say = |response: Response<GuestBody>| {
            said = Some(response.status().as_u16());
            if let Some(reply) = reply.take() {
                // The client may have gone; that stops the call.
                let _ = reply.send(answer::streaming(&self.ask.id, response));
            }
        };
        let turn = Turn {
            used,
            leaves: self.leaves,
        };
        let function = &self.ready.function;
        let serving = std::pin::pin!(function.serve(&self.call, &service, http, turn, stop));
        let (served, whole) = read_ahead(serving, head, &mut say).await;
        let starved = evicted.load(Ordering::Relaxed) || served.as_ref().is_ok_and(is_starved);
        Attempt {
            served: served.map_err(|error| error.to_string()),
            starved,
            said,
            whole,
        }
    }

    /// Lets its sandbox wait for another call, where it may, and gives back what was granted for it where it may not.
    fn leave(&self, attempt: &mut Attempt, grant: Arc<Grant>) {
        let left = attempt.served.as_mut().ok();
        let left = left.and_then(|served| served.left.take());
        let left = left.filter(|used| used.calls() < self.version.manifest.reuse);
        // An answer that goes on after the call may be written to by the guest still.
        let left = left.filter(|_| attempt.said.is_none());
        let fixed = OVERHEAD.saturating_add(self.ready.tables.0);
        // The call has ended: nobody else has it.
        if let (Some(used), Some(grant)) = (left, Arc::into_inner(grant)) {
            let (waiting, admission) = (&self.server.waiting, &self.server.admission);
            waiting.put(admission, &self.ready, Granted { used, grant }, fixed);
        }
    }

    /// Once it hardly ever grows any more, what was reserved and not taken is for others. Only where each call is sized for
    /// itself: who is given a fixed size keeps it.
    async fn give_back(&self, share: &Share) -> Infallible {
        let grown_up = match self.version.manifest.size_by {
            SizeBy::Call => self.function.totals().grown_up(),
            SizeBy::Setting | SizeBy::Recommendation => None,
        };
        if let Some(grown_up) = grown_up {
            tokio::time::sleep(grown_up).await;
            share.grant.give_back(share.taken.load(Ordering::Relaxed));
        }
        std::future::pending().await
    }

    /// A component wants a whole address, and gets no more than the request has.
    fn request_for_component(&self) -> Request<Body> {
        let (parts, body) = self.ask.request.clone().into_parts();
        let mut request = Request::from_parts(parts, body);
        let fields = request.headers_mut();
        fields.remove(header::AUTHORIZATION);
        if !fields.contains_key(header::HOST) {
            fields.insert(header::HOST, header::HeaderValue::from_static("localhost"));
        }
        request
    }

    /// Answers, with `instead` where there is something else to say, counts, records.
    fn end(
        self,
        attempt: Attempt,
        given: Given,
        reply: Option<oneshot::Sender<Answer>>,
        instead: Option<Answer>,
    ) {
        let mut served = match attempt.served {
            Ok(served) => served,
            Err(why) => {
                if let Some(reply) = reply {
                    let _ = reply.send(answer::failed(&self.ask.id, &why));
                }
                return;
            }
        };
        served.starved = attempt.starved;
        let learned = self.function.sizing.learned();
        let answer = match instead {
            Some(answer) => answer,
            None => answer::of(
                &self.ask.id,
                &self.version,
                learned.as_deref(),
                &mut served,
                attempt.whole,
                given.last,
            ),
        };
        let mut trace = served.finished.trace;
        if let Some(passed) = served.passed {
            // What was read of an answer that nobody was given went nowhere.
            let given = attempt.said.is_some() || trace.outcome == Outcome::Succeeded;
            trace.bytes_out = if given {
                passed.load(Ordering::Relaxed)
            } else {
                0
            };
        }
        if let Some(failure) = &trace.failure {
            self.log.say(&format!("[{}] {failure}", trace.outcome));
        }
        trace.served = Some(trace::Served {
            id: self.ask.id.clone(),
            dialect: self.ask.dialect.to_owned(),
            status: attempt.said.unwrap_or(answer.status()),
            cold: self.cold,
            sized_by: given.by,
            granted_first: given.first,
            granted: given.last,
            mispredicted: given.mispredicted,
            queued: self.queued,
            init: Nanos(self.loaded.0 + served.init.0),
            total: self.begun.elapsed().into(),
            reused: served.reused,
        });
        // Before it is answered: whoever has the answer may ask for the record.
        record(
            &self.server,
            &self.function,
            trace,
            self.ask.request.headers(),
        );
        if let Some(reply) = reply {
            // The client may have gone.
            let _ = reply.send(answer);
        }
    }
}

/// Counts and records a call that has ended, and has its function learned when it is time.
fn record(
    server: &Arc<Server>,
    function: &Arc<Deployed>,
    trace: trace::Trace,
    headers: &HeaderMap,
) {
    function.metrics(server).end(&trace);
    let calls = {
        let mut totals = function.totals();
        totals.add(&trace);
        totals.calls
    };
    function.sizing.live.see(&trace);
    let learned = function.sizing.learned();
    // What is recommended is to be seen to follow: it rests after each lesson all the same.
    let is_beyond = learned.as_ref().is_some_and(|learned| {
        trace.is_measurement() && trace.needed() > learned.recommendation.largest_need_bytes
    });
    if let Some(learned) = learned
        && let Some(plan) = &learned.plan
        && plan.function.digest == trace.function.digest
        && let Some(change) = function.phases.see(plan, &trace)
    {
        server.records.changed(&function.name, change);
        function
            .version()
            .serving()
            .arm(function.version().manifest.watch.clone());
    }
    server.records.push(Arc::new(trace), headers);
    if is_beyond || teacher::is_time(calls) {
        server.teacher.teach(function);
    }
}

/// What a guest asks when it grows.
struct Share {
    grant: Arc<Grant>,
    fixed: u64,
    /// What it has taken so far, bytes.
    taken: AtomicU64,
    /// Calls before it have left something.
    in_used: bool,
    server: Arc<Server>,
    function: Arc<Deployed>,
    version: Arc<Version>,
    input: Vec<Observed>,
}

impl host::Grants for Share {
    fn grow(&self, to: Bytes, seen: &dyn Fn() -> Vec<Observed>) -> Growing {
        let to = to.0.saturating_add(self.fixed);
        let predicted = || {
            // What it finds there nobody has predicted.
            if self.in_used {
                return Some(to);
            }
            let learned = self.function.sizing.learned()?;
            let plan = learned.plan.as_ref()?;
            let limits: Limits = self.version.manifest.limits;
            let bound = sizing::refined(plan, &self.version.id, limits, &self.input, seen())?;
            Some(bound.min(limits.memory).0.saturating_add(self.fixed))
        };
        while self.grant.lacks(to) && self.server.waiting.let_oldest_go() {}
        let answer = self.grant.grow(to, predicted);
        if matches!(answer, Growing::Granted) {
            self.taken.store(to, Ordering::Relaxed);
        }
        answer
    }
}

/// Whether the client is still there.
struct Gone(Option<oneshot::Receiver<()>>);

impl Gone {
    /// Ready once the client has the whole answer, or has gone.
    async fn has_answer(&mut self) {
        if let Some(receiver) = &mut self.0 {
            let _ = receiver.await;
            self.0 = None;
        }
    }

    fn new(receiver: oneshot::Receiver<()>) -> Gone {
        Gone(Some(receiver))
    }

    /// Ready once the client has gone before it had its answer.
    async fn gone(&mut self) {
        if let Some(receiver) = &mut self.0 {
            let had_answer = receiver.await.is_ok();
            self.0 = None;
            if !had_answer {
                return;
            }
        }
        std::future::pending().await
    }
}
