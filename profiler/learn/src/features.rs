//! Traces to a table: one row per distinct input, one column per feature (variable, breakpoint, aggregate).
//! Decides what may be a candidate at all; judges none of them.
//!
//! Only calls that ran to their own end are measurements. Repeats of one input are one row: the largest memory, the mean
//! of everything else. What was read when the timeline took a sample depends on timing and is never a candidate, and
//! neither are the allocator's own functions, whose arguments are memory and not its cause.

use crate::armed::{self, needs_probe};
use crate::data::Shown;
use crate::lead::Lead;
use crate::rows::{Row, measure, rows_by_input};
use crate::statistics::distinct;
use std::collections::{BTreeSet, HashMap, HashSet};
use trace::{Aggregate, Breakpoint, Feature, Observed, Trace, word};

/// One feature, with its value for every row.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) feature: Feature,
    /// Which variable it is of, counted in the order in which they were observed; `None` for a parameter without a name.
    /// Features of different variables may be multiplied, as parameters without names, often pointers, may not.
    pub(crate) family: Option<usize>,
    pub(crate) values: Vec<f64>,
    /// What is still ahead when the value is final, medians over the rows.
    pub(crate) lead: Lead,
}

/// All that is learned from across calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    /// Those that move and are known for every row, the preferred explanation first where two say the same.
    pub(crate) columns: Vec<Column>,
    /// Variables that some inputs have no value of.
    pub(crate) left_out: Vec<LeftOut>,
}

/// A variable that was not seen in every input.
#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    pub(crate) variable: String,
    pub(crate) breakpoint: Breakpoint,
    /// Inputs without a value of it.
    pub(crate) missing: usize,
}

/// Builds the table from the calls of one function.
pub(crate) fn table<'t>(traces: impl IntoIterator<Item = &'t Trace>) -> Table {
    let traces = traces.into_iter();
    let measured: Vec<&Trace> = traces.filter(|t| t.is_measurement()).collect();
    let row_of = rows_by_input(&measured);
    let rows = measure(&measured, &row_of);
    let mut left_out = Vec::new();
    let mut columns = Vec::new();
    let observed = observe(&measured, &row_of, rows.len());
    for seen in &observed {
        let family = observed.iter().position(|s| s.variable == seen.variable);
        seen.columns(family, &mut columns, &mut left_out);
    }
    let many = of_many_words(columns.iter().map(|column: &Column| &column.feature));
    columns.retain(|column| !is_one_of_many(&column.feature, &many));
    columns.sort_by(|a, b| preference(a).cmp(&preference(b)));
    drop_other_names(&mut columns);
    Table {
        rows,
        columns,
        left_out,
    }
}

/// Every feature that may size a call, of any of these calls: what is known before it or early in it. In the order of their names,
/// so that no call that comes later changes what is said of one before it, but by a feature of its own. Of a variable of which words are
/// said the first ones that were: whoever calls may say as many as they like.
pub fn early<'t>(traces: impl IntoIterator<Item = &'t Trace>) -> Vec<Feature> {
    let mut traces: Vec<&Trace> = traces.into_iter().collect();
    traces.sort_by_key(|trace| trace.started_unix_ms);
    let mut places = BTreeSet::new();
    let mut words: HashMap<&str, usize> = HashMap::new();
    for observed in traces.into_iter().flat_map(|trace| &trace.observations) {
        let place = (&observed.breakpoint, &observed.variable);
        if places.contains(&place) {
            continue;
        }
        if let Some((of, _)) = word(&observed.variable, &observed.breakpoint) {
            let words = words.entry(of).or_default();
            *words += 1;
            if *words > MOST_TOLD {
                continue;
            }
        }
        places.insert(place);
    }
    let features = places.into_iter().map(|(breakpoint, variable)| Feature {
        variable: variable.clone(),
        breakpoint: breakpoint.clone(),
        aggregate: Aggregate::First,
    });
    features
        .filter(|feature| is_candidate(&feature.breakpoint) && feature.is_early())
        .collect()
}

/// Words of one variable that are told of calls at most.
const MOST_TOLD: usize = 2 * MOST_WORDS;

/// Variables of which more words than this are said are names, not kinds of calls.
const MOST_WORDS: usize = 32;

/// Variables of which more words than that are said.
pub(crate) fn of_many_words<'f>(features: impl Iterator<Item = &'f Feature>) -> HashSet<String> {
    let mut words: HashMap<&str, usize> = HashMap::new();
    for (name, _) in features.filter_map(Feature::word) {
        *words.entry(name).or_default() += 1;
    }
    let many = words.into_iter().filter(|(_, words)| *words > MOST_WORDS);
    many.map(|(name, _)| name.to_owned()).collect()
}

