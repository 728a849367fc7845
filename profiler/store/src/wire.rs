//! The JSON forms inside a row. Private to the file: what `fathom traces export` writes is the trace's own form.
//!
//! Two things the trace's own form does not give: values come back bit by bit (JSON has no NaN, and reading a decimal
//! fraction may miss by one bit), and long series are kept by column, times and committed sizes as differences, which
//! is a third of the size.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeSeq as _};
use std::{borrow::Cow, fmt};
use trace::{
    Breakpoint, Bytes, Growth, Hit, Moment, Nanos, Observed, PlannedProbe, Sample, Touched, Trace,
};

/// A floating-point number: a JSON integer where it is one, else text that Rust reads back exactly.
#[derive(Clone, Copy)]
pub(crate) struct Exact(pub(crate) f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let integer = self.0 as i64;
        // Compared as bits, so that -0.0 and NaN take the other way.
        if self.0.abs() < 9.0e15 && (integer as f64).to_bits() == self.0.to_bits() {
            serializer.serialize_i64(integer)
        } else {
            serializer.collect_str(&format_args!("{:e}", self.0))
        }
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Exact, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Exact;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a number as text")
            }
            fn visit_i64<E>(self, value: i64) -> Result<Exact, E> {
                Ok(Exact(value as f64))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Exact, E> {
                Ok(Exact(value as f64))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Exact, E> {
                text.parse().map(Exact).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Integers as differences from the one before. They wrap, so any order and any size comes back.
#[derive(Default)]
pub(crate) struct Steps(pub(crate) Vec<u64>);

impl Serialize for Steps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = 0u64;
        serializer.collect_seq(self.0.iter().map(|&value| {
            let step = value.wrapping_sub(before) as i64;
            before = value;
            step
        }))
    }
}

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Steps, D::Error> {
        let mut values: Vec<i64> = Vec::deserialize(deserializer)?;
        let mut sum = 0i64;
        for value in &mut values {
            sum = sum.wrapping_add(*value);
            *value = sum;
        }
        Ok(Steps(
            values.into_iter().map(|value| value as u64).collect(),
        ))
    }
}

/// `[at, committed, live]`.
#[derive(Serialize, Deserialize)]
struct MomentWire(Nanos, Bytes, Option<Bytes>);

impl From<Moment> for MomentWire {
    fn from(moment: Moment) -> MomentWire {
        MomentWire(moment.at, moment.committed, moment.live)
    }
}

impl From<MomentWire> for Moment {
    fn from(MomentWire(at, committed, live): MomentWire) -> Moment {
        Moment {
            at,
            committed,
            live,
        }
    }
}

/// What was observed, but for its name and its hits: as far as the last part that says something. The count, the first
/// value, the two moments, then the other values, each of which is absent where it is the first: most are seen once.
pub(crate) struct ValuesWire {
    count: u64,
    first: Exact,
    first_moment: Option<MomentWire>,
    last_moment: Option<MomentWire>,
    last: Option<Exact>,
    min: Option<Exact>,
    max: Option<Exact>,
    sum: Option<Exact>,
}

/// Which variable at which breakpoint.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum PlaceWire<'a> {
    /// A row of `places`.
    Number(i64),
    /// One that has no number.
    Names(Cow<'a, str>, Cow<'a, Breakpoint>),
}

/// An observation without its hits: its place and its values, in one list.
pub(crate) struct NumberedWire<'a> {
    pub(crate) place: PlaceWire<'a>,
    pub(crate) values: ValuesWire,
}

/// The observations of a row.
pub(crate) enum Observations<'a> {
    /// They say their names.
    Named(Vec<Observed>),
    /// Most of them say the number of their place.
    Numbered(Vec<NumberedWire<'a>>),
}

impl ValuesWire {
    fn from(observed: &Observed) -> ValuesWire {
        let other =
            |value: f64| (value.to_bits() != observed.first.to_bits()).then_some(Exact(value));
        ValuesWire {
            count: observed.count,
            first: Exact(observed.first),
            first_moment: observed.first_moment.map(MomentWire::from),
            last_moment: observed.last_moment.map(MomentWire::from),
            last: other(observed.last),
            min: other(observed.min),
            max: other(observed.max),
            sum: other(observed.sum),
        }
    }

    /// The observation of a variable at a breakpoint.
    pub(crate) fn of(self, variable: String, breakpoint: Breakpoint) -> Observed {
        let or_first = |value: Option<Exact>| value.unwrap_or(self.first).0;
        Observed {
            variable,
            breakpoint,
            count: self.count,
            first: self.first.0,
            last: or_first(self.last),
            min: or_first(self.min),
            max: or_first(self.max),
            sum: or_first(self.sum),
            first_moment: self.first_moment.map(Moment::from),
            last_moment: self.last_moment.map(Moment::from),
            hits: Vec::new(),
        }
    }
}

