//! When memory was allocated, or CPU time used: a grid over time as FlameScope has it, and in each cell which stacks it
//! was, so that a flame graph of any range of cells can be drawn without going back to the calls.
//!
//! A cell's amounts are added up by stack: no sample is left out, however many there are. Where there are very many
//! different stacks the least of them are one, and it is said how much that is.
//!
//! Not here: what it looks like (`html::heatmap`), and the order of calls on the clock (`over_time`).

use super::label::{in_collapsed, label};
use super::over_time::OverTime;
use super::scale::Scale;
use super::{By, Measure, Merged, View};
use crate::clean::clean;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Amounts by cell and stack kept apart at most, and the bytes that all of it may take in a page.
const MOST_ENTRIES: usize = 20_000;
const MOST_BYTES: usize = 300_000;

/// What stands for the stacks that are not kept apart.
const OTHERS: &str = "[other stacks]";

/// Columns, rows, and what was counted in each cell.
pub(crate) struct Heatmap {
    pub(crate) view: View,
    pub(crate) scale: Scale,
    /// Of each cell, in order of time; nanoseconds or bytes.
    pub(crate) cells: Vec<f64>,
    /// Calls laid one after another.
    pub(crate) calls: usize,
    /// Where the first of them began, nanoseconds, and what they were given.
    pub(crate) begun: Vec<(u64, String)>,
    /// Of each cell whether nothing was recorded though there was something, all the time.
    pub(crate) unknown: Vec<bool>,
    /// Of everything that the calls are known to have counted; `None` where nothing is known beside the cells.
    pub(crate) whole: Option<Whole>,
    tree: Tree,
    entries: Vec<Entry>,
}

/// What the calls counted altogether, and what of it has a time.
pub(crate) struct Whole {
    pub(crate) all: f64,
    pub(crate) timed: f64,
}

struct Entry {
    cell: usize,
    stack: u32,
    amount: f64,
}

impl Heatmap {
    /// Of everything allocated, or of CPU time; `None` where no call tells when, and for other views, which are of one
    /// moment.
    pub(crate) fn of(merged: &Merged, view: View) -> Option<Heatmap> {
        let (over_time, whole) = match view {
            View::Cpu => (&merged.used, None),
            View::Allocated => {
                let allocated = merged.heap_by_stack();
                let bytes = allocated.values().map(|at| view.of(at, Measure::Bytes));
                (&merged.allocated, Some(bytes.sum()))
            }
            View::AtPeak | View::AtEnd | View::Temporary => return None,
        };
        let scale = Scale::of(over_time.span(), over_time.finest());
        let mut tree = Tree::default();
        let entries = entries(merged, over_time, scale, &mut tree);
        let mut cells = vec![0.0; scale.cells() as usize];
        for entry in &entries {
            cells[entry.cell] += entry.amount;
        }
        let timed: f64 = cells.iter().sum();
        let begun = over_time.begun().iter();
        (timed > 0.0).then(|| Heatmap {
            view,
            scale,
            cells,
            calls: over_time.calls(),
            begun: begun.map(|(at, label)| (*at, clean(label))).collect(),
            unknown: unknown(over_time, scale),
            whole: whole.map(|all| Whole { all, timed }),
            tree,
            entries,
        })
    }

    /// What the amounts of the cells are, and how many of them are one of what a flame graph is counted in.
    pub(crate) fn unit(&self) -> (&'static str, u64) {
        match self.view {
            View::Cpu => ("us", 1_000),
            _ => ("bytes", 1),
        }
    }

    /// What was given to the calls that ran in a cell, as far as that is known: the first of them, and how many there are.
    pub(crate) fn calls_in(&self, from: u64, to: u64) -> Option<(&str, usize)> {
        if self.begun.len() < self.calls {
            return None;
        }
        let last = self.begun.partition_point(|(at, _)| *at < to);
        let first = self.begun.partition_point(|(at, _)| *at <= from).max(1) - 1;
        let (_, label) = self.begun.get(first)?;
        Some((label, last.saturating_sub(first)))
    }

    /// Everything a flame graph of a range needs, for a script: a tree of names, and by cell what each of its nodes had,
    /// whole numbers; and the share that is in no stack of its own. Moments and cells are given as steps from the one
    /// before.
    pub(crate) fn data(&self) -> (String, f64) {
        let mut most = MOST_ENTRIES;
        loop {
            let (data, others) = self.data_of_at_most(most);
            if data.len() <= MOST_BYTES || most <= self.cells.len() {
                return (data, others);
            }
            most /= 2;
        }
    }

