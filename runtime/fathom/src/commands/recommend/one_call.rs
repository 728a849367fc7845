//! The size of one call that is still to be made, from what is known of it, and what that is. Sizes nothing itself.

use super::RecommendArgs;
use crate::{inputs::MOUNT_AT, near, output, quantity};
use anyhow::ensure;
use host::{Body, Event, Mount};
use std::{collections::BTreeSet, process::ExitCode};
use trace::{Breakpoint, Feature, Model, Observed, Profile, Recommendation, Trace};

/// What somebody says of a call: a number, or a word.
#[derive(Clone, Debug)]
pub(super) struct Value {
    name: String,
    text: String,
    number: Option<f64>,
}

/// `size=11`, `size=5MB`, `mode=gray`.
pub(super) fn value(text: &str) -> Result<Value, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok(Value {
            name: name.to_owned(),
            text: value.to_owned(),
            number: number(value),
        }),
        _ => Err(format!("`{text}` is not NAME=VALUE")),
    }
}

fn number(text: &str) -> Option<f64> {
    let plain = text.parse::<f64>().ok().filter(|number| number.is_finite());
    plain.or_else(|| Some(quantity::bytes(text).ok()?.as_f64()))
}

/// The call that is still to be made: a file is its standard input, a directory is granted to it.
pub(super) fn size(
    args: &RecommendArgs,
    profile: &Profile,
    recommendation: &Recommendation,
    traces: &[Trace],
) -> anyhow::Result<ExitCode> {
    let model = recommendation.sizing.as_ref();
    let mut swept = Vec::new();
    for value in &args.values {
        swept.extend(variable(value, profile, model, traces)?);
    }
    let features = host::input_features(&event(args, swept))?;
    let call = Call {
        recommendation,
        features: &features,
    };
    let allocation = learn::size_call(recommendation, &features);
    let missing: Vec<String> = call.missing().into_iter().collect();
    let is_sized = missing.is_empty() && call.predicted().is_some();
    let size = match missing.is_empty() {
        true => allocation,
        // What is told of words that were not said is of other calls.
        false => recommendation.allocation_bytes,
    };
    if args.json {
        let by = recommendation.sizing_feature.as_ref().filter(|_| is_sized);
        output::line(serde_json::json!({
            "allocation_bytes": size,
            "sized_by": by.map(|by| by.variables()),
            "value": by.and_then(|by| by.value(|f| f.value_in(&features))),
            "extrapolated": is_sized && call.is_outside(),
            "missing": missing,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let every_call = recommendation.allocation_bytes;
    let last = recommendation.sizing_feature.as_ref();
    output::line(match last {
        None => format!("{size}   as every call: nothing known before a call predicts its memory"),
        Some(by) if !by.is_known_before() => format!(
            "{size}   as every call: {} is known only while the call runs",
            by.variables()
        ),
        Some(_) if is_sized => format!(
            "{size}   by {}; every call the same: {every_call}",
            call.told().join(" and ")
        ),
        Some(_) if missing.is_empty() => format!(
            "{size}   as every call: no call like this one was seen ({})",
            call.told().join(" and ")
        ),
        Some(_) => {
            let are = if missing.len() == 1 { "is" } else { "are" };
            format!(
                "{size}   as every call: {} {are} not known of this one",
                missing.join(" and ")
            )
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn event(args: &RecommendArgs, swept: Vec<(String, f64)>) -> Event {
    let granted = args.input.as_ref().filter(|input| input.is_dir());
    Event {
        label: "this call".to_owned(),
        body: match (&args.input, granted) {
            (Some(file), None) => Body::File(file.clone()),
            _ => Body::Empty,
        },
        mount: granted.map(|folder| Mount {
            host: folder.clone(),
            guest: MOUNT_AT.to_owned(),
            writable: false,
            same_for_all: false,
        }),
        args: args.args.clone(),
        swept,
        ..Event::default()
    }
}

/// What is recorded of such a value. One that the size does not depend on is a slip, and would be ignored; so is a word that was never
/// said, and a word for a number.
fn variable(
    value: &Value,
    profile: &Profile,
    model: Option<&Model>,
    traces: &[Trace],
) -> anyhow::Result<Option<(String, f64)>> {
    let Value { name, text, number } = value;
    let Some(model) = model else {
        return Ok(None);
    };
    let asked = asked_before(model);
    let late = || {
        let mut all = profile
            .variables
            .iter()
            .flat_map(|c| c.predictor.features());
        all.any(|f| f.variable == *name && f.breakpoint != Breakpoint::Input)
    };
    let is_late = if late() {
        ", which is known only while a call runs"
    } else {
        ""
    };
    ensure!(
        asked.contains(name),
        "the size does not depend on `{name}`{is_late}; it is told by `{}`",
        asked
            .iter()
            .cloned()
            .collect::<Vec<String>>()
            .join("` and `")
    );
    let words = words(name, traces);
    if !words.is_empty() {
        ensure!(
            words.contains(text.as_str()),
            "`{text}` was never said as `{name}`{}",
            near::did_you_mean(text, words.iter().copied())
        );
        return Ok(Some((format!("{name}={text}"), 1.0)));
    }
    let number =
        number.ok_or_else(|| anyhow::anyhow!("`{text}` is not a number, as `{name}` is"))?;
    Ok(Some((name.clone(), number)))
}

/// The words that recorded calls have of a variable.
fn words<'t>(name: &str, traces: &'t [Trace]) -> BTreeSet<&'t str> {
    let observed = traces.iter().flat_map(|trace| &trace.observations);
    let said = observed.filter_map(|o| trace::word(&o.variable, &o.breakpoint));
    said.filter(|(of, _)| *of == name)
        .map(|(_, word)| word)
        .collect()
}

/// The variables that are known before a call and that its size depends on.
fn asked_before(model: &Model) -> BTreeSet<String> {
    let features = model.features().into_iter();
    let before = features.filter(|feature| feature.breakpoint == Breakpoint::Input);
    before
        .map(|feature| variable_of(feature).to_owned())
        .collect()
}

fn variable_of(feature: &Feature) -> &str {
    feature.word().map_or(&feature.variable, |(name, _)| name)
}

/// A call, and what sizes it.
struct Call<'a> {
    recommendation: &'a Recommendation,
    features: &'a [Observed],
}

impl Call<'_> {
    fn model(&self) -> Option<&Model> {
        self.recommendation.sizing.as_ref()
    }

    fn predicted(&self) -> Option<f64> {
        self.model()?.predict(|f| f.value_in(self.features))
    }

    fn is_outside(&self) -> bool {
        let value_of = |f: &Feature| f.value_in(self.features);
        let seen = self.model().into_iter().flat_map(|model| &model.seen);
        let mut of_it = seen.filter(|seen| seen.is_of(value_of));
        of_it.any(|seen| {
            seen.predictor
                .value(value_of)
                .is_some_and(|x| !seen.holds(x))
        })
    }

    /// What is not known of it, of all that sizes calls and is known before them.
    fn missing(&self) -> BTreeSet<String> {
        let is_told = |variable: &String| {
            let mut features = self.features.iter();
            features.any(|o| {
                let word = trace::word(&o.variable, &o.breakpoint);
                o.variable == *variable || word.is_some_and(|(of, _)| of == variable)
            })
        };
        let asked = self.model().map(asked_before).unwrap_or_default();
        asked
            .into_iter()
            .filter(|variable| !is_told(variable))
            .collect()
    }

    /// `size = 5000000 (outside the seen 1..2, extrapolated)`, `mode = gray`.
    fn told(&self) -> Vec<String> {
        let Some(model) = self.model() else {
            return Vec::new();
        };
        let value_of = |f: &Feature| f.value_in(self.features);
        let mut told = Vec::new();
        for feature in model.features() {
            let said = match feature.word() {
                Some((name, word)) if value_of(feature) == Some(1.0) => format!("{name} = {word}"),
                Some((name, _)) => {
                    let mut words = self.features.iter();
                    let said = words.find_map(|o| {
                        trace::word(&o.variable, &o.breakpoint).filter(|(of, _)| *of == name)
                    });
                    match said {
                        Some((_, word)) => format!("{name} = {word}"),
                        None => continue,
                    }
                }
                None => match value_of(feature) {
                    Some(value) => {
                        format!("{} = {value}{}", feature.variable, self.outside(feature))
                    }
                    None => continue,
                },
            };
            if !told.contains(&said) {
                told.push(said);
            }
        }
        told
    }

    /// Where a value lies outside what was seen, the size is an extrapolation, and that is said.
    fn outside(&self, feature: &Feature) -> String {
        let value_of = |f: &Feature| f.value_in(self.features);
        let predictor = feature.clone().into();
        let seen = self.model().into_iter().flat_map(|model| &model.seen);
        let mut outside = seen.filter(|seen| {
            let is_of_it = seen.predictor == predictor && seen.is_of(value_of);
            is_of_it && value_of(feature).is_some_and(|x| !seen.holds(x))
        });
        outside.next().map_or(String::new(), |seen| {
            format!(
                " (outside the seen {}..{}, extrapolated)",
                seen.min, seen.max
            )
        })
    }
}
