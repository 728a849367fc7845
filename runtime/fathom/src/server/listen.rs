//! Connections: accepted whatever happens, each with its time and its size, none of which can hold up the others. What is
//! asked over them is not known here.

use super::{Server, answer, settings::Settings, stage::Stage};
use crate::output;
use anyhow::Context;
use axum::{Router, body::Body};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use socket2::SockRef;
use std::{
    io::{self, Write},
    net::{Shutdown, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

/// How long is waited after the system had no file descriptor for a connection.
const BREATH: Duration = Duration::from_millis(50);

/// Bytes of an answer that the system takes before it has begun to send them.
const UNSENT: u32 = 64 << 10;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote(pub(crate) SocketAddr);

/// Begins to listen.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// Accepts connections until told to stop, then lets those that are open finish what they have begun.
pub(crate) async fn serve(listener: TcpListener, router: Router, server: &Arc<Server>) {
    let graceful = GracefulShutdown::new();
    let open = Arc::new(AtomicUsize::new(0));
    let mut stop = std::pin::pin!(server.stages.come_to(Stage::Stopping));
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                if open.load(Ordering::Relaxed) >= server.settings.connections {
                    turn_away(stream);
                    continue;
                }
                let counted = Counted::new(&open);
                connection(
                    stream,
                    remote,
                    router.clone(),
                    &server.settings,
                    &graceful,
                    counted,
                );
            }
            Err(error) if is_passing(&error) => {}
            Err(_) => {
                // No file descriptors, no memory: the next one may be luckier, once others have gone.
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(server.settings.drain, graceful.shutdown())
        .await
        .is_err()
    {
        output::note("warning: some calls were still running and were ended");
    }
}

/// The client's affair, not ours.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: &Arc<AtomicUsize>) -> Counted {
        open.fetch_add(1, Ordering::Relaxed);
        Counted(open.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says so and closes. Best effort, and without waiting: there are too many already.
fn turn_away(stream: TcpStream) {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let text = format!(
        "HTTP/1.1 {status}\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 21\r\n\r\ntoo many connections\n"
    );
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write_all(text.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
    }
}

/// Bytes of a request's head. What is read of it at once may be more than what is allowed.
fn head_bytes<B>(request: &Request<B>) -> usize {
    let fields = request.headers().iter();
    let fields: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    fields + request.uri().path().len() + request.uri().query().map_or(0, str::len)
}

fn connection(
    stream: TcpStream,
    remote: SocketAddr,
    router: Router,
    settings: &Settings,
    graceful: &GracefulShutdown,
    counted: Counted,
) {
    // Small answers are not to wait for more of them.
    let _ = stream.set_nodelay(true);
    // Who does not read what was asked for is not waited for either. That there is room again is to be said soon: where the
    // system had much to send, a client that reads slowly would seem to read nothing.
    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(settings.body_timeout));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(settings.head_timeout)
        .max_buf_size(settings.head.max(8192))
        .half_close(false)
        .keep_alive(true);
    let most = settings.head;
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        async move {
            let bytes = head_bytes(&request);
            if bytes > most {
                let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                let what = format!(
                    "the head of the request is longer than the {most} bytes that it may be"
                );
                return Ok(answer::refusal(status, &what));
            }
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Remote(remote));
            router.call(request).await
        }
    });
    let connection =
        graceful.watch(builder.serve_connection(TokioIo::new(Box::pin(stream)), service));
    tokio::spawn(async move {
        let _counted = counted;
        // A client that breaks off is no affair of ours.
        let _ = connection.await;
    });
}
