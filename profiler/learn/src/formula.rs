//! Models as text: `1.1 MiB + 86 B x max(lines)`. Three significant digits; full precision is in the numbers themselves.

use trace::{Condition, Model, ModelKind, Target, Term, Transform};

/// The formula of a model.
pub fn formula(model: &Model, target: Target) -> String {
    let amount = |value: f64| match target {
        Target::Committed | Target::Live => bytes(value),
        Target::CpuSeconds => seconds(value),
    };
    match model.kind {
        ModelKind::None => String::new(),
        ModelKind::Isotonic => steps(model, amount),
        ModelKind::Constant | ModelKind::Linear | ModelKind::Transformed | ModelKind::Multiple => {
            sum(model.intercept, &model.terms, &amount)
        }
        ModelKind::Split => {
            let parts = model
                .parts()
                .map(|(when, terms)| part(when, terms, &amount));
            parts.collect::<Vec<String>>().join("; ")
        }
        ModelKind::Glm => powers(model, amount),
        ModelKind::Forest => forest(model),
    }
}

/// What it is where a condition holds: `mode is gray: 1 MiB + 2 B x pixels`.
fn part(when: &[Condition], terms: &[Term], amount: &impl Fn(f64) -> String) -> String {
    let constants = terms.iter().filter(|t| t.transform == Transform::One);
    let constant = constants.map(|t| t.coefficient).sum();
    let moving: Vec<Term> = terms
        .iter()
        .filter(|t| t.transform != Transform::One)
        .cloned()
        .collect();
    let sum = sum(constant, &moving, amount);
    if when.iter().all(Condition::is_otherwise) {
        return format!("otherwise: {sum}");
    }
    let said: Vec<String> = when.iter().map(Condition::to_string).collect();
    format!("{}: {sum}", said.join(" and "))
}

/// `3.2 KiB x (1 + lines)^1.4`, of an exponential of a sum of logarithms.
fn powers(model: &Model, amount: impl Fn(f64) -> String) -> String {
    let mut text = amount(model.intercept.exp());
    for term in &model.terms {
        let power = number(term.coefficient / std::f64::consts::LN_2);
        text.push_str(&format!(" x (1 + {})^{power}", term.predictor));
    }
    text
}

/// What it asks for, with the share of each in what is explained.
fn forest(model: &Model) -> String {
    let mut terms: Vec<&Term> = model.terms.iter().collect();
    terms.sort_by(|a, b| b.coefficient.total_cmp(&a.coefficient));
    let asked = terms.iter().filter(|t| t.coefficient >= 0.01);
    let asked = asked.map(|t| format!("{} ({})", t.predictor, percent(t.coefficient)));
    format!(
        "{} trees of {}",
        model.trees.len(),
        asked.collect::<Vec<String>>().join(", ")
    )
}

fn sum(intercept: f64, terms: &[Term], amount: &impl Fn(f64) -> String) -> String {
    let mut text = String::new();
    if intercept != 0.0 || terms.iter().all(|t| t.coefficient == 0.0) {
        text = signed(intercept, amount, true);
    }
    for term in terms.iter().filter(|t| t.coefficient != 0.0) {
        let first = text.is_empty();
        text.push_str(&signed(term.coefficient, amount, first));
        text.push_str(" x ");
        text.push_str(&term.transform.show(&term.predictor));
    }
    text
}

fn signed(value: f64, amount: &impl Fn(f64) -> String, first: bool) -> String {
    let sign = match (first, value < 0.0) {
        (true, false) => "",
        (true, true) => "-",
        (false, false) => " + ",
        (false, true) => " - ",
    };
    format!("{sign}{}", amount(value.abs()))
}

fn steps(model: &Model, amount: impl Fn(f64) -> String) -> String {
    let predictor = model
        .terms
        .first()
        .map(|t| t.predictor.to_string())
        .unwrap_or_default();
    match (model.steps.first(), model.steps.last()) {
        (Some(first), Some(last)) => format!(
            "rising with {predictor}: {} at {} to {} at {}",
            amount(first.1),
            number(first.0),
            amount(last.1),
            number(last.0)
        ),
        _ => String::new(),
    }
}

