//! `fathom compare gcf --as-google`: our own calls as Cloud Monitoring would have them. Asks nobody.

use super::writing;
use crate::{analysis, output, picture};
use anyhow::{Context, bail};
use learn::Catalogue;
use std::{path::Path, process::ExitCode};
use trace::{Bytes, ExponentialBuckets, Profile, Trace};

/// Factor from bound to bound, unless somebody says otherwise. Those of Google's own metrics are not published.
pub(super) const GROWTH: f64 = 1.4;

/// Buckets reach up to this many bytes, and nanoseconds: 64 GiB, and an hour.
const MOST_BYTES: f64 = 64.0 * 1_073_741_824.0;
const MOST_NANOS: f64 = 3.6e12;

/// How it is to be shown.
pub(super) struct Wanted<'a> {
    pub(super) growth: f64,
    pub(super) configured: Option<Bytes>,
    pub(super) chart: Option<&'a Path>,
    pub(super) json: bool,
}

pub(super) fn run(
    wanted: &Wanted<'_>,
    traces: &[Trace],
    profile: &Profile,
    catalogue: &Catalogue,
) -> anyhow::Result<ExitCode> {
    let (memory, times) = (
        up_to(MOST_BYTES, wanted.growth),
        up_to(MOST_NANOS, wanted.growth),
    );
    let mut providers = catalogue.providers().iter();
    let provider = providers.find(|provider| provider.key == "gcf-gen1");
    let provider = provider.context("there is no provider `gcf-gen1`")?;
    let today = profile.recommendation.as_ref().map(|r| r.baseline_bytes);
    let configured = wanted.configured.or(today).unwrap_or(Bytes::mib(256));
    let name = &profile.function.name;
    let Some(view) = learn::as_google(name, traces, configured, memory, provider) else {
        bail!("no call of `{name}` had a sandbox of its own: there is nothing to show");
    };
    if let Some(path) = wanted.chart {
        let theme = report::chart::Theme::default();
        let chart = report::chart::as_google(&view, memory, profile, traces, &theme);
        writing::whole(path, picture::bytes(&chart, path)?)?;
    }
    if wanted.json {
        let series = report::as_google_series(&view, memory, times);
        output::line(serde_json::to_string_pretty(&series)?)?;
    } else {
        output::text(report::as_google_text(
            &view,
            memory,
            profile,
            traces,
            analysis::style(),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Buckets from 1 up to at least an amount.
fn up_to(most: f64, growth: f64) -> ExponentialBuckets {
    ExponentialBuckets {
        finite: most.log(growth).ceil() as u32,
        growth,
        scale: 1.0,
    }
}