impl Serialize for NumberedWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let NumberedWire { place, values } = self;
        let moments = [&values.first_moment, &values.last_moment];
        let others = [&values.last, &values.min, &values.max, &values.sum];
        let said = others.iter().rposition(|value| value.is_some());
        let others = &others[..said.map_or(0, |last| last + 1)];
        let said = moments.iter().rposition(|moment| moment.is_some());
        let moments = match said {
            _ if !others.is_empty() => &moments[..],
            said => &moments[..said.map_or(0, |last| last + 1)],
        };
        let mut list = serializer.serialize_seq(Some(3 + moments.len() + others.len()))?;
        list.serialize_element(place)?;
        list.serialize_element(&values.count)?;
        list.serialize_element(&values.first)?;
        for moment in moments {
            list.serialize_element(moment)?;
        }
        for value in others {
            list.serialize_element(value)?;
        }
        list.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for NumberedWire<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NumberedWire<'a>, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = NumberedWire<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a place, a count, a value, and what more there is")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(
                self,
                mut list: A,
            ) -> Result<Self::Value, A::Error> {
                let missing = |at| move || de::Error::invalid_length(at, &"at least three");
                Ok(NumberedWire {
                    place: list.next_element()?.ok_or_else(missing(0))?,
                    values: ValuesWire {
                        count: list.next_element()?.ok_or_else(missing(1))?,
                        first: list.next_element()?.ok_or_else(missing(2))?,
                        first_moment: list.next_element()?.flatten(),
                        last_moment: list.next_element()?.flatten(),
                        last: list.next_element()?.flatten(),
                        min: list.next_element()?.flatten(),
                        max: list.next_element()?.flatten(),
                        sum: list.next_element()?.flatten(),
                    },
                })
            }
        }
        deserializer.deserialize_seq(Visitor)
    }
}

/// The form of before version 4: an observation with its names, without its hits.
#[derive(Deserialize)]
struct ObservedWire {
    variable: String,
    breakpoint: Breakpoint,
    count: u64,
    first: Exact,
    #[serde(default)]
    last: Option<Exact>,
    #[serde(default)]
    min: Option<Exact>,
    #[serde(default)]
    max: Option<Exact>,
    #[serde(default)]
    sum: Option<Exact>,
    #[serde(default)]
    first_moment: Option<MomentWire>,
    #[serde(default)]
    last_moment: Option<MomentWire>,
}

impl From<ObservedWire> for Observed {
    fn from(wire: ObservedWire) -> Observed {
        let values = ValuesWire {
            count: wire.count,
            first: wire.first,
            first_moment: wire.first_moment,
            last_moment: wire.last_moment,
            last: wire.last,
            min: wire.min,
            max: wire.max,
            sum: wire.sum,
        };
        values.of(wire.variable, wire.breakpoint)
    }
}

#[derive(Default, Serialize, Deserialize)]
struct GrowthsWire {
    at: Steps,
    to: Steps,
}

impl GrowthsWire {
    fn is_empty(&self) -> bool {
        self.at.0.is_empty()
    }
}

#[derive(Serialize, Deserialize)]
struct MomentsWire {
    at: Steps,
    committed: Steps,
    live: Vec<Option<Bytes>>,
}

#[derive(Serialize, Deserialize)]
struct HitsWire {
    value: Vec<Exact>,
    moments: MomentsWire,
    live_until_next: Vec<Option<Bytes>>,
}

/// What only a full read wants: `hits` has one entry per observation, `null` where there are none.
#[derive(Serialize, Deserialize)]
struct TimelineWire {
    /// Absent where there are none.
    #[serde(default, skip_serializing_if = "GrowthsWire::is_empty")]
    growths: GrowthsWire,
    samples: MomentsWire,
    /// Empty, too, where none of them has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hits: Vec<Option<HitsWire>>,
    /// Absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    touched: Option<TouchedWire>,
}

#[derive(Serialize, Deserialize)]
struct TouchedWire {
    at: Steps,
    bytes: Steps,
}

/// Text inside a row that does not make sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("the columns of {0} differ in length")]
    Ragged(&'static str),
    #[error("a {0} is named that is not there")]
    Missing(&'static str),
}

/// The growths and samples of a call, the hits of each of its observations, and the samples of pages touched.
pub(crate) struct Timeline {
    pub(crate) growths: Vec<Growth>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) hits: Vec<Vec<Hit>>,
    pub(crate) touched: Vec<(Nanos, Bytes)>,
}

pub(crate) fn encode_armed(armed: &[PlannedProbe]) -> serde_json::Result<String> {
    serde_json::to_string(armed)
}

pub(crate) fn decode_armed(text: &str) -> Result<Vec<PlannedProbe>, WireError> {
    Ok(serde_json::from_str(text)?)
}

pub(crate) fn decode_breakpoint(text: &str) -> Result<Breakpoint, WireError> {
    Ok(serde_json::from_str(text)?)
}

