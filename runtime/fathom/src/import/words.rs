//! Which columns of features are of words: `mode`, `gray`. A word is recorded as a variable of its own, `mode=gray`, that is 1 of the
//! calls of which it was said.

use super::{mapping::MappingArgs, quantity};
use std::collections::{HashMap, HashSet};

/// Different words of a column: what has more is a name, and tells no kinds of calls apart.
const MOST: usize = 32;

/// Longer ones are no words, letters.
const LONGEST: usize = 64;

/// What is written where nothing is said.
const NOTHING: [&str; 9] = ["", "-", "?", "na", "n/a", "nan", "nil", "none", "null"];

/// The columns of words, and the words that were seen in each.
#[derive(Default)]
pub(super) struct Words {
    columns: HashMap<String, HashSet<String>>,
    /// Columns that have turned out to be of names.
    names: HashSet<String>,
}

impl Words {
    /// `is_of_words` says whether a column is: see [`is_of_words`]. One that has a unit is of numbers.
    pub(super) fn of(mapping: &MappingArgs, is_of_words: impl Fn(&str) -> bool) -> Words {
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
        let is_word = word.chars().count() <= LONGEST && !word.contains(char::is_control);
        if is_nothing(word) || !is_word {
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

    /// Columns of which not every word was taken.
    pub(super) fn names(self) -> HashSet<String> {
        self.names
    }
}

/// Whether no text of a column is a number, and some say anything.
pub(super) fn is_of_words(texts: &mut dyn Iterator<Item = String>) -> bool {
    let mut is_said = false;
    for text in texts {
        if is_nothing(text.trim()) {
            continue;
        }
        if quantity::number(&text, None).is_some() {
            return false;
        }
        is_said = true;
    }
    is_said
}

fn is_nothing(text: &str) -> bool {
    NOTHING.contains(&text.to_lowercase().as_str())
}
