//! The metadata server that every machine at Google has, for the service account that the machine runs as.

use anyhow::Context;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::{env, io::Read, time::Duration};

/// Where nobody answers there is none.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest token, bytes.
const LONGEST: u64 = 1 << 16;

pub(super) fn token(audience: Option<&str>) -> anyhow::Result<String> {
    let host = env::var("GCE_METADATA_HOST").unwrap_or("metadata.google.internal".to_owned());
    let account = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default");
    let url = match audience {
        None => format!("{account}/token"),
        Some(audience) => {
            let audience = utf8_percent_encode(audience, NON_ALPHANUMERIC);
            format!("{account}/identity?audience={audience}&format=full")
        }
    };
    let agent = super::super::rest::agent(TIMEOUT);
    let response = agent
        .get(&url)
        .header("metadata-flavor", "Google")
        .call()
        .with_context(|| format!("cannot reach the metadata server at {host}"))?;
    if audience.is_none() {
        let answer = super::super::rest::document(response).context("the metadata server")?;
        return super::of(&answer, audience);
    }
    let status = response.status();
    anyhow::ensure!(
        status.is_success(),
        "the metadata server answered {status} when asked for a token of identity"
    );
    // This one is text.
    let mut token = String::new();
    let reader = response.into_body().into_reader();
    let read = reader.take(LONGEST).read_to_string(&mut token);
    read.context("the metadata server's answer broke off")?;
    Ok(token.trim().to_owned())
}
