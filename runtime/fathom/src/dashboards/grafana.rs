//! The panels as dashboards in Grafana's JSON, of the form that each version from 11.6 on reads (schema 41). What is in the
//! panels is known in `panels`; here is where they stand and how they look.

use super::{
    around::{firing, links, source, variables},
    panel::{Board, Draw, Line, Panel, Query, Unit},
    panels::sections,
    promql::Scope,
};
use serde_json::{Value, json};

/// The version of the form.
const SCHEMA: u32 = 41;

/// Columns of a dashboard.
const COLUMNS: u32 = 24;

/// A function's dashboard, with the choices that were made, and one more: the function.
const TO_FUNCTION: &str = "/d/fathom-function?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${server:queryparam}&${__url_time_range}&var-function=";

impl Board {
    fn uid(self) -> &'static str {
        match self {
            Board::Fleet => "fathom-fleet",
            Board::Function => "fathom-function",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Board::Fleet => "Fathom: fleet",
            Board::Function => "Fathom: function",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Board::Fleet => {
                "All functions of the servers that are chosen: calls, memory, waste, and what is learned."
            }
            Board::Function => {
                "One function: what its calls need, against what they may have and what is recommended."
            }
        }
    }

    fn scope(self) -> Scope {
        match self {
            Board::Fleet => Scope::FLEET,
            Board::Function => Scope::FUNCTION,
        }
    }
}

impl Unit {
    /// Its identifier in Grafana.
    fn id(self) -> &'static str {
        match self {
            Unit::Bytes => "bytes",
            Unit::ByteSeconds => "si:B·s",
            Unit::Seconds => "s",
            Unit::Share => "percentunit",
            Unit::PerSecond => "cps",
            Unit::Number | Unit::Phase => "short",
        }
    }
}

/// A dashboard. `server` is where the server's own pages are, for whoever looks at it.
pub(super) fn dashboard(board: Board, server: &str) -> Value {
    json!({
        "uid": board.uid(),
        "title": board.title(),
        "description": board.description(),
        "tags": ["fathom"],
        "editable": true,
        "graphTooltip": 1,
        "refresh": "30s",
        "schemaVersion": SCHEMA,
        "time": { "from": "now-6h", "to": "now" },
        "timezone": "browser",
        "templating": { "list": variables(board, server) },
        "annotations": { "list": [firing(board)] },
        "links": links(board),
        "panels": panels(board),
    })
}

/// Where the next panel stands: from left to right, and below what is there where it does not fit.
#[derive(Default)]
struct Place {
    x: u32,
    y: u32,
    /// Height of the tallest in this row.
    tallest: u32,
}

impl Place {
    fn next(&mut self, (width, height): (u32, u32)) -> Value {
        if self.x + width > COLUMNS {
            self.break_row();
        }
        let found = json!({ "x": self.x, "y": self.y, "w": width, "h": height });
        self.x += width;
        self.tallest = self.tallest.max(height);
        found
    }

    fn break_row(&mut self) {
        self.y += self.tallest;
        self.x = 0;
        self.tallest = 0;
    }
}

fn panels(board: Board) -> Vec<Value> {
    let mut place = Place::default();
    let mut made = Vec::new();
    for section in sections() {
        let its: Vec<Panel> = section
            .panels
            .into_iter()
            .filter(|panel| panel.on.contains(&board))
            .collect();
        if its.is_empty() {
            continue;
        }
        place.break_row();
        made.push(json!({
            "type": "row", "id": made.len() + 1, "title": section.title, "collapsed": false,
            "gridPos": place.next((COLUMNS, 1)), "panels": [],
        }));
        for panel in its {
            let at = place.next(panel.size);
            made.push(drawn(&panel, board, made.len() + 1, &at));
        }
    }
    made
}

fn drawn(panel: &Panel, board: Board, id: usize, at: &Value) -> Value {
    let mut drawn = json!({
        "id": id,
        "type": plugin(panel.draw),
        "title": panel.title,
        "description": panel.about,
        "datasource": source(),
        "gridPos": at,
        "targets": targets(panel, board),
        "fieldConfig": { "defaults": field(panel, board), "overrides": overrides(panel) },
        "options": options(panel),
    });
    if panel.draw == Draw::Table {
        drawn["transformations"] = transformations(&panel.queries);
    }
    drawn
}

