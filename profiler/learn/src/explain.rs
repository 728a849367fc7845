//! From a fitting problem to a model with its error bars, or to a sentence why there is none.

use crate::data::{About, Columns, Data, FEWEST};
use crate::features::{Column, may_be_keys, most_distinct, shown};
use crate::fit::{Fitted, Shape};
use crate::folds::{Folds, held_out, on_all, relative_errors};
use crate::formula::percent;
use crate::press::Training;
use crate::scored::Scored;
use crate::select::{select, sums_or_steps};
use crate::significance::screen;
use crate::statistics::{mean, median};
use crate::told::{model, none};
use std::borrow::Cow;
use trace::{Feature, Model, Predictor, Screening, Target, Transform};

/// A target that moves by no more than this share of its largest value does not move.
const STILL: f64 = 0.02;

/// A model must have at most this share of a constant's error.
const WORTH_TELLING: f64 = 0.8;

/// What nothing explains but varies by no more than this is told as a constant with its error.
const NEARLY_STILL: f64 = 0.1;

/// An error of a held-out input from which on the input is named.
const WORTH_NAMING: f64 = 0.1;

/// Without a significant single feature, several together must at least halve the error, on at least this many inputs.
const INPUTS_FOR_SEVERAL: usize = 30;

/// So many standard errors by which held-out inputs are predicted better than by a constant are no chance either, on at least this
/// many inputs: what no single feature follows may be followed by trees.
const CERTAIN: f64 = 4.0;
const INPUTS_TO_BE_CERTAIN: usize = 60;

/// A fitting problem with the names of its columns.
pub(crate) struct Problem<'a> {
    pub(crate) data: Data<'a>,
    pub(crate) features: Vec<Feature>,
    /// Names of the rows; empty where they have none.
    pub(crate) labels: Vec<&'a str>,
    pub(crate) target: Target,
    pub(crate) seed: u64,
    /// Neither parts nor powers nor trees: of rows that follow each other in time these find the time.
    pub(crate) only_sums: bool,
}

impl<'a> Problem<'a> {
    /// A problem over the given columns, of which `rows` takes the rows of `y`. The rows have no names.
    pub(crate) fn new<'c: 'a>(
        columns: impl Iterator<Item = &'c Column> + Clone,
        rows: impl Fn(&'c [f64]) -> Cow<'a, [f64]>,
        y: Cow<'a, [f64]>,
        target: Target,
        seed: u64,
    ) -> Problem<'a> {
        let values = columns.clone().map(|c| rows(&c.values)).collect();
        let about = columns.clone().map(|c| About {
            family: c.family,
            may_be_keys: may_be_keys(&c.feature),
            word_of: word_of(&c.feature, columns.clone().map(|c| &c.feature)),
            shown: shown(&c.feature),
        });
        Problem {
            data: Data::new(values, about.collect(), y, seed),
            features: columns.map(|c| c.feature.clone()).collect(),
            labels: Vec::new(),
            target,
            seed,
            only_sums: false,
        }
    }

    /// The columns by name.
    pub(crate) fn predictor(&self, columns: Columns) -> Predictor {
        match columns {
            Columns::One(a) => self.features[a].clone().into(),
            Columns::Product(a, b) => Predictor {
                feature: self.features[a].clone(),
                times: Some(self.features[b].clone()),
            },
        }
    }
}

/// The first word of the same variable: it stands for all of them.
fn word_of<'f>(feature: &Feature, mut all: impl Iterator<Item = &'f Feature>) -> Option<usize> {
    let (name, _) = feature.word()?;
    all.position(|other| other.word().is_some_and(|(of, _)| of == name))
}

/// What was found.
pub(crate) struct Explained {
    pub(crate) model: Model,
    pub(crate) fitted: Option<Fitted>,
    /// For every row a prediction made without it; empty where nothing was fitted.
    pub(crate) held_out: Vec<f64>,
    /// The guard against chance, where the answer hung on it.
    pub(crate) screening: Option<Screening>,
}

