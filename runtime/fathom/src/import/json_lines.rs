//! A JSON object per line; a field inside another one is `outer.inner`. A file that is one array of objects is read too.

use super::{
    mapping::MappingArgs,
    row::{NoCall, Rows, mapped},
};
use crate::near;
use anyhow::bail;
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeSet};

pub(super) fn read(text: &str, mapping: &MappingArgs, rows: &mut Rows) -> anyhow::Result<()> {
    mapping.check_whole()?;
    let objects = objects(text);
    let fields: BTreeSet<String> = objects
        .iter()
        .filter_map(|(_, object)| object.as_ref().ok())
        .flat_map(names)
        .collect();
    for column in mapping.columns() {
        if !fields.contains(&column.name) {
            let known = fields.iter().map(String::as_str);
            bail!(
                "no line has a field `{column}`{}",
                near::did_you_mean(&column.name, known)
            );
        }
    }
    for (line, object) in objects {
        rows.add(
            line,
            object.and_then(|object| {
                let get = |name: &str| find(&object, name).map(text_of);
                mapped(mapping, get, object.to_string())
            }),
        );
    }
    Ok(())
}

/// The objects with their lines.
pub(crate) fn objects(text: &str) -> Vec<(usize, Result<Value, NoCall>)> {
    if let Ok(Value::Array(objects)) = serde_json::from_str(text) {
        let numbered = objects.into_iter().enumerate();
        return numbered.map(|(at, object)| (at + 1, Ok(object))).collect();
    }
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let parsed = lines.map(|(at, line)| {
        let object = match serde_json::from_str(line) {
            Ok(object @ Value::Object(_)) => Ok(object),
            _ => Err(NoCall::new("not a JSON object", line)),
        };
        (at + 1, object)
    });
    parsed.collect()
}

/// The fields of an object, those inside others with both names.
fn names(object: &Value) -> Vec<String> {
    let Value::Object(fields) = object else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for (name, value) in fields {
        names.push(name.clone());
        names.extend(
            self::names(value)
                .iter()
                .map(|inner| format!("{name}.{inner}")),
        );
    }
    names
}

fn find<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    let mut dots = name.match_indices('.');
    dots.find_map(|(at, _)| find(object.get(&name[..at])?, &name[at + 1..]))
}

fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(other.to_string()),
    }
}
