//! `--sweep n=4..12`, `--sweep mode=gray,color`: values for the placeholder `{n}` in arguments and events.

use std::{fmt, str::FromStr};

/// Values that one sweep may give. More is a slip of the pen, not an experiment.
const MOST_VALUES: usize = 100_000;

/// One swept name and its values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sweep {
    /// What stands between the braces.
    pub(crate) name: String,
    /// In the order given.
    pub(crate) values: Vec<Value>,
}

/// A number, or a word that tells kinds of calls apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Word(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => number.fmt(f),
            Value::Word(word) => f.write_str(word),
        }
    }
}

/// One value for each swept name.
pub(crate) type Setting = Vec<(String, Value)>;

/// What is recorded of a value: a number by its name, a word as a variable of its own (see [`trace::Feature::word`]).
pub(crate) fn variable((name, value): &(String, Value)) -> (String, f64) {
    match value {
        Value::Number(number) => (name.clone(), *number),
        Value::Word(word) => (format!("{name}={word}"), 1.0),
    }
}

impl FromStr for Sweep {
    type Err = String;

    fn from_str(text: &str) -> Result<Sweep, String> {
        let problem = |what: &str| {
            format!(
                "`{text}` is not a sweep: {what}; expected NAME=4..12, NAME=1000,2000,5000, NAME=1e3..4e5:100 or NAME=gray,color"
            )
        };
        let (name, values) = text.split_once('=').ok_or_else(|| problem("no `=`"))?;
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(problem("the name is not letters, digits and underscores"));
        }
        let number = |text: &str| {
            let parsed = text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
            parsed.ok_or_else(|| problem(&format!("`{text}` is not a number")))
        };
        let values = match values.split_once("..") {
            None if values.split(',').all(is_word) => values
                .split(',')
                .map(|word| Value::Word(word.trim().to_owned()))
                .collect(),
            None => numbers(
                values
                    .split(',')
                    .map(number)
                    .collect::<Result<Vec<_>, _>>()?,
            ),
            Some((from, to)) => {
                let (to, count) = match to.split_once(':') {
                    None => (to, None),
                    Some((to, count)) => {
                        let count: usize = count
                            .parse()
                            .map_err(|_| problem("the count is not a number"))?;
                        (to, Some(count))
                    }
                };
                let range = range(number(from)?, number(to)?, count);
                numbers(range.ok_or_else(|| problem("the range is empty or too long"))?)
            }
        };
        Ok(Sweep {
            name: name.to_owned(),
            values,
        })
    }
}

fn numbers(values: Vec<f64>) -> Vec<Value> {
    values.into_iter().map(Value::Number).collect()
}

/// Whether it begins with a letter and is no number, as `inf` and `nan` are.
fn is_word(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(char::is_alphabetic) && text.parse::<f64>().is_err()
}

/// All whole steps from `from` to `to`, both included, or `count` values between them: evenly spaced, on a log scale
/// where the range spans a decade or more. Whole numbers stay whole.
fn range(from: f64, to: f64, count: Option<usize>) -> Option<Vec<f64>> {
    if to < from {
        return None;
    }
    let values: Vec<f64> = match count {
        None => {
            let steps = (to - from).floor();
            if steps >= MOST_VALUES as f64 {
                return None;
            }
            (0..=steps as usize)
                .map(|step| from + step as f64)
                .collect()
        }
        Some(0) => return None,
        Some(1) => vec![from],
        Some(count) if count > MOST_VALUES => return None,
        Some(count) => {
            let logarithmic = from > 0.0 && to / from >= 10.0;
            let whole = from.fract() == 0.0 && to.fract() == 0.0;
            let at = |step: usize| {
                let share = step as f64 / (count - 1) as f64;
                let value = if logarithmic {
                    from * (to / from).powf(share)
                } else {
                    from + (to - from) * share
                };
                if whole { value.round() } else { value }
            };
            let mut values: Vec<f64> = (0..count).map(at).collect();
            values.dedup();
            values
        }
    };
    Some(values)
}

