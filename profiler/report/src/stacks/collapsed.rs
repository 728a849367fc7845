//! Collapsed (folded) stacks: one line per stack, frames separated by `;`, then a space and the weight. Read by
//! FlameGraph, inferno, speedscope and most others.

use super::Folded;

/// The stacks as lines, sorted, weights in the profile's unit.
pub fn collapsed(folded: &Folded) -> String {
    let mut text = folded.lines(1.0).join("\n");
    text.push('\n');
    text
}
