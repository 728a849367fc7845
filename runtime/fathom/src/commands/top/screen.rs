//! What is looked at, drawn: the server's line, its memory, the table, one function, the keys. Decides nothing of what is in the
//! table (`table`), and knows nothing of how it got here.

use super::{
    keys::{Mode, View},
    sample::{Row, ServerState},
    table::{Column, Table, fit, percent, rate},
};
use clap::ValueEnum;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::Line,
    widgets::{Paragraph, Wrap},
};
use report::clean;
use std::time::Duration;
use trace::{Bytes, Confidence};

/// Width of the bar of the memory.
const BAR: u64 = 30;

/// The keys, below everything.
const KEYS: &str = "? keys  q quit  ↑↓ select  ←→ sort  r reverse  / filter  Enter one function";

/// Everything that is shown.
pub(super) struct Picture<'a> {
    /// Where the server is, as commands are told it.
    pub(super) address: &'a str,
    /// What commands that are suggested end with to reach it.
    pub(super) flag: &'a str,
    pub(super) server: &'a ServerState,
    /// All functions, in no order.
    pub(super) rows: Vec<Row>,
    /// How long there has been no answer, and why.
    pub(super) gone: Option<(Duration, String)>,
}

impl Picture<'_> {
    /// What is said above the table, also where it is printed.
    pub(super) fn head(&self) -> [String; 3] {
        let server = self.server;
        let up = Duration::from_secs(server.uptime_ns / 1_000_000_000);
        let functions = match self.rows.len() {
            1 => "1 function".to_owned(),
            functions => format!("{functions} functions"),
        };
        let lately = self.rows.iter().filter_map(|row| row.lately);
        let calls = match self.rows.iter().any(|row| row.lately.is_some()) {
            true => rate(lately.map(|lately| lately.calls_per_second).sum()),
            false => "-".to_owned(),
        };
        [
            format!(
                "fathom {} at {}, up {}, {functions}",
                clean(&server.version),
                clean(self.address),
                humantime::format_duration(up)
            ),
            format!(
                "Memory [{}] {} granted, {} kept for the next calls, of {}",
                bar(server),
                server.granted_bytes,
                server.kept_bytes,
                server.memory_bytes
            ),
            format!(
                "Calls {calls}/s, {} running, {} waiting; {} records lost",
                server.calls_running, server.calls_waiting, server.records_lost
            ),
        ]
    }
}

/// `####==        `: granted, kept, free.
fn bar(server: &ServerState) -> String {
    let part = |bytes: Bytes| {
        let share = bytes.as_f64() / server.memory_bytes.as_f64().max(1.0);
        ((share * BAR as f64).round() as u64).min(BAR)
    };
    let granted = part(server.granted_bytes);
    let kept = part(server.kept_bytes).min(BAR - granted);
    let sign = |number: u64| match number {
        number if number < granted => '#',
        number if number < granted + kept => '=',
        _ => ' ',
    };
    (0..BAR).map(sign).collect()
}

/// Draws it. Remembers in the view how many rows there is room for.
pub(super) fn draw(frame: &mut Frame, picture: &Picture, view: &mut View) {
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let width = usize::from(head.width);
    let lines = picture.head();
    let mut lines: Vec<Line> = lines
        .iter()
        .map(|line| Line::from(fit(line, width)))
        .collect();
    if let Some((since, why)) = &picture.gone {
        let said = format!(
            "no answer for {}, trying again: {}",
            humantime::format_duration(Duration::from_secs(since.as_secs())),
            clean(why)
        );
        lines[2] = Line::styled(
            fit(&said, width),
            Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        );
    }
    frame.render_widget(Paragraph::new(lines), head);
    let rows = view.order.of(picture.rows.clone(), &view.filter);
    match view.mode {
        Mode::Table | Mode::Filter => table(frame, body, picture, view, &rows),
        Mode::Help => frame.render_widget(Paragraph::new(help()).wrap(Wrap { trim: false }), body),
        Mode::Detail => {
            let selected = picture
                .rows
                .iter()
                .find(|row| Some(row.function.name.as_str()) == view.selected.as_deref());
            let lines = match selected {
                Some(row) => detail(row, picture.flag),
                None => vec!["This function has gone.".to_owned()],
            };
            let lines: Vec<Line> = lines.into_iter().map(Line::from).collect();
            frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), body);
        }
    }
    let said = match view.mode {
        Mode::Filter => format!(
            "/{}_   Enter keeps it, Esc takes it away",
            clean(&view.filter)
        ),
        Mode::Table if !view.filter.is_empty() => {
            format!("/{}   Esc takes it away   {KEYS}", clean(&view.filter))
        }
        Mode::Table => KEYS.to_owned(),
        Mode::Detail | Mode::Help => "Esc back  q quit".to_owned(),
    };
    // Where colours are not wanted, the terminal's library leaves them out.
    let style = Style::new().fg(Color::Cyan);
    frame.render_widget(Line::styled(fit(&said, width), style), foot);
}

