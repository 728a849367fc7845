//! Which metrics and labels an expression names. Not a parser: it knows what our own expressions have in them.

use std::collections::BTreeSet;

/// Words of ours that metrics begin with, beside those of Prometheus itself.
const OURS: &str = "fathom_";

/// Labels that Prometheus adds.
pub(super) const ADDED: [&str; 5] = ["job", "instance", "alertname", "alertstate", "le"];

/// Metrics of a server that are named, with what is made of them: a suffix of a histogram, and whether a rate is taken.
pub(super) fn metrics(expr: &str) -> BTreeSet<(String, bool)> {
    words(expr)
        .filter(|(_, word)| word.starts_with(OURS))
        .map(|(at, word)| {
            let before = &expr[..at];
            let is_rate = before.ends_with("rate(") || before.ends_with("increase(");
            (word.to_owned(), is_rate)
        })
        .collect()
}

/// Labels that are matched, kept or joined on.
pub(super) fn labels(expr: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (start, end) in [("{", '}'), ("by (", ')'), ("on (", ')')] {
        for part in expr.split(start).skip(1) {
            let inside = part.split(end).next().unwrap_or_default();
            let names = inside
                .split(',')
                .map(|one| one.split(['=', '!']).next().unwrap_or_default());
            found.extend(names.map(|name| name.trim().to_owned()));
        }
    }
    found
}

/// Labels that a legend writes.
pub(super) fn of_legend(legend: &str) -> BTreeSet<String> {
    let parts = legend.split("{{").skip(1);
    parts
        .filter_map(|part| part.split_once("}}"))
        .map(|(label, _)| label.to_owned())
        .collect()
}

/// Runs of letters, and where they begin; those with a colon, which are recorded, are whole.
fn words(expr: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    expr.match_indices(is_of_word)
        .map(|(at, _)| at)
        .filter(move |at| !expr[..*at].ends_with(is_of_word))
        .map(move |at| {
            let rest = &expr[at..];
            (
                at,
                &rest[..rest.find(|c| !is_of_word(c)).unwrap_or(rest.len())],
            )
        })
}