    fn data_of_at_most(&self, most: usize) -> (String, f64) {
        let mut kept: Vec<&Entry> = self.entries.iter().collect();
        let mut others: BTreeMap<usize, f64> = BTreeMap::new();
        if kept.len() > most {
            kept.sort_by(|a, b| b.amount.total_cmp(&a.amount));
            for entry in kept.split_off(most) {
                *others.entry(entry.cell).or_insert(0.0) += entry.amount;
            }
            kept.sort_by_key(|entry| (entry.cell, entry.stack));
        }
        let lumped: f64 = others.values().sum();
        let mut tree = self.tree.only(kept.iter().map(|entry| entry.stack));
        let numbers = tree.numbers.clone();
        let number = |stack: u32| numbers.get(&stack).copied().unwrap_or_default();
        let apart = kept.iter().map(|e| (e.cell, number(e.stack), e.amount));
        let mut rows: Vec<(usize, u32, f64)> = apart.collect();
        if !others.is_empty() {
            let node = tree.add(None, OTHERS);
            rows.extend(
                others
                    .into_iter()
                    .map(|(cell, amount)| (cell, node, amount)),
            );
            rows.sort_by_key(|row| row.0);
        }
        let clock = self.scale.clock();
        let (unit, per) = self.unit();
        let begun = match self.begun.len() < self.calls {
            true => &[],
            false => self.begun.as_slice(),
        };
        let unknown = self.unknown.iter().enumerate().filter(|(_, is)| **is);
        let data = json!({
            "unit": unit, "per": per,
            "cell": self.scale.cell(), "cells": self.cells.len(), "rows": self.scale.rows,
            "clock": { "unit": clock.unit, "nanos": clock.nanos, "digits": clock.digits },
            "names": tree.names, "name": tree.name, "parent": tree.parent,
            "at": steps(rows.iter().map(|row| row.0 as u64)),
            "node": rows.iter().map(|row| row.1).collect::<Vec<_>>(),
            "amount": rows.iter().map(|row| whole(row.2)).collect::<Vec<_>>(),
            "begun": steps(begun.iter().map(|(at, _)| *at)),
            "unknown": steps(unknown.map(|(cell, _)| cell as u64)),
            "given": begun.iter().map(|(_, label)| label).collect::<Vec<_>>(),
        });
        let total: f64 = self.cells.iter().sum();
        (data.to_string(), lumped / total)
    }
}

fn unknown(over_time: &OverTime, scale: Scale) -> Vec<bool> {
    let cells = scale.cells();
    let mut unknown = vec![false; cells as usize];
    for (from, to) in over_time.unknown() {
        // The last cell is longer than what is left of the call.
        let end = if *to == scale.span {
            cells
        } else {
            to / scale.cell()
        };
        let within = from.div_ceil(scale.cell()).min(end)..end;
        within.for_each(|cell| unknown[cell as usize] = true);
    }
    unknown
}

/// A whole number as JSON, without a point.
fn whole(amount: f64) -> Value {
    // Beyond 2^64 it saturates: no call allocates as much.
    json!(amount.round() as u64)
}

/// The first number, and then by how much each is more than the one before.
fn steps(numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut before = 0;
    let step = |number: u64| number - std::mem::replace(&mut before, number);
    numbers.map(step).collect()
}

/// The amounts by cell and by node of the tree of names, in the order of both.
fn entries(merged: &Merged, over_time: &OverTime, scale: Scale, tree: &mut Tree) -> Vec<Entry> {
    let labels = merged.table.frames.iter();
    let labels: Vec<String> = labels.map(|f| in_collapsed(&label(f, By::Line))).collect();
    let mut nodes: HashMap<u32, Option<u32>> = HashMap::new();
    let mut sums: BTreeMap<(usize, u32), f64> = BTreeMap::new();
    let mut amounts: Vec<(u64, u32, f64)> = over_time.amounts().collect();
    // In their order, so that the same calls give the same page.
    amounts.sort_by_key(|(at, stack, _)| (*at, *stack));
    for (at, stack, amount) in amounts {
        let node = *nodes.entry(stack).or_insert_with(|| {
            let frames = merged.table.stacks.get(stack as usize)?.iter();
            let names = frames.filter_map(|&frame| labels.get(frame as usize));
            names.fold(None, |parent, name| Some(tree.add(parent, name)))
        });
        if let Some(node) = node {
            let cell = (at / scale.cell()).min(scale.cells() - 1) as usize;
            *sums.entry((cell, node)).or_insert(0.0) += amount;
        }
    }
    let entry = |((cell, stack), amount)| Entry {
        cell,
        stack,
        amount,
    };
    sums.into_iter().map(entry).collect()
}

/// Stacks by their names: each node is a name and the node that called it.
#[derive(Default)]
struct Tree {
    names: Vec<String>,
    name: Vec<u32>,
    parent: Vec<Option<u32>>,
    known_names: HashMap<String, u32>,
    known: HashMap<(Option<u32>, u32), u32>,
    /// In a tree made of another: the number here of each node there.
    numbers: HashMap<u32, u32>,
}

impl Tree {
    fn add(&mut self, parent: Option<u32>, name: &str) -> u32 {
        let name = *self.known_names.entry(name.to_owned()).or_insert_with(|| {
            self.names.push(name.to_owned());
            self.names.len() as u32 - 1
        });
        *self.known.entry((parent, name)).or_insert_with(|| {
            self.name.push(name);
            self.parent.push(parent);
            self.name.len() as u32 - 1
        })
    }

    /// The tree of these nodes, and of those that called them, alone.
    fn only(&self, nodes: impl Iterator<Item = u32>) -> Tree {
        let mut tree = Tree::default();
        for node in nodes {
            self.copy(node, &mut tree);
        }
        tree
    }

    fn copy(&self, node: u32, to: &mut Tree) -> Option<u32> {
        let mut path = vec![node];
        while let Some(parent) = self.parent.get(*path.last()? as usize).copied().flatten() {
            path.push(parent);
        }
        path.into_iter().rev().fold(None, |parent, node| {
            let name = self.names.get(*self.name.get(node as usize)? as usize)?;
            let number = to.add(parent, name);
            to.numbers.insert(node, number);
            Some(number)
        })
    }
}
