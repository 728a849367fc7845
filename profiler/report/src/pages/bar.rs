//! A small picture of memory in a row of a table: what calls needed, on the same logarithmic axis in every row, with the limit
//! and what is recommended. Its colours are the style's. For single calls see the charts.

use super::FunctionNow;
use crate::show::{round_size, size};
use maud::{Markup, html};
use trace::Bytes;

/// Width and height, in units of the picture.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 26.0;

/// Doublings from the smallest to the largest at least.
const SPAN: i32 = 4;

/// The axis that all rows share: powers of two of bytes.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    from: i32,
    to: i32,
}

impl Axis {
    /// It holds everything that is drawn of these functions.
    pub(crate) fn of<'a>(functions: impl Iterator<Item = &'a FunctionNow> + Clone) -> Axis {
        let all = functions.flat_map(|f| {
            let needed = f.needed.map(|n| [n.median, n.max]);
            let recommended = f.recommended.map(|r| r.bytes);
            needed
                .into_iter()
                .flatten()
                .chain(recommended)
                .chain(is_known(f.limit))
        });
        let powers = all.map(|bytes| bytes.as_f64().max(1.0).log2());
        let (low, high) = powers.fold((f64::MAX, f64::MIN), |(low, high), power| {
            (low.min(power), high.max(power))
        });
        if low > high {
            return Axis { from: 16, to: 32 };
        }
        let (from, to) = (low.floor() as i32, high.ceil() as i32);
        Axis {
            from,
            to: to.max(from + SPAN),
        }
    }

    fn x(self, bytes: Bytes) -> f64 {
        let share = (bytes.as_f64().max(1.0).log2() - f64::from(self.from))
            / f64::from(self.to - self.from);
        let x = 4.0 + share.clamp(0.0, 1.0) * (WIDTH - 8.0);
        (x * 10.0).round() / 10.0
    }

    /// A few powers that are named.
    fn ticks(self) -> impl Iterator<Item = Bytes> {
        let step = ((self.to - self.from) as usize).div_ceil(3).max(1);
        (self.from..=self.to)
            .step_by(step)
            .map(|power| Bytes(1 << power.clamp(0, 62)))
    }

    /// The axis itself, for the head of the table.
    pub(crate) fn head(self) -> Markup {
        html! {
            svg.bar.axis viewBox={ "0 0 " (WIDTH) " 16" } aria-hidden="true" {
                @for tick in self.ticks() {
                    @let x = self.x(tick);
                    line x1=(x) x2=(x) y1="12" y2="16" {}
                    text x=(x) y="9" text-anchor=(anchor(x)) { (round_size(tick)) }
                }
            }
        }
    }
}

/// The limit, where somebody has said one.
fn is_known(limit: Bytes) -> Option<Bytes> {
    Some(limit).filter(|limit| *limit > Bytes(0))
}

/// Texts at the edges stay inside.
fn anchor(x: f64) -> &'static str {
    match x {
        x if x < 24.0 => "start",
        x if x > WIDTH - 24.0 => "end",
        _ => "middle",
    }
}

/// The picture of one function.
pub(crate) fn bar(function: &FunctionNow, axis: Axis) -> Markup {
    html! {
        svg.bar viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(said(function)) {
            title { (said(function)) }
            line.base x1="4" x2=(WIDTH - 4.0) y1="13" y2="13" {}
            @if let Some(needed) = function.needed {
                @let (median, p99, max) = (axis.x(needed.median), axis.x(needed.p99), axis.x(needed.max));
                line.reach x1=(median) x2=(max) y1="13" y2="13" {}
                rect.needed x=(median) y="8" width=((p99 - median).max(3.0)) height="10" {}
                line.most x1=(max) x2=(max) y1="7" y2="19" {}
            }
            @if let Some(recommended) = function.recommended {
                @let x = axis.x(recommended.bytes);
                path.recommended d={ "M" (x) " 8 l-5 -7 h10 z" } {}
            }
            @if let Some(limit) = is_known(function.limit) {
                line.limit x1=(axis.x(limit)) x2=(axis.x(limit)) y1="3" y2="23" {}
            }
        }
    }
}

/// The same in words, exact.
fn said(function: &FunctionNow) -> String {
    let needed = match function.needed {
        Some(n) => format!(
            "needed {} (median), {} (p99), {} (most)",
            size(n.median),
            size(n.p99),
            size(n.max)
        ),
        None => "no call has succeeded yet".to_owned(),
    };
    let recommended = match function.recommended {
        Some(r) if r.is_lower_bound => format!("at least {} recommended", size(r.bytes)),
        Some(r) => format!("{} recommended", size(r.bytes)),
        None => "nothing recommended yet".to_owned(),
    };
    let limit = is_known(function.limit).map_or("not known".to_owned(), round_size);
    format!("{needed}; limit {limit}; {recommended}")
}
