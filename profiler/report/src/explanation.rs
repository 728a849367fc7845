//! Why a size is what it is, as text for a terminal.

use crate::Style;
use crate::clean::clean;
use crate::layout::{Cell, LABEL, Tone, labelled, left, right, table};
use crate::show::{count, counted, number, odds, percent, round_size, size, usd};
use trace::{Bytes, CallMargin, Explanation, MarginFrom, OneMore, Smaller};

/// The parts of the size, the margin of single calls, the calls nearest to it, what one more input and the next smaller size
/// would change.
pub fn explanation_text(explanation: &Explanation, style: Style) -> String {
    let style = Style {
        width: style.width.max(60),
        ..style
    };
    let mut lines = vec![style.paint(
        Tone::Strong,
        &format!(
            "{}: {} for every call",
            clean(&explanation.function.name),
            size(explanation.allocation_bytes)
        ),
    )];
    lines.extend(indented(table(style, &parts(explanation))));
    if let Some(margin) = &explanation.call_margin {
        lines.push(String::new());
        lines.extend(labelled(style, "Alone", &alone(margin)));
    }
    lines.push(String::new());
    lines.push(style.paint(Tone::Strong, "Nearest to what they are given"));
    lines.extend(indented(table(style, &nearest(explanation))));
    lines.push(String::new());
    lines.extend(labelled(style, "One", &[one_more(&explanation.one_more)]));
    lines.push(String::new());
    let smaller: Vec<String> = explanation.smaller.iter().map(smaller).collect();
    lines.extend(labelled(style, "Less", &smaller));
    lines.join("\n") + "\n"
}

fn indented(lines: Vec<String>) -> impl Iterator<Item = String> {
    lines.into_iter().map(|line| " ".repeat(LABEL) + &line)
}

fn parts(explanation: &Explanation) -> Vec<Vec<Cell>> {
    let parts = explanation.parts.iter().enumerate();
    let parts = parts.map(|(at, part)| {
        let bytes = size(Bytes(part.bytes.unsigned_abs()));
        let sign = match (at, part.bytes < 0) {
            (_, true) => "-",
            (0, false) => "",
            (_, false) => "+",
        };
        vec![right(format!("{sign}{bytes}")), left(clean(&part.what))]
    });
    parts.collect()
}

fn alone(margin: &CallMargin) -> Vec<String> {
    let from = match margin.from {
        None => "",
        Some(MarginFrom::LeftOut) => ", from predictions of each input made without it",
        Some(MarginFrom::StepAhead) => ", from predictions of each call made from those before it",
        Some(MarginFrom::Tail) => ", by how the largest of the latest errors fall off",
    };
    let bounds = format!(
        "at least {} ({} below it), at most {} ({} at it)",
        size(margin.floor),
        counted(margin.at_floor, "call"),
        size(margin.cap),
        count(margin.at_cap)
    );
    vec![
        format!("a call sized alone gets {}", clean(&margin.formula)),
        format!("and {} more{from}", more(margin)),
        bounds,
    ]
}

/// A factor, a summand, or both.
fn more(margin: &CallMargin) -> String {
    let factor = margin.factor - 1.0;
    match margin.added {
        Bytes(0) => percent(factor),
        added if factor < 5e-4 => size(added),
        added => format!("{} and {}", percent(factor), size(added)),
    }
}

fn nearest(explanation: &Explanation) -> Vec<Vec<Cell>> {
    let header = vec![
        left("input").tone(Tone::Faint),
        right("needed").tone(Tone::Faint),
        right("given").tone(Tone::Faint),
        right("room").tone(Tone::Faint),
    ];
    let rows = explanation.nearest.iter().map(|near| {
        let tone = if near.room_share < 0.0 {
            Tone::Bad
        } else {
            Tone::Plain
        };
        vec![
            left(crate::layout::shorten(&clean(&near.input), 40)),
            right(size(near.needed_bytes)),
            right(size(near.given_bytes)),
            right(percent(near.room_share)).tone(tone),
        ]
    });
    std::iter::once(header).chain(rows).collect()
}

fn one_more(more: &OneMore) -> String {
    let backs = if more.inputs_needed == 0 {
        format!("the asked {} is backed already", odds(more.backed_now))
    } else {
        format!(
            "it would back {} instead of {} ({} for what was asked)",
            odds(more.backed_then),
            odds(more.backed_now),
            counted(more.inputs_needed, "more input")
        )
    };
    format!(
        "one more distinct input: {backs}; every call would get {} if it needs as much as the middle one, {} if it needs a \
         tenth more than the largest",
        size(more.if_usual),
        size(more.if_larger)
    )
}

fn smaller(smaller: &Smaller) -> String {
    let fails = match smaller.would_fail {
        0 => format!(
            "none of {} recorded would have failed",
            counted(smaller.calls, "call")
        ),
        n => format!(
            "{} of {} would have failed ({}{})",
            count(n),
            counted(smaller.calls, "call"),
            clean(&smaller.inputs.join(", ")),
            if n > smaller.inputs.len() {
                ", ..."
            } else {
                ""
            }
        ),
    };
    let saves = match smaller.usd_less_per_million {
        None => String::new(),
        Some(less) if less > 0.0 => format!("; USD {} less for a million calls", usd(less)),
        Some(less) if less < 0.0 => {
            format!(
                "; USD {} more for a million calls, being slower",
                usd(-less)
            )
        }
        Some(_) => "; for the same price".to_owned(),
    };
    let slower = match smaller.times_as_long {
        times if times >= 1.05 => {
            format!("; {} times as long", number((times * 10.0).round() / 10.0))
        }
        _ => String::new(),
    };
    format!(
        "{}, {} in place of {}: {fails}{saves}{slower}",
        clean(&smaller.name),
        round_size(smaller.smaller),
        round_size(smaller.size)
    )
}
