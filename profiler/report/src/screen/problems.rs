//! Calls that did not succeed, each with its reason; many alike are counted.

use crate::clean::clean;
use crate::layout::{Tone, left, shorten, table, wrap};
use crate::show::count;
use crate::{Problem, Style, words};

/// Shown in full; the others are counted.
const SHOWN: usize = 5;

pub(super) fn lines(problems: &[Problem], style: Style) -> Vec<String> {
    if problems.is_empty() {
        return Vec::new();
    }
    let rows: Vec<_> = problems
        .iter()
        .take(SHOWN)
        .map(|p| {
            vec![
                left("  ".to_owned() + &shorten(&clean(&p.input), 28)),
                left(p.outcome.to_string()).tone(Tone::Bad),
                left(clean(&p.reason)),
            ]
        })
        .collect();
    let mut lines = wrap(&(words::problems_title(problems.len()) + ":"), style.width);
    lines.extend(table(style, &rows));
    if problems.len() > SHOWN {
        lines.push(format!(
            "  {} more: fathom traces list",
            count(problems.len() - SHOWN)
        ));
    }
    lines
}