fn table(frame: &mut Frame, area: Rect, picture: &Picture, view: &mut View, rows: &[Row]) {
    let width = usize::from(area.width);
    let room = usize::from(area.height).saturating_sub(1);
    view.page = room.max(1);
    let names: Vec<&str> = rows.iter().map(|row| row.function.name.as_str()).collect();
    let selected = view.place(&names);
    let first = selected.saturating_sub(room.saturating_sub(1));
    let table = Table::of(rows, view.order, Some(width));
    let head = Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    let mut lines = vec![Line::styled(padded(&table.head(), width), head)];
    if rows.is_empty() {
        let said = match (picture.rows.is_empty(), picture.gone.is_some()) {
            (true, false) => "No functions: `fathom deploy` brings one.",
            (true, true) => "",
            (false, _) => "No function has that in its name.",
        };
        lines.push(Line::from(fit(said, width)));
    }
    for (place, row) in rows.iter().enumerate().skip(first).take(room) {
        let style = match (place == selected, row.failures() > 0) {
            (true, _) => Style::new().add_modifier(Modifier::REVERSED),
            (false, true) => Style::new().fg(Color::Yellow),
            (false, false) => Style::new(),
        };
        let style = match picture.gone {
            Some(_) => style.add_modifier(Modifier::DIM),
            None => style,
        };
        lines.push(Line::styled(padded(&table.row(row), width), style));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

/// To the end of the line, so that its style reaches there.
fn padded(text: &str, width: usize) -> String {
    let empty = width.saturating_sub(Line::from(text).width());
    format!("{text}{}", " ".repeat(empty))
}

/// Everything of one function, in words.
fn detail(row: &Row, flag: &str) -> Vec<String> {
    let function = &row.function;
    let size = |bytes: Option<Bytes>| bytes.map_or("-".to_owned(), |bytes| bytes.to_string());
    let phase = match &function.stale_because {
        Some(why) => format!("{}, because {}", clean(&function.phase), clean(why)),
        None => clean(&function.phase),
    };
    let calls = format!(
        "{}, {} failed, {} out of memory, {} timed out, {} running{}",
        function.calls,
        function.failed,
        function.limited,
        function.timed_out,
        function.running,
        row.lately.map_or(String::new(), |lately| format!(
            ", {} a second now",
            rate(lately.calls_per_second)
        )),
    );
    let waste = match row.lately {
        Some(lately) => format!(
            "{} held for nothing now{}",
            lately.waste,
            lately.waste_share.map_or(String::new(), |share| format!(
                ", {} of what is granted",
                percent(share)
            ))
        ),
        None => "-".to_owned(),
    };
    let rows = [
        ("Function", clean(&function.name)),
        ("Phase", phase),
        ("Calls", calls),
        (
            "Needed",
            format!(
                "{} in the middle case, {} in 99 of 100, {} at most",
                size(function.needed_bytes.median),
                size(function.needed_bytes.p99),
                size(function.needed_bytes.max)
            ),
        ),
        (
            "Limit",
            format!(
                "{}, sized by {}",
                function.memory_limit_bytes,
                clean(&function.size_by)
            ),
        ),
        ("Waste", waste),
        ("Model", clean(function.model.as_deref().unwrap_or("-"))),
        ("Plan", clean(function.plan.as_deref().unwrap_or("-"))),
    ];
    let rows = rows
        .into_iter()
        .map(|(what, said)| format!("{what:<12}{said}"));
    [String::new()]
        .into_iter()
        .chain(rows)
        .chain(recommendation(row, flag))
        .collect()
}

/// What is recommended, how sure that is, why, and how to apply it.
fn recommendation(row: &Row, flag: &str) -> Vec<String> {
    let function = &row.function;
    let Some(recommended) = function.recommended_bytes else {
        return vec!["Recommended not enough data yet".to_owned()];
    };
    let saving = match function.memory_saving_share {
        Some(less) if less > 0.0 => format!(", {} less than its limit", percent(less)),
        Some(more) if more < 0.0 => format!(", {} more than its limit", percent(-more)),
        _ => String::new(),
    };
    let is_bound = function.lower_bound == Some(true);
    let bound = match is_bound {
        true => "at least ",
        false => "",
    };
    let sure = match function.confidence {
        Some(Confidence::None) => "none: fewer than 5 distinct inputs",
        Some(Confidence::Low) => "low",
        Some(Confidence::Good) => "good",
        Some(Confidence::High) => "high",
        None => "-",
    };
    let missing = match function.inputs_needed {
        Some(more) if more > 0 => format!(", {more} more distinct inputs are needed"),
        _ => String::new(),
    };
    let force = match is_bound || function.confidence == Some(Confidence::None) {
        true => " --force",
        false => "",
    };
    let because = function.because.iter().flatten();
    let because = because.map(|why| format!("  {}", clean(why)));
    let mut lines = vec![
        format!("Recommended {bound}{recommended}{saving}"),
        format!("Confidence  {sure}{missing}"),
    ];
    lines.extend(because);
    lines.push(format!(
        "To apply it fathom apply {}{force}{flag}",
        clean(&function.name)
    ));
    lines
}

fn help() -> Vec<Line<'static>> {
    let mut lines = vec![
        String::new(),
        "↑ ↓ PageUp PageDown Home End   select a function".to_owned(),
        "Enter, d                       that function; Esc back".to_owned(),
        "← →                            sort by another column; r the other way round".to_owned(),
        "/                              show those with this in their name; Esc all".to_owned(),
        "q, Ctrl-C                      quit".to_owned(),
        String::new(),
        "Sort by:".to_owned(),
    ];
    for column in Column::value_variants() {
        let help = column.to_possible_value();
        let help = help.as_ref().and_then(|value| value.get_help());
        lines.push(format!(
            "  {}  {:<12} {}",
            column.key(),
            column.title(),
            help.map(ToString::to_string).unwrap_or_default()
        ));
    }
    lines.push(String::new());
    lines.push("Calls count when they end: one that runs long shows its waste then.".to_owned());
    lines.into_iter().map(Line::from).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{
        sample::tests::{between, samples},
        table::Order,
    };
    use super::*;
    use ratatui::{Terminal, backend::TestBackend};

    /// The lines of a terminal of this size.
    fn drawn(width: u16, height: u16, gone: Option<(Duration, String)>, mode: Mode) -> Vec<String> {
        let (_, now) = samples();
        let picture = Picture {
            address: "http://here",
            flag: " --server http://here",
            server: &now.server,
            rows: between(),
            gone,
        };
        let mut view = View::new(Order {
            by: Column::Waste,
            reversed: false,
        });
        view.mode = mode;
        view.selected = Some("alpha".to_owned());
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal
            .draw(|frame| draw(frame, &picture, &mut view))
            .unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y: u16| {
            (0..width)
                .map(|x| buffer[(x, y)].symbol())
                .collect::<String>()
        };
        (0..height).map(|y| line(y).trim_end().to_owned()).collect()
    }

    #[test]
    fn the_server_is_above_its_functions() {
        let lines = drawn(150, 10, None, Mode::Table);
        assert_eq!(lines[0], "fathom 1.2.3 at http://here, up 1h, 3 functions");
        assert_eq!(
            lines[1],
            "Memory [###############======         ] 50.0 MiB granted, 20.0 MiB kept for the next calls, of 100.0 MiB"
        );
        assert_eq!(lines[2], "Calls 10/s, 1 running, 0 waiting; 0 records lost");
        assert!(lines[3].starts_with("FUNCTION  PHASE"), "{}", lines[3]);
        let names: Vec<&str> = lines[4..7]
            .iter()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(names, ["alpha", "beta", "new-one"]);
        assert!(lines[9].starts_with("? keys"), "{}", lines[9]);
        // There is no room for any of it.
        for (width, height) in [(0, 0), (1, 1), (3, 4), (20, 5)] {
            drawn(width, height, None, Mode::Table);
            drawn(width, height, None, Mode::Detail);
        }
    }

    #[test]
    fn a_server_that_has_gone_is_said_to_have() {
        let gone = Some((
            Duration::from_millis(7900),
            "cannot reach it\u{1b}[2J".to_owned(),
        ));
        let lines = drawn(80, 8, gone, Mode::Table);
        assert_eq!(
            lines[2],
            "no answer for 7s, trying again: cannot reach it\u{fffd}[2J"
        );
        assert!(lines[4].starts_with("alpha"), "{}", lines[4]);
    }

    #[test]
    fn one_function_is_told_in_words_with_the_command_that_applies_it() {
        let lines = drawn(100, 30, None, Mode::Detail).join("\n");
        for said in [
            "Calls       30, 1 failed, 2 out of memory, 0 timed out, 1 running, 10 a second now",
            "Recommended 4.0 MiB, 50.0 % less than its limit",
            "Confidence  low",
            "the largest need seen is 3.0 MiB",
            "To apply it fathom apply alpha --server http://here",
        ] {
            assert!(lines.contains(said), "{lines}");
        }
    }
}
