//! The overview: every function in a row, what matters most first. For one function see `function`.

use super::bar::{Axis, bar};
use super::exact::{chosen, exact};
use super::shell::Shell;
use super::{FunctionNow, ServerNow, Sums, Update};
use crate::clean::clean;
use crate::html::wide;
use crate::show::{count, counted, percent, seconds, size};
use crate::words;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use trace::{Bytes, Confidence};

/// Rows shown. Who has more functions finds the others by another order, by their names, or in the API.
const SHOWN: usize = 200;

/// So many functions are seen at a glance: nobody has to look for one among them.
const AT_A_GLANCE: usize = 10;

/// Everything the overview shows.
#[derive(Clone, Debug)]
pub struct FleetView {
    /// What a command needs beside a name to reach the server: ` --server http://...`, or nothing.
    pub address: String,
    /// The server.
    pub server: ServerNow,
    /// Its functions, in any order.
    pub functions: Vec<FunctionNow>,
    /// By what they are sorted.
    pub sort: Sort,
    /// Only those are shown whose names contain this, whatever its case; empty for all.
    pub find: String,
}

impl FleetView {
    /// The rows, in their order, and how many more there would be.
    fn rows(&self) -> (Vec<&FunctionNow>, usize) {
        let wanted = self.find.to_lowercase();
        let is_wanted = |f: &&FunctionNow| f.name.to_lowercase().contains(&wanted);
        let mut rows: Vec<&FunctionNow> = self.functions.iter().filter(is_wanted).collect();
        rows.sort_by(|a, b| {
            let larger = self.sort.key(b).total_cmp(&self.sort.key(a));
            larger.then_with(|| a.name.cmp(&b.name))
        });
        let more = rows.len().saturating_sub(SHOWN);
        rows.truncate(SHOWN);
        (rows, more)
    }

    /// What is asked for, but for another order, as it stands in an address.
    fn asked(&self, sort: Sort) -> String {
        let find = utf8_percent_encode(&self.find, NON_ALPHANUMERIC);
        match self.find.is_empty() {
            true => format!("?sort={}", sort.name()),
            false => format!("?sort={}&find={find}", sort.name()),
        }
    }
}

/// By what functions are sorted. Equal ones by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Memory of their settings that calls did not need to be given, times time, most first.
    #[default]
    Saving,
    /// Memory granted and not needed, times time, most first.
    Waste,
    /// Calls that did not succeed, most first.
    Failures,
    /// Calls, most first.
    Calls,
    /// The limit, largest first.
    Limit,
    /// The name.
    Name,
}

impl Sort {
    /// All of them.
    pub const ALL: [Sort; 6] = [
        Sort::Saving,
        Sort::Waste,
        Sort::Failures,
        Sort::Calls,
        Sort::Limit,
        Sort::Name,
    ];

    /// As it is written in an address.
    pub fn name(self) -> &'static str {
        match self {
            Sort::Saving => "saving",
            Sort::Waste => "waste",
            Sort::Failures => "failures",
            Sort::Calls => "calls",
            Sort::Limit => "limit",
            Sort::Name => "name",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Sort> {
        Sort::ALL.into_iter().find(|sort| sort.name() == name)
    }

    /// What comes first has the largest.
    fn key(self, f: &FunctionNow) -> f64 {
        match self {
            Sort::Saving => f.savable_byte_seconds(),
            Sort::Waste => f.waste_byte_seconds,
            Sort::Failures => f.failures() as f64,
            Sort::Calls => f.calls as f64,
            Sort::Limit => f.limit.as_f64(),
            Sort::Name => 0.0,
        }
    }
}

/// The whole page.
pub fn fleet_page(view: &FleetView) -> String {
    let events = format!("/events{}", view.asked(view.sort));
    let shell = Shell {
        title: "Functions",
        events: Some(&events),
        trail: &[],
    };
    shell.page(&html! {
        header {
            h1 { "Functions" }
            (tiles(view))
            @if view.functions.len() > AT_A_GLANCE || !view.find.is_empty() { (search(view)) }
        }
        (table(view))
    })
}

/// What of it changes.
pub fn fleet_update(view: &FleetView) -> Update {
    let mut update = Update::default();
    update.part("tiles", tiles(view));
    let (rows, hidden) = view.rows();
    if rows.is_empty() {
        update.part("functions", table(view));
        return update;
    }
    let axis = Axis::of(rows.iter().copied());
    update.part("axis", axis_head(axis));
    for function in &rows {
        update.part(row_id(&function.name), row(function, axis));
    }
    update.part("hidden", not_shown(hidden));
    update.order = Some(rows.iter().map(|f| row_id(&f.name)).collect());
    update
}

/// A function is looked for by its name. Not live: nobody's typing is taken away.
fn search(view: &FleetView) -> Markup {
    html! {
        form.search role="search" action="/" {
            input type="hidden" name="sort" value=(view.sort.name());
            label { "Name contains " input type="search" name="find" value=(clean(&view.find)) maxlength="100" autocomplete="off" spellcheck="false"; }
            button { "Find" }
            @if !view.find.is_empty() { a href={ "/?sort=" (view.sort.name()) } { "all functions" } }
        }
    }
}

fn not_shown(hidden: usize) -> Markup {
    html! {
        p.note #hidden hidden[hidden == 0] {
            @if hidden == 1 { "1 more is" } @else { (count(hidden)) " more are" } " not shown: look for a name, sort by something else, or ask " code { "fathom list" } "."
        }
    }
}

