//! Several rounds of the same, taken together.

/// The middle one, and the two at the ends.
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// Of at least one number.
pub(crate) fn spread(mut of: Vec<f64>) -> Spread {
    of.sort_by(f64::total_cmp);
    Spread {
        median: of[of.len() / 2],
        least: of[0],
        most: of[of.len() - 1],
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.2} ({:.2} to {:.2})",
            self.median, self.least, self.most
        )
    }
}
