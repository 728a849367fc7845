//! Reads a distribution as Google's Cloud Monitoring writes it, whatever kind its buckets are of
//! (google/api/distribution.proto). What is known of its values is said by `trace::Distribution`.

use serde_json::Value;
use trace::{Bucket, Distribution};

/// Reads a `distributionValue`; `None` where it is none.
pub(crate) fn read(value: &Value) -> Option<Distribution> {
    let count = integer(&value["count"])?;
    let counts: Vec<u64> = match value.get("bucketCounts") {
        None => Vec::new(),
        Some(counts) => counts
            .as_array()?
            .iter()
            .map(integer)
            .collect::<Option<_>>()?,
    };
    let bounds = Bounds::read(&value["bucketOptions"]);
    let buckets = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let buckets = buckets.map(|(at, &count)| {
        let (from, to) = bounds.as_ref()?.of(at)?;
        Some(Bucket { from, to, count })
    });
    Some(Distribution {
        count,
        mean: value["mean"].as_f64().unwrap_or(0.0),
        buckets: buckets.collect::<Option<_>>()?,
    })
}

/// Sixty-four bits are text in Google's JSON.
pub(crate) fn integer(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        number => number.as_u64(),
    }
}

/// How the bounds of buckets are told.
enum Bounds {
    Linear {
        buckets: u64,
        width: f64,
        offset: f64,
    },
    Exponential {
        buckets: u64,
        growth: f64,
        scale: f64,
    },
    Explicit(Vec<f64>),
}

impl Bounds {
    fn read(options: &Value) -> Option<Bounds> {
        let number = |of: &Value, name: &str| of[name].as_f64();
        if let Some(linear) = options.get("linearBuckets") {
            return Some(Bounds::Linear {
                buckets: integer(&linear["numFiniteBuckets"])?,
                width: number(linear, "width")?,
                offset: number(linear, "offset").unwrap_or(0.0),
            });
        }
        if let Some(exponential) = options.get("exponentialBuckets") {
            return Some(Bounds::Exponential {
                buckets: integer(&exponential["numFiniteBuckets"])?,
                growth: number(exponential, "growthFactor")?,
                scale: number(exponential, "scale")?,
            });
        }
        let bounds = options.get("explicitBuckets")?["bounds"].as_array()?;
        let bounds = bounds.iter().map(Value::as_f64);
        Some(Bounds::Explicit(bounds.collect::<Option<_>>()?))
    }

    /// Bounds of the bucket at a place: the first has no lower one, the last no upper one.
    fn of(&self, at: usize) -> Option<(f64, f64)> {
        let (finite, bound): (u64, Box<dyn Fn(u64) -> f64 + '_>) = match self {
            Bounds::Linear {
                buckets,
                width,
                offset,
            } => (*buckets, Box::new(move |i| offset + width * i as f64)),
            Bounds::Exponential {
                buckets,
                growth,
                scale,
            } => (*buckets, Box::new(move |i| scale * growth.powf(i as f64))),
            Bounds::Explicit(bounds) => (
                (bounds.len() as u64).checked_sub(1)?,
                Box::new(move |i| bounds.get(i as usize).copied().unwrap_or(f64::INFINITY)),
            ),
        };
        let at = at as u64;
        if at > finite + 1 {
            return None;
        }
        let from = at.checked_sub(1).map_or(f64::NEG_INFINITY, &bound);
        let to = if at > finite {
            f64::INFINITY
        } else {
            bound(at)
        };
        Some((from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(options: Value, counts: Value) -> Option<Distribution> {
        read(&json!({
            "count": "3", "mean": 81.5, "bucketOptions": options, "bucketCounts": counts
        }))
    }

    #[test]
    fn buckets_of_every_kind_have_the_bounds_that_google_says() {
        let bucket = |from, to, count| Bucket { from, to, count };
        let infinity = f64::INFINITY;
        for (options, bounds) in [
            (
                json!({ "linearBuckets": { "numFiniteBuckets": 2, "width": 10.0, "offset": 5.0 } }),
                [5.0, 15.0, 25.0],
            ),
            (
                json!({ "exponentialBuckets": { "numFiniteBuckets": 2, "growthFactor": 2.0, "scale": 3.0 } }),
                [3.0, 6.0, 12.0],
            ),
            (
                json!({ "explicitBuckets": { "bounds": [1, 4, 9.5] } }),
                [1.0, 4.0, 9.5],
            ),
        ] {
            let [a, b, c] = bounds;
            let read = of(options, json!(["1", "0", 1, "1"])).expect("a distribution");
            let expected = [
                bucket(-infinity, a, 1),
                bucket(b, c, 1),
                bucket(c, infinity, 1),
            ];
            assert_eq!(read.buckets, expected);
            assert_eq!(read.values(), (vec![a, c], 1));
        }
        // Zeros at the end may be left out; a bucket beyond the last is none.
        let options = json!({ "explicitBuckets": { "bounds": [1] } });
        assert_eq!(
            of(options.clone(), json!([3])).expect("one").buckets.len(),
            1
        );
        assert_eq!(of(options, json!([0, 0, 3])), None);
        assert_eq!(of(json!({}), json!([3])), None);
        // The only value is the mean.
        let one = read(&json!({ "count": "1", "mean": 81.5 }));
        assert_eq!(one.expect("one").values(), (vec![81.5], 0));
    }
}