fn row_id(name: &str) -> String {
    format!("function-{}", clean(name))
}

/// The server in a few numbers.
fn tiles(view: &FleetView) -> Markup {
    let server = &view.server;
    let functions = &view.functions;
    let all = Sums::of(functions);
    let is_any = functions.iter().any(|f| f.recommended.is_some());
    let savable = all.savable_share().filter(|_| is_any);
    let stale = functions.iter().filter(|f| f.phase == "stale").count();
    html! {
        dl.tiles #tiles {
            div { dt { "Functions" } dd { (count(functions.len())) @if stale > 0 { " " span.badge.warn { (count(stale)) " stale" } } } }
            div { dt { "Calls" } dd { (count(all.calls as usize)) @if server.running > 0 { small { (count(server.running)) " running" } } } }
            div { dt { "Did not succeed" } dd.bad[all.failures > 0] { (count(all.failures as usize)) } }
            div {
                dt { "Memory granted" }
                dd {
                    (exact(server.granted)) small { "of " (chosen(server.budget)) }
                    @if server.waiting > 0 { " " span.badge.warn { (count(server.waiting)) " waiting" } }
                }
            }
            div {
                dt { "Could be given back" }
                dd {
                    @if let Some(share) = savable {
                        (percent(share)) small { "of what settings hold" }
                    } @else { small { "not enough calls yet" } }
                }
            }
            @if server.records_lost > 0 {
                div { dt { "Records lost" } dd.bad { (count(server.records_lost as usize)) } }
            }
            div { dt { "Up" } dd { (up(server.up_seconds)) small { "Fathom " (server.version) } } }
        }
    }
}

/// In steps that are worth sending: a page is not to change every second for it.
fn up(s: f64) -> String {
    match s {
        s if s < 60.0 => "< 1 min".to_owned(),
        s if s < 7_200.0 => format!("{:.0} min", (s / 60.0).floor()),
        s if s < 172_800.0 => format!("{:.0} h", (s / 3_600.0).floor()),
        s => format!("{:.0} days", (s / 86_400.0).floor()),
    }
}

fn table(view: &FleetView) -> Markup {
    if view.functions.is_empty() {
        return html! {
            section #functions {
                h2 { "Nothing is deployed yet" }
                p { "Deploy a function to this server from another terminal, and it appears here:" }
                pre.command { code { "fathom deploy hello.wasm" (view.address) } }
                p.note { "Or start the server with a folder of functions: " code { "fathom serve FOLDER" } "." }
            }
        };
    }
    let (rows, hidden) = view.rows();
    if rows.is_empty() {
        return html! {
            section #functions {
                h2 { "No function's name contains " code { (clean(&view.find)) } }
                p { "Of " (counted(view.functions.len(), "function")) ". One that is deployed now and has such a name appears here." }
            }
        };
    }
    let axis = Axis::of(rows.iter().copied());
    html! {
        section #functions {
            div.legend aria-hidden="true" { (legend("limit")) }
            (wide("Functions", &html! {
                table.fleet {
                    caption.unseen { "Functions of this server, sorted by " (view.sort.name()) }
                    thead {
                        tr {
                            (sortable(view, Sort::Name, "Function", false))
                            th scope="col" { "Phase" }
                            (sortable(view, Sort::Calls, "Calls", true))
                            (sortable(view, Sort::Failures, "Failed", true))
                            (axis_head(axis))
                            (sortable(view, Sort::Limit, "Limit", true))
                            th.number scope="col" { "Recommended" }
                            (sortable(view, Sort::Saving, "Saving", true))
                            (sortable(view, Sort::Waste, "Wasted", true))
                        }
                    }
                    tbody #rows { @for function in &rows { (row(function, axis)) } }
                }
            }))
            (not_shown(hidden))
            p.note {
                "Saving: what a setting holds beyond what is recommended. Wasted: memory granted to calls and not needed by them, times the time they had it. Needs at p50 and p99 are at most a fifth too high; the most is exact. All since the server began."
            }
        }
    }
}

