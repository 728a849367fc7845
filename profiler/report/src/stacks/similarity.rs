//! How alike two profiles are, for those who compare what ran on different machines.

use super::Folded;
use crate::clean::clean;
use trace::Machine;

/// One minus the total variation distance of the two distributions of weight over stacks, which is the share of weight
/// that both give to the same stacks: 1 where they are the same, 0 where they have no stack in common. (Levin, Peres,
/// Wilmer: Markov Chains and Mixing Times, section 4.1, where half the sum of differences is one minus the sum of the
/// smaller ones.) Amounts do not matter, only how they are distributed. `None` where one of them is empty.
pub fn similarity(a: &Folded, b: &Folded) -> Option<f64> {
    let (total_a, total_b) = (a.total(), b.total());
    (total_a > 0.0 && total_b > 0.0).then(|| {
        let in_both = a.stacks.iter();
        let shares = in_both.filter_map(|(stack, weight)| {
            let other = b.stacks.get(stack)?;
            Some((weight / total_a).min(other / total_b))
        });
        shares.sum()
    })
}

/// Two machines, and how alike the stacks recorded on them are.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// One of them.
    pub a: Machine,
    /// The other.
    pub b: Machine,
    /// Of the stacks, 0 to 1; `None` where one machine has none.
    pub similarity: Option<f64>,
    /// Number of machines that were compared.
    pub machines: usize,
}

impl Comparison {
    /// The two profiles, if they were not recorded on the same machine.
    pub fn of(a: (&Machine, &Folded), b: (&Machine, &Folded)) -> Option<Comparison> {
        (a.0 != b.0).then(|| Comparison {
            a: a.0.clone(),
            b: b.0.clone(),
            similarity: similarity(a.1, b.1),
            machines: 2,
        })
    }

    /// The warning in a sentence.
    pub fn sentence(&self) -> String {
        let differing = [
            ("processor", &self.a.processor, &self.b.processor),
            ("kernel", &self.a.kernel, &self.b.kernel),
            ("engine", &self.a.engine, &self.b.engine),
        ];
        let told: Vec<String> = differing
            .iter()
            .filter(|(_, a, b)| a != b)
            .map(|(what, a, b)| format!("{what} `{}` and `{}`", known(a), known(b)))
            .collect();
        let alike = match self.similarity {
            Some(share) => format!(
                "similarity of their stacks {share:.2} (1 - total variation distance: the share that both give to \
                 the same stacks)"
            ),
            None => "one of them has no stacks to compare".to_owned(),
        };
        let from = match self.machines {
            0..=2 => "two machines".to_owned(),
            more => format!("{more} machines, of which the least alike two are compared"),
        };
        format!("calls of {from}: {}; {alike}", told.join(", "))
    }
}

fn known(text: &str) -> String {
    match text.trim() {
        "" => "unknown".to_owned(),
        text => clean(text),
    }
}

/// Of all pairs of machines the one that is least alike.
pub(super) fn smallest(parts: &[(&Machine, Folded)]) -> Option<Comparison> {
    let pairs = parts.iter().enumerate().flat_map(|(i, a)| {
        let others = parts[i + 1..].iter();
        others.filter_map(move |b| Comparison::of((a.0, &a.1), (b.0, &b.1)))
    });
    let least = pairs.min_by(|a, b| {
        let of = |c: &Comparison| c.similarity.unwrap_or(0.0);
        of(a).total_cmp(&of(b))
    })?;
    Some(Comparison {
        machines: parts.len(),
        ..least
    })
}
