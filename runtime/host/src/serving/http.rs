//! `wasi:http` of WASI 0.2: a component that answers a request, and what it may ask of the network.

use crate::{
    Function, InvokeError, guest::Running, sandbox::Sandbox, state::State, stdio::TooMuchOutput,
};
use ::http::HeaderName;
use bytes::{Buf, Bytes};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::{Body, Frame, SizeHint};
use std::{
    collections::{BTreeSet, VecDeque},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tokio::sync::oneshot;
use wasmtime::{
    Store,
    component::{Resource, ResourceTable},
};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView,
    WasiHttpHooks, WasiHttpView,
    p2::{
        bindings::http::types::{ErrorCode, Scheme},
        types::{HostIncomingRequest, HostResponseOutparam},
    },
};

/// Most bytes of header fields that a guest may have the host keep at once.
const MOST_FIELD_BYTES: usize = 128 << 10;

/// Requests of a guest under way at the same time: each is a socket.
const MOST_REQUESTS: usize = 16;

/// Hosts that a guest may ask. None, unless its manifest says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbound {
    /// `example.org` or `example.org:8080`; without a port the usual ones.
    pub hosts: BTreeSet<String>,
}

impl Outbound {
    /// Whether an address may be asked.
    pub fn allows(&self, uri: &::http::Uri) -> bool {
        let Some(host) = uri.host() else {
            return false;
        };
        match uri.port_u16() {
            None | Some(80 | 443) if self.hosts.contains(host) => true,
            port => {
                let port = port.unwrap_or(match uri.scheme_str() {
                    Some("https") => 443,
                    _ => 80,
                });
                self.hosts.contains(&format!("{host}:{port}"))
            }
        }
    }
}

/// A request for a component, and the way back.
pub struct HttpCall {
    /// The request. It has a `host`.
    pub request: ::http::Request<Bytes>,
    /// Told once, when the component has said status and headers, which may be before it has ended. Dropped where it never
    /// does.
    pub respond: oneshot::Sender<::http::Response<GuestBody>>,
}

/// What belongs to one call.
#[derive(Default)]
pub(crate) struct Http {
    context: WasiHttpCtx,
    network: Network,
}

/// The network as one guest sees it.
#[derive(Default)]
struct Network {
    outbound: Arc<Outbound>,
    /// Whether anything has been sent.
    asked: bool,
    under_way: Arc<AtomicU64>,
}

impl Http {
    pub(crate) fn allow(&mut self, outbound: Arc<Outbound>) {
        self.context.set_field_size_limit(MOST_FIELD_BYTES);
        self.network.outbound = outbound;
    }

    /// Nothing has been sent of the call that begins.
    pub(crate) fn begin_anew(&mut self) {
        self.network.asked = false;
    }

    pub(crate) fn has_asked(&self) -> bool {
        self.network.asked
    }

    pub(crate) fn view<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiHttpCtxView<'a> {
        WasiHttpCtxView {
            hooks: &mut self.network,
            table,
            ctx: &mut self.context,
        }
    }
}

type Done = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(::http::Response<WasiBody>, Done), Error>;

