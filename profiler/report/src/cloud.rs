//! A function here and deployed, as text for a terminal: what is known of both, memory, time, what is billed, the size to take.

use crate::Style;
use crate::clean::clean;
use crate::layout::{Cell, Tone, labelled, left, right, table};
use crate::show::{count, counted, megabytes, number, percent, seconds, size, usd};
use trace::{Bytes, CloudComparison, CloudMemory, Estimate, JoinedBy, QuantilePair, TierUse};

/// What `fathom compare gcf` prints.
pub fn cloud_text(compared: &CloudComparison, style: Style) -> String {
    let configured = match compared.configured_mb {
        Some(mb) => format!(", {}", megabytes(mb)),
        None => String::new(),
    };
    let title = format!(
        "{} here against {} at {}{configured}",
        clean(&compared.function.name),
        clean(&compared.cloud_function),
        clean(&compared.provider_name)
    );
    let mut lines = vec![style.paint(Tone::Strong, &title)];
    lines.extend(labelled(style, "Calls", &[counts(compared)]));
    lines.extend(labelled(style, "Memory", &memory(compared)));
    lines.extend(labelled(style, "Time", &[times(compared)]));
    lines.extend(labelled(style, "Size", &[recommended(compared)]));
    // Where calls are compared, theirs is the finer view.
    if !compared.quantiles.is_empty() && compared.joined_by != JoinedBy::Calls {
        lines.push(String::new());
        lines.extend(quantiles(&compared.quantiles, style));
    }
    if !compared.tiers.is_empty() {
        lines.push(String::new());
        lines.extend(tiers(&compared.tiers, style));
    }
    if !compared.notes.is_empty() {
        lines.push(String::new());
        lines.extend(labelled(style, "Note", &compared.notes));
    }
    lines.join("\n") + "\n"
}

fn counts(compared: &CloudComparison) -> String {
    let counts = &compared.counts;
    format!(
        "{} measured here; there {} known one by one ({} with an input measured here, {} with a memory of its own), and {} of \
         memory in Cloud Monitoring ({} of known calls)",
        counted(counts.local_inputs, "input"),
        counted(counts.known, "call"),
        count(counts.with_input),
        count(counts.with_memory),
        counted(counts.memory_values as usize, "value"),
        count(counts.joined_values as usize)
    )
}

fn memory(compared: &CloudComparison) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(line) = &compared.memory {
        said.push(formula(line));
    }
    let reason = clean(&compared.memory_reason);
    said.push(match compared.joined_by {
        JoinedBy::Calls | JoinedBy::Quantiles => reason,
        JoinedBy::Nothing => format!("offset and slope are not known: {reason}"),
    });
    said
}

/// `there = 38.1 MiB (37.0 MiB to 39.2 MiB) + 1.02 (0.99 to 1.05) x memory here`.
fn formula(line: &CloudMemory) -> String {
    format!(
        "there = {} + {} x memory here; in brackets 95 % of the lines through points drawn again",
        with_interval(&line.offset, signed_size),
        with_interval(&line.slope, |value| number((value * 1e3).round() / 1e3))
    )
}

fn with_interval(estimate: &Estimate, show: impl Fn(f64) -> String) -> String {
    let (low, high) = (show(estimate.low), show(estimate.high));
    format!("{} ({low} to {high})", show(estimate.value))
}

fn signed_size(bytes: f64) -> String {
    let shown = size(Bytes::from_f64(bytes.abs()));
    match bytes < 0.0 {
        true => format!("-{shown}"),
        false => shown,
    }
}

fn times(compared: &CloudComparison) -> String {
    let Some(duration) = &compared.duration else {
        return "no time is known there".to_owned();
    };
    let means = format!(
        "{} there, {} here, on average",
        seconds(duration.cloud_mean_seconds),
        seconds(duration.local_mean_seconds)
    );
    match &duration.ratio {
        Some(ratio) => {
            let times = with_interval(ratio, |value| number((value * 100.0).round() / 100.0));
            format!(
                "{times} times as long there as here in the middle case of {}; {means}",
                counted(duration.calls, "call")
            )
        }
        None => format!("{means}; not enough calls with known inputs to compare them one by one"),
    }
}

fn recommended(compared: &CloudComparison) -> String {
    let Some(recommended) = &compared.recommendation else {
        return clean(&compared.no_size_reason);
    };
    let today = match (recommended.size_mb, compared.configured_mb) {
        (Some(mb), Some(now)) if mb == now => format!("stay at {}", megabytes(mb)),
        (Some(mb), Some(now)) => format!("give it {}, today {}", megabytes(mb), megabytes(now)),
        (Some(mb), None) => format!("give it {}", megabytes(mb)),
        (None, _) => "no size is large enough".to_owned(),
    };
    format!("{today}: {}", clean(&recommended.reason))
}

fn quantiles(pairs: &[QuantilePair], style: Style) -> Vec<String> {
    let header = vec![
        left("calls that need no more").tone(Tone::Faint),
        right("memory here").tone(Tone::Faint),
        right("memory there").tone(Tone::Faint),
    ];
    let of = |bytes: f64| size(Bytes::from_f64(bytes));
    let rows = pairs.iter().map(|pair| {
        let there = match (pair.cloud_from_bytes, pair.cloud_to_bytes) {
            (Some(from), Some(to)) if from == to => of(from),
            (Some(from), Some(to)) => format!("{} to {}", of(from), of(to)),
            (Some(from), None) => format!("{} and more", of(from)),
            (None, Some(to)) => format!("below {}", of(to)),
            (None, None) => "anything".to_owned(),
        };
        vec![
            left(percent(pair.share)),
            right(of(pair.local_bytes)),
            right(there),
        ]
    });
    let rows: Vec<Vec<Cell>> = std::iter::once(header).chain(rows).collect();
    table(style, &rows)
}

fn tiers(tiers: &[TierUse], style: Style) -> Vec<String> {
    let header = [
        "size",
        "time",
        "billed, GB-s",
        "used, GB-s",
        "used of billed",
        "USD/million",
        "",
    ];
    let header = header.iter().enumerate().map(|(at, name)| match at {
        6 => left(*name),
        _ => right(*name).tone(Tone::Faint),
    });
    let rows = tiers.iter().map(|tier| {
        let is_too_small = tier.fits == Some(false);
        let said = match (is_too_small, tier.is_measured) {
            (true, _) => "too small",
            (false, true) => "measured",
            (false, false) => "",
        };
        let tone = if is_too_small { Tone::Bad } else { Tone::Plain };
        let unknown = || "-".to_owned();
        let share = tier
            .used_gb_seconds
            .map(|used| used / tier.billed_gb_seconds);
        vec![
            right(megabytes(tier.size_mb)),
            right(seconds(tier.seconds)),
            right(gb_seconds(tier.billed_gb_seconds)),
            right(tier.used_gb_seconds.map_or_else(unknown, gb_seconds)),
            right(share.map_or_else(unknown, percent)),
            right(usd(tier.usd_per_million)),
            left(said).tone(tone),
        ]
    });
    let rows: Vec<Vec<Cell>> = std::iter::once(header.collect()).chain(rows).collect();
    table(style, &rows)
}

fn gb_seconds(amount: f64) -> String {
    match amount {
        0.0 => "0".to_owned(),
        small if small < 1e-3 => format!("{small:.1e}"),
        amount => format!("{amount:.4}"),
    }
}
