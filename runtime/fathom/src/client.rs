//! A client of `fathom serve`, for the commands that use one. Knows where the server is, who may ask it, and how it says what
//! went wrong; not what the commands ask.

use anyhow::{Context, bail};
use clap::Args;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::{fs, io::Read, path::PathBuf, time::Duration};
use ureq::{Agent, Body, http::Response};

/// Where the server is, unless somebody says otherwise.
const SERVER: &str = "http://127.0.0.1:8080";

/// Where a server that needs one keeps its token, in the folder it was started in.
const TOKEN: &str = ".fathom/token";

/// Longest that a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Longest error that is read.
const LONGEST: u64 = 1 << 20;

/// Which server, and who asks.
#[derive(Args, Clone)]
pub(crate) struct ClientArgs {
    /// Address of the server
    #[arg(long, value_name = "URL", env = "FATHOM_SERVER", default_value = SERVER)]
    server: String,
    /// File with the token of the server, where it asks for one [default: .fathom/token, if it is there]
    #[arg(long, value_name = "FILE", env = "FATHOM_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

/// A connection to be made.
pub(crate) struct Client {
    server: String,
    authorization: Option<String>,
    agent: Agent,
}

impl ClientArgs {
    /// The client.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let token = match &self.token_file {
            Some(path) => Some(
                fs::read_to_string(path)
                    .with_context(|| format!("cannot read the token in `{}`", path.display()))?,
            ),
            None => fs::read_to_string(TOKEN).ok(),
        };
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .http_status_as_error(false)
            .build();
        Ok(Client {
            server: self.server.trim_end_matches('/').to_owned(),
            authorization: token.map(|token| format!("Bearer {}", token.trim())),
            agent: config.into(),
        })
    }
}

impl Client {
    /// Where the server is.
    pub(crate) fn address(&self) -> &str {
        &self.server
    }

    /// What a command that is suggested ends with, so that it asks the same server: ` --server URL`, or nothing.
    pub(crate) fn flag(&self) -> String {
        match self.server.as_str() {
            SERVER => String::new(),
            other => format!(" --server {other}"),
        }
    }

    /// What the server answers, whatever that is.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> anyhow::Result<Response<Body>> {
        let url = format!("{}{path}", self.server);
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let request = request
            .body(body)
            .with_context(|| format!("`{url}` is no address"))?;
        self.agent.run(request).with_context(|| {
            format!(
                "cannot reach a server at {}: start one with `fathom serve`, or say where it is with --server",
                self.server
            )
        })
    }

    /// A document of the control plane; what it refuses is an error.
    pub(crate) fn document(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let content_type = body.map(|_| "application/json");
        let response = self.ask(method, path, content_type, text.as_bytes())?;
        let succeeded = response.status().is_success();
        let mut text = String::new();
        response
            .into_body()
            .into_reader()
            .read_to_string(&mut text)
            .context("the server's answer broke off")?;
        let answer: Value = serde_json::from_str(&text)
            .with_context(|| format!("what answers at {} is no fathom serve", self.server))?;
        if !succeeded {
            bail!(
                "{}",
                answer["error"].as_str().unwrap_or("the server refused")
            );
        }
        Ok(answer)
    }

    /// What is wrong, where the server says that something is.
    pub(crate) fn refused(response: Response<Body>) -> anyhow::Error {
        let status = response.status();
        let mut text = String::new();
        // What can be read of it is what there is to say.
        let _ = response
            .into_body()
            .into_reader()
            .take(LONGEST)
            .read_to_string(&mut text);
        let document: Option<Value> = serde_json::from_str(&text).ok();
        let said = document.and_then(|document| document["error"].as_str().map(str::to_owned));
        match said.unwrap_or(text).trim() {
            "" => anyhow::anyhow!("the server answered {status}"),
            said => anyhow::anyhow!("{said}"),
        }
    }
}

/// What is no letter and no digit is written as its bytes in hexadecimal, but for these.
const IN_PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The path of a function in the API; whatever the name is, it is one part of it.
pub(crate) fn path_of(function: &str, rest: &str) -> String {
    let name = utf8_percent_encode(function, &IN_PATH);
    format!("/api/v1/functions/{name}{rest}")
}
