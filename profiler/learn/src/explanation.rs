//! Why a size is what it is, part by part, which calls it is for, and what would change it. Sizes nothing itself: what it says is
//! of a recommendation that was made.

use crate::allocations::{largest_needs, measured};
use crate::online::{FEWEST, Online};
use crate::replay::call;
use crate::replay::fathom::Fathom;
use crate::settings::{CheckedSettings, Order, Settings};
use crate::statistics::median;
use crate::step_ahead::Needs;
use std::collections::HashSet;
use trace::{
    Bytes, CallAllocation, CallMargin, Explanation, Near, OneMore, Part, Profile, ProviderBill,
    Recommendation, Smaller, Trace,
};

/// Calls that are listed.
const NEAREST: usize = 10;

/// Inputs that are named of those that would fail.
const NAMED: usize = 3;

/// A larger input that may come, against the largest seen.
const LARGER: f64 = 1.1;

/// Explains a recommendation made from these calls, with these settings; `None` where there is none.
pub fn explain_size(
    profile: &Profile,
    traces: &[Trace],
    settings: &CheckedSettings,
) -> Option<Explanation> {
    let recommendation = profile.recommendation.as_ref()?;
    let mut needs: Vec<f64> = largest_needs(&recommendation.calls).into_values().collect();
    needs.sort_by(f64::total_cmp);
    let explaining = Explaining {
        recommendation,
        settings: settings.get(),
        needs,
        stream: stream_of(traces, settings.get()),
    };
    Some(Explanation {
        schema: Explanation::SCHEMA.to_owned(),
        function: profile.function.clone(),
        allocation_bytes: recommendation.allocation_bytes,
        parts: explaining.parts(),
        call_margin: explaining.call_margin(),
        nearest: explaining.nearest(),
        one_more: explaining.one_more(),
        smaller: explaining.smaller(),
    })
}

struct Explaining<'a> {
    recommendation: &'a Recommendation,
    settings: &'a Settings,
    needs: Vec<f64>,
    /// What every call is sized by in a stream; `None` in a sweep.
    stream: Option<Online>,
}

/// What sizes every call, after all of these.
fn stream_of(traces: &[Trace], settings: &Settings) -> Option<Online> {
    if settings.order == Order::Sweep {
        return None;
    }
    let calls = call::calls(traces, &[], |_| settings.baseline, true);
    let mut fathom = Fathom::new(Vec::new(), settings, Order::Stream);
    calls.iter().for_each(|call| fathom.see(call, &[]));
    Some(fathom.online().clone())
}

