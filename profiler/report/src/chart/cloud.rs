//! A function here against the same one deployed, in three panels: memory with the fitted line, time, and what is billed at each
//! size against what is used. Where calls there are not known the memory is that of the same share of calls, in its bucket.

use super::Theme;
use super::axis::Axis;
use super::canvas::{Area, At, Chart, Described, Drawn, Plot, WIDTH, empty, panel, sheet, text};
use super::curve::Point;
use super::legend::{Mark, legend};
use super::ticks::Unit;
use crate::show::{counted, percent, size};
use plotters::element::{Circle, DashedPathElement, PathElement, Rectangle};
use plotters::prelude::*;
use trace::{Bytes, CloudComparison, TierUse};

/// Pixels of a panel.
const PANEL: u32 = 620;

/// Memory, time and bills, here against there.
pub fn cloud<'d>(compared: &'d CloudComparison, theme: &'d Theme) -> Chart<'d> {
    let described = Described {
        id: "cloud",
        title: format!(
            "{} here against {} at {}",
            compared.function.name, compared.cloud_function, compared.provider_name
        ),
        description: description(compared),
    };
    let memory = Memory::of(compared);
    let tiers = near(&compared.tiers);
    let panels: Vec<Panel> = [
        (!memory.is_empty()).then_some(Panel::Memory),
        (!compared.times.is_empty()).then_some(Panel::Times),
        (!tiers.is_empty()).then_some(Panel::Tiers),
    ]
    .into_iter()
    .flatten()
    .collect();
    if panels.is_empty() {
        return empty(
            described,
            theme,
            "Nothing is known of calls there that could be compared.",
        );
    }
    let height = PANEL * panels.len() as u32;
    sheet(described, height, theme, move |area| {
        let parts = area.split_evenly((panels.len(), 1));
        for (part, which) in parts.iter().zip(&panels) {
            match which {
                Panel::Memory => memory.draw(part, theme)?,
                Panel::Times => draw_times(part, theme, &compared.times)?,
                Panel::Tiers => draw_tiers(part, theme, tiers)?,
            }
        }
        Ok(())
    })
}

#[derive(Clone, Copy)]
enum Panel {
    Memory,
    Times,
    Tiers,
}

struct Memory {
    points: Vec<Point>,
    /// (here, there from, there to).
    buckets: Vec<(f64, f64, f64)>,
    /// Offset and slope.
    line: Option<(f64, f64)>,
}

impl Memory {
    fn of(compared: &CloudComparison) -> Memory {
        let points = compared.points.iter();
        let pairs = compared.quantiles.iter();
        let points: Vec<Point> = points.map(|p| (p.local_bytes, p.cloud_bytes)).collect();
        Memory {
            // The same calls in a coarser view: only where there is no finer one.
            buckets: match points.is_empty() {
                true => pairs
                    .filter_map(|pair| {
                        let to = pair.cloud_to_bytes?;
                        Some((pair.local_bytes, pair.cloud_from_bytes.unwrap_or(0.0), to))
                    })
                    .collect(),
                false => Vec::new(),
            },
            points,
            line: compared.memory.map(|m| (m.offset.value, m.slope.value)),
        }
    }

    fn is_empty(&self) -> bool {
        self.points.is_empty() && self.buckets.is_empty()
    }

    fn draw(&self, area: &Area<'_>, theme: &Theme) -> Drawn {
        let mut entries = vec![match self.points.is_empty() {
            false => (
                Mark::Dot(theme.committed),
                "a call, or the mean of a minute".to_owned(),
            ),
            true => (
                Mark::Line(theme.committed),
                "the same share of calls, in its bucket".to_owned(),
            ),
        }];
        if self.line.is_some() {
            entries.push((Mark::Line(theme.given), "fitted".to_owned()));
        }
        entries.push((Mark::Dashed(theme.ink), "as much there as here".to_owned()));
        let top = legend(area, theme, &entries)?;
        let (_, rest) = area.split_vertically(top);
        let here = || {
            let points = self.points.iter().map(|p| p.0);
            points.chain(self.buckets.iter().map(|b| b.0))
        };
        let there = self
            .points
            .iter()
            .map(|p| p.1)
            .chain(self.buckets.iter().map(|b| b.2));
        let x = Axis::from_zero(Unit::Bytes, here());
        let y = Axis::from_zero(Unit::Bytes, there.chain(here()));
        let mut plot = panel(&rest, theme, (&x, "memory here"), (&y, "memory there"))?;
        as_much(&mut plot, theme, x.ends().1.min(y.ends().1))?;
        if let Some((offset, slope)) = self.line {
            let on = x.spread(200).map(|here| (here, offset + slope * here));
            let shown: Vec<Point> = on.filter(|(_, there)| y.holds(*there)).collect();
            plot.draw_series([PathElement::new(shown, theme.given.stroke_width(4))])?;
        }
        plot.draw_series(self.buckets.iter().map(|(here, from, to)| {
            PathElement::new(
                vec![(*here, *from), (*here, *to)],
                theme.committed.stroke_width(6),
            )
        }))?;
        plot.draw_series(
            self.points
                .iter()
                .map(|point| Circle::new(*point, 9, theme.committed.filled())),
        )?;
        Ok(())
    }
}

