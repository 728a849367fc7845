//! Shapes that memory really takes: of which size it is a straight line.

use crate::Predictor;
use serde::{Deserialize, Serialize};

/// A shape that memory really takes, applied to a predictor before the linear fit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// 1, whatever x is: what is added where a condition holds.
    One,
    /// x
    Identity,
    /// x^2
    Square,
    /// x log2 x
    NLogN,
    /// square root of x
    Root,
    /// log2(1 + x)
    Log,
    /// max(0, x - knot): flat until a threshold, then linear.
    Hinge {
        /// Where the line begins to rise, in units of the predictor.
        knot: f64,
    },
    /// The smallest power of two that is at least x: the capacity of a vector that doubles.
    Pow2Ceil,
    /// The smallest power of two that is at least 8/7 x: the buckets of a hash table that doubles when 7/8 of them are used.
    ///
    /// This is `capacity_to_buckets` of hashbrown, which is Rust's `HashMap`, from two keys on (one has four buckets); one
    /// more than the capacity of an abseil table of at least fifteen slots (`CapacityToGrowth`); and the slots of a Go map of
    /// 16 to 1,024. A larger Go map is many such tables, which fill and split at about the same time, not at once.
    Buckets,
}

impl Transform {
    /// The transformed value. Negative values, which no size has, are taken as 0 by all but `Identity` and `Square`.
    pub fn apply(self, x: f64) -> f64 {
        let positive = x.max(0.0);
        match self {
            Transform::One => 1.0,
            Transform::Identity => x,
            Transform::Square => x * x,
            Transform::NLogN => positive * positive.max(1.0).log2(),
            Transform::Root => positive.sqrt(),
            Transform::Log => (1.0 + positive).log2(),
            Transform::Hinge { knot } => (x - knot).max(0.0),
            Transform::Pow2Ceil if positive <= 1.0 => positive.ceil(),
            Transform::Pow2Ceil => positive.log2().ceil().exp2(),
            // Multiplied first: 8/7 is no floating-point number, and 7/8 of a power of two is exactly full.
            Transform::Buckets => Transform::Pow2Ceil.apply(8.0 * positive / 7.0),
        }
    }

    /// The transform as it stands in a formula, around the predictor.
    pub fn show(self, predictor: &Predictor) -> String {
        let x = predictor.to_string();
        let one = if predictor.times.is_some() {
            format!("({x})")
        } else {
            x.clone()
        };
        match self {
            Transform::One => "1".to_owned(),
            Transform::Identity => x,
            Transform::Square => format!("{one}^2"),
            Transform::NLogN => format!("{one} log2 {one}"),
            Transform::Root => format!("sqrt({x})"),
            Transform::Log => format!("log2(1 + {x})"),
            Transform::Hinge { knot } => format!("max(0, {x} - {knot})"),
            Transform::Pow2Ceil => format!("pow2ceil({x})"),
            Transform::Buckets => format!("buckets({x})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Aggregate, Breakpoint, Feature};

    #[test]
    fn capacity_doubling_gives_the_capacity_of_a_vector() {
        for (x, capacity) in [
            (0.0, 0.0),
            (1.0, 1.0),
            (2.0, 2.0),
            (3.0, 4.0),
            (65_536.0, 65_536.0),
            (65_537.0, 131_072.0),
        ] {
            assert_eq!(Transform::Pow2Ceil.apply(x), capacity, "{x}");
        }
    }

    #[test]
    fn buckets_are_those_of_a_hash_table_whatever_its_size() {
        assert_eq!(Transform::Buckets.apply(0.0), 0.0);
        assert_eq!(Transform::Buckets.apply(-1.0), 0.0);
        // A table of its own: it doubles where one more key would leave less than an eighth of its buckets free, or none.
        let mut buckets = 4;
        for keys in 2..=1_000_000 {
            let room = if buckets < 8 { 3 } else { buckets / 8 * 7 };
            if keys > room {
                buckets *= 2;
            }
            assert_eq!(
                Transform::Buckets.apply(f64::from(keys)),
                f64::from(buckets),
                "{keys}"
            );
        }
        for buckets in (3..40).map(|log| 2f64.powi(log)) {
            assert_eq!(Transform::Buckets.apply(buckets / 8.0 * 7.0), buckets);
            assert_eq!(
                Transform::Buckets.apply(buckets / 8.0 * 7.0 + 1.0),
                2.0 * buckets
            );
        }
    }

    fn feature(variable: &str) -> Feature {
        Feature {
            variable: variable.to_owned(),
            breakpoint: Breakpoint::Set(variable.to_owned()),
            aggregate: Aggregate::First,
        }
    }

    #[test]
    fn a_product_stands_in_brackets() {
        let pixels = Predictor {
            times: Some(feature("height")),
            ..feature("width").into()
        };
        for (transform, text) in [
            (Transform::Identity, "first(width) x first(height)"),
            (Transform::Square, "(first(width) x first(height))^2"),
            (
                Transform::Pow2Ceil,
                "pow2ceil(first(width) x first(height))",
            ),
        ] {
            assert_eq!(transform.show(&pixels), text);
        }
        assert_eq!(Transform::Square.show(&feature("n").into()), "first(n)^2");
        assert_eq!(Transform::Square.show(&feature("n").into()), "first(n)^2");
    }
}
