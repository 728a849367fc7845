//! What every size of every provider costs, and how long a call would take there. Price and time have a panel each,
//! side by side over the same sizes: two scales in one panel would let any two curves seem to meet.

use super::Theme;
use super::axis::Axis;
use super::canvas::{Area, Described, Drawn, Plot, WIDTH, empty, panel, sheet};
use super::curve::Point;
use super::legend::{Mark, legend, shape};
use super::ticks::Unit;
use crate::show::{count, seconds, usd};
use plotters::element::{Circle, Cross, EmptyElement, PathElement, Polygon};
use plotters::prelude::*;
use trace::{Profile, ProviderBill, SizeBill};

/// USD and time for every size per provider.
pub fn bill(profile: &Profile, theme: &Theme) -> String {
    let providers: &[ProviderBill] = profile
        .recommendation
        .as_ref()
        .map_or(&[], |r| &r.providers);
    let described = Described {
        id: "bill",
        title: "Price and time for every size per provider".to_owned(),
        description: description(providers),
    };
    if providers.iter().all(|p| p.sizes.is_empty()) {
        return empty(&described, theme, "No provider's sizes were computed.");
    }
    sheet(&described, 800, theme, |area| {
        let top = legend(area, theme, &entries(providers, theme))?;
        let (_, rest) = area.split_vertically(top);
        let (left, right) = rest.split_horizontally(WIDTH / 2 - 10);
        let price = Quantity {
            unit: Unit::Usd,
            name: "USD per million calls",
            of: |s| s.usd_per_million,
        };
        let time = Quantity {
            unit: Unit::Seconds,
            name: "estimated time of a call",
            of: |s| s.estimated_seconds,
        };
        draw(&left, theme, providers, &price)?;
        draw(&right, theme, providers, &time)
    })
}

/// What one of the two panels shows of a size.
struct Quantity {
    unit: Unit,
    name: &'static str,
    of: fn(&SizeBill) -> f64,
}

fn description(providers: &[ProviderBill]) -> String {
    let each: Vec<String> = providers
        .iter()
        .map(|p| {
            format!(
                "{}: {} MB recommended, {} USD per million calls, {} estimated",
                p.name,
                p.size_mb,
                usd(p.usd_per_million),
                seconds(p.estimated_seconds)
            )
        })
        .collect();
    format!("{} providers. {}.", count(providers.len()), each.join("; "))
}

fn entries(providers: &[ProviderBill], theme: &Theme) -> Vec<(Mark, String)> {
    let mut entries: Vec<(Mark, String)> = providers
        .iter()
        .enumerate()
        .map(|(i, p)| (Mark::Series(color(theme, i), i), p.name.clone()))
        .collect();
    let all = || providers.iter().flat_map(|p| &p.sizes);
    if all().any(|s| !s.fits) {
        entries.push((Mark::Cross(theme.faint), "too small".to_owned()));
    }
    entries
}

fn color(theme: &Theme, index: usize) -> RGBColor {
    theme.series[index % theme.series.len()]
}

fn draw(area: &Area<'_>, theme: &Theme, providers: &[ProviderBill], quantity: &Quantity) -> Drawn {
    let all = || providers.iter().flat_map(|p| &p.sizes);
    let x = Axis::around(
        Unit::Megabytes,
        all().map(|s| s.size_mb as f64),
        (0.05, 0.05),
    );
    let y = Axis::beside(&x, quantity.unit, all().map(quantity.of));
    let mut plot = panel(
        area,
        theme,
        (&x, "size (ringed: recommended)"),
        (&y, quantity.name),
    )?;
    for (i, provider) in providers.iter().enumerate() {
        let at = |s: &SizeBill| (s.size_mb as f64, (quantity.of)(s));
        series(&mut plot, theme, provider, i, &at)?;
    }
    Ok(())
}

fn series(
    plot: &mut Plot<'_>,
    theme: &Theme,
    provider: &ProviderBill,
    index: usize,
    at: &dyn Fn(&SizeBill) -> Point,
) -> Drawn {
    let color = color(theme, index);
    let path: Vec<Point> = provider.sizes.iter().map(at).collect();
    plot.draw_series([PathElement::new(path, color.mix(0.7).stroke_width(3))])?;
    let too_small = provider.sizes.iter().filter(|s| !s.fits);
    plot.draw_series(too_small.map(|s| Cross::new(at(s), 7, theme.faint.stroke_width(3))))?;
    let fitting = provider.sizes.iter().filter(|s| s.fits);
    plot.draw_series(fitting.map(|s| {
        let chosen = s.size_mb == provider.size_mb;
        let radius = if chosen { 11 } else { 6 };
        EmptyElement::at(at(s)) + Polygon::new(shape(index, (0, 0), radius), color)
    }))?;
    let chosen = provider
        .sizes
        .iter()
        .filter(|s| s.size_mb == provider.size_mb);
    plot.draw_series(chosen.map(|s| Circle::new(at(s), 19, color.stroke_width(4))))?;
    Ok(())
}