impl Explaining<'_> {
    /// What the size of all calls is made of.
    fn parts(&self) -> Vec<Part> {
        let r = self.recommendation;
        let difference = |to: f64, from: f64| (to - from).round() as i64;
        let largest = r.largest_need_bytes.as_f64();
        let given = r.allocation_bytes.as_f64();
        let margin = self.every_call(None);
        let why = match self.settings.order {
            Order::Stream if self.needs.len() >= FEWEST => {
                "by how the largest needs of the latest calls fall off".to_owned()
            }
            Order::Stream | Order::Sweep => match r.inputs_needed {
                0 => "nothing more: so many inputs back the asked rate".to_owned(),
                _ => format!(
                    "a largest need of {} inputs is exceeded by the next with 1 in {}",
                    self.needs.len(),
                    self.needs.len() + 1
                ),
            },
        };
        let mut parts = vec![
            Part {
                what: "the largest need seen".to_owned(),
                bytes: difference(largest, 0.0),
            },
            Part {
                what: why,
                bytes: difference(margin, largest),
            },
        ];
        let whole = Bytes::from_f64(margin.ceil()).round_up_to_pages().as_f64();
        parts.push(Part {
            what: "up to whole pages of 64 KiB".to_owned(),
            bytes: difference(whole, margin),
        });
        if difference(given, whole) != 0 {
            parts.push(Part {
                what: "a call that was cut off needed more than any that ended".to_owned(),
                bytes: difference(given, whole),
            });
        }
        parts.retain(|part| part.bytes != 0);
        parts
    }

    /// What every call is given before it is rounded, bytes, had there been another input that needed so much.
    fn every_call(&self, another: Option<f64>) -> f64 {
        let by_largest = || {
            let all: Vec<f64> = self.needs.iter().copied().chain(another).collect();
            Needs::of(&all).bound(self.settings.failure_rate)
        };
        let Some(mut online) = self.stream.clone() else {
            return by_largest();
        };
        if let Some(another) = another {
            online.see(&[], another);
        }
        online
            .size(&[])
            .map_or_else(by_largest, |sized| sized.start)
    }

    fn call_margin(&self) -> Option<CallMargin> {
        let r = self.recommendation;
        let model = r.sizing.as_ref()?;
        let bounds = r.call_bounds;
        let predicted = |call: &&CallAllocation| call.predicted_bytes.is_some();
        let sized = || r.calls.iter().filter(predicted);
        let cap = bounds.cap.round_up_to_pages();
        Some(CallMargin {
            formula: model.formula.clone(),
            from: r.margin_from,
            factor: r.margin?,
            added: bounds.added,
            floor: bounds.floor,
            cap: bounds.cap,
            at_floor: sized()
                .filter(|call| call.predicted_bytes < Some(bounds.floor))
                .count(),
            at_cap: sized().filter(|call| call.allocation_bytes == cap).count(),
        })
    }

    fn nearest(&self) -> Vec<Near> {
        let calls = &self.recommendation.calls;
        let mut near: Vec<(&str, Near)> = measured(calls)
            .map(|call| {
                let given = call.allocation_bytes.as_f64().max(1.0);
                let near = Near {
                    input: call.input.clone(),
                    needed_bytes: call.needed_bytes,
                    given_bytes: call.allocation_bytes,
                    room_share: 1.0 - call.needed_bytes.as_f64() / given,
                };
                (call.identity(), near)
            })
            .collect();
        near.sort_by(|a, b| a.1.room_share.total_cmp(&b.1.room_share));
        // Of repeats of an input the nearest is enough.
        let mut inputs = HashSet::new();
        near.retain(|(input, _)| inputs.insert(*input));
        near.truncate(NEAREST);
        near.into_iter().map(|(_, near)| near).collect()
    }

    fn one_more(&self) -> OneMore {
        let r = self.recommendation;
        let inputs = self.needs.len();
        let whole = |bytes: f64| Bytes::from_f64(bytes.ceil()).round_up_to_pages();
        let usual = median(&self.needs).unwrap_or(0.0);
        OneMore {
            inputs,
            backed_now: r.failure_rate_backed,
            backed_then: r.failure_rate_target.max(1.0 / (inputs + 2) as f64),
            inputs_needed: r.inputs_needed,
            if_usual: whole(self.every_call(Some(usual))),
            if_larger: whole(self.every_call(Some(LARGER * r.largest_need_bytes.as_f64()))),
        }
    }

    /// Of the guest alone, then of every provider that has a smaller size.
    fn smaller(&self) -> Vec<Smaller> {
        let r = self.recommendation;
        let whole = |need: f64| Bytes::from_f64(need).round_up_to_pages();
        let given = r.allocation_bytes;
        // The largest that some call does not fit into.
        let largest = whole(r.largest_need_bytes.as_f64());
        let below = self
            .needs
            .iter()
            .rev()
            .map(|need| whole(*need))
            .find(|need| *need < largest.min(given));
        let guest =
            below.map(|smaller| self.gives_up("guest memory", "fathom", given, smaller, None));
        let providers = r.providers.iter().filter_map(|bill| self.of_provider(bill));
        guest.into_iter().chain(providers).collect()
    }

    fn of_provider(&self, bill: &ProviderBill) -> Option<Smaller> {
        let chosen = bill
            .sizes
            .iter()
            .position(|size| size.size_mb == bill.size_mb)?;
        let smaller = bill.sizes[chosen.checked_sub(1)?];
        let less = bill.usd_per_million - smaller.usd_per_million;
        Some(Smaller {
            times_as_long: smaller.estimated_seconds
                / bill.estimated_seconds.max(f64::MIN_POSITIVE),
            ..self.gives_up(
                &bill.name,
                &bill.provider,
                Bytes::mib(bill.size_mb),
                Bytes::mib(smaller.size_mb),
                Some(less),
            )
        })
    }

    fn gives_up(
        &self,
        name: &str,
        provider: &str,
        size: Bytes,
        smaller: Bytes,
        usd_less_per_million: Option<f64>,
    ) -> Smaller {
        let r = self.recommendation;
        // A provider's size holds the process too.
        let base = match provider {
            "fathom" => Bytes(0),
            _ => r.runtime_base_bytes,
        };
        let does_not_fit =
            |call: &&CallAllocation| call.needed_bytes.0.saturating_add(base.0) > smaller.0;
        let failing: Vec<&CallAllocation> = measured(&r.calls).filter(does_not_fit).collect();
        let mut known = HashSet::new();
        let new = failing.iter().filter(|call| known.insert(call.identity()));
        let inputs: Vec<String> = new.take(NAMED).map(|call| call.input.clone()).collect();
        Smaller {
            name: name.to_owned(),
            provider: provider.to_owned(),
            size,
            smaller,
            would_fail: failing.len(),
            calls: measured(&r.calls).count(),
            inputs,
            usd_less_per_million,
            times_as_long: 1.0,
        }
    }
}