/// Counts a request while it is under way.
struct UnderWay(Arc<AtomicU64>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl WasiHttpHooks for Network {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    fn send_request(
        &mut self,
        request: ::http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _sent: Done,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        if !self.outbound.allows(request.uri()) {
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        self.asked = true;
        if self.under_way.fetch_add(1, Ordering::Relaxed) >= MOST_REQUESTS as u64 {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            return Box::new(async { Err(Error::ConnectionLimitReached) });
        }
        let under_way = UnderWay(self.under_way.clone());
        Box::new(async move {
            let (response, io) = wasmtime_wasi_http::default_send_request(request, options).await?;
            let io: Done = Box::new(async move {
                let _under_way = under_way;
                io.await
            });
            Ok((response.map(http_body_util::BodyExt::boxed_unsync), io))
        })
    }
}

/// Bytes of an answer that are read ahead at most.
const MOST_AHEAD: u64 = 64 << 10;

/// The body of a component's answer: counted, and bounded. Its beginning may have been read ahead.
pub struct GuestBody {
    inner: UnsyncBoxBody<Bytes, Error>,
    ahead: VecDeque<Frame<Bytes>>,
    rest: Rest,
    passed: Arc<AtomicU64>,
    most: u64,
    broken: Arc<AtomicBool>,
}

/// The answer of a component broke off.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than it may be.
    #[error(transparent)]
    TooMuch(#[from] TooMuchOutput),
    /// The guest has failed or was stopped in the middle of it.
    #[error("the function's answer broke off: {0}")]
    BrokenOff(String),
}

/// What comes after what was read ahead.
enum Rest {
    /// What the guest writes.
    ToCome,
    /// Nothing.
    End,
    /// It breaks off.
    Error(BodyError),
}

/// What reading ahead has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// The answer is whole.
    Whole,
    /// There is more than is read ahead, or it broke off.
    Full,
    /// More was read, and there may be more.
    Read,
    /// The guest has not written more so far. The task is woken when it does.
    Waiting,
}

impl GuestBody {
    /// Reads what the guest has written, so that it can go on writing. An answer that is whole before anybody was given
    /// it crosses from thread to thread once.
    pub fn read_ahead(&mut self, context: &mut Context<'_>) -> Ahead {
        let mut said = Ahead::Waiting;
        loop {
            match &self.rest {
                Rest::End => return Ahead::Whole,
                Rest::Error(_) => return Ahead::Full,
                Rest::ToCome if self.passed.load(Ordering::Relaxed) >= MOST_AHEAD => {
                    return Ahead::Full;
                }
                Rest::ToCome => {}
            }
            match self.poll_inner(context) {
                Poll::Pending => return said,
                Poll::Ready(None) => self.rest = Rest::End,
                Poll::Ready(Some(Err(error))) => self.rest = Rest::Error(error),
                Poll::Ready(Some(Ok(frame))) => {
                    self.ahead.push_back(frame);
                    said = Ahead::Read;
                }
            }
        }
    }

    fn poll_inner(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Pending => return Poll::Pending,
            // To the engine that is an end like any other.
            Poll::Ready(None) if self.broken.load(Ordering::Acquire) => {
                let why = "the function has failed".to_owned();
                return Poll::Ready(Some(Err(BodyError::BrokenOff(why))));
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => {
                return Poll::Ready(Some(Err(BodyError::BrokenOff(error.to_string()))));
            }
            Poll::Ready(Some(Ok(frame))) => frame,
        };
        let bytes = frame.data_ref().map_or(0, |data| data.remaining() as u64);
        let total = self.passed.fetch_add(bytes, Ordering::Relaxed) + bytes;
        Poll::Ready(Some(if total > self.most {
            Err(TooMuchOutput::Allowed { most: self.most }.into())
        } else {
            Ok(frame)
        }))
    }
}

impl Body for GuestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(frame) = self.ahead.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if matches!(self.rest, Rest::ToCome) {
            return self.poll_inner(context);
        }
        Poll::Ready(match std::mem::replace(&mut self.rest, Rest::End) {
            Rest::Error(error) => Some(Err(error)),
            Rest::ToCome | Rest::End => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        let no_more = match self.rest {
            Rest::End => true,
            Rest::Error(_) => false,
            Rest::ToCome => self.inner.is_end_stream() && !self.broken.load(Ordering::Acquire),
        };
        no_more && self.ahead.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let ahead = self.ahead.iter().filter_map(Frame::data_ref);
        let ahead: u64 = ahead.map(|data| data.remaining() as u64).sum();
        let rest = match self.rest {
            Rest::End => SizeHint::with_exact(0),
            Rest::Error(_) => SizeHint::new(),
            Rest::ToCome => self.inner.size_hint(),
        };
        let mut whole = SizeHint::new();
        if let Some(upper) = rest.upper() {
            whole.set_upper(ahead + upper);
        }
        whole.set_lower(ahead + rest.lower());
        whole
    }
}

/// A request that the guest can be given.
pub(super) struct Request {
    request: Resource<HostIncomingRequest>,
    out: Resource<HostResponseOutparam>,
    answered: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
    kept: Arc<()>,
}

impl Request {
    /// The body has it, too: as long as there is one more than the caller's, the guest has not let go of the request.
    pub(super) fn kept(&self) -> Arc<()> {
        self.kept.clone()
    }

    /// To be set where the guest fails, before its store goes.
    pub(super) fn broken(&self) -> Arc<AtomicBool> {
        self.broken.clone()
    }
}

/// Puts a request where the guest can take it.
pub(super) fn begin(sandbox: &mut Sandbox, http: HttpCall) -> Result<Request, InvokeError> {
    let failed = |error: wasmtime::Error| InvokeError::Request(error.root_cause().to_string());
    let answered = Arc::new(AtomicBool::new(false));
    let broken = Arc::new(AtomicBool::new(false));
    let (passed, most) = sandbox.count_output();
    let mut view = sandbox.store().data_mut().http();
    let kept = Arc::new(());
    let request = http.request.map(|body| {
        let kept = kept.clone();
        Full::new(body).map_frame(move |frame| {
            let _with_the_body = &kept;
            frame
        })
    });
    let request = view
        .new_incoming_request(Scheme::Http, request)
        .map_err(failed)?;
    let said = answered.clone();
    let breaks = broken.clone();
    let respond = http.respond;
    let answer = move |answer: Result<::http::Response<_>, ErrorCode>| {
        if let Ok(response) = answer {
            said.store(true, Ordering::Relaxed);
            // The client may have gone.
            let _ = respond.send(response.map(|inner| GuestBody {
                inner,
                ahead: VecDeque::new(),
                rest: Rest::ToCome,
                passed,
                most,
                broken: breaks,
            }));
        }
    };
    let out = view
        .new_response_outparam_from_callback(answer)
        .map_err(failed)?;
    Ok(Request {
        request,
        out,
        answered,
        broken,
        kept,
    })
}

/// Lets the component answer.
pub(super) async fn call(
    store: &mut Store<State>,
    running: &Running,
    function: &Function,
    request: Request,
) -> wasmtime::Result<Vec<String>> {
    let proxy = function.guest.proxy(store, running)?;
    proxy
        .wasi_http_incoming_handler()
        .call_handle(store, request.request, request.out)
        .await?;
    if !request.answered.load(Ordering::Relaxed) {
        return Err(wasmtime::Error::msg("it returned without an answer"));
    }
    Ok(Vec::new())
}
