//! What every size of every provider costs, and how long a call would take there. Price and time have a panel each,
//! side by side over the same sizes: two scales in one panel would let any two curves seem to meet.

use super::Theme;
use super::axis::Axis;
use super::canvas::{Area, Chart, Described, Drawn, Plot, WIDTH, empty, panel, sheet};
use super::curve::Point;
use super::legend::{Mark, legend, shape};
use super::ticks::Unit;
use crate::show::{counted, seconds, usd};
use plotters::element::{Circle, Cross, DashedPathElement, EmptyElement, PathElement, Polygon};
use plotters::prelude::*;
use trace::{Profile, ProviderBill, SizeBill};

/// USD and time for every size per provider.
pub fn bill<'d>(profile: &'d Profile, theme: &'d Theme) -> Chart<'d> {
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
        return empty(described, theme, "No provider's sizes were computed.");
    }
    sheet(described, 800, theme, move |area| {
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
    format!(
        "{}. {}.",
        counted(providers.len(), "provider"),
        each.join("; ")
    )
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
        let under = providers[..i].iter();
        let style = Style {
            index: i,
            over_another: under.clone().any(|other| hides(provider, other, quantity)),
        };
        series(&mut plot, theme, provider, style, &at)?;
    }
    Ok(())
}

/// Values that differ by less than this share lie on each other.
const APART: f64 = 0.02;

/// Whether the line of a provider would hide that of another: the same sizes for the same.
fn hides(provider: &ProviderBill, other: &ProviderBill, quantity: &Quantity) -> bool {
    let on_each_other = provider.sizes.iter().filter(|a| {
        other.sizes.iter().any(|b| {
            let (x, y) = ((quantity.of)(a), (quantity.of)(b));
            a.size_mb == b.size_mb && (x - y).abs() <= APART * y.abs()
        })
    });
    on_each_other.count() >= 2
}

/// How a provider is drawn. Over another's line its own is dashed, its marks smaller and its ring wider, so that both are
/// seen.
struct Style {
    index: usize,
    over_another: bool,
}

fn series(
    plot: &mut Plot<'_>,
    theme: &Theme,
    provider: &ProviderBill,
    Style {
        index,
        over_another,
    }: Style,
    at: &dyn Fn(&SizeBill) -> Point,
) -> Drawn {
    let color = color(theme, index);
    let path: Vec<Point> = provider.sizes.iter().map(at).collect();
    if over_another {
        let line = color.stroke_width(3);
        plot.draw_series([DashedPathElement::new(path, 12, 16, line)])?;
    } else {
        plot.draw_series([PathElement::new(path, color.mix(0.7).stroke_width(3))])?;
    }
    let (ring, large, small) = if over_another {
        (26, 7, 3)
    } else {
        (19, 11, 6)
    };
    let too_small = provider.sizes.iter().filter(|s| !s.fits);
    plot.draw_series(too_small.map(|s| Cross::new(at(s), 7, theme.faint.stroke_width(3))))?;
    let fitting = provider.sizes.iter().filter(|s| s.fits);
    plot.draw_series(fitting.map(|s| {
        let chosen = s.size_mb == provider.size_mb;
        let radius = if chosen { large } else { small };
        EmptyElement::at(at(s)) + Polygon::new(shape(index, (0, 0), radius), color)
    }))?;
    let chosen = provider
        .sizes
        .iter()
        .filter(|s| s.size_mb == provider.size_mb);
    plot.draw_series(chosen.map(|s| Circle::new(at(s), ring, color.stroke_width(4))))?;
    Ok(())
}