fn plugin(draw: Draw) -> &'static str {
    match draw {
        Draw::Lines | Draw::Stacked => "timeseries",
        Draw::Stat => "stat",
        Draw::Bars => "bargauge",
        Draw::Heatmap => "heatmap",
        Draw::Timeline => "state-timeline",
        Draw::Table => "table",
    }
}

/// The letter of a query.
fn letter(index: usize) -> String {
    char::from(b'A' + (index % 26) as u8).to_string()
}

fn targets(panel: &Panel, board: Board) -> Vec<Value> {
    let (format, is_instant) = match panel.draw {
        Draw::Heatmap => ("heatmap", false),
        Draw::Table => ("table", true),
        Draw::Bars => ("time_series", true),
        Draw::Lines | Draw::Stacked | Draw::Stat | Draw::Timeline => ("time_series", false),
    };
    let scope = board.scope();
    let queries = panel.queries.iter().enumerate();
    queries
        .map(|(index, query)| {
            json!({
                "refId": letter(index),
                "datasource": source(),
                "editorMode": "code",
                "expr": (query.expr)(scope),
                "legendFormat": query.legend.replace("{{each}}", &format!("{{{{{}}}}}", scope.each)),
                "format": format,
                "instant": is_instant,
                "range": !is_instant,
            })
        })
        .collect()
}

/// How a value is written and drawn, unless it is overridden.
fn field(panel: &Panel, board: Board) -> Value {
    let mut field = json!({
        "unit": panel.unit.id(),
        "color": { "mode": if panel.draw == Draw::Stat { "fixed" } else { "palette-classic" } },
        "thresholds": { "mode": "absolute", "steps": [{ "color": "green", "value": null }] },
        "mappings": mappings(panel.unit),
        "links": [],
    });
    match panel.draw {
        Draw::Lines | Draw::Stacked => {
            field["min"] = json!(0);
            field["custom"] = lines(panel.draw == Draw::Stacked);
        }
        Draw::Stat => field["color"]["fixedColor"] = json!("text"),
        Draw::Bars => {
            field["min"] = json!(0);
            field["color"] = json!({ "mode": "continuous-GrYlRd" });
        }
        Draw::Timeline => field["custom"] = json!({ "lineWidth": 0, "fillOpacity": 70 }),
        Draw::Heatmap => field["custom"] = json!({ "scaleDistribution": { "type": "linear" } }),
        Draw::Table => {
            field["custom"] = json!({ "align": "auto", "cellOptions": { "type": "auto" }, "inspect": false, "filterable": true });
        }
    }
    let by_function = panel
        .queries
        .iter()
        .any(|query| query.legend == "{{each}}" && board == Board::Fleet);
    if by_function {
        field["links"] = to_function("${__field.labels.function}");
    }
    field
}

/// From a series to the function's dashboard, and to its page at the server.
fn to_function(name: &str) -> Value {
    let link = |title: &str, url: String, leaves: bool| json!({ "title": title, "url": url, "targetBlank": leaves });
    json!([
        link(
            "Dashboard of the function",
            format!("{TO_FUNCTION}{name}"),
            false
        ),
        link(
            "Its page at the server",
            format!("${{server}}/functions/{name}"),
            true
        ),
    ])
}

fn lines(is_stacked: bool) -> Value {
    json!({
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "fillOpacity": if is_stacked { 40 } else { 5 },
        "showPoints": "auto",
        "pointSize": 4,
        "spanNulls": false,
        "stacking": { "mode": if is_stacked { "normal" } else { "none" }, "group": "A" },
    })
}

fn mappings(unit: Unit) -> Value {
    match unit {
        Unit::Phase => json!([{ "type": "value", "options": {
            "1": { "index": 0, "text": "learning", "color": "blue" },
            "2": { "index": 1, "text": "selective", "color": "green" },
            "3": { "index": 2, "text": "stale", "color": "red" },
        } }]),
        _ => json!([]),
    }
}

