//! Features ranked by what each alone predicts on held-out inputs, and why each is or is not the one chosen.
//! Not the choice itself.

use crate::data::Data;
use crate::explain::{Explained, Problem};
use crate::features::Column;
use crate::fit::Shape;
use crate::folds::{Folds, held_out, on_all, relative_errors};
use crate::press::Training;
use crate::select::{explained, first_column, is_double, select_one};
use crate::statistics::median;
use trace::{Breakpoint, Candidate, CandidateNote, Feature, ModelKind, Transform};

/// Candidates listed.
const LISTED: usize = 20;

/// A feature with less of the growth ahead than this is final too late to size a call by.
const TOO_LATE: f64 = 0.1;

/// What predicts within this factor of the chosen one, or within a percent, predicts about as well.
const ABOUT: f64 = 1.5;
const ABOUT_SHARE: f64 = 0.01;

/// The candidates, the chosen ones first, then by held-out error. The problem's columns are `columns`, in order.
pub(crate) fn rank(problem: &Problem, explained: &Explained, columns: &[Column]) -> Vec<Candidate> {
    // Where memory does not move, every feature predicts it, and none means anything.
    if explained.model.kind == ModelKind::Constant {
        return Vec::new();
    }
    let data = &problem.data;
    let chosen = explained
        .fitted
        .as_ref()
        .map(|f| f.columns())
        .unwrap_or_default();
    let mut judged: Vec<Judged> = listed(data, &chosen)
        .into_iter()
        .filter_map(|j| Judged::new(data, j))
        .collect();
    judged.sort_by(|a, b| a.error.total_cmp(&b.error));
    // In order of the model's terms, a stable sort.
    judged.sort_by_key(|j| {
        chosen
            .iter()
            .position(|&c| c == j.column)
            .unwrap_or(usize::MAX)
    });
    let leader = chosen
        .first()
        .and_then(|&c| judged.iter().find(|j| j.column == c))
        .cloned();
    judged
        .iter()
        .map(|j| Candidate {
            variable: columns[j.column].feature.variable.clone(),
            breakpoint: columns[j.column].feature.breakpoint.clone(),
            aggregate: columns[j.column].feature.aggregate,
            held_out_median_ape: j.error,
            lead: columns[j.column].lead,
            note: note(data, j, &chosen, leader.as_ref(), columns),
        })
        .collect()
}

/// One feature and its best model.
#[derive(Clone)]
struct Judged {
    column: usize,
    shape: Shape,
    /// Median absolute percentage error on held-out inputs, the shape chosen anew in each fold.
    error: f64,
}

impl Judged {
    fn new(data: &Data, column: usize) -> Option<Judged> {
        let shape =
            |training: &Training| select_one(training, column).map_or(Shape::Constant, |s| s.shape);
        let predictions = held_out(data, &Folds::at_most(data, 10), shape);
        let on_all_rows = select_one(&Training::without(data, |_| false), column)?;
        let (_, fitted) = on_all(data, |_| on_all_rows.clone());
        Some(Judged {
            column,
            shape: fitted.shape,
            error: median(&relative_errors(data, &predictions))?,
        })
    }
}

/// The columns worth listing: the chosen ones, and those that explain most by a line.
fn listed(data: &Data, chosen: &[usize]) -> Vec<usize> {
    let all = Training::without(data, |_| false);
    let share = |&j: &usize| {
        let shapes = [Transform::Identity, Transform::Square, Transform::Log];
        let columns = shapes.iter().filter_map(|&t| data.shaped(j, t));
        let best = columns
            .map(|c| explained(&all.weight, &all.y, c))
            .fold(0.0, f64::max);
        (best, j)
    };
    let mut ranked: Vec<(f64, usize)> = data.usable.iter().map(share).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let others = ranked
        .into_iter()
        .map(|r| r.1)
        .filter(|j| !chosen.contains(j));
    chosen.iter().copied().chain(others).take(LISTED).collect()
}

fn note(
    data: &Data,
    judged: &Judged,
    chosen: &[usize],
    leader: Option<&Judged>,
    columns: &[Column],
) -> CandidateNote {
    if chosen.contains(&judged.column) {
        return CandidateNote::Chosen;
    }
    let Some(leader) = leader else {
        return CandidateNote::Worse;
    };
    if first_column(&judged.shape).is_some()
        && is_double(
            &Training::without(data, |_| false),
            &judged.shape,
            &leader.shape,
        )
    {
        return CandidateNote::DoubleOf(name(&columns[leader.column].feature));
    }
    let as_well = judged.error <= (ABOUT * leader.error).max(leader.error + ABOUT_SHARE);
    match (as_well, columns[judged.column].lead < TOO_LATE) {
        (true, true) => CandidateNote::TooLate,
        (true, false) => CandidateNote::Competitor,
        (false, _) => CandidateNote::Worse,
    }
}

/// A feature as a sentence names it: `max(lines) at set:LINES`, `stdin_bytes`.
pub(crate) fn name(feature: &Feature) -> String {
    match feature.breakpoint {
        Breakpoint::Input => feature.to_string(),
        _ => format!("{feature} at {}", feature.breakpoint),
    }
}
