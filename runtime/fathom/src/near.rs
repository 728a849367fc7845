//! Nearest candidates for a name that is not there.

/// Names listed where none is near.
const MOST_LISTED: usize = 12;

/// `; did you mean ...?`, or what there is, or nothing.
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
    if !near.is_empty() {
        return format!("; did you mean {}?", near.join(" or "));
    }
    let some: Vec<&str> = known.iter().take(MOST_LISTED).copied().collect();
    match known.len() - some.len() {
        _ if some.is_empty() => String::new(),
        0 => format!("; there is {}", some.join(", ")),
        more => format!("; there is {} and {more} more", some.join(", ")),
    }
}