/// Whether it is a word of one of those.
pub(crate) fn is_one_of_many(feature: &Feature, many: &HashSet<String>) -> bool {
    feature.word().is_some_and(|(name, _)| many.contains(name))
}

fn is_word(variable: &str, breakpoint: &Breakpoint) -> bool {
    word(variable, breakpoint).is_some()
}

/// Columns of calls as they come made candidates: those that move, the preferred explanation first.
pub(crate) fn candidates(mut columns: Vec<Column>) -> Vec<Column> {
    columns.retain(|column| column.values.iter().any(|value| *value != column.values[0]));
    columns.sort_by(|a, b| preference(a).cmp(&preference(b)));
    drop_other_names(&mut columns);
    columns
}

/// Two features that say exactly the same are told apart by this only: by how the variable has come to be looked at, see
/// [`Shown`]; a name that says what it is is better than one that does not; then the one that is final earlier; then what has
/// a name of its own, as the result of a function has not; then the name, so that the answer is stable; and of one variable the
/// aggregate that is the more natural cause of a peak.
fn preference(column: &Column) -> (Shown, bool, i64, bool, &Breakpoint, &str, Option<usize>) {
    let feature = &column.feature;
    (
        shown(feature),
        is_other_name(feature),
        -(column.lead.share * 1e6) as i64,
        matches!(feature.breakpoint, Breakpoint::Exit(_)),
        &feature.breakpoint,
        &feature.variable,
        aggregates(&feature.breakpoint)
            .iter()
            .position(|a| *a == feature.aggregate),
    )
}

/// How its variable has come to be looked at.
pub(crate) fn shown(feature: &Feature) -> Shown {
    match &feature.breakpoint {
        _ if is_nameless_parameter(feature) => Shown::Nameless,
        Breakpoint::Set(name) if is_in_function(name, &feature.variable) => Shown::Locally,
        Breakpoint::Set(_) => Shown::OnPurpose,
        Breakpoint::Entry(_) | Breakpoint::Exit(_) | Breakpoint::Open => Shown::BetweenFunctions,
        Breakpoint::Line { .. } => Shown::Locally,
        Breakpoint::End | Breakpoint::Sample => Shown::AtTheEnd,
        Breakpoint::Input => Shown::BeforeTheCall,
    }
}

/// Whether an assigned variable is called `FUNCTION.VARIABLE`, as local ones are.
fn is_in_function(assigned: &str, variable: &str) -> bool {
    let function = assigned.strip_suffix(variable);
    function.is_some_and(|function| function.ends_with('.'))
}

/// Whether an input feature is there for want of a better name: the largest single thing to read, which is the body or a
/// file and then also recorded as such, and arguments by their position, which a sweep names.
fn is_other_name(feature: &Feature) -> bool {
    feature.breakpoint == Breakpoint::Input
        && (feature.variable == "largest_input_bytes" || is_position(&feature.variable))
}

/// Whether a feature is the size of what a call is given to read.
pub(crate) fn is_input_size(feature: &Feature) -> bool {
    feature.breakpoint == Breakpoint::Input && feature.variable.ends_with("_bytes")
}

/// Whether a feature may be the number of keys in a hash table, as the size of something to read and a pointer are not.
/// Some of many sizes step where the truth does, by chance.
pub(crate) fn may_be_keys(feature: &Feature) -> bool {
    let size = is_input_size(feature) || feature.breakpoint == Breakpoint::Open;
    !size && !is_nameless_parameter(feature)
}

/// Whether a feature is a parameter of the guest's that is known by its position only: often a pointer.
pub(crate) fn is_nameless_parameter(feature: &Feature) -> bool {
    matches!(feature.breakpoint, Breakpoint::Entry(_)) && is_position(&feature.variable)
}

