//! Google's REST APIs, as far as a comparison needs them: who asks (`token`), how one asks and what is tried again (`rest`), and
//! what Cloud Monitoring and Cloud Logging answer, page by page. What the answers mean is read in `import`.
//!
//! Written from Google's published documents. It has not been tried against the real service.

mod logging;
mod monitoring;
mod rest;
mod token;

pub(crate) use rest::{location, may_be_told, pause, without_query};
pub(crate) use token::{TokenFrom, Tokens};

use anyhow::Context;
use clap::Args;
use rest::Rest;
use serde_json::Value;
use std::{collections::HashSet, env, path::PathBuf, time::SystemTime};

/// Which project, and who asks.
#[derive(Args, Clone)]
pub(crate) struct GoogleArgs {
    /// Project of the deployed function: what Cloud Monitoring and Cloud Logging have of it is fetched [default: with --url
    /// GOOGLE_CLOUD_PROJECT]
    #[arg(long, value_name = "PROJECT", help_heading = "Google")]
    project: Option<String>,
    /// Its region, where functions of that name are in several
    #[arg(long, value_name = "REGION", help_heading = "Google")]
    pub(crate) region: Option<String>,
    /// Where tokens come from
    #[arg(long, value_enum, default_value_t = TokenFrom::Auto, help_heading = "Google")]
    pub(crate) token_from: TokenFrom,
    /// Credentials in a file, as `gcloud auth application-default login` or a key of a service account is
    #[arg(
        long,
        value_name = "FILE",
        env = "GOOGLE_APPLICATION_CREDENTIALS",
        help_heading = "Google"
    )]
    pub(crate) credentials: Option<PathBuf>,
    /// Where Cloud Monitoring is
    #[arg(
        long,
        value_name = "URL",
        env = "FATHOM_MONITORING_URL",
        default_value = "https://monitoring.googleapis.com",
        help_heading = "Google"
    )]
    monitoring_url: String,
    /// Where Cloud Logging is
    #[arg(
        long,
        value_name = "URL",
        env = "FATHOM_LOGGING_URL",
        default_value = "https://logging.googleapis.com",
        help_heading = "Google"
    )]
    logging_url: String,
}

/// Which generation of functions: they have other names for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// Cloud Functions.
    First,
    /// Cloud Run functions.
    Second,
}

/// What is asked for.
pub(crate) struct Asked<'a> {
    pub(crate) project: &'a str,
    pub(crate) region: Option<&'a str>,
    pub(crate) function: &'a str,
    pub(crate) generation: Generation,
    pub(crate) from: SystemTime,
    pub(crate) to: SystemTime,
}

impl Asked<'_> {
    /// The function in the language of filters, which both APIs share.
    fn resource(&self) -> String {
        let (kind, name, region) = match self.generation {
            Generation::First => ("cloud_function", "function_name", "region"),
            Generation::Second => ("cloud_run_revision", "service_name", "location"),
        };
        let mut filter = format!(
            "resource.type={} AND resource.labels.{name}={}",
            quoted(kind),
            quoted(self.function)
        );
        if let Some(given) = self.region {
            filter += &format!(" AND resource.labels.{region}={}", quoted(given));
        }
        filter
    }
}

/// Text in a filter.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Both APIs.
pub(crate) struct Google {
    rest: Rest,
    monitoring: String,
    logging: String,
}

impl GoogleArgs {
    /// Whose project is asked about. The variable alone makes nobody ask: it is set for other programs, too.
    pub(crate) fn project(&self, is_called: bool) -> Option<String> {
        let variable = || env::var("GOOGLE_CLOUD_PROJECT").ok();
        let said = self.project.clone();
        said.or_else(|| is_called.then(variable).flatten())
            .filter(|project| !project.is_empty())
    }

    /// Who asks.
    pub(crate) fn tokens(&self) -> Tokens {
        Tokens::new(self.token_from, self.credentials.clone())
    }

    /// The APIs.
    pub(crate) fn google(&self) -> Google {
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        Google {
            rest: Rest::new(self.tokens()),
            monitoring: base(&self.monitoring_url),
            logging: base(&self.logging_url),
        }
    }
}

impl Google {
    /// The series of Cloud Monitoring about memory and times.
    pub(crate) fn series(&mut self, asked: &Asked<'_>) -> anyhow::Result<Vec<Value>> {
        monitoring::series(&mut self.rest, &self.monitoring, asked)
            .context("Cloud Monitoring (roles/monitoring.viewer is needed)")
    }

    /// The entries of Cloud Logging that tell of calls.
    pub(crate) fn entries(&mut self, asked: &Asked<'_>) -> anyhow::Result<Vec<Value>> {
        logging::entries(&mut self.rest, &self.logging, asked)
            .context("Cloud Logging (roles/logging.viewer is needed)")
    }
}

/// Pages that are read of one answer, and bytes of all of them.
const MOST_PAGES: usize = 10_000;
const MOST_BYTES: u64 = 1 << 30;

/// Everything of a list that comes in pages: `ask` is given the token of a page, and `field` has what is in it.
fn all_pages(
    field: &str,
    mut ask: impl FnMut(Option<&str>) -> anyhow::Result<(Value, u64)>,
) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut token: Option<String> = None;
    let mut seen = HashSet::new();
    let mut read = 0;
    for _ in 0..MOST_PAGES {
        let (mut page, bytes) = ask(token.as_deref())?;
        read += bytes;
        anyhow::ensure!(
            read <= MOST_BYTES,
            "more than {} MB: ask for less time with --since",
            MOST_BYTES >> 20
        );
        match page.get_mut(field).map(Value::take) {
            Some(Value::Array(some)) => all.extend(some),
            // An empty page has no such field, and may have another after it.
            None | Some(Value::Null) => {}
            Some(_) => anyhow::bail!("`{field}` of the answer is no list"),
        }
        let next = page["nextPageToken"]
            .as_str()
            .filter(|next| !next.is_empty());
        let Some(next) = next.map(str::to_owned) else {
            return Ok(all);
        };
        anyhow::ensure!(
            seen.insert(next.clone()),
            "the answer refers to the same page again and again"
        );
        token = Some(next);
    }
    anyhow::bail!("more than {MOST_PAGES} pages: ask for less time with --since")
}
