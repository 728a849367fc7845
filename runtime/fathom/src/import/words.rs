//! Which columns of features are of words: `mode`, `gray`. A word is recorded as a variable of its own, `mode=gray`, that is 1 of the
//! calls of which it was said.

use super::{mapping::MappingArgs, quantity};
use std::collections::{HashMap, HashSet};

/// Rows by which a column is known.
pub(super) const LOOKED_AT: usize = 100;

/// Different words of a column that are recorded: what has more is a name, and tells no kinds of calls apart.
const MOST: usize = 32;

/// Longer ones are no words, letters.
const LONGEST: usize = 64;

/// The columns of words, and the words that were seen in each.
#[derive(Default)]
pub(super) struct Words {
    columns: HashMap<String, HashSet<String>>,
    /// Columns that have turned out to be of names.
    names: HashSet<String>,
}

impl Words {
    /// A column is of words where none of its first rows has a number, and some say anything; `rows` gives the texts of a column. One
    /// that has a unit is of numbers.
    pub(super) fn of<'r>(
        mapping: &MappingArgs,
        rows: impl Fn(&str) -> Vec<std::borrow::Cow<'r, str>>,
    ) -> Words {
        let is_of_words = |name: &str| {
            let texts = rows(name);
            let mut said = texts
                .iter()
                .filter(|text| !text.trim().is_empty())
                .peekable();
            said.peek().is_some() && said.all(|text| quantity::number(text, None).is_none())
        };
        let columns = mapping.features.iter();
        let columns = columns.filter(|column| column.unit.is_none() && is_of_words(&column.name));
        Words {
            columns: columns
                .map(|column| (column.name.clone(), HashSet::new()))
                .collect(),
            names: HashSet::new(),
        }
    }

    /// The variable that the word of a column is; `None` where the column is of numbers. Nothing said, and what is no word, is no
    /// variable.
    pub(super) fn variable(&mut self, column: &str, text: &str) -> Option<Option<String>> {
        let words = self.columns.get_mut(column)?;
        let word = text.trim();
        if word.is_empty() || word.chars().count() > LONGEST {
            return Some(None);
        }
        if !words.contains(word) {
            if words.len() == MOST {
                self.names.insert(column.to_owned());
                return Some(None);
            }
            words.insert(word.to_owned());
        }
        Some(Some(format!("{column}={word}")))
    }

    /// Columns of which not every word was recorded.
    pub(super) fn names(self) -> HashSet<String> {
        self.names
    }
}
