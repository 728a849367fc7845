//! What rules would have done with recorded calls, as a table for a terminal.

use crate::Style;
use crate::layout::{Cell, Tone, left, right, table, wrap};
use crate::show::{count, counted, odds, percent};
use trace::{Replayed, RuleReplayed};

/// Below this probability of as many failures a rule does not hold its rate.
const REJECTED: f64 = 0.05;

/// A line for each rule: waste, failures, and how close it comes.
pub fn replay_text(replayed: &Replayed, style: Style) -> String {
    let header = [
        "rule",
        "waste, GB-s",
        "of preset",
        "first-try failures",
        "given/used",
        "within 10 %",
    ];
    let header = header.iter().enumerate().map(|(at, name)| match at {
        0 => left(*name).tone(Tone::Strong),
        _ => right(*name).tone(Tone::Strong),
    });
    let rows = replayed.rules.iter().map(row);
    let rows: Vec<Vec<Cell>> = std::iter::once(header.collect()).chain(rows).collect();
    let mut lines = table(style, &rows);
    lines.push(String::new());
    lines.extend(wrap(&below(replayed), style.width));
    lines.join("\n") + "\n"
}

fn row(rule: &RuleReplayed) -> Vec<Cell> {
    let is_ours = rule.rule.starts_with("fathom");
    let tone = if is_ours { Tone::Good } else { Tone::Plain };
    let does_not_hold = rule
        .chance_of_as_many_failures
        .is_some_and(|p| p < REJECTED);
    vec![
        left(&*rule.rule).tone(tone),
        right(amount(rule.waste_gb_seconds)),
        right(rule.waste_share_of_preset.map_or("-".to_owned(), percent)),
        right(share(rule.first_try_failures)).tone(match does_not_hold {
            true => Tone::Bad,
            false => Tone::Plain,
        }),
        right(format!("{:.2}", rule.median_allocated_over_used)),
        right(percent(rule.within_10_percent)),
    ]
}

/// Two digits, since 1 % is asked for.
fn share(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn amount(gb_seconds: f64) -> String {
    match gb_seconds {
        0.0 => "0".to_owned(),
        small if small < 0.01 => format!("{small:.1e}"),
        small if small < 100.0 => format!("{small:.2}"),
        large => count(large.round() as usize),
    }
}

fn below(replayed: &Replayed) -> String {
    let left_out = match replayed.left_out {
        0 => String::new(),
        n => format!(
            ", {} left out of which what they needed is not known",
            counted(n, "call")
        ),
    };
    let of = format!(
        "{} of {}{left_out}; asked for: {} calls may fail.",
        counted(replayed.calls, "call"),
        counted(replayed.functions, "function"),
        odds(replayed.failure_rate)
    );
    let broken = replayed.rules.iter().filter_map(|rule| {
        let p = rule.chance_of_as_many_failures.filter(|p| *p < REJECTED)?;
        Some(format!(
            " {} does not hold that: as many failures would be seen in {} of cases.",
            rule.rule,
            percent(p)
        ))
    });
    let untimed = match replayed.is_timed {
        true => "",
        false => " No time is recorded: each call counts as one second.",
    };
    of + untimed + &broken.collect::<String>()
}
