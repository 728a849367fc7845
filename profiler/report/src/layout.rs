//! Lines of a terminal: wrapping, columns, colours. Knows widths, not meanings.
//!
//! A character is taken as one column wide. Names in East Asian scripts therefore shift the columns after them.

use crate::Style;
use anstyle::{AnsiColor, Effects, Style as Ansi};

/// What a piece of text is, for colouring: sparing, and never the only carrier of a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Warn,
    Bad,
    Bar,
}

impl Style {
    /// The text in the given tone; unchanged where colours are off.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        let ansi = match tone {
            Tone::Plain => Ansi::new(),
            Tone::Strong => Ansi::new().effects(Effects::BOLD),
            Tone::Faint => Ansi::new().effects(Effects::DIMMED),
            Tone::Good => AnsiColor::Green.on_default().effects(Effects::BOLD),
            Tone::Warn => AnsiColor::Yellow.on_default().effects(Effects::BOLD),
            Tone::Bad => AnsiColor::Red.on_default().effects(Effects::BOLD),
            Tone::Bar => AnsiColor::Cyan.on_default(),
        };
        format!("{}{text}{}", ansi.render(), ansi.render_reset())
    }
}

/// Columns that a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().count()
}

/// The text in lines of at most `width` columns, broken at spaces; a word that is longer is cut.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace().flat_map(|w| pieces(w, width)) {
        if !line.is_empty() && columns(&line) + 1 + columns(&word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

fn pieces(word: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    characters
        .chunks(width)
        .map(|c| c.iter().collect())
        .collect()
}

/// The text, cut to `width` columns with `...` where it is longer.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(3)).collect();
    kept + "..."
}

/// Columns of the labels at the left: `Why    `, `Sure?  `, `Report  ` without its second space.
pub(crate) const LABEL: usize = 7;

/// A paragraph beside its label, further lines indented under the text.
pub(crate) fn labelled(style: Style, label: &str, paragraphs: &[String]) -> Vec<String> {
    paragraphs
        .iter()
        .flat_map(|p| wrap(p, style.width.saturating_sub(LABEL)))
        .enumerate()
        .map(|(i, line)| {
            let label = if i == 0 { label } else { "" };
            let padding = " ".repeat(LABEL.saturating_sub(columns(label)));
            format!("{}{padding}{line}", style.paint(Tone::Strong, label))
        })
        .collect()
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    pub(crate) right: bool,
}

/// A cell with its text at the left.
pub(crate) fn left(text: impl Into<String>) -> Cell {
    Cell {
        text: text.into(),
        tone: Tone::Plain,
        right: false,
    }
}

/// A cell with its text at the right: for numbers.
pub(crate) fn right(text: impl Into<String>) -> Cell {
    Cell {
        right: true,
        ..left(text)
    }
}

impl Cell {
    /// The same cell in another tone.
    pub(crate) fn tone(self, tone: Tone) -> Cell {
        Cell { tone, ..self }
    }
}

/// Between two columns.
const GAP: usize = 2;
/// Where the last column would be narrower than this, it goes on lines of its own.
const NARROW: usize = 26;

/// Rows in aligned columns, nothing at the ends of lines. Rows may have fewer cells. The last column is wrapped within
/// `style.width`.
pub(crate) fn table(style: Style, rows: &[Vec<Cell>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|i| {
            let widest = rows.iter().filter_map(|r| r.get(i));
            widest.map(|c| columns(&c.text)).max().unwrap_or(0)
        })
        .collect();
    let (last, others) = widths.split_last().unwrap_or((&0, &[]));
    let before = columns_of(others);
    let beside = style.width.saturating_sub(before);
    let indent = if beside >= NARROW.min(*last) {
        before
    } else {
        2 * GAP
    };
    rows.iter()
        .flat_map(|row| table_row(style, row, &widths, indent))
        .collect()
}

fn table_row(style: Style, row: &[Cell], widths: &[usize], indent: usize) -> Vec<String> {
    let (last_width, widths) = widths.split_last().unwrap_or((&0, &[]));
    let cells = row.iter().zip(widths);
    let mut line: String = cells
        .map(|(cell, width)| padded(style, cell, *width) + &" ".repeat(GAP))
        .collect();
    let beside = indent == columns_of(widths);
    if let Some(last) = row.get(widths.len()) {
        if beside && last.right {
            line += &padded(style, last, *last_width);
        } else {
            return wrapped_row(style, line, last, indent, beside);
        }
    }
    vec![line.trim_end().to_owned()]
}

fn columns_of(widths: &[usize]) -> usize {
    widths.iter().map(|w| w + GAP).sum()
}

fn padded(style: Style, cell: &Cell, width: usize) -> String {
    let padding = " ".repeat(width.saturating_sub(columns(&cell.text)));
    let text = style.paint(cell.tone, &cell.text);
    match cell.right {
        true => padding + &text,
        false => text + &padding,
    }
}

/// The row with its last cell wrapped beside or under the others.
fn wrapped_row(
    style: Style,
    mut line: String,
    last: &Cell,
    indent: usize,
    beside: bool,
) -> Vec<String> {
    let mut wrapped = wrap(&last.text, style.width.saturating_sub(indent)).into_iter();
    if beside {
        line += &style.paint(last.tone, &wrapped.next().unwrap_or_default());
    }
    let further = wrapped
        .filter(|l| !l.is_empty())
        .map(|l| format!("{}{}", " ".repeat(indent), style.paint(last.tone, &l)));
    std::iter::once(line.trim_end().to_owned())
        .chain(further)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wrapped_line_is_too_wide_and_no_word_is_lost() {
        let text = "a bb ccc dddd eeeee ffffffffffffffffffff g";
        let lines = wrap(text, 9);
        assert!(lines.iter().all(|l| columns(l) <= 9), "{lines:?}");
        let letters = |t: &str| t.chars().filter(|c| *c != ' ').collect::<String>();
        assert_eq!(letters(&lines.join(" ")), letters(text));
        assert_eq!(wrap("", 20), [""]);
    }
}
