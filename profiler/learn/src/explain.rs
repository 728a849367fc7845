//! From a fitting problem to a model with its error bars, or to a sentence why there is none.

use crate::data::{About, Columns, Data, FEWEST};
use crate::features::{Column, may_be_keys, most_distinct, shown};
use crate::fit::{Fitted, Part, Shape, Test};
use crate::folds::{Folds, held_out, on_all, relative_errors};
use crate::formula::{formula, percent};
use crate::press::Training;
use crate::scored::Scored;
use crate::select::{select, sums_or_steps};
use crate::significance::screen;
use crate::statistics::{distinct, mean, median, quantile};
use std::borrow::Cow;
use trace::{
    Condition, Feature, HeldOut, Model, ModelKind, Predictor, Screening, SeenRange, Target, Term,
    Transform,
};

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

/// A model that says nothing but why.
pub(crate) fn none(n: usize, reason: String) -> Model {
    Model {
        kind: ModelKind::None,
        formula: String::new(),
        intercept: 0.0,
        terms: Vec::new(),
        steps: Vec::new(),
        trees: Vec::new(),
        n,
        r2: None,
        held_out: None,
        seen: Vec::new(),
        reason,
    }
}

fn model(problem: &Problem, fitted: &Fitted, errors: Option<&[f64]>, reason: String) -> Model {
    let data = &problem.data;
    let terms = match &fitted.shape {
        // Every part says what it is for, also where it is a constant.
        Shape::Split(parts) => {
            let parts = parts.iter().zip(&fitted.parts);
            parts
                .flat_map(|(part, fitted)| terms_of_part(problem, part, fitted))
                .collect()
        }
        // Trees name their terms by their places.
        Shape::Forest(_) => terms(problem, fitted, &[]),
        _ => {
            let mut terms = terms(problem, fitted, &[]);
            // What rounding left of nothing is no term.
            if terms.iter().any(|t| t.coefficient != 0.0) {
                terms.retain(|t| t.coefficient != 0.0);
            }
            terms
        }
    };
    let mut model = Model {
        kind: kind(fitted),
        formula: String::new(),
        intercept: fitted.intercept,
        terms,
        steps: fitted.steps.clone(),
        trees: fitted.trees.clone(),
        n: data.rows(),
        r2: r2(data, fitted),
        held_out: errors.and_then(|e| {
            Some(HeldOut {
                median_ape: median(e)?,
                p95_ape: quantile(e, 0.95)?,
            })
        }),
        seen: seen(problem, fitted),
        reason,
    };
    model.formula = formula(&model, problem.target);
    model
}

/// The summands of what is no split, which count where these conditions hold.
fn terms(problem: &Problem, fitted: &Fitted, when: &[Condition]) -> Vec<Term> {
    let term = |(columns, transform): (Columns, Transform), coefficient: f64| Term {
        predictor: problem.predictor(columns),
        transform,
        coefficient,
        when: when.to_vec(),
    };
    let all = |columns: &[Columns], transform: Transform| {
        let terms = columns.iter().zip(&fitted.slopes);
        terms
            .map(|(&j, &slope)| term((j, transform), slope))
            .collect()
    };
    match &fitted.shape {
        Shape::Constant | Shape::Split(_) => Vec::new(),
        Shape::Terms(terms) => {
            let terms = terms.iter().zip(&fitted.slopes);
            terms.map(|(&of, &slope)| term(of, slope)).collect()
        }
        Shape::Isotonic(column) => vec![term((*column, Transform::Identity), 1.0)],
        Shape::Glm(columns) => all(columns, Transform::Log),
        Shape::Forest(columns) => all(columns, Transform::Identity),
    }
}

fn condition(problem: &Problem, test: &Test) -> Condition {
    Condition {
        feature: problem.features[test.column].clone(),
        from: test.from,
        below: test.below,
    }
}

/// The summands of one part, its constant first.
fn terms_of_part(problem: &Problem, part: &Part, fitted: &Fitted) -> Vec<Term> {
    let when = part.when.iter().map(|test| condition(problem, test));
    let when: Vec<Condition> = when.collect();
    let constant = part.when.first().map(|test| Term {
        predictor: problem.features[test.column].clone().into(),
        transform: Transform::One,
        coefficient: fitted.intercept,
        when: when.clone(),
    });
    let mut own = terms(problem, fitted, &when);
    own.retain(|term| term.coefficient != 0.0);
    constant.into_iter().chain(own).collect()
}

