//! What recorded calls needed, as a recommendation tells it: for what explains and compares recommendations. Sizes nothing.

use std::collections::HashMap;
use trace::{CallAllocation, Outcome};

/// The calls that ran to their own end.
pub(crate) fn measured(calls: &[CallAllocation]) -> impl Iterator<Item = &CallAllocation> {
    calls
        .iter()
        .filter(|call| call.outcome == Outcome::Succeeded)
}

/// The largest need of each input of those calls, bytes.
pub(crate) fn largest_needs(calls: &[CallAllocation]) -> HashMap<&str, f64> {
    let mut needs: HashMap<&str, f64> = HashMap::new();
    for call in measured(calls) {
        let need = needs.entry(call.identity()).or_default();
        *need = need.max(call.needed_bytes.as_f64());
    }
    needs
}
