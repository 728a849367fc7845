//! Input features: what is known of a call before it begins. Numbers and lengths only, never contents.

use crate::event::{Body, Event, EventError, files_below};
use crate::json_shape::{self, Shape, Wanted};
use std::{
    cell::Cell,
    fs,
    io::{self, Read},
    path::Path,
};
use trace::Observed;

/// A body longer than this is not parsed as JSON: looking into it would cost more than it tells.
const LARGEST_JSON: u64 = 4 * 1024 * 1024;

/// Features taken from one JSON body at most, in the order of its fields.
const MOST_JSON_FEATURES: usize = 64;

/// Longest field name that becomes part of a variable's name.
const LONGEST_NAME: usize = 48;

/// The features of an event, all at breakpoint `input`: swept values by name, `stdin_bytes`, numeric arguments `arg1`,
/// `arg2` ..., `dir_files`, `dir_bytes`, `dir_largest_bytes`, `largest_input_bytes` (the largest single thing to read,
/// be it the body or a file), scalar fields and lengths of a JSON body as `json.items.length`, and
/// `content_type=TYPE`.
///
/// # Errors
///
/// Where a file or directory of the event cannot be read.
pub fn input_features(event: &Event) -> Result<Vec<Observed>, EventError> {
    let mut features: Vec<(String, f64)> = event.swept.clone();
    let body = body_bytes(&event.body)?;
    features.extend(body.map(|bytes| ("stdin_bytes".to_owned(), bytes as f64)));
    for (position, argument) in event.args.iter().enumerate() {
        if let Ok(value) = argument.parse::<f64>()
            && value.is_finite()
        {
            features.push((format!("arg{}", position + 1), value));
        }
    }
    let mount = event.mount.as_ref().filter(|mount| !mount.same_for_all);
    let largest_file = match mount {
        Some(mount) => Some(directory_features(&mount.host, &mut features)?),
        None => None,
    };
    if let Some(largest) = body.max(largest_file) {
        features.push(("largest_input_bytes".to_owned(), largest as f64));
    }
    if let Some(document) = json_body(&event.body) {
        json_features("json", &document, &mut features);
    }
    let essence = event.content_type.as_deref().and_then(essence);
    features.extend(essence.map(|essence| (format!("content_type={essence}"), 1.0)));
    Ok(features
        .into_iter()
        .map(|(name, value)| Observed::before_the_call(name, value))
        .collect())
}

/// Top-level types of media, as registered. Another one may be anything that a caller has typed, and is not kept.
const MEDIA: [&str; 11] = [
    "application",
    "audio",
    "example",
    "font",
    "haptics",
    "image",
    "message",
    "model",
    "multipart",
    "text",
    "video",
];

/// The type of a content type, `text/csv`, where it is one: a header may hold anything.
fn essence(content_type: &str) -> Option<String> {
    let essence = content_type.split(';').next()?.trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/')?;
    (MEDIA.contains(&kind) && is_plain(subtype, "-+.")).then_some(essence)
}

/// Whether a name that came with a call can become the name of a variable. What looks like a name is kept; what could
/// be somebody's data used as a key is not.
fn is_plain(name: &str, also: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(plain)
}

fn body_bytes(body: &Body) -> Result<Option<u64>, EventError> {
    Ok(match body {
        Body::Empty => None,
        Body::Bytes(bytes) => Some(bytes.len() as u64),
        Body::File(path) => Some(fs::metadata(path).map_err(EventError::at(path))?.len()),
        // A redirected file has a size; a pipe or a terminal tells it only as it is read.
        Body::Inherited => rustix::fs::fstat(io::stdin())
            .ok()
            .filter(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file())
            .map(|stat| stat.st_size as u64),
    })
}

/// Adds the features of a granted directory; the size of its largest file.
fn directory_features(folder: &Path, features: &mut Vec<(String, f64)>) -> Result<u64, EventError> {
    let (mut files, mut bytes, mut largest) = (0u64, 0u64, 0u64);
    for path in files_below(folder)? {
        let size = fs::metadata(&path).map_err(EventError::at(&path))?.len();
        files += 1;
        bytes += size;
        largest = largest.max(size);
    }
    features.push(("dir_files".to_owned(), files as f64));
    features.push(("dir_bytes".to_owned(), bytes as f64));
    features.push(("dir_largest_bytes".to_owned(), largest as f64));
    Ok(largest)
}

/// The body as JSON, where it is a JSON object or array of moderate size. Text that merely happens to be a number is
/// not taken for a document.
fn json_body(body: &Body) -> Option<Shape> {
    let bytes = match body {
        Body::Bytes(bytes) => bytes.clone(),
        Body::File(path) => {
            let mut file = fs::File::open(path).ok()?;
            if file.metadata().ok()?.len() > LARGEST_JSON {
                return None;
            }
            let mut first = [0; 1];
            file.read_exact(&mut first).ok()?;
            if !matches!(first[0], b'{' | b'[' | b' ' | b'\n' | b'\r' | b'\t') {
                return None;
            }
            fs::read(path).ok()?.into()
        }
        Body::Empty | Body::Inherited => return None,
    };
    if bytes.len() as u64 > LARGEST_JSON {
        return None;
    }
    let wanted = Wanted {
        name: |name| is_plain(name, "_-"),
        left: &Cell::new(MOST_JSON_FEATURES),
    };
    json_shape::read(&bytes, wanted)
}

fn json_features(path: &str, value: &Shape, features: &mut Vec<(String, f64)>) {
    if features.len() >= MOST_JSON_FEATURES {
        return;
    }
    match value {
        Shape::Nothing => {}
        Shape::Number(number) => features.push((path.to_owned(), *number)),
        Shape::Length(length) => features.push((format!("{path}.length"), *length as f64)),
        Shape::Fields(fields) => {
            for (name, field) in fields {
                json_features(&format!("{path}.{name}"), field, features);
            }
        }
    }
}