/// Explains the target by the columns.
pub(crate) fn explain(problem: &Problem) -> Explained {
    let data = &problem.data;
    let largest = || most_distinct((0..problem.features.len()).map(|j| data.column(j)));
    if data.rows() < FEWEST {
        let values = if problem.features.is_empty() {
            data.rows()
        } else {
            largest()
        };
        return nothing(problem, not_enough(values));
    }
    if let Some(still) = still(problem, STILL) {
        return still;
    }
    if problem.features.is_empty() {
        return unexplained(problem, "no variable that moves was observed".to_owned());
    }
    // Kinds of calls may differ where nothing else is known of them.
    let may_split = !data.switches.is_empty() && data.rows() >= 2 * FEWEST;
    if data.usable.is_empty() && !may_split {
        return unexplained(problem, not_enough(largest()));
    }
    let choose = |training: &Training| match problem.only_sums {
        true => sums_or_steps(training, &data.usable),
        false => select(training, &data.usable),
    };
    let folds = Folds::of(data);
    let predictions = held_out(data, &folds, |t| choose(t).shape);
    let errors = relative_errors(data, &predictions);
    let constant = relative_errors(data, &held_out(data, &folds, |_| Shape::Constant));
    let (scored, fitted) = on_all(data, choose);
    let mut screening = None;
    if fitted.shape == Shape::Constant || !convincing(problem, &errors, &constant, &mut screening) {
        if data.usable.is_empty() && data.switches.iter().all(|&j| data.word_of(j).is_none()) {
            return unexplained(problem, not_enough(largest()));
        }
        let tried = data.usable.len() + data.switches.len();
        let reason = format!(
            "no variable explains it: {} {} tried on {} inputs",
            tried,
            if tried == 1 {
                "candidate"
            } else {
                "candidates"
            },
            data.rows()
        );
        let screened = screening.map(|s| chance(&s)).unwrap_or_default();
        return Explained {
            screening,
            ..unexplained(problem, reason + &screened)
        };
    }
    let reason = reason(problem, &scored, &errors, &constant);
    Explained {
        model: model(problem, &fitted, Some(&errors), reason),
        fitted: Some(fitted),
        held_out: predictions,
        screening,
    }
}

/// That chance does as well, for the end of a sentence.
fn chance(screening: &Screening) -> String {
    if screening.is_convincing() || screening.shuffles == 0 {
        return String::new();
    }
    format!(
        "; the best of them follows a shuffled target more closely in {} of {} shuffles",
        screening.better, screening.shuffles
    )
}

fn not_enough(values: usize) -> String {
    let noun = if values == 1 { "value" } else { "values" };
    format!("not enough data: {values} distinct {noun}, {FEWEST} needed")
}

/// Whether the errors on held-out inputs, selection included, are better than a constant's, and not by chance.
fn convincing(
    problem: &Problem,
    errors: &[f64],
    constant: &[f64],
    screening: &mut Option<Screening>,
) -> bool {
    // A wild prediction counts as one bad prediction, not as a thousand.
    let capped = |errors: &[f64]| errors.iter().map(|e| e.min(2.0)).collect::<Vec<f64>>();
    let (ours, theirs) = (capped(errors), capped(constant));
    let gains: Vec<f64> = theirs.iter().zip(&ours).map(|(b, a)| b - a).collect();
    let gain = mean(&gains).unwrap_or(0.0);
    let n = gains.len() as f64;
    let spread: f64 = gains.iter().map(|g| (g - gain).powi(2)).sum();
    let error = (spread / (n * (n - 1.0))).sqrt();
    let (ours, theirs) = (mean(&ours).unwrap_or(2.0), mean(&theirs).unwrap_or(0.0));
    if gain <= error || ours > WORTH_TELLING * theirs {
        return false;
    }
    let halved = ours < 0.5 * theirs && problem.data.rows() >= INPUTS_FOR_SEVERAL;
    let certain = gain > CERTAIN * error && problem.data.rows() >= INPUTS_TO_BE_CERTAIN;
    halved
        || certain
        || screening
            .insert(screen(&problem.data, problem.seed))
            .is_convincing()
}