/// `arg0`, `arg1`, ...
fn is_position(name: &str) -> bool {
    let position = name.strip_prefix("arg");
    position.is_some_and(|p| !p.is_empty() && p.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Drops what is in every row the same as another input feature with the better name: one thing, not two that agree.
fn drop_other_names(columns: &mut Vec<Column>) {
    let (mut kept, others): (Vec<Column>, Vec<Column>) = std::mem::take(columns)
        .into_iter()
        .partition(|c| !is_other_name(&c.feature));
    for other in others {
        let known =
            |c: &Column| c.feature.breakpoint == Breakpoint::Input && c.values == other.values;
        if !kept.iter().any(known) {
            kept.push(other);
        }
    }
    *columns = kept;
}

/// What one variable at one breakpoint was, row by row.
struct Seen<'a> {
    variable: &'a str,
    breakpoint: &'a Breakpoint,
    cells: Vec<Cell>,
}

/// Sums over the repeats of one input; divided by `repeats` when made a column.
#[derive(Clone, Copy, Default)]
struct Cell {
    repeats: u32,
    first: f64,
    last: f64,
    max: f64,
    sum: f64,
    count: f64,
    /// Nobody looked in some call of the input.
    unarmed: bool,
    first_ahead: Lead,
    last_ahead: Lead,
}

fn observe<'a>(measured: &[&'a Trace], row_of: &[usize], rows: usize) -> Vec<Seen<'a>> {
    let mut all: Vec<Seen<'a>> = Vec::new();
    let mut index: HashMap<(&'a str, &'a Breakpoint), usize> = HashMap::new();
    for (trace, &row) in measured.iter().zip(row_of) {
        for (position, observed) in trace.observations.iter().enumerate() {
            if !is_candidate(&observed.breakpoint) {
                continue;
            }
            let key = (observed.variable.as_str(), &observed.breakpoint);
            // Traces of one plan list the same variables in the same order, so the position is nearly always right.
            let guess = all
                .get(position)
                .is_some_and(|s| (s.variable, s.breakpoint) == key);
            let at = if guess {
                position
            } else {
                *index.entry(key).or_insert_with(|| {
                    all.push(Seen {
                        variable: key.0,
                        breakpoint: key.1,
                        cells: vec![Cell::default(); rows],
                    });
                    all.len() - 1
                })
            };
            all[at].cells[row].add(trace, observed);
        }
    }
    mark_unarmed(measured, row_of, &mut all);
    all
}

/// Marks the cells of which nothing can be known because no probe was armed there.
fn mark_unarmed(measured: &[&Trace], row_of: &[usize], all: &mut [Seen]) {
    let mut before: Option<(&Trace, Vec<usize>)> = None;
    for (&trace, &row) in measured.iter().zip(row_of) {
        // Calls of one run are neighbours and have the same list.
        let same = before.as_ref().is_some_and(|(b, _)| b.armed == trace.armed);
        if !same {
            let armed = armed::places(trace);
            let unarmed = |seen: &Seen| {
                let place = (seen.variable, seen.breakpoint);
                needs_probe(seen.breakpoint) && armed.as_ref().is_some_and(|a| !a.contains(&place))
            };
            let unarmed = (0..all.len()).filter(|&s| unarmed(&all[s]));
            before = Some((trace, unarmed.collect()));
        }
        for &seen in before.iter().flat_map(|(_, unarmed)| unarmed) {
            all[seen].cells[row].unarmed = true;
        }
    }
}

/// Whether values seen here may explain anything across calls.
pub(crate) fn is_candidate(breakpoint: &Breakpoint) -> bool {
    match breakpoint {
        Breakpoint::Sample => false,
        Breakpoint::Entry(name) | Breakpoint::Exit(name) => !is_allocator(name),
        Breakpoint::Input
        | Breakpoint::Open
        | Breakpoint::Set(_)
        | Breakpoint::Line { .. }
        | Breakpoint::End => true,
    }
}

fn is_allocator(function: &str) -> bool {
    const NAMES: [&str; 9] = [
        "malloc",
        "calloc",
        "realloc",
        "free",
        "aligned_alloc",
        "posix_memalign",
        "memalign",
        "sbrk",
        "__new",
    ];
    NAMES.contains(&function)
        || ["dl", "__rust_", "__rdl_", "__rg_", "__wbindgen_"]
            .iter()
            .any(|prefix| {
                function
                    .strip_prefix(prefix)
                    .is_some_and(|rest| rest.contains("alloc") || rest.contains("free"))
            })
}

impl Cell {
    fn add(&mut self, trace: &Trace, observed: &Observed) {
        self.repeats += 1;
        self.first += observed.first;
        self.last += observed.last;
        self.max += observed.max;
        self.sum += observed.sum;
        self.count += observed.count as f64;
        if observed.breakpoint == Breakpoint::Input {
            let all = Lead::before(trace);
            self.first_ahead.add(all);
            self.last_ahead.add(all);
        } else {
            self.first_ahead.add(Lead::at(trace, observed.first_moment));
            self.last_ahead.add(Lead::at(trace, observed.last_moment));
        }
    }

