//! Stacks as lines of names with a weight each: what flame graphs are drawn from.

use super::label::{in_collapsed, label};
use super::merge::{CpuPart, HeapPart, Merged};
use super::{By, Measure, View};
use std::collections::BTreeMap;

/// One view of calls added up. Stacks with the same names are one.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// Name of the function.
    pub function: String,
    /// What the weights are.
    pub view: View,
    /// Their unit.
    pub unit: &'static str,
    /// Calls that they were added up from.
    pub calls: usize,
    /// Names, outermost first, with `;` between them, which is in none of them; and weights.
    pub(super) stacks: BTreeMap<String, f64>,
}

impl Folded {
    pub(super) fn of(merged: &Merged, view: View, measure: Measure, by: By) -> Folded {
        let weights: Vec<(u32, f64)> = match view {
            View::Cpu => merged.cpu_by_stack().iter().map(micros).collect(),
            _ => {
                let all = merged.heap_by_stack();
                let weight = |(&stack, at): (&u32, &_)| (stack, view.of(at, measure));
                all.iter().map(weight).collect()
            }
        };
        Folded::from_weights(merged, view, measure, by, weights)
    }

    /// What the calls of one machine held, by function.
    pub(super) fn of_heap(merged: &Merged, part: &HeapPart, view: View) -> Folded {
        let weight = |(&stack, at): (&u32, &_)| (stack, view.of(at, Measure::Bytes));
        let weights = part.by_stack.iter().map(weight).collect();
        Folded::from_weights(merged, view, Measure::Bytes, By::Function, weights)
    }

    /// Where the time of the calls of one machine went, by function.
    pub(super) fn of_cpu(merged: &Merged, part: &CpuPart) -> Folded {
        let weights = part.by_stack.iter().map(micros).collect();
        Folded::from_weights(merged, View::Cpu, Measure::Bytes, By::Function, weights)
    }

    fn from_weights(
        merged: &Merged,
        view: View,
        measure: Measure,
        by: By,
        weights: Vec<(u32, f64)>,
    ) -> Folded {
        let frames = merged.table.frames.iter();
        let labels: Vec<String> = frames.map(|f| in_collapsed(&label(f, by))).collect();
        let mut stacks = BTreeMap::new();
        for (stack, weight) in weights.into_iter().filter(|(_, weight)| *weight > 0.0) {
            let positions = merged
                .table
                .stacks
                .get(stack as usize)
                .into_iter()
                .flatten();
            let names: Vec<&str> = positions
                .filter_map(|&position| labels.get(position as usize))
                .map(String::as_str)
                .collect();
            *stacks.entry(names.join(";")).or_insert(0.0) += weight;
        }
        Folded {
            function: merged.function.name.clone(),
            view,
            unit: match (view, measure) {
                (View::Cpu, _) => "us",
                (_, Measure::Bytes) => "bytes",
                (_, Measure::Blocks) => "blocks",
            },
            calls: merged.calls_in(view),
            stacks,
        }
    }

    /// All weights together.
    pub fn total(&self) -> f64 {
        self.stacks.values().sum()
    }

    /// One line per stack, weights as whole numbers. What rounds to nothing is left out.
    pub(super) fn lines(&self, scale: f64) -> Vec<String> {
        let stacks = self.stacks.iter();
        let rounded = stacks.map(|(names, weight)| (names, (weight * scale).round()));
        let some = rounded.filter(|(_, weight)| *weight >= 1.0);
        some.map(|(names, weight)| format!("{names} {weight}"))
            .collect()
    }
}

fn micros((&stack, (_, nanos)): (&u32, &(u64, u64))) -> (u32, f64) {
    (stack, *nanos as f64 / 1000.0)
}