/// A constant, where the target moves by no more than a share of its largest value.
fn still(problem: &Problem, share: f64) -> Option<Explained> {
    let data = &problem.data;
    let largest = data.y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let smallest = data.y.iter().copied().fold(f64::INFINITY, f64::min);
    if largest - smallest > share * largest.abs() {
        return None;
    }
    let rows: Vec<usize> = (0..data.rows()).collect();
    let fitted = crate::fit::fit(data, &Shape::Constant, &rows);
    let predictions = held_out(data, &Folds::of(data), |_| Shape::Constant);
    let errors = relative_errors(data, &predictions);
    let moved = if largest == smallest {
        "it is the same".to_owned()
    } else {
        format!(
            "it moves by {}",
            percent((largest - smallest) / largest.abs())
        )
    };
    let reason = format!("constant: {moved} on all {} inputs", data.rows());
    Some(Explained {
        model: model(problem, &fitted, Some(&errors), reason),
        fitted: Some(fitted),
        held_out: predictions,
        screening: None,
    })
}

/// Nothing explains the target: a constant if it hardly moves, else nothing.
fn unexplained(problem: &Problem, reason: String) -> Explained {
    still(problem, NEARLY_STILL).unwrap_or_else(|| nothing(problem, reason))
}

fn nothing(problem: &Problem, reason: String) -> Explained {
    Explained {
        model: none(problem.data.rows(), reason),
        fitted: None,
        held_out: Vec::new(),
        screening: None,
    }
}

fn reason(problem: &Problem, scored: &Scored, errors: &[f64], constant: &[f64]) -> String {
    let middle = |errors: &[f64]| percent(median(errors).unwrap_or(0.0));
    let candidates = match problem.data.usable.len() + problem.data.switches.len() {
        1 => "the only candidate".to_owned(),
        n => format!("best of {n} candidates"),
    };
    let product = |t: &(Columns, Transform)| matches!(t.0, Columns::Product(..));
    let shape = match &scored.shape {
        Shape::Terms(terms) if terms.iter().any(product) => {
            "; the product of two explains what neither of them does, nor their sum"
        }
        Shape::Terms(terms) if terms.iter().any(|t| t.1 == Transform::Pow2Ceil) => {
            "; capacity that doubles (pow2ceil) explains steps that a straight line misses"
        }
        Shape::Terms(terms) if terms.iter().any(|t| t.1 == Transform::Buckets) => {
            "; a hash table that doubles (buckets) explains steps that a straight line misses"
        }
        Shape::Terms(terms) if terms.iter().any(|t| matches!(t.1, Transform::Hinge { .. })) => {
            "; flat up to a threshold"
        }
        Shape::Terms(_) | Shape::Constant => "",
        Shape::Isotonic(_) => "; it rises, but along no line or curve that was tried",
        Shape::Split(_) => "; not all calls follow it in the same way",
        Shape::Glm(_) => {
            "; a power of it, with errors that grow as it does, is closer than any sum"
        }
        Shape::Forest(_) => "; only a forest of trees follows it: no formula that was tried does",
    };
    format!(
        "{candidates} on inputs held out: off by {} in the middle case, a constant by {}{shape}",
        middle(errors),
        middle(constant)
    ) + &farthest(problem, errors)
}

/// The input that the model, made without it, misses by most; nothing where that is little or the inputs have no names.
fn farthest(problem: &Problem, errors: &[f64]) -> String {
    let worst = errors
        .iter()
        .zip(&problem.labels)
        .max_by(|a, b| a.0.total_cmp(b.0));
    match worst {
        Some((error, label)) if *error >= WORTH_NAMING => format!(
            "; farthest off, {}, on `{label}` when it was held out",
            percent(*error)
        ),
        _ => String::new(),
    }
}
