//! Somebody who answers in Google's place: a server of one thread, which keeps what it was asked.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    /// With its query, decoded.
    pub(super) path: String,
    /// Names in lower case.
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn field(&self, name: &str) -> &str {
        let mut fields = self.fields.iter();
        fields
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(super) fn text(&self) -> String {
        decoded(&String::from_utf8_lossy(&self.body))
    }
}

/// What is answered: a status, fields, a body. With status 0 the connection is closed in place of an answer.
pub(super) struct Answer(
    pub(super) u16,
    pub(super) Vec<(&'static str, String)>,
    pub(super) String,
);

impl Answer {
    pub(super) fn json(value: Value) -> Answer {
        Answer(200, Vec::new(), value.to_string())
    }

    /// As Google refuses.
    pub(super) fn refused(code: u16, status: &str, message: &str) -> Answer {
        let error =
            serde_json::json!({ "error": { "code": code, "message": message, "status": status } });
        // Nobody is to wait in a test.
        Answer(
            code,
            vec![("retry-after", "0".to_owned())],
            error.to_string(),
        )
    }
}

/// The server.
pub(super) struct StandIn {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    /// Answers until the test ends.
    pub(super) fn new(mut answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let keep = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(request) = read(&stream) else {
                    continue;
                };
                keep.lock().expect("it").push(request.clone());
                let Answer(status, fields, body) = answer(&request);
                if status == 0 {
                    continue;
                }
                let mut head = format!(
                    "HTTP/1.1 {status} said\r\ncontent-length: {}\r\nconnection: close\r\n",
                    body.len()
                );
                for (name, value) in fields {
                    head += &format!("{name}: {value}\r\n");
                }
                let _ = (&stream).write_all(format!("{head}\r\n{body}").as_bytes());
            }
        });
        StandIn { url, asked }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("it").clone()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut parts = line.split(' ');
    let (method, path) = (parts.next()?.to_owned(), decoded(parts.next()?));
    let mut fields = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        fields.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut asked = Asked {
        method,
        path,
        fields,
        body: Vec::new(),
    };
    asked.body = vec![0; asked.field("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}