/// All combinations of several sweeps, or, zipped, the first values together, the second ones, and so on.
pub(crate) fn settings(sweeps: &[Sweep], zip: bool) -> Result<Vec<Setting>, String> {
    let mut names = std::collections::BTreeSet::new();
    if let Some(twice) = sweeps.iter().find(|sweep| !names.insert(&sweep.name)) {
        return Err(format!(
            "`{}` is swept twice: give all its values to one --sweep",
            twice.name
        ));
    }
    let named = |sweep: &Sweep, value: &Value| (sweep.name.clone(), value.clone());
    if zip {
        let length = sweeps.first().map_or(0, |sweep| sweep.values.len());
        if let Some(other) = sweeps.iter().find(|sweep| sweep.values.len() != length) {
            return Err(format!(
                "--sweep-zip pairs values one by one, but `{}` has {} and `{}` has {length}",
                other.name,
                other.values.len(),
                sweeps[0].name
            ));
        }
        return Ok((0..length)
            .map(|i| {
                sweeps
                    .iter()
                    .map(|sweep| named(sweep, &sweep.values[i]))
                    .collect()
            })
            .collect());
    }
    let total = sweeps.iter().try_fold(1_usize, |total, sweep| {
        total.checked_mul(sweep.values.len())
    });
    if total.is_none_or(|total| total > MOST_VALUES) {
        return Err(format!(
            "the sweeps make too many combinations: at most {MOST_VALUES} are run"
        ));
    }
    let mut settings: Vec<Setting> = vec![Vec::new()];
    for sweep in sweeps {
        settings = settings
            .into_iter()
            .flat_map(|setting| {
                sweep.values.iter().map(move |value| {
                    let mut longer = setting.clone();
                    longer.push(named(sweep, value));
                    longer
                })
            })
            .collect();
    }
    Ok(settings)
}

/// `text` with every `{name}` of the setting filled in.
pub(crate) fn fill(text: &str, setting: &Setting) -> String {
    setting.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), &value.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<f64> {
        let values = text.parse::<Sweep>().expect(text).values.into_iter();
        let number = |value| match value {
            Value::Number(number) => number,
            Value::Word(word) => panic!("`{word}` is a word"),
        };
        values.map(number).collect()
    }

    #[test]
    fn the_three_ways_to_write_values() {
        assert_eq!(values("n=4..7"), [4.0, 5.0, 6.0, 7.0]);
        assert_eq!(values("n=1000,2000,5000"), [1000.0, 2000.0, 5000.0]);
        assert_eq!(values("n=1e3..1e5:3"), [1000.0, 10_000.0, 100_000.0]);
        assert_eq!(values("x=0..1:3"), [0.0, 1.0]);
        assert_eq!(values("x=0.0..0.5:3"), [0.0, 0.25, 0.5]);
        let words = "mode=gray,color".parse::<Sweep>().expect("words").values;
        assert_eq!(
            words,
            ["gray", "color"].map(|word| Value::Word(word.to_owned()))
        );
        for wrong in [
            "n=1,two",
            "n=nan",
            "n",
            "n=",
            "=4",
            "n=9..4",
            "n=1..1e12",
            "n=a..b",
            "a b=1",
            "n=1..5:0",
        ] {
            assert!(wrong.parse::<Sweep>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn two_sweeps_make_all_pairs_or_are_zipped() {
        let sweeps = ["a=1,2".parse().unwrap(), "b=5,6".parse().unwrap()];
        let shown = |zip| -> Vec<String> {
            settings(&sweeps, zip)
                .unwrap()
                .iter()
                .map(|s| fill("{a}-{b}", s))
                .collect()
        };
        assert_eq!(shown(false), ["1-5", "1-6", "2-5", "2-6"]);
        assert_eq!(shown(true), ["1-5", "2-6"]);
    }
}
