//! The recommendation for calls that came from outside: that by which each of them, sized from those before it, has been sized.
//! What is promised is what was proven. A sweep, whose inputs were chosen, is sized by `recommend` itself.

use crate::features::{self, Table};
use crate::online::Known;
use crate::recommend::SingleCalls;
use crate::replay::call::{self, Call};
use crate::replay::fathom::Fathom;
use crate::settings::{Order, Settings};
use crate::step_ahead::Tally;
use trace::{Bytes, Feature, Replay, Trace};

/// What was learned of a stream.
pub(crate) struct OfStream {
    /// What every call is given; `None` before five calls that said something new.
    pub(crate) allocation: Option<Bytes>,
    /// What giving every call the same would have done.
    pub(crate) replay: Option<Replay>,
    /// The rule for single calls, and what it would have done.
    pub(crate) calls: SingleCalls,
}

/// Learns from the calls in order of time.
pub(crate) fn of_stream(table: &Table, traces: &[Trace], settings: &Settings) -> OfStream {
    let features = features::early(traces);
    // What each is given today is nothing that is asked here.
    let calls = call::calls(traces, &features, |_| settings.baseline, true);
    let (function, replay) = walk(Vec::new(), &calls, settings, |_| &[]);
    let (single, replay_of_calls) = walk(features, &calls, settings, |call| &call.known);
    let rule = single.online().rule();
    let lead = |rule: &(trace::Model, crate::margin::Rule)| {
        let leads = rule.0.features().into_iter().filter_map(|feature| {
            let mut columns = table.columns.iter();
            columns
                .find(|column| column.feature == *feature)
                .map(|column| column.lead.share)
        });
        leads.fold(1.0, f64::min)
    };
    let start = calls.iter().map(|call| call.start).fold(0.0, f64::max);
    let whole = |bytes: f64| Bytes::from_f64(bytes.max(start).ceil()).round_up_to_pages();
    OfStream {
        allocation: function.online().size(&[]).map(|sized| whole(sized.start)),
        replay,
        calls: SingleCalls {
            lead: rule.as_ref().map_or(0.0, lead),
            replay: replay_of_calls.filter(|_| rule.is_some()),
            rule: rule.as_ref().map(|(_, rule)| {
                let mut rule = *rule;
                rule.bounds.floor = rule.bounds.floor.max(Bytes::from_f64(start));
                rule
            }),
            model: rule.map(|(model, _)| model),
        },
    }
}

fn walk<'c>(
    features: Vec<Feature>,
    calls: &'c [Call],
    settings: &Settings,
    known: impl Fn(&'c Call) -> &'c [Known],
) -> (Fathom, Option<Replay>) {
    let mut fathom = Fathom::new(features, settings, Order::Stream);
    let mut tally = Tally::default();
    for call in calls {
        if let (true, Some(sized)) = (call.ended, fathom.size(call, known(call))) {
            tally.add(Bytes::from_f64(sized.last()), call.need);
        }
        fathom.see(call, known(call));
    }
    (fathom, tally.replay())
}
