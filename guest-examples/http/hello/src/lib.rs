//! Answers requests itself, as a component of `wasi:http` 0.2. What it does is in the path:
//!
//! | path | does |
//! |---|---|
//! | `/allocate/N` | holds N bytes while it answers |
//! | `/echo` | gives the body back |
//! | `/endless` | answers without end |
//! | `/fetch/HOST/PATH` | asks another server, and answers with its status |
//! | `/keep` | never lets go of the body it was sent |
//! | `/loop` | never answers |
//! | `/open` | begins its answer and never ends it, but returns |
//! | `/trap` | fails before it answers |
//! | `/trap-late` | fails in the middle of its answer |
//! | anything else | says hello |

use wasi::{
    http::{
        outgoing_handler,
        types::{
            Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam,
            Scheme,
        },
    },
    io::streams::{OutputStream, StreamError},
};

struct Hello;

impl wasi::exports::http::incoming_handler::Guest for Hello {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        let mut parts = path.trim_start_matches('/').splitn(3, '/');
        match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
            ("allocate", Some(bytes), None) => {
                let held = vec![1u8; bytes.parse().unwrap_or(0)];
                let sum: u64 = held.iter().map(|byte| u64::from(*byte)).sum();
                answer(out, 200, |body| write(body, format!("{sum}\n").as_bytes()));
            }
            ("echo", ..) => {
                let incoming = request.consume().expect("the body");
                let stream = incoming.stream().expect("its stream");
                answer(out, 200, |body| {
                    while let Ok(bytes) = stream.blocking_read(1 << 16) {
                        write(body, &bytes)?;
                    }
                    Ok(())
                });
            }
            ("endless", ..) => answer(out, 200, |body| loop {
                write(body, &[b'x'; 4096])?;
            }),
            ("fetch", Some(host), rest) => {
                let status = fetch(host, rest.unwrap_or_default());
                answer(out, 200, |body| write(body, format!("{status}\n").as_bytes()));
            }
            ("keep", ..) => {
                std::mem::forget(request.consume().expect("the body"));
                answer(out, 200, |body| write(body, b"kept\n"));
            }
            ("loop", ..) => {
                let mut n = 0u64;
                loop {
                    n = std::hint::black_box(n.wrapping_add(1));
                }
            }
            ("open", ..) => std::mem::forget(begin(out, 200)),
            ("trap", ..) => panic!("asked to"),
            ("trap-late", ..) => answer(out, 200, |body| {
                write(body, b"so far\n")?;
                panic!("asked to")
            }),
            _ => answer(out, 200, |body| write(body, b"Hello, world!\n")),
        }
    }
}

fn begin(out: ResponseOutparam, status: u16) -> OutgoingBody {
    let response = OutgoingResponse::new(Fields::new());
    response.set_status_code(status).expect("a status");
    let body = response.body().expect("the body");
    ResponseOutparam::set(out, Ok(response));
    body
}

fn answer(
    out: ResponseOutparam,
    status: u16,
    write: impl FnOnce(&OutputStream) -> Result<(), StreamError>,
) {
    let body = begin(out, status);
    let stream = body.write().expect("its stream");
    // The client may have gone.
    let _ = write(&stream);
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

fn write(stream: &OutputStream, bytes: &[u8]) -> Result<(), StreamError> {
    for piece in bytes.chunks(4096) {
        stream.blocking_write_and_flush(piece)?;
    }
    Ok(())
}

fn fetch(host: &str, path: &str) -> String {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).expect("a scheme");
    request.set_authority(Some(host)).expect("a host");
    request.set_path_with_query(Some(&format!("/{path}"))).expect("a path");
    let future = match outgoing_handler::handle(request, None) {
        Ok(future) => future,
        Err(error) => return format!("{error:?}"),
    };
    future.subscribe().block();
    match future.get() {
        Some(Ok(Ok(response))) => response.status().to_string(),
        Some(Ok(Err(error))) => format!("{error:?}"),
        _ => "nothing".to_owned(),
    }
}

wasi::http::proxy::export!(Hello with_types_in wasi);
