//! What calls cost, and how much of that is for nothing, as a table for a terminal.

use crate::Style;
use crate::clean::clean;
use crate::layout::{Cell, Tone, left, right, table, wrap};
use crate::screen::change;
use crate::show::{counted, megabytes, number, percent, round_size, seconds, size, usd, value_of};
use trace::{Account, ProviderAccount, SharedAccount, SizeAccount, SizeClasses};

/// Two lines for each provider, of today's size and the recommended one, and one of classes where they cost less.
pub fn bill_text(account: &Account, style: Style) -> String {
    let style = Style {
        width: style.width.max(60),
        ..style
    };
    let title = format!(
        "{}: {} today, {} recommended; US dollars, estimated from {}",
        clean(&account.function.name),
        round_size(account.baseline_bytes),
        size(account.allocation_bytes),
        counted(account.calls, "call")
    );
    let mut lines: Vec<String> = wrap(&title, style.width)
        .iter()
        .map(|line| style.paint(Tone::Strong, line))
        .collect();
    let by_month = account.calls_per_month.is_some();
    let mut header = vec![
        "provider",
        "size",
        "USD/million",
        "unused",
        "between",
        "rounded",
    ];
    if by_month {
        header.push("USD/month");
    }
    let header = header.iter().enumerate().map(|(at, name)| match at {
        0 => left(*name).tone(Tone::Faint),
        _ => right(*name).tone(Tone::Faint),
    });
    let mut rows: Vec<Vec<Cell>> = vec![header.collect()];
    for provider in &account.providers {
        rows.push(row(&provider.name, &provider.today));
        let change = format!(
            "  {}",
            change(1.0 - provider.recommended.usd_per_million / provider.today.usd_per_million)
        );
        rows.push(row(&change, &provider.recommended));
        let shared = provider.shared.as_ref();
        if let Some((shared, at)) = shared.and_then(|shared| Some((shared, shared.at?))) {
            rows.push(row(&format!("  {} at a time", shared.calls), &at.account));
        }
    }
    lines.extend(table(style, &rows));
    let classes = account.providers.iter().filter_map(|provider| {
        let classes = provider.classes.as_ref()?;
        Some(deployments(provider, classes))
    });
    for said in classes {
        lines.push(String::new());
        lines.extend(wrap(&said, style.width));
    }
    for provider in &account.providers {
        if let Some(shared) = &provider.shared {
            lines.push(String::new());
            lines.extend(wrap(&instances(account, provider, shared), style.width));
        }
    }
    lines.push(String::new());
    let legend = "Of what a million calls cost: for memory that they do not use; of that because there is no size between; and for time \
                  that is rounded up.";
    lines.extend(wrap(legend, style.width));
    let accounts = account
        .providers
        .iter()
        .flat_map(|p| [p.today, p.recommended]);
    if accounts.into_iter().any(|account| !account.fits) {
        lines.push("! too small for what is recommended".to_owned());
    }
    if !account.is_timed {
        lines.push("No time is recorded: each call is billed as one that took none.".to_owned());
    }
    if let Some(calls) = account.calls_per_month {
        let said = format!(
            "A month is of {} calls, and what is free in it, for all functions of an account together, is taken off.",
            number(calls.round())
        );
        lines.extend(wrap(&said, style.width));
    }
    lines.join("\n") + "\n"
}

fn row(name: &str, account: &SizeAccount) -> Vec<Cell> {
    let tone = if account.fits { Tone::Plain } else { Tone::Bad };
    let size = match account.fits {
        true => megabytes(account.size_mb),
        false => format!("{} !", megabytes(account.size_mb)),
    };
    let mut cells = vec![
        left(clean_keeping_indent(name)),
        right(size).tone(tone),
        right(usd(account.usd_per_million)),
        right(usd(account.memory_wasted_usd)),
        right(usd(account.granularity_usd)),
        right(usd(account.time_wasted_usd)),
    ];
    cells.extend(account.usd_per_month.map(|amount| right(usd(amount))));
    cells
}

/// Two spaces before a change put it under the name.
fn clean_keeping_indent(name: &str) -> String {
    let text = name.trim_start();
    " ".repeat(name.len() - text.len()) + &clean(text)
}

/// How calls share instances: what that needs, and what it saves.
fn instances(account: &Account, provider: &ProviderAccount, shared: &SharedAccount) -> String {
    let calls = shared.calls;
    let need = format!(
        "{}: an instance that makes {calls} calls at a time has to hold {} ({calls} x {} and the runtime)",
        clean(&provider.name),
        size(shared.need_bytes),
        size(account.allocation_bytes)
    );
    let Some(at) = shared.at else {
        return format!("{need}: no size does.");
    };
    let how = if at.is_recorded {
        format!(
            "by the times at which {} came, {} run in it at a time on average; each then takes {}, and pays for {} of the \
             time that it would be billed alone",
            counted(at.recorded, "recorded call"),
            number(round_to_hundredths(at.at_once)),
            seconds(at.estimated_seconds),
            percent(at.share)
        )
    } else {
        format!(
            "when calls come is not recorded: if all {calls} always run, as asked, each takes {}, and pays for {} of the time that it \
             would be billed alone",
            seconds(at.estimated_seconds),
            percent(at.share)
        )
    };
    format!("{need}; {how}.")
}

fn round_to_hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn deployments(provider: &ProviderAccount, classes: &SizeClasses) -> String {
    let each = classes.classes.iter().map(|class| {
        let which = match class.up_to {
            Some(most) => format!("up to {}", value_of(&classes.by, most)),
            None => "for all others".to_owned(),
        };
        format!(
            "{} {which} ({} of calls)",
            megabytes(class.size_mb),
            percent(class.calls_share)
        )
    });
    format!(
        "{}: {} deployments by {} cost {} less than one: {}; {} for a million calls.",
        clean(&provider.name),
        classes.classes.len(),
        clean(&classes.by.variables()),
        percent(classes.saving_share),
        each.collect::<Vec<String>>().join(", "),
        usd(classes.usd_per_million)
    )
}