/// What the marks of the pictures mean. `limit` is what the line at their right is called.
pub(crate) fn legend(limit: &str) -> Markup {
    let keys = [
        ("needed", "needed, half to 99 %"),
        ("most", "most"),
        ("recommended", "recommended"),
        ("limit", limit),
    ];
    html! {
        @for (key, name) in keys { span { span class={ "key " (key) } {} (name) } }
    }
}

fn sortable(view: &FleetView, sort: Sort, name: &str, is_number: bool) -> Markup {
    let is_it = view.sort == sort;
    let order = match (is_it, sort) {
        (false, _) => None,
        (true, Sort::Name) => Some("ascending"),
        (true, _) => Some("descending"),
    };
    html! {
        th.number[is_number] scope="col" aria-sort=[order] {
            a.sort href={ "/" (view.asked(sort)) } { (name) }
            @if is_it { span aria-hidden="true" { @if sort == Sort::Name { " \u{25b4}" } @else { " \u{25be}" } } }
        }
    }
}

pub(crate) fn axis_head(axis: Axis) -> Markup {
    html! { th #axis.memory scope="col" { "Memory of a call" (axis.head()) } }
}

fn row(f: &FunctionNow, axis: Axis) -> Markup {
    let name = clean(&f.name);
    let failures = f.failures();
    html! {
        tr id=(row_id(&f.name)) {
            th scope="row" { a href={ "/functions/" (name) } { (name) } }
            td { (phase(f)) }
            td.number { (count(f.calls as usize)) @if f.running > 0 { small { " +" (count(f.running)) } } }
            td.number.bad[failures > 0] { (count(failures as usize)) }
            td.memory { (bar(f, axis)) }
            td.number { (chosen(f.limit)) }
            td.number { (recommended(f)) }
            td.number { (saving(f)) }
            td.number { (byte_seconds(f.waste_byte_seconds)) }
        }
    }
}

/// The phase as a badge, with why it is stale.
pub(super) fn phase(f: &FunctionNow) -> Markup {
    let tone = match f.phase {
        "selective" => "good",
        "stale" => "warn",
        _ => "plain",
    };
    html! {
        span class={ "badge " (tone) } title=[f.stale_because.as_deref().map(clean)] { (f.phase) }
    }
}

pub(crate) fn recommended(f: &FunctionNow) -> Markup {
    html! {
        @match f.recommended {
            None if f.calls > 0 && f.failures() == f.calls => small { "no call succeeded" },
            None => small { "not enough calls" },
            Some(r) => {
                @if f.needed.is_some_and(|needed| needed.max > r.bytes) {
                    span.badge.warn title="Calls have needed more than this" { "calls need more" } " "
                }
                @if r.is_lower_bound { small { "at least " } }
                (exact(r.bytes))
                @if matches!(r.confidence, Confidence::None | Confidence::Low) {
                    " " span.badge.warn title="How sure" { (words::confidence(r.confidence)) }
                }
            }
        }
    }
}

pub(crate) fn saving(f: &FunctionNow) -> Markup {
    html! {
        @match f.saving_share() {
            None => "-",
            Some(share) if share < 0.0 => span.bad { "needs " (size(Bytes::from_f64(-share * f.limit.as_f64()))) " more" },
            Some(share) => (percent(share)),
        }
    }
}

/// Memory times time: `1.2 GiB s`.
pub(crate) fn byte_seconds(amount: f64) -> String {
    match amount {
        a if a <= 0.0 => "0".to_owned(),
        a => format!("{} s", size(Bytes::from_f64(a))),
    }
}

/// Time of a call on average, in words.
pub(super) fn mean(total_seconds: f64, calls: u64) -> String {
    match calls {
        0 => "-".to_owned(),
        calls => seconds(total_seconds / calls as f64),
    }
}
