//! What need is shown against: the feature of the model, its prediction, or where nothing explains only an order.

use super::ticks::Unit;
use crate::show::is_bytes;
use crate::words;
use trace::{Feature, Model, ModelKind, Profile, Trace};

/// What is on the horizontal axis.
pub(super) enum Subject<'a> {
    /// A feature; the model, where it depends on this feature alone.
    Feature(&'a Feature, Option<&'a Model>),
    /// The prediction of a model of several features.
    Prediction(&'a Model),
    /// No feature is known: calls in the order of their need, with a constant model where there is one.
    Order(Option<&'a Model>),
}

impl<'a> Subject<'a> {
    pub(super) fn of(profile: &'a Profile) -> Subject<'a> {
        let model = &profile.model;
        match (model.kind, model.terms.as_slice()) {
            (ModelKind::None | ModelKind::Constant, _) | (_, []) => fallback(profile),
            (_, [first, rest @ ..]) if rest.iter().all(|t| t.feature == first.feature) => {
                Subject::Feature(&first.feature, Some(model))
            }
            _ => Subject::Prediction(model),
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Subject::Feature(feature, _) => feature.to_string(),
            Subject::Prediction(_) => "Prediction".to_owned(),
            Subject::Order(_) => "Calls".to_owned(),
        }
    }

    pub(super) fn axis_name(&self) -> String {
        match self {
            Subject::Feature(feature, _) => words::place(feature).replace('`', ""),
            Subject::Prediction(_) => "memory that the model says".to_owned(),
            Subject::Order(_) => "calls, smallest need first".to_owned(),
        }
    }

    pub(super) fn unit(&self) -> Unit {
        match self {
            Subject::Feature(feature, _) if is_bytes(&feature.variable) => Unit::Bytes,
            Subject::Prediction(_) => Unit::Bytes,
            Subject::Feature(..) | Subject::Order(_) => Unit::Count,
        }
    }

    pub(super) fn x(&self, trace: &Trace, rank: usize) -> Option<f64> {
        match self {
            Subject::Feature(feature, _) => trace.value_of(feature).filter(|x| x.is_finite()),
            Subject::Prediction(model) => model.predict(|f| trace.value_of(f)),
            Subject::Order(_) => Some(rank as f64 + 1.0),
        }
    }

    /// The fitted need at a position.
    pub(super) fn fit(&self, x: f64) -> Option<f64> {
        match self {
            Subject::Feature(_, model) | Subject::Order(model) => (*model)?.predict(|_| Some(x)),
            Subject::Prediction(_) => Some(x),
        }
    }
}

/// Without a model of a feature: the sizing feature or the best candidate, with a constant fit where there is one.
fn fallback(profile: &Profile) -> Subject<'_> {
    let constant = (profile.model.kind == ModelKind::Constant).then_some(&profile.model);
    let sizing = profile
        .recommendation
        .as_ref()
        .and_then(|r| r.sizing_feature.as_ref());
    match sizing {
        Some(feature) => Subject::Feature(feature, constant),
        None => Subject::Order(constant),
    }
}
