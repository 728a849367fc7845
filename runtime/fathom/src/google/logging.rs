//! `entries.list` of Cloud Logging, version 2.

use super::{Asked, all_pages, rest::Rest};
use serde_json::{Value, json};
use trace::LogLine;

/// Entries in a page.
const PAGE: u32 = 1_000;

/// The entries in which Google, or Fathom running there, says something of a call.
pub(super) fn entries(
    rest: &mut Rest,
    base: &str,
    asked: &Asked<'_>,
) -> anyhow::Result<Vec<Value>> {
    let moment = |at| humantime::format_rfc3339_seconds(at).to_string();
    let record = LogLine::CALL;
    let filter = format!(
        "{} AND timestamp>=\"{}\" AND timestamp<=\"{}\" AND (textPayload:\"Function execution took\" OR textPayload:\"emory limit \
         of\" OR jsonPayload.{record}:* OR httpRequest.latency:*)",
        asked.resource(),
        moment(asked.from),
        moment(asked.to)
    );
    let url = format!("{base}/v2/entries:list");
    all_pages("entries", |page| {
        let mut body = json!({
            "resourceNames": [format!("projects/{}", asked.project)],
            "filter": filter,
            "orderBy": "timestamp asc",
            "pageSize": PAGE,
        });
        if let Some(token) = page {
            body["pageToken"] = token.into();
        }
        rest.ask("POST", &url, Some(&body))
    })
}
