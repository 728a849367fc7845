//! `projects.timeSeries.list` of Cloud Monitoring, version 3.

use super::{Asked, Generation, all_pages, quoted, rest::Rest};
use crate::import::monitoring::{MEMORY, RUN_MEMORY, RUN_TIMES, TIMES};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// The series of a function's memory and times.
pub(super) fn series(rest: &mut Rest, base: &str, asked: &Asked<'_>) -> anyhow::Result<Vec<Value>> {
    let metrics = match asked.generation {
        Generation::First => [MEMORY, TIMES],
        Generation::Second => [RUN_MEMORY, RUN_TIMES],
    };
    let mut all = Vec::new();
    for metric in metrics {
        let filter = format!("metric.type={} AND {}", quoted(metric), asked.resource());
        let moment = |at| humantime::format_rfc3339_seconds(at).to_string();
        let first = format!(
            "{base}/v3/projects/{}/timeSeries?filter={}&interval.startTime={}&interval.endTime={}&view=FULL",
            escaped(asked.project),
            escaped(&filter),
            escaped(&moment(asked.from)),
            escaped(&moment(asked.to))
        );
        all.extend(all_pages("timeSeries", |page| {
            let url = match page {
                None => first.clone(),
                Some(token) => format!("{first}&pageToken={}", escaped(token)),
            };
            rest.ask("GET", &url, None)
        })?);
    }
    Ok(all)
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
