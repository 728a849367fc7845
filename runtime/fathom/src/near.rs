//! Nearest candidates for a name that is not there.

/// ` Did you mean ...?`, or what there is, or nothing.
pub(crate) fn did_you_mean<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let mut near: Vec<(f64, &str)> = known
        .iter()
        .map(|name| {
            (
                strsim::jaro_winkler(&wanted.to_lowercase(), &name.to_lowercase()),
                *name,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.7)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<String> = near
        .iter()
        .take(3)
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    match (near.is_empty(), known.is_empty()) {
        (false, _) => format!("; did you mean {}?", near.join(" or ")),
        (true, false) if known.len() <= 12 => format!("; there is {}", known.join(", ")),
        (true, _) => String::new(),
    }
}
