//! Differential flame graphs: what one profile has more of than another, as if both had made as
//! many calls.
//!
//! Widths are those of the profile that is looked at; red is more than in the other, blue less. What only the other has
//! is not in the picture: to see that, compare the other way round.

use super::flamegraph::{draw, options, title};
use super::{Folded, StackError};
use crate::clean::clean;
use inferno::differential;
use std::io::Cursor;

/// The difference of `now` from `before` as an SVG document.
pub fn differential(before: &Folded, now: &Folded) -> Result<String, StackError> {
    // As many calls of the one as of the other.
    let scale = now.calls.max(1) as f64 / before.calls.max(1) as f64;
    let both = merged_lines(&before.lines(scale), &now.lines(1.0))?;
    let mut options = options(now.view);
    options.title = title(now);
    options.subtitle = Some(format!(
        "compared with as many calls of {}: red is more, blue is less",
        clean(&before.function)
    ));
    options.count_name = now.unit.to_owned();
    draw(&mut options, &both, now.view)
}

/// Lines with two weights, before and now, as inferno's own reader of two profiles makes them.
fn merged_lines(before: &[String], now: &[String]) -> Result<Vec<String>, StackError> {
    let mut both = Vec::new();
    differential::from_readers(
        differential::Options::default(),
        Cursor::new(before.join("\n")),
        Cursor::new(now.join("\n")),
        &mut both,
    )
    .map_err(|error| StackError::Drawing {
        reason: error.to_string(),
    })?;
    let text = String::from_utf8_lossy(&both);
    Ok(text.lines().map(str::to_owned).collect())
}
