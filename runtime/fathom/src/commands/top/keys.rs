//! What is looked at, and how keys change it. Knows no terminal but the keys that one sends, and draws nothing.

use super::table::{Column, Order};
use clap::ValueEnum;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// All functions.
    Table,
    /// The same while a filter is written.
    Filter,
    /// The selected function.
    Detail,
    /// The keys.
    Help,
}

/// Everything that keys change.
pub(super) struct View {
    pub(super) mode: Mode,
    pub(super) order: Order,
    /// Part of the names of the functions that are shown.
    pub(super) filter: String,
    /// By its name: it stays selected where it moves.
    pub(super) selected: Option<String>,
    /// Rows that a page up or down is.
    pub(super) page: usize,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Stay,
    Quit,
}

impl View {
    /// The table.
    pub(super) fn new(order: Order) -> View {
        View {
            mode: Mode::Table,
            order,
            filter: String::new(),
            selected: None,
            page: 1,
        }
    }

    /// Where the selected function is among those shown; the first one where it is not.
    pub(super) fn place(&self, shown: &[&str]) -> usize {
        let selected = self.selected.as_deref();
        let place = shown.iter().position(|name| Some(*name) == selected);
        place.unwrap_or(0)
    }

    /// Takes in a key. `shown` are the names of the functions in the table, in order.
    pub(super) fn press(&mut self, key: KeyEvent, shown: &[&str]) -> Next {
        if key.kind == KeyEventKind::Release {
            return Next::Stay;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Next::Quit,
            KeyCode::Char(_) if control => return Next::Stay,
            _ => {}
        }
        match self.mode {
            Mode::Filter => self.write(key.code),
            Mode::Table => return self.go(key.code, shown),
            Mode::Detail | Mode::Help => match key.code {
                KeyCode::Char('q') => return Next::Quit,
                KeyCode::Char('?') if self.mode == Mode::Detail => self.mode = Mode::Help,
                KeyCode::Up | KeyCode::Char('k') if self.mode == Mode::Detail => {
                    self.select(shown, -1);
                }
                KeyCode::Down | KeyCode::Char('j') if self.mode == Mode::Detail => {
                    self.select(shown, 1);
                }
                KeyCode::Esc | KeyCode::Enter | KeyCode::Char('d' | '?') | KeyCode::Backspace => {
                    self.mode = Mode::Table;
                }
                _ => {}
            },
        }
        Next::Stay
    }

    fn write(&mut self, code: KeyCode) {
        match code {
            KeyCode::Char(c) => self.filter.push(c),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Enter => self.mode = Mode::Table,
            KeyCode::Esc => {
                self.filter.clear();
                self.mode = Mode::Table;
            }
            _ => {}
        }
    }

    fn go(&mut self, code: KeyCode, shown: &[&str]) -> Next {
        let page = self.page.max(1) as isize;
        match code {
            KeyCode::Char('q') => return Next::Quit,
            KeyCode::Char('?') => self.mode = Mode::Help,
            KeyCode::Char('/') => self.mode = Mode::Filter,
            KeyCode::Char('r') => self.order.reversed = !self.order.reversed,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Enter | KeyCode::Char('d') if !shown.is_empty() => {
                self.select(shown, 0);
                self.mode = Mode::Detail;
            }
            KeyCode::Left => self.order.by = self.order.by.beside(-1),
            KeyCode::Right => self.order.by = self.order.by.beside(1),
            KeyCode::Up | KeyCode::Char('k') => self.select(shown, -1),
            KeyCode::Down | KeyCode::Char('j') => self.select(shown, 1),
            KeyCode::PageUp => self.select(shown, -page),
            KeyCode::PageDown => self.select(shown, page),
            KeyCode::Home => self.select(shown, isize::MIN),
            KeyCode::End => self.select(shown, isize::MAX),
            KeyCode::Char(key) => {
                let all = Column::value_variants();
                if let Some(column) = all.iter().find(|column| column.key() == key) {
                    self.order.by = *column;
                }
            }
            _ => {}
        }
        Next::Stay
    }

    fn select(&mut self, shown: &[&str], steps: isize) {
        let place = self.place(shown).saturating_add_signed(steps);
        let place = place.min(shown.len().saturating_sub(1));
        self.selected = shown.get(place).map(|name| (*name).to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn view() -> View {
        View::new(Order {
            by: Column::Waste,
            reversed: false,
        })
    }

    fn press(view: &mut View, codes: &[KeyCode]) -> Next {
        let shown = ["alpha", "beta", "gamma"];
        let press = |code: &KeyCode| view.press(KeyEvent::from(*code), &shown);
        codes.iter().map(press).last().unwrap_or(Next::Stay)
    }

    #[test]
    fn every_column_has_a_key_of_its_own_that_means_nothing_else() {
        let all = Column::value_variants();
        let keys: BTreeSet<char> = all.iter().map(|column| column.key()).collect();
        assert_eq!(keys.len(), all.len());
        assert!(!keys.iter().any(|key| "qrdjk/?".contains(*key)));
        for column in all {
            let mut view = view();
            press(&mut view, &[KeyCode::Char(column.key())]);
            assert_eq!(view.order.by, *column);
        }
    }

    #[test]
    fn what_is_selected_is_a_function_and_not_a_line() {
        let mut view = view();
        press(&mut view, &[KeyCode::Down, KeyCode::Down, KeyCode::Down]);
        assert_eq!(view.selected.as_deref(), Some("gamma"));
        assert_eq!(view.place(&["gamma", "alpha"]), 0);
        press(&mut view, &[KeyCode::Home, KeyCode::Enter]);
        assert_eq!(
            (view.selected.as_deref(), view.mode),
            (Some("alpha"), Mode::Detail)
        );
        press(&mut view, &[KeyCode::Esc]);
        assert_eq!(view.mode, Mode::Table);
        // Where there is nothing, nothing is selected.
        view.press(KeyEvent::from(KeyCode::Down), &[]);
        assert_eq!(view.selected, None);
    }

    #[test]
    fn a_filter_is_written_with_keys_that_mean_something_else() {
        let mut view = view();
        let written = ['/', 'q', '?', 'x'].map(KeyCode::Char);
        assert_eq!(press(&mut view, &written), Next::Stay);
        press(&mut view, &[KeyCode::Backspace, KeyCode::Enter]);
        assert_eq!((view.filter.as_str(), view.mode), ("q?", Mode::Table));
        press(&mut view, &[KeyCode::Esc]);
        assert_eq!(view.filter, "");
        assert_eq!(press(&mut view, &[KeyCode::Char('q')]), Next::Quit);
        let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        view.mode = Mode::Filter;
        assert_eq!(view.press(control, &[]), Next::Quit);
    }
}
