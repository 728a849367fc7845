//! One question to a REST API of Google's: with a token, which is fetched anew once where it is not taken any more; asked again
//! after a while where the service is busy; and what it refuses as a sentence. Nobody is followed to another address: the token is
//! for the one that was asked.

use super::Tokens;
use anyhow::{Context, bail};
use rand::Rng;
use serde_json::Value;
use std::{io::Read, net::IpAddr, thread::sleep, time::Duration};
use ureq::{
    Agent, Body,
    http::{Response, Uri},
};

/// Times that a question is asked.
const TRIES: u32 = 6;

/// Times that somebody is asked who cannot be reached.
const UNREACHABLE_TRIES: u32 = 3;

/// The first pause, which doubles each time, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Longest answer, bytes.
const LONGEST: u64 = 1 << 30;

/// Longest that a question may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Somebody who may ask.
pub(super) struct Rest {
    agent: Agent,
    tokens: Tokens,
}

impl Rest {
    pub(super) fn new(tokens: Tokens) -> Rest {
        Rest {
            agent: agent(TIMEOUT),
            tokens,
        }
    }

    /// The document that is answered, and how many bytes it has.
    pub(super) fn ask(
        &mut self,
        method: &str,
        url: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(Value, u64)> {
        let mut is_new = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let token = self.tokens.access(is_new && tries == 1)?;
            let response = match self.once(method, url, body, token.as_deref()) {
                Ok(response) => response,
                Err(_) if tries < UNREACHABLE_TRIES => {
                    sleep(pause(tries, None));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let status = response.status().as_u16();
            if status == 401 && !is_new && token.is_some() {
                // It was good when it was fetched: it has run out.
                is_new = true;
                tries = 0;
                continue;
            }
            if is_worth_another_try(status) && tries < TRIES {
                sleep(pause(tries, after(&response)));
                continue;
            }
            return sized(response);
        }
    }

    fn once(
        &self,
        method: &str,
        url: &str,
        body: Option<&Value>,
        token: Option<&str>,
    ) -> anyhow::Result<Response<Body>> {
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        if let Some(token) = token {
            may_be_told(url)?;
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let shown = || without_query(url);
        let answer = match body {
            Some(body) => {
                let request = request
                    .header("content-type", "application/json")
                    .body(body.to_string());
                self.agent
                    .run(request.with_context(|| format!("`{}` is no address", shown()))?)
            }
            None => {
                let request = request.body(());
                self.agent
                    .run(request.with_context(|| format!("`{}` is no address", shown()))?)
            }
        };
        answer.with_context(|| format!("cannot reach `{}`", shown()))
    }
}

/// What asks. An answer that refuses is an answer.
pub(super) fn agent(timeout: Duration) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .into()
}

/// An address as it may be shown and kept: what follows a `?` may be a secret.
pub(crate) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Refuses an address to which everybody on the way would read a token: one that is not encrypted, and not of this machine.
pub(crate) fn may_be_told(url: &str) -> anyhow::Result<()> {
    let shown = without_query(url);
    let uri: Uri = shown
        .parse()
        .with_context(|| format!("`{shown}` is no address"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let address: Option<IpAddr> = host.parse().ok();
    let is_here = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    if uri.scheme_str() != Some("https") && !is_here {
        bail!(
            "a token is not sent to `{shown}`, which is not encrypted: expected https, or a loopback address"
        );
    }
    Ok(())
}

/// `Location`, where the answer refers to another place.
pub(crate) fn location(response: &Response<Body>) -> Option<String> {
    let location = response.headers().get("location")?.to_str().ok()?;
    response
        .status()
        .is_redirection()
        .then(|| location.to_owned())
}

/// Whether a service that answers so is only busy.
fn is_worth_another_try(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

/// How long to wait before asking again: as long as the service says, else twice as long each time, by chance up to a quarter
/// longer, so that those that were refused together do not come back together.
pub(crate) fn pause(tries: u32, asked: Option<Duration>) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(16));
    let own = || doubled.mul_f64(rand::thread_rng().gen_range(1.0..1.25));
    asked.unwrap_or_else(own).min(LONGEST_PAUSE)
}

/// `Retry-After`, where it is a number of seconds.
fn after(response: &Response<Body>) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}

/// The document, or what is refused in it.
pub(super) fn document(response: Response<Body>) -> anyhow::Result<Value> {
    Ok(sized(response)?.0)
}

/// The same, and how many bytes it has.
fn sized(response: Response<Body>) -> anyhow::Result<(Value, u64)> {
    let status = response.status();
    if let Some(location) = location(&response) {
        bail!(
            "refers to another place ({}): `{}`",
            status.as_u16(),
            without_query(&location)
        );
    }
    let mut text = String::new();
    let reader = response
        .into_body()
        .into_with_config()
        .limit(LONGEST)
        .reader();
    let read = reader.take(LONGEST).read_to_string(&mut text);
    let document: Option<Value> = serde_json::from_str(&text).ok();
    if !status.is_success() {
        bail!("{}", refusal(status.as_u16(), document.as_ref()));
    }
    read.context("the answer broke off")?;
    let document = document.context("the answer is not JSON")?;
    Ok((document, text.len() as u64))
}

/// `the caller does not have permission (403, PERMISSION_DENIED)`: Google's form of errors, and that of its tokens.
fn refusal(status: u16, document: Option<&Value>) -> String {
    let error = document.map(|document| &document["error"]);
    let of_api = error.and_then(|error| error["message"].as_str());
    let of_tokens = document.and_then(|document| document["error_description"].as_str());
    let name = error.and_then(|error| error["status"].as_str().or_else(|| error.as_str()));
    let said = of_api.or(of_tokens).map(|said| said.trim_end_matches('.'));
    match (said, name) {
        (Some(said), Some(name)) => format!("{said} ({status}, {name})"),
        (Some(said), None) => format!("{said} ({status})"),
        (None, Some(name)) => format!("refused ({status}, {name})"),
        (None, None) => format!("answered with status {status}"),
    }
}