/// A number of bytes, in bytes below 10,000 and in IEC units above: coefficients stay in bytes.
pub(crate) fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if value.abs() < 10_000.0 {
        return format!("{} B", number(value));
    }
    let mut amount = value / 1024.0;
    let mut unit = 0;
    while amount.abs() >= 1023.5 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{} {}", number(amount), UNITS[unit])
}

/// A length of time.
pub(crate) fn seconds(value: f64) -> String {
    match value.abs() {
        0.0 => "0 s".to_owned(),
        0.0..0.999_5e-6 => format!("{} ns", number(value * 1e9)),
        0.999_5e-6..0.999_5e-3 => format!("{} us", number(value * 1e6)),
        0.999_5e-3..0.999_5 => format!("{} ms", number(value * 1e3)),
        _ => format!("{} s", number(value)),
    }
}

/// Three significant digits, thousands separated, no trailing zeros.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor() as i32;
    let unit = 10f64.powi(magnitude - 2);
    let rounded = (value / unit).round() * unit;
    if magnitude >= 2 {
        return grouped(rounded);
    }
    if magnitude < -6 {
        return format!("{rounded:.2e}");
    }
    let digits = usize::try_from(2 - magnitude).unwrap_or(0);
    let text = format!("{rounded:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A whole number with thousands separated by commas.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 {
        format!("-{text}")
    } else {
        text
    }
}

/// A share as a percentage of two significant digits: `1.2 %`.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value.abs() >= 10.0 {
        format!("{value:.0} %")
    } else if value.abs() >= 0.95 {
        format!("{value:.1} %")
    } else if value.abs() >= 0.005 {
        format!("{value:.2} %")
    } else {
        "0 %".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trace::{Aggregate, Breakpoint, Feature, Term, Transform};

    #[test]
    fn amounts_have_three_digits_and_a_unit() {
        for (value, text) in [
            (0.0, "0 B"),
            (86.2345, "86.2 B"),
            (86.0, "86 B"),
            (0.012345, "0.0123 B"),
            (4_096.0, "4,100 B"),
            (-1.5 * 1_048_576.0, "-1.5 MiB"),
            (1_153_434.0, "1.1 MiB"),
            (1_048_500.0, "1 MiB"),
        ] {
            assert_eq!(bytes(value), text);
        }
        for (value, text) in [
            (0.0, "0 s"),
            (1.2e-6, "1.2 us"),
            (3.4e-9, "3.4 ns"),
            (0.01, "10 ms"),
            (0.9996, "1 s"),
            (12.345, "12.3 s"),
        ] {
            assert_eq!(seconds(value), text);
        }
        assert_eq!(number(250_000.0), "250,000");
        assert_eq!(number(1e-9), "1.00e-9");
    }

    #[test]
    fn signs_stand_between_the_terms() {
        let model = Model {
            kind: ModelKind::Multiple,
            formula: String::new(),
            intercept: -2e6,
            terms: [86.0, -3.0]
                .map(|coefficient| Term {
                    predictor: Feature {
                        variable: "n".to_owned(),
                        breakpoint: Breakpoint::Input,
                        aggregate: Aggregate::First,
                    }
                    .into(),
                    transform: Transform::Identity,
                    coefficient,
                    when: Vec::new(),
                })
                .to_vec(),
            steps: Vec::new(),
            trees: Vec::new(),
            n: 9,
            r2: None,
            held_out: None,
            seen: Vec::new(),
            reason: String::new(),
        };
        assert_eq!(
            formula(&model, Target::Live),
            "-1.91 MiB + 86 B x n - 3 B x n"
        );
        let without = Model {
            intercept: 0.0,
            ..model
        };
        assert_eq!(formula(&without, Target::CpuSeconds), "86 s x n - 3 s x n");
    }
}
