//! A JSON object per line; a field inside another one is `outer.inner`. A file that is one array of objects is read too.

use super::{
    mapping::MappingArgs,
    row::{NoCall, Rows, mapped},
    words::{Words, is_of_words},
};
use crate::near;
use anyhow::bail;
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeSet};

pub(super) fn read(text: &str, mapping: &MappingArgs, rows: &mut Rows) -> anyhow::Result<()> {
    mapping.check_whole()?;
    let mut fields = BTreeSet::new();
    // Read twice: all of them as objects would be many times the text.
    for (_, object) in objects(text) {
        fields.extend(object.iter().flat_map(names));
    }
    for column in mapping.columns() {
        if !fields.contains(&column.name) {
            let known = fields.iter().map(String::as_str);
            bail!(
                "no line has a field `{column}`{}",
                near::did_you_mean(&column.name, known)
            );
        }
    }
    let mut words = Words::of(mapping, |column| {
        let whole = objects(text).filter_map(|(_, object)| object.ok());
        let mut texts =
            whole.filter_map(|object| Some(text_of(find(&object, column)?).into_owned()));
        is_of_words(&mut texts)
    });
    for (line, object) in objects(text) {
        rows.add(
            line,
            object.and_then(|object| {
                let get = |name: &str| find(&object, name).map(text_of);
                mapped(mapping, &mut words, get, object.to_string())
            }),
        );
    }
    rows.too_many_words.extend(words.names());
    Ok(())
}

/// The objects with their lines, a line read when it is asked for.
pub(crate) fn objects(text: &str) -> Box<dyn Iterator<Item = (usize, Result<Value, NoCall>)> + '_> {
    if let Ok(Value::Array(objects)) = serde_json::from_str(text) {
        let numbered = objects.into_iter().enumerate();
        return Box::new(numbered.map(|(at, object)| (at + 1, Ok(object))));
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
    Box::new(parsed)
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
