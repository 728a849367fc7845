//! The names nearest to one that does not exist, for error messages. Not a search: a handful of candidates, typed wrong.

/// At most three of `candidates`, nearest first, none further than about a third of its letters; those that contain
/// `wanted` count as near.
pub(crate) fn nearest<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let wanted_lower = wanted.to_lowercase();
    // Case counts only among those that are equally near without it.
    let mut near: Vec<(usize, usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = distance_within_reach(&wanted_lower, &candidate.to_lowercase())?;
            Some((distance, edit_distance(wanted, candidate), candidate))
        })
        .collect();
    near.sort();
    near.dedup();
    near.into_iter()
        .take(3)
        .map(|(_, _, candidate)| candidate.to_owned())
        .collect()
}

fn distance_within_reach(wanted: &str, candidate: &str) -> Option<usize> {
    let reach = 1 + wanted.chars().count().max(4) / 3;
    // A user leaves out the path: `count_rows` for `reader::count_rows`.
    let last_segment = candidate.rsplit("::").next().unwrap_or(candidate);
    let distance = edit_distance(wanted, candidate).min(edit_distance(wanted, last_segment));
    if distance <= reach {
        Some(distance)
    } else {
        (wanted.len() >= 3 && candidate.contains(wanted)).then_some(reach + 1)
    }
}

/// Insertions, deletions and replacements (Levenshtein, 1966).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// `; nearest: a, b`, or nothing where there is nothing near.
pub(crate) fn suggestion(near: &[String]) -> String {
    if near.is_empty() {
        String::new()
    } else {
        format!("; nearest: {}", near.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_cases_and_missing_paths_are_near_and_strangers_are_not() {
        let names = ["LINES", "TOTAL", "reader::count_rows", "process"];
        assert_eq!(nearest("lines", names), ["LINES"]);
        assert_eq!(nearest("LINSE", names), ["LINES"]);
        assert_eq!(nearest("count_row", names), ["reader::count_rows"]);
        assert_eq!(nearest("proc", names), ["process"]);
        assert!(nearest("temperature", names).is_empty());
    }
}
