//! Who held the memory, in a few lines: the functions of the user under which most was held at the peak.
//!
//! A byte belongs to the innermost function of the user on its stack: that is who asked for it. What it called to get it,
//! a vector's growth or `malloc`, is nobody's choice. A byte without any function of the user belongs to the innermost.

use super::label::{name, place};
use super::merge::Merged;
use super::{Measure, View, origin::is_users};
use crate::Style;
use crate::layout::{Tone, left, right, shorten, table};
use crate::show::{percent, size};
use std::collections::{BTreeMap, BTreeSet};
use trace::{Bytes, Frame, HeapSampling};

/// Functions kept.
const MOST: usize = 10;

/// The functions that held most at the peak.
#[derive(Clone, Debug, PartialEq)]
pub struct Who {
    /// Bytes held at the peak, of all calls together.
    pub total: f64,
    /// Calls that these are of.
    pub calls: usize,
    /// How the allocations were looked at.
    pub sampling: HeapSampling,
    /// Those that held most themselves first.
    pub holders: Vec<Holder>,
    /// Functions that are not among them.
    pub others: usize,
}

/// One function.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    /// Its name.
    pub function: String,
    /// `main.rs:31`, the line under which it held most, where lines are known.
    pub place: Option<String>,
    /// Bytes that it asked for itself.
    pub own: f64,
    /// Bytes asked for by it and by what it called.
    pub inclusive: f64,
}

#[derive(Default)]
struct Sum {
    own: f64,
    inclusive: f64,
    by_place: BTreeMap<String, f64>,
}

impl Who {
    /// The holders, where allocations were recorded and anything was held.
    pub fn of(merged: &Merged) -> Option<Who> {
        let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
        let mut total = 0.0;
        for (&stack, at) in &merged.heap_by_stack() {
            let bytes = View::AtPeak.of(at, Measure::Bytes);
            if bytes <= 0.0 {
                continue;
            }
            total += bytes;
            let frames: Vec<&Frame> = merged.table.frames_of(stack).collect();
            let owner = frames.iter().rev().find(|f| is_users(f)).or(frames.last());
            let users: BTreeSet<String> = frames
                .iter()
                .filter(|f| is_users(f))
                .chain(owner)
                .map(|f| name(f))
                .collect();
            for function in users {
                sums.entry(function).or_default().inclusive += bytes;
            }
            if let Some(owner) = owner {
                let sum = sums.entry(name(owner)).or_default();
                sum.own += bytes;
                if let Some(place) = place(owner) {
                    *sum.by_place.entry(place).or_default() += bytes;
                }
            }
        }
        let mut holders: Vec<Holder> = sums.into_iter().map(Holder::of).collect();
        holders.sort_by(|a, b| {
            let by_own = b.own.total_cmp(&a.own);
            by_own.then(b.inclusive.total_cmp(&a.inclusive))
        });
        let others = holders.len().saturating_sub(MOST);
        holders.truncate(MOST);
        (total > 0.0).then_some(Who {
            total,
            calls: merged.calls_in(View::AtPeak),
            sampling: merged.sampling()?,
            holders,
            others,
        })
    }

    /// `71 % of the peak is held by line_reader::read_rows (main.rs:31)`.
    pub fn sentence(&self) -> Option<String> {
        let most = self.holders.first().filter(|h| h.own > 0.0)?;
        let place = most.place.as_ref().map(|p| format!(" ({p})"));
        let peaks = if self.calls == 1 { "peak" } else { "peaks" };
        let verb = if self.calls == 1 { "is" } else { "are" };
        let about = match self.sampling {
            HeapSampling::Exact => "",
            HeapSampling::Poisson { .. } => "about ",
        };
        let sentence = format!(
            "{about}{} of the {peaks} {verb} held by `{}`{}",
            percent(most.own / self.total),
            most.function.replace('`', "'"),
            place.unwrap_or_default()
        );
        Some(sentence)
    }

    /// Cells of a table: share, own and inclusive bytes, function, line.
    pub(crate) fn rows(&self) -> Vec<[String; 5]> {
        let held = self.holders.iter();
        held.map(|holder| {
            [
                percent(holder.own / self.total),
                size(Bytes::from_f64(holder.own)),
                size(Bytes::from_f64(holder.inclusive)),
                holder.function.clone(),
                holder.place.clone().unwrap_or_else(|| "-".to_owned()),
            ]
        })
        .collect()
    }

    /// What the table is about.
    pub(crate) fn title(&self) -> String {
        let calls = crate::show::counted(self.calls, "call");
        let how = match self.sampling {
            HeapSampling::Exact => "every allocation".to_owned(),
            HeapSampling::Poisson { mean } => format!("sampled every {mean} on average"),
        };
        format!("Who held the memory at the peak ({calls}, {how})")
    }
}

/// The functions as a table for a terminal, with a title.
pub fn who_text(who: &Who, style: Style) -> String {
    let header = [
        right("share"),
        right("own"),
        right("with callees"),
        left("function"),
        left("line"),
    ];
    let mut rows = vec![header.map(|cell| cell.tone(Tone::Faint)).to_vec()];
    rows.extend(
        who.rows()
            .into_iter()
            .map(|[share, own, inclusive, function, place]| {
                vec![
                    right(share),
                    right(own),
                    right(inclusive),
                    left(shorten(&function, 60)),
                    left(place),
                ]
            }),
    );
    let mut text = format!("{}:\n", who.title());
    for line in table(style, &rows) {
        text += &format!("    {line}\n");
    }
    if who.others > 0 {
        text += &format!(
            "    and {} more\n",
            crate::show::counted(who.others, "function")
        );
    }
    text
}

impl Holder {
    fn of((function, sum): (String, Sum)) -> Holder {
        let most = sum.by_place.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        Holder {
            function,
            place: most.map(|(place, _)| place),
            own: sum.own,
            inclusive: sum.inclusive,
        }
    }
}