pub(crate) fn encode_observations(
    observations: &[Observed],
    numbers: &[Option<i64>],
) -> serde_json::Result<String> {
    let numbered = std::iter::zip(observations, numbers);
    let wire = numbered.map(|(observed, number)| NumberedWire {
        place: match number {
            Some(number) => PlaceWire::Number(*number),
            None => PlaceWire::Names(
                Cow::Borrowed(&observed.variable),
                Cow::Borrowed(&observed.breakpoint),
            ),
        },
        values: ValuesWire::from(observed),
    });
    serde_json::to_string(&wire.collect::<Vec<_>>())
}

pub(crate) fn decode_observations(text: &str) -> Result<Observations<'_>, WireError> {
    if text.starts_with("[{") {
        let wire: Vec<ObservedWire> = serde_json::from_str(text)?;
        let observed = wire.into_iter().map(Observed::from);
        return Ok(Observations::Named(observed.collect()));
    }
    Ok(Observations::Numbered(serde_json::from_str(text)?))
}

pub(crate) fn encode_timeline(trace: &Trace) -> serde_json::Result<String> {
    serde_json::to_string(&TimelineWire {
        growths: GrowthsWire {
            at: Steps(trace.growths.iter().map(|growth| growth.at.0).collect()),
            to: Steps(trace.growths.iter().map(|growth| growth.to.0).collect()),
        },
        samples: moments_wire(trace.samples.iter().copied()),
        hits: match trace
            .observations
            .iter()
            .all(|observed| observed.hits.is_empty())
        {
            true => Vec::new(),
            false => trace.observations.iter().map(hits_wire).collect(),
        },
        touched: touched_wire(trace),
    })
}

pub(crate) fn decode_timeline(text: &str) -> Result<Timeline, WireError> {
    let wire: TimelineWire = serde_json::from_str(text)?;
    let GrowthsWire { at, to } = wire.growths;
    if at.0.len() != to.0.len() {
        return Err(WireError::Ragged("growths"));
    }
    let growths = std::iter::zip(at.0, to.0).map(|(at, to)| Growth {
        at: Nanos(at),
        to: Bytes(to),
    });
    let hits = wire
        .hits
        .into_iter()
        .map(|hits| hits.map_or(Ok(Vec::new()), decode_hits));
    Ok(Timeline {
        growths: growths.collect(),
        samples: decode_moments(wire.samples)?,
        hits: hits.collect::<Result<_, _>>()?,
        touched: wire.touched.map_or(Ok(Vec::new()), decode_touched)?,
    })
}

fn touched_wire(trace: &Trace) -> Option<TouchedWire> {
    match &trace.touched {
        Some(Touched::Measured { samples, .. }) if !samples.is_empty() => Some(TouchedWire {
            at: Steps(samples.iter().map(|(at, _)| at.0).collect()),
            bytes: Steps(samples.iter().map(|(_, bytes)| bytes.0).collect()),
        }),
        _ => None,
    }
}

fn decode_touched(wire: TouchedWire) -> Result<Vec<(Nanos, Bytes)>, WireError> {
    if wire.at.0.len() != wire.bytes.0.len() {
        return Err(WireError::Ragged("touched pages"));
    }
    let columns = std::iter::zip(wire.at.0, wire.bytes.0);
    Ok(columns
        .map(|(at, bytes)| (Nanos(at), Bytes(bytes)))
        .collect())
}

fn moments_wire(moments: impl Iterator<Item = Moment> + Clone) -> MomentsWire {
    MomentsWire {
        at: Steps(moments.clone().map(|moment| moment.at.0).collect()),
        committed: Steps(moments.clone().map(|moment| moment.committed.0).collect()),
        live: moments.map(|moment| moment.live).collect(),
    }
}

fn decode_moments(wire: MomentsWire) -> Result<Vec<Moment>, WireError> {
    if wire.at.0.len() != wire.live.len() || wire.committed.0.len() != wire.live.len() {
        return Err(WireError::Ragged("moments"));
    }
    let columns = wire.at.0.into_iter().zip(wire.committed.0).zip(wire.live);
    Ok(columns
        .map(|((at, committed), live)| Moment {
            at: Nanos(at),
            committed: Bytes(committed),
            live,
        })
        .collect())
}

fn hits_wire(observed: &Observed) -> Option<HitsWire> {
    let hits = &observed.hits;
    (!hits.is_empty()).then(|| HitsWire {
        value: hits.iter().map(|hit| Exact(hit.value)).collect(),
        moments: moments_wire(hits.iter().map(|hit| hit.moment)),
        live_until_next: hits.iter().map(|hit| hit.live_until_next).collect(),
    })
}

fn decode_hits(wire: HitsWire) -> Result<Vec<Hit>, WireError> {
    let moments = decode_moments(wire.moments)?;
    if moments.len() != wire.value.len() || moments.len() != wire.live_until_next.len() {
        return Err(WireError::Ragged("hits"));
    }
    let columns = moments
        .into_iter()
        .zip(wire.value)
        .zip(wire.live_until_next);
    Ok(columns
        .map(|((moment, value), live_until_next)| Hit {
            value: value.0,
            moment,
            live_until_next,
        })
        .collect())
}
