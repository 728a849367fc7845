//! What was fitted, told by the names of its columns: the model that others read and predict by. Fits and judges nothing.

use crate::data::{Columns, Data};
use crate::explain::Problem;
use crate::fit::{Fitted, Part, Shape, Test};
use crate::formula::formula;
use crate::statistics::{distinct, mean, median, quantile};
use trace::{Condition, HeldOut, Model, ModelKind, SeenRange, Term, Transform};

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

/// What was fitted, as a model: by the names of its columns, with its ranges and its errors on held-out inputs.
pub(crate) fn model(
    problem: &Problem,
    fitted: &Fitted,
    errors: Option<&[f64]>,
    reason: String,
) -> Model {
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
