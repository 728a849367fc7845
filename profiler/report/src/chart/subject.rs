//! What need is shown against: the predictor of the model, its prediction, or where nothing explains only an order.

use super::ticks::Unit;
use crate::show::is_in_bytes;
use crate::words;
use trace::{Feature, Model, ModelKind, Predictor, Profile, Trace};

/// What is on the horizontal axis.
pub(super) enum Subject<'a> {
    /// A feature or the product of two; the model, where it depends on this alone.
    Predictor(&'a Predictor, Option<&'a Model>),
    /// The prediction of a model of several.
    Prediction(&'a Model),
    /// Nothing is known that explains: calls in the order of their need, with a constant model where there is one.
    Order(Option<&'a Model>),
}

impl<'a> Subject<'a> {
    pub(super) fn of(profile: &'a Profile) -> Subject<'a> {
        let model = &profile.model;
        match (model.kind, model.terms.as_slice()) {
            (ModelKind::None | ModelKind::Constant, _) | (_, []) => fallback(profile),
            // Where words tell parts apart, there is no one line to be drawn over a size.
            (ModelKind::Split, [first, ..])
                if model.features() == first.predictor.features().collect::<Vec<_>>() =>
            {
                Subject::Predictor(&first.predictor, Some(model))
            }
            (ModelKind::Split, _) => Subject::Prediction(model),
            (_, [first, rest @ ..]) if rest.iter().all(|t| t.predictor == first.predictor) => {
                Subject::Predictor(&first.predictor, Some(model))
            }
            _ => Subject::Prediction(model),
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Subject::Predictor(predictor, _) => predictor.to_string(),
            Subject::Prediction(_) => "Prediction".to_owned(),
            Subject::Order(_) => "Calls".to_owned(),
        }
    }

    pub(super) fn axis_name(&self) -> String {
        match self {
            Subject::Predictor(predictor, _) => words::place(predictor).replace('`', ""),
            Subject::Prediction(_) => "memory that the model says".to_owned(),
            Subject::Order(_) => "calls, smallest need first".to_owned(),
        }
    }

    pub(super) fn unit(&self) -> Unit {
        match self {
            Subject::Predictor(predictor, _) if is_in_bytes(predictor) => Unit::Bytes,
            Subject::Prediction(_) => Unit::Bytes,
            Subject::Predictor(..) | Subject::Order(_) => Unit::Count,
        }
    }

    pub(super) fn x(&self, trace: &Trace, rank: usize) -> Option<f64> {
        match self {
            Subject::Predictor(predictor, _) => predictor
                .value(|f| trace.value_of(f))
                .filter(|x| x.is_finite()),
            Subject::Prediction(model) => model.predict(|f| trace.value_of(f)),
            Subject::Order(_) => Some(rank as f64 + 1.0),
        }
    }

    /// The fitted need at a position.
    pub(super) fn fit(&self, x: f64) -> Option<f64> {
        match self {
            Subject::Predictor(predictor, model) => {
                // All of a product's value in its first feature.
                let value_of = |f: &Feature| Some(if *f == predictor.feature { x } else { 1.0 });
                (*model)?.predict(value_of)
            }
            Subject::Order(model) => (*model)?.predict(|_| Some(x)),
            Subject::Prediction(_) => Some(x),
        }
    }
}

/// Without a model of anything: what calls are sized by, or only their order, with a constant fit where there is one.
fn fallback(profile: &Profile) -> Subject<'_> {
    let constant = (profile.model.kind == ModelKind::Constant).then_some(&profile.model);
    let sizing = profile
        .recommendation
        .as_ref()
        .and_then(|r| r.sizing_feature.as_ref());
    match sizing {
        Some(sized_by) => Subject::Predictor(sized_by, constant),
        None => Subject::Order(constant),
    }
}