/// The line on which there is as much as here.
fn as_much(plot: &mut Plot<'_>, theme: &Theme, end: f64) -> Drawn {
    plot.draw_series([DashedPathElement::new(
        vec![(0.0, 0.0), (end, end)],
        10,
        8,
        theme.ink.stroke_width(3),
    )])?;
    Ok(())
}

fn draw_times(area: &Area<'_>, theme: &Theme, times: &[(f64, f64)]) -> Drawn {
    let entries = [
        (Mark::Dot(theme.variable), "a call".to_owned()),
        (Mark::Dashed(theme.ink), "as long there as here".to_owned()),
    ];
    let top = legend(area, theme, &entries)?;
    let (_, rest) = area.split_vertically(top);
    let x = Axis::from_zero(Unit::Seconds, times.iter().map(|t| t.0));
    let y = Axis::from_zero(Unit::Seconds, times.iter().map(|t| t.1));
    let mut plot = panel(&rest, theme, (&x, "time here"), (&y, "time there"))?;
    as_much(&mut plot, theme, x.ends().1.min(y.ends().1))?;
    plot.draw_series(
        times
            .iter()
            .map(|point| Circle::new(*point, 9, theme.variable.filled())),
    )?;
    Ok(())
}

fn used(tier: &TierUse) -> f64 {
    tier.used_gb_seconds.unwrap_or(0.0)
}

/// Sizes up to this many times the configured one are drawn: beside the largest of all the others would be seen no more.
const NEAR: u64 = 4;

fn near(tiers: &[TierUse]) -> &[TierUse] {
    let now = tiers.iter().find(|tier| tier.is_measured);
    let most = now.map_or(u64::MAX, |now| now.size_mb.saturating_mul(NEAR));
    &tiers[..tiers.partition_point(|tier| tier.size_mb <= most)]
}

/// Two bars for each size, named under them.
fn draw_tiers(area: &Area<'_>, theme: &Theme, tiers: &[TierUse]) -> Drawn {
    let entries = [
        (
            Mark::Fill(theme.waste_memory.to_rgba()),
            "billed for a mean call".to_owned(),
        ),
        (
            Mark::Fill(theme.committed.to_rgba()),
            "used by it".to_owned(),
        ),
        (Mark::Cross(theme.alert), "too small".to_owned()),
    ];
    let top = legend(area, theme, &entries)?;
    let (_, rest) = area.split_vertically(top);
    let x = Axis::until(Unit::Count, tiers.len() as f64).without_ticks();
    let amounts = tiers.iter().flat_map(|t| [t.billed_gb_seconds, used(t)]);
    let y = Axis::from_zero(Unit::Count, amounts);
    let mut plot = panel(&rest, theme, (&x, ""), (&y, "GB-seconds"))?;
    let bar = |at: usize, (from, to): (f64, f64), high: f64, color: RGBColor| {
        let ends = [(at as f64 + from, 0.0), (at as f64 + to, high)];
        Rectangle::new(ends, color.filled())
    };
    plot.draw_series(tiers.iter().enumerate().flat_map(|(at, tier)| {
        [
            bar(at, (0.15, 0.5), tier.billed_gb_seconds, theme.waste_memory),
            bar(at, (0.5, 0.85), used(tier), theme.committed),
        ]
    }))?;
    let too_small = tiers
        .iter()
        .enumerate()
        .filter(|(_, tier)| tier.fits == Some(false));
    plot.draw_series(too_small.map(|(at, tier)| {
        Cross::new(
            (at as f64 + 0.5, tier.billed_gb_seconds.max(used(tier))),
            12,
            theme.alert.stroke_width(5),
        )
    }))?;
    let (width, height) = rest.dim_in_pixel();
    let first = 132;
    let step = (width.min(WIDTH) as i32 - first - 48) / tiers.len().max(1) as i32;
    for (at, tier) in tiers.iter().enumerate() {
        let name = Unit::Megabytes.label(tier.size_mb as f64, tier.size_mb as f64);
        let middle = first + step * at as i32 + step / 2;
        text(
            &rest,
            theme,
            &name,
            (middle, height as i32 - 76),
            At::Middle,
        )?;
    }
    Ok(())
}

fn description(compared: &CloudComparison) -> String {
    let mut told = vec![format!(
        "{} known there.",
        counted(compared.counts.known, "call")
    )];
    if let Some(memory) = &compared.memory {
        told.push(format!(
            "Memory there is {} and {} of the memory here.",
            size(Bytes::from_f64(memory.offset.value.max(0.0))),
            percent(memory.slope.value)
        ));
    }
    if let Some(tier) = compared.tiers.iter().find(|tier| tier.is_measured)
        && let Some(used) = tier.used_gb_seconds
    {
        told.push(format!(
            "At {} MB {} of what is billed is used.",
            tier.size_mb,
            percent(used / tier.billed_gb_seconds)
        ));
    }
    told.join(" ")
}