/// Bounds are dashed and never stacked; a column of a table has its own unit, and its function links.
fn overrides(panel: &Panel) -> Vec<Value> {
    let named = |name: &str, properties: Value| json!({ "matcher": { "id": "byName", "options": name }, "properties": properties });
    let mut overrides = Vec::new();
    for query in &panel.queries {
        if let Line::Bound(colour) = query.line {
            overrides.push(named(
                query.legend,
                json!([
                    { "id": "color", "value": { "mode": "fixed", "fixedColor": colour } },
                    { "id": "custom.lineStyle", "value": { "fill": "dash", "dash": [8, 6] } },
                    { "id": "custom.lineWidth", "value": 2 },
                    { "id": "custom.fillOpacity", "value": 0 },
                    { "id": "custom.stacking", "value": { "mode": "none", "group": "bound" } },
                ]),
            ));
        }
        if let Some(unit) = query.unit {
            let mut properties = vec![json!({ "id": "unit", "value": unit.id() })];
            if unit == Unit::Phase {
                properties.push(json!({ "id": "mappings", "value": mappings(unit) }));
                properties
                    .push(json!({ "id": "custom.cellOptions", "value": { "type": "color-text" } }));
            }
            overrides.push(named(query.legend, json!(properties)));
        }
    }
    if panel.draw == Draw::Table {
        overrides.push(named(
            "Function",
            json!([
                { "id": "links", "value": to_function("${__value.raw}") },
                { "id": "custom.minWidth", "value": 160 },
            ]),
        ));
    }
    overrides
}

fn options(panel: &Panel) -> Value {
    let last = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
    match panel.draw {
        Draw::Lines | Draw::Stacked => json!({
            "legend": { "showLegend": true, "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"] },
            "tooltip": { "mode": "multi", "sort": "desc" },
        }),
        Draw::Stat => json!({
            "reduceOptions": last, "orientation": "auto", "textMode": "auto", "colorMode": "value", "graphMode": "area",
            "justifyMode": "auto", "wideLayout": true, "showPercentChange": false, "percentChangeColorMode": "standard",
        }),
        Draw::Bars => json!({
            "reduceOptions": last, "orientation": "horizontal", "displayMode": "gradient", "valueMode": "color",
            "namePlacement": "auto", "showUnfilled": true, "sizing": "auto",
            "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 300,
            "legend": { "showLegend": false, "displayMode": "list", "placement": "bottom", "calcs": [] },
        }),
        Draw::Heatmap => json!({
            "calculate": false,
            "cellGap": 1,
            "cellValues": { "unit": "short" },
            "color": { "mode": "scheme", "scheme": "Oranges", "fill": "dark-orange", "scale": "exponential", "exponent": 0.5,
                "steps": 64, "reverse": false },
            "exemplars": { "color": "rgba(255,0,255,0.7)" },
            "filterValues": { "le": 1e-9 },
            "legend": { "show": true },
            "rowsFrame": { "layout": "auto", "value": "Calls" },
            "showValue": "never",
            "tooltip": { "mode": "single", "yHistogram": true, "showColorScale": true },
            "yAxis": { "axisPlacement": "left", "reverse": false, "unit": panel.unit.id() },
        }),
        Draw::Timeline => json!({
            "alignValue": "left", "mergeValues": true, "rowHeight": 0.8, "showValue": "auto",
            "legend": { "showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": [] },
            "tooltip": { "mode": "single", "sort": "none" },
        }),
        Draw::Table => json!({
            "cellHeight": "sm", "frameIndex": 0, "showHeader": true,
            "sortBy": [{ "displayName": "Calls/s", "desc": true }],
        }),
    }
}

/// One row a function out of one table a query.
fn transformations(queries: &[Query]) -> Value {
    let value = |index| format!("Value #{}", letter(index));
    let mut names = json!({ "function": "Function" });
    let mut order = json!({ "function": 0 });
    for (index, query) in queries.iter().enumerate() {
        names[value(index)] = json!(query.legend);
        order[value(index)] = json!(index + 1);
    }
    json!([
        { "id": "merge", "options": {} },
        { "id": "organize", "options": {
            "excludeByName": { "Time": true }, "includeByName": {}, "indexByName": order, "renameByName": names,
        } },
    ])
}