    fn value(&self, aggregate: Aggregate) -> f64 {
        let sum = match aggregate {
            Aggregate::First | Aggregate::Value => self.first,
            Aggregate::Last => self.last,
            Aggregate::Max => self.max,
            Aggregate::Sum => self.sum,
            Aggregate::Count => self.count,
        };
        sum / f64::from(self.repeats)
    }
}

impl Seen<'_> {
    /// Adds the columns of this variable at this breakpoint: one per aggregate that differs from the others and moves. Where
    /// the first value is also the largest, or the last, it is told as the first: that is known sooner.
    fn columns(
        &self,
        family: Option<usize>,
        columns: &mut Vec<Column>,
        left_out: &mut Vec<LeftOut>,
    ) {
        let missing = self.cells.iter().filter(|c| c.repeats == 0).count();
        let first_of_this = columns.len();
        for &aggregate in aggregates(self.breakpoint) {
            let Some(values) = self.values(aggregate, missing) else {
                continue;
            };
            let mut known = columns[first_of_this..].iter_mut();
            let same = known.find(|c| c.values == values);
            match same {
                Some(same) if aggregate == Aggregate::First => {
                    *same = self.column(family, aggregate, values);
                }
                Some(_) => {}
                None if values.iter().any(|v| *v != values[0]) => {
                    columns.push(self.column(family, aggregate, values));
                }
                None => {}
            }
        }
        if missing > 0 && !is_word(self.variable, self.breakpoint) {
            left_out.push(LeftOut {
                variable: self.variable.to_owned(),
                breakpoint: self.breakpoint.clone(),
                missing,
            });
        }
    }

    /// One value per row, or `None` where a row has none. A breakpoint never reached was reached 0 times, summed to 0, and
    /// its largest size was 0; its first and last values do not exist.
    fn values(&self, aggregate: Aggregate, missing: usize) -> Option<Vec<f64>> {
        let is_word = aggregate == Aggregate::First && is_word(self.variable, self.breakpoint);
        let nothing_is_zero = is_word
            || match aggregate {
                Aggregate::Count | Aggregate::Sum => self.breakpoint != &Breakpoint::Input,
                Aggregate::Max => {
                    self.breakpoint != &Breakpoint::Input
                        && self.cells.iter().all(|c| c.repeats == 0 || c.max >= 0.0)
                }
                Aggregate::First | Aggregate::Last | Aggregate::Value => false,
            };
        let unknown = |c: &Cell| c.repeats == 0 && c.unarmed;
        if missing > 0 && (!nothing_is_zero || self.cells.iter().any(unknown)) {
            return None;
        }
        let value = |c: &Cell| {
            if c.repeats == 0 {
                0.0
            } else {
                c.value(aggregate)
            }
        };
        let values: Vec<f64> = self.cells.iter().map(value).collect();
        values.iter().all(|v| v.is_finite()).then_some(values)
    }

    fn column(&self, family: Option<usize>, aggregate: Aggregate, values: Vec<f64>) -> Column {
        let early = matches!(aggregate, Aggregate::First);
        let reached = self.cells.iter().filter(|c| c.repeats > 0);
        let leads = reached.map(|c| {
            let sum = if early { c.first_ahead } else { c.last_ahead };
            sum.divided_by(f64::from(c.repeats))
        });
        let feature = Feature {
            variable: self.variable.to_owned(),
            breakpoint: self.breakpoint.clone(),
            aggregate,
        };
        Column {
            family: family.filter(|_| !is_nameless_parameter(&feature)),
            feature,
            values,
            lead: Lead::middle(&leads.collect::<Vec<Lead>>()),
        }
    }
}

/// The aggregates of a breakpoint, preferred first. Of two that have the same values in every row, one is kept.
fn aggregates(breakpoint: &Breakpoint) -> &'static [Aggregate] {
    use Aggregate::{Count, First, Last, Max, Sum};
    match breakpoint {
        Breakpoint::Input => &[First],
        // A parameter is known when the function is entered: `first` is the early one.
        Breakpoint::Open | Breakpoint::Entry(_) => &[First, Max, Last, Sum, Count],
        Breakpoint::Exit(_) | Breakpoint::Set(_) | Breakpoint::Line { .. } => {
            &[Max, Last, First, Sum, Count]
        }
        Breakpoint::End | Breakpoint::Sample => &[Last],
    }
}

/// Different values of the column that has most of them: what a regression can learn from at best.
pub(crate) fn most_distinct<'a>(columns: impl Iterator<Item = &'a [f64]>) -> usize {
    columns.map(distinct).max().unwrap_or(0)
}
