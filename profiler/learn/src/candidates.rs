//! Features ranked by what each alone predicts on held-out inputs, and why each is or is not the one chosen. The sizes of
//! the input are always among them, however badly they predict: people guess by them. Not the choice itself.

use crate::data::{Columns, Data, Shown};
use crate::doubles::{moving_with, named_by};
use crate::explain::{Explained, Problem};
use crate::features::{Column, is_input_size};
use crate::fit::Shape;
use crate::folds::{Folds, held_out, relative_errors};
use crate::lead::Lead;
use crate::press::Training;
use crate::products;
use crate::select::{explained, first, is_double, select_one};
use crate::statistics::median;
use trace::{
    Breakpoint, Bytes, Candidate, CandidateNote, Feature, ModelKind, Predictor, Transform,
};

/// Candidates listed, sizes of the input apart, and so many again of what the guest or its caller shows.
const LISTED: usize = 20;

/// What has less of the growth ahead than this is final too late to size a call by.
pub(crate) const TOO_LATE: f64 = 0.1;

/// Of these, those that the data cannot tell from a chosen one.
const LISTED_DOUBLES: usize = 5;

/// What predicts within this factor of the chosen one, or within a percent, predicts about as well.
const ABOUT: f64 = 1.5;
const ABOUT_SHARE: f64 = 0.01;

/// The candidates, the chosen ones first, then by held-out error. The problem's columns are `table`, in order.
pub(crate) fn rank(problem: &Problem, explained: &Explained, table: &[Column]) -> Vec<Candidate> {
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
    let leader = chosen.first().and_then(|&c| Judged::new(data, c));
    let mut judged: Vec<Judged> = listed(problem, &chosen, leader.as_ref())
        .into_iter()
        .filter_map(|c| Judged::new(data, c))
        .collect();
    judged.sort_by(|a, b| a.error.total_cmp(&b.error));
    // In order of the model's terms, a stable sort.
    judged.sort_by_key(|j| {
        chosen
            .iter()
            .position(|&c| c == j.columns)
            .unwrap_or(usize::MAX)
    });
    judged
        .iter()
        .map(|j| {
            let lead = lead(j.columns, table);
            let with = moving_with(data, j.columns).into_iter();
            Candidate {
                predictor: problem.predictor(j.columns),
                held_out_median_ape: j.error,
                lead: lead.share,
                lead_bytes: Bytes::from_f64(lead.bytes),
                lead_seconds: lead.seconds,
                moves_with: with.map(|k| problem.features[k].clone()).collect(),
                note: if chosen.contains(&j.columns) {
                    CandidateNote::Chosen
                } else {
                    note(problem, j, leader.as_ref(), lead.share)
                },
            }
        })
        .collect()
}

/// What is still ahead when all of it is final.
fn lead(columns: Columns, table: &[Column]) -> Lead {
    match columns {
        Columns::One(a) => table[a].lead,
        Columns::Product(a, b) => table[a].lead.least(table[b].lead),
    }
}

/// A candidate and its best model.
struct Judged {
    columns: Columns,
    shape: Shape,
    /// Median absolute percentage error on held-out inputs, the shape chosen anew in each fold.
    error: f64,
}

impl Judged {
    fn new(data: &Data, columns: Columns) -> Option<Judged> {
        let shape = |training: &Training| {
            select_one(training, columns).map_or(Shape::Constant, |s| s.shape)
        };
        let predictions = held_out(data, &Folds::at_most(data, 10), shape);
        Some(Judged {
            columns,
            shape: shape(&Training::without(data, |_| false)),
            error: median(&relative_errors(data, &predictions))?,
        })
    }
}

/// What is worth listing: what was chosen, a product that says the same, features that explain most by a line, what the
/// guest and its caller show, and the sizes of the input. Of what moves together, but with nothing that was chosen, only the
/// preferred name.
fn listed(problem: &Problem, chosen: &[Columns], leader: Option<&Judged>) -> Vec<Columns> {
    let data = &problem.data;
    let all = Training::without(data, |_| false);
    let share = |&j: &usize| {
        let shapes = [Transform::Identity, Transform::Square, Transform::Log];
        let columns = shapes
            .iter()
            .filter_map(|&t| data.shaped(Columns::One(j), t));
        let best = columns
            .map(|c| explained(&all.weight, &all.y, &c))
            .fold(0.0, f64::max);
        (best, Columns::One(j))
    };
    let mut ranked: Vec<(f64, Columns)> = data.usable.iter().map(share).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let alike = leader.and_then(|l| products::alike(data, &l.shape));
    let mut listed = chosen.to_vec();
    let of_chosen: Vec<Columns> = chosen
        .iter()
        .flat_map(|&c| moving_with(data, c))
        .map(Columns::One)
        .collect();
    let mut doubles = 0;
    let ranked = ranked.iter().map(|r| r.1);
    for columns in alike.into_iter().chain(ranked.clone()) {
        let name = if of_chosen.contains(&columns) {
            doubles += 1;
            if doubles > LISTED_DOUBLES {
                continue;
            }
            columns
        } else {
            named_by(data, columns)
        };
        if listed.len() < LISTED && !listed.contains(&name) {
            listed.push(name);
        }
    }
    // What somebody thought of: it is looked for in the list, whatever else there is.
    let thought_of = |columns: &Columns| {
        matches!(
            data.shown(*columns),
            Shown::OnPurpose | Shown::BeforeTheCall
        )
    };
    let mut more = 0;
    for columns in ranked.filter(thought_of) {
        let name = named_by(data, columns);
        if more < LISTED && !listed.contains(&name) {
            listed.push(name);
            more += 1;
        }
    }
    let sizes = (0..problem.features.len()).filter(|&j| is_input_size(&problem.features[j]));
    for size in sizes.map(Columns::One) {
        if !listed.contains(&size) {
            listed.push(size);
        }
    }
    listed
}

/// Why a candidate is not the chosen one.
fn note(problem: &Problem, judged: &Judged, leader: Option<&Judged>, lead: f64) -> CandidateNote {
    let Some(leader) = leader else {
        return CandidateNote::Worse;
    };
    let all = Training::without(&problem.data, |_| false);
    if first(&judged.shape).is_some() && is_double(&all, &judged.shape, &leader.shape) {
        return CandidateNote::DoubleOf(name(&problem.predictor(leader.columns)));
    }
    let as_well = judged.error <= (ABOUT * leader.error).max(leader.error + ABOUT_SHARE);
    match (as_well, lead < TOO_LATE) {
        (true, true) => CandidateNote::TooLate,
        (true, false) => CandidateNote::Competitor,
        (false, _) => CandidateNote::Worse,
    }
}

/// A predictor as a sentence names it: `max(lines) at set:LINES`, `stdin_bytes`.
pub(crate) fn name(predictor: &Predictor) -> String {
    let name = |feature: &Feature| match feature.breakpoint {
        Breakpoint::Input => feature.to_string(),
        _ => format!("{feature} at {}", feature.breakpoint),
    };
    let names: Vec<String> = predictor.features().map(name).collect();
    names.join(" x ")
}
