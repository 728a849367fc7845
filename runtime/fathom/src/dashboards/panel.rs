//! What a panel is: what it asks, how it draws, where it stands. Which there are is said in `panels`.

use super::promql::Scope;

/// A dashboard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Board {
    /// All functions of the servers that are chosen.
    Fleet,
    /// One of them.
    Function,
}

/// How values are written. Each is a unit of Grafana's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Bytes,
    ByteSeconds,
    Seconds,
    Share,
    PerSecond,
    Number,
    /// A phase by its number, see `phase`.
    Phase,
}

/// How a panel draws.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Draw {
    Lines,
    /// On top of each other.
    Stacked,
    /// A number.
    Stat,
    /// The largest of several, as they are now.
    Bars,
    Heatmap,
    /// Which state when.
    Timeline,
    /// A row a function, a column a query.
    Table,
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Plain,
    /// A bound, which is drawn with dashes, in this colour.
    Bound(&'static str),
}

/// A query of a panel.
pub(super) struct Query {
    pub(super) expr: fn(Scope) -> String,
    /// What its series are called; `{{each}}` is what the dashboard tells apart.
    pub(super) legend: &'static str,
    pub(super) line: Line,
    /// Where it is not that of the panel.
    pub(super) unit: Option<Unit>,
}

/// A panel.
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// What it shows, and what to do.
    pub(super) about: &'static str,
    pub(super) on: &'static [Board],
    pub(super) draw: Draw,
    pub(super) unit: Unit,
    /// Columns of 24, and rows.
    pub(super) size: (u32, u32),
    pub(super) queries: Vec<Query>,
}

/// Panels below one heading.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) panels: Vec<Panel>,
}

impl Panel {
    /// Without queries.
    pub(super) fn new(
        draw: Draw,
        on: &'static [Board],
        title: &'static str,
        unit: Unit,
        size: (u32, u32),
        about: &'static str,
    ) -> Panel {
        Panel {
            title,
            about,
            on,
            draw,
            unit,
            size,
            queries: Vec::new(),
        }
    }

    /// With one more query.
    pub(super) fn query(self, legend: &'static str, expr: fn(Scope) -> String) -> Panel {
        self.with(legend, Line::Plain, None, expr)
    }

    /// With one more that is a bound.
    pub(super) fn bound(
        self,
        legend: &'static str,
        colour: &'static str,
        expr: fn(Scope) -> String,
    ) -> Panel {
        self.with(legend, Line::Bound(colour), None, expr)
    }

    /// With one more column of a table.
    pub(super) fn column(
        self,
        legend: &'static str,
        unit: Unit,
        expr: fn(Scope) -> String,
    ) -> Panel {
        self.with(legend, Line::Plain, Some(unit), expr)
    }

    fn with(
        mut self,
        legend: &'static str,
        line: Line,
        unit: Option<Unit>,
        expr: fn(Scope) -> String,
    ) -> Panel {
        self.queries.push(Query {
            expr,
            legend,
            line,
            unit,
        });
        self
    }
}
