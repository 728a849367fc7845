//! Names as users write them: `*` for any text, and the ways in which a function can be called by its name.

use crate::{
    error::PlanError,
    inspection::{Function, Inspection},
    nearest::nearest,
    source::Source,
};

/// Whether `name` is `pattern`, in which `*` stands for any number of characters.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest_of_pattern)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = rest_of_pattern.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

pub(super) fn is_pattern(name: &str) -> bool {
    name.contains('*')
}

/// The functions that `name` means: by exported, demangled or raw name, by label, and where nothing is called so, by
/// the last part of a path (`count_rows` for `reader::count_rows`). A pattern leaves out the allocator and names that
/// begin with two underscores.
pub(super) fn functions<'i>(
    inspection: &'i Inspection,
    name: &str,
) -> Result<Vec<&'i Function>, PlanError> {
    let chosen = |accept: &dyn Fn(&Function) -> bool| -> Vec<&'i Function> {
        inspection.functions.iter().filter(|f| accept(f)).collect()
    };
    let found = if is_pattern(name) {
        chosen(&|f| {
            names_of(f).any(|n| matches(name, n))
                && !f.label.starts_with("__")
                && !inspection.is_allocator(f)
        })
    } else {
        let exact = chosen(&|f| names_of(f).any(|n| n == name));
        if exact.is_empty() {
            chosen(&|f| f.name.as_deref().map(last_segment) == Some(name))
        } else {
            exact
        }
    };
    if !found.is_empty() {
        return Ok(found);
    }
    if inspection.imports.iter().any(|import| import.name == name) {
        return Err(PlanError::Imported {
            name: name.to_owned(),
        });
    }
    Err(PlanError::UnknownFunction {
        name: name.to_owned(),
        nearest: nearest(name, inspection.functions.iter().map(|f| f.label.as_str())),
    })
}

/// The functions of the source that `name` means, inlined ones included, as positions: by their whole name, and where nothing
/// is called so, by the last part of it. A pattern means the user's own, unless only others are called so.
pub(crate) fn instances(source: &Source<'_, '_>, name: &str) -> Vec<usize> {
    let chosen = |accept: &dyn Fn(&str) -> bool| -> Vec<usize> {
        let all = source.instances.iter().enumerate();
        all.filter(|(_, instance)| accept(&instance.name))
            .map(|(at, _)| at)
            .collect()
    };
    if is_pattern(name) {
        let all = chosen(&|n| matches(name, n));
        let users: Vec<usize> = all
            .iter()
            .copied()
            .filter(|at| source.instances[*at].is_users)
            .collect();
        return if users.is_empty() { all } else { users };
    }
    let exact = chosen(&|n| n == name);
    if exact.is_empty() {
        chosen(&|n| last_segment(n) == name)
    } else {
        exact
    }
}

fn names_of(function: &Function) -> impl Iterator<Item = &str> {
    [
        function.export.as_deref(),
        function.name.as_deref(),
        function.symbol.as_deref(),
        Some(function.label.as_str()),
    ]
    .into_iter()
    .flatten()
}

/// `keep` of `lines::keep`, `f` of `ns::f(int)`.
fn last_segment(name: &str) -> &str {
    let name = name.split('(').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*b*c", "a-b-b-c", true),
            ("ab*ba", "aba", false),
            ("*::new", "vec::new", true),
            ("*::new", "vec::new_in", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