fn kind(fitted: &Fitted) -> ModelKind {
    match &fitted.shape {
        Shape::Constant => ModelKind::Constant,
        Shape::Isotonic(_) => ModelKind::Isotonic,
        Shape::Split(_) => ModelKind::Split,
        Shape::Glm(_) => ModelKind::Glm,
        Shape::Forest(_) => ModelKind::Forest,
        Shape::Terms(_) if !matches!(fitted.columns()[..], [Columns::One(_)]) => {
            ModelKind::Multiple
        }
        Shape::Terms(terms) if terms.iter().all(|t| t.1 == Transform::Identity) => {
            ModelKind::Linear
        }
        Shape::Terms(_) => ModelKind::Transformed,
    }
}

/// The ranges of what the terms are made of, then of the features of a product: a picture of one row of a million pixels is
/// as large as others, and unlike them.
fn seen(problem: &Problem, fitted: &Fitted) -> Vec<SeenRange> {
    let all: Vec<usize> = (0..problem.data.rows()).collect();
    let Shape::Split(parts) = &fitted.shape else {
        return ranges(problem, &fitted.columns(), &all, &[]);
    };
    // By words: of two ranges of one size, a value between them is of both.
    let words_of = |part: &Part| -> Vec<Test> {
        let tests = part.when.iter().copied();
        tests
            .filter(|test| problem.data.word_of(test.column).is_some())
            .collect()
    };
    let mut kinds: Vec<Vec<Test>> = Vec::new();
    for words in parts.iter().map(words_of) {
        if !kinds.contains(&words) {
            kinds.push(words);
        }
    }
    let of_kind = |words: &Vec<Test>| {
        let own = parts
            .iter()
            .zip(&fitted.parts)
            .filter(|(part, _)| words_of(part) == *words);
        let mut columns: Vec<Columns> = Vec::new();
        for (part, fitted) in own {
            let asked = part.when.iter().map(|test| Columns::One(test.column));
            let new = fitted.columns().into_iter().chain(asked);
            columns.extend(new.filter(|c| !columns.contains(c)).collect::<Vec<_>>());
        }
        let belongs = |&row: &usize| words.iter().all(|test| test.holds(&problem.data, row));
        let rows: Vec<usize> = all.iter().copied().filter(belongs).collect();
        ranges(problem, &columns, &rows, words)
    };
    kinds.iter().flat_map(of_kind).collect()
}

/// The ranges of columns and of both columns of products, over rows for which these tests hold. Words have none.
fn ranges(problem: &Problem, columns: &[Columns], rows: &[usize], when: &[Test]) -> Vec<SeenRange> {
    let mut all = columns.to_vec();
    for &columns in columns {
        if let Columns::Product(a, b) = columns {
            let unseen = [a, b].map(Columns::One).into_iter();
            all.extend(unseen.filter(|c| !all.contains(c)).collect::<Vec<_>>());
        }
    }
    let is_word = |columns: &Columns| matches!(*columns, Columns::One(column) if problem.data.word_of(column).is_some());
    all.retain(|columns| !is_word(columns));
    let range = |columns: Columns| {
        let values: Vec<f64> = rows
            .iter()
            .map(|&row| problem.data.value(columns, row))
            .collect();
        SeenRange {
            predictor: problem.predictor(columns),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            distinct: distinct(&values),
            when: when.iter().map(|test| condition(problem, test)).collect(),
        }
    };
    all.into_iter().map(range).collect()
}

/// Share of the variance explained; `None` where there is none.
fn r2(data: &Data, fitted: &Fitted) -> Option<f64> {
    let average = mean(&data.y)?;
    let total: f64 = data.y.iter().map(|y| (y - average).powi(2)).sum();
    // What nothing is said of is off by as much as a constant is.
    let said = |row: usize| Some(fitted.predict(data, row)).filter(|said| said.is_finite());
    let left: f64 = (0..data.rows())
        .map(|row| (data.y[row] - said(row).unwrap_or(average)).powi(2))
        .sum();
    (total > 0.0).then(|| 1.0 - left / total)
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
