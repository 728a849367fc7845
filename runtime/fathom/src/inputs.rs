//! The inputs of a profile: which calls will be made, found before the first is made.
//!
//! A file is one call's standard input, a directory in a directory is granted to one call, a line of an event file is
//! one call, and every setting of the sweeps makes all of them once more.

use crate::{
    event_file,
    guest::Guest,
    sweep::{self, Setting, Sweep},
};
use anyhow::{Context, bail};
use host::{Body, Event, Mount};
use std::{
    cmp::Ordering,
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

/// Where the guest sees a granted directory, unless its configuration says otherwise.
pub(crate) const MOUNT_AT: &str = "/";

/// What the command line says of the inputs.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Files, directories, event files or `-`.
    pub(crate) paths: Vec<PathBuf>,
    /// Sweeps.
    pub(crate) sweeps: Vec<Sweep>,
    /// Pair the sweeps instead of combining them.
    pub(crate) zip: bool,
    /// Arguments, for calls that do not bring their own.
    pub(crate) args: Vec<String>,
}

/// All calls to be made for `guest`, in order.
pub(crate) fn find(guest: &Guest, wanted: &Wanted) -> anyhow::Result<Vec<Event>> {
    let mount_at = guest.config.function.mount.as_deref().unwrap_or(MOUNT_AT);
    let from_config = guest
        .config
        .inputs
        .path
        .as_ref()
        .map(|path| guest.folder.join(path));
    let sweeps = match wanted.sweeps.as_slice() {
        [] => sweeps_of(guest)?,
        given => given.to_vec(),
    };
    let paths: Vec<PathBuf> = match (wanted.paths.as_slice(), from_config) {
        ([], Some(path)) if wanted.sweeps.is_empty() || path.exists() => vec![path],
        (given, _) => given.to_vec(),
    };
    let mut events = Vec::new();
    for path in &paths {
        events.extend(at(path, mount_at)?);
    }
    if paths.is_empty() {
        if sweeps.is_empty() {
            bail!(
                "no inputs for `{}`: give a directory, files or an event file, --sweep NAME=VALUES, or set \
                 inputs.path in its fathom.toml",
                guest.name
            );
        }
        events.push(Event::default());
    }
    let args = if wanted.args.is_empty() {
        &guest.config.function.args
    } else {
        &wanted.args
    };
    for event in &mut events {
        if event.args.is_empty() {
            event.args.clone_from(args);
        }
        for (name, value) in &guest.config.function.env {
            if !event.env.iter().any(|(known, _)| known == name) {
                event.env.push((name.clone(), value.clone()));
            }
        }
    }
    if events.is_empty() {
        bail!("no inputs in {}: it is empty", list(&paths));
    }
    make_labels_unique(&mut events);
    if sweeps.is_empty() {
        return Ok(events);
    }
    swept(events, &sweeps, wanted.zip)
}

/// The calls that paths make, of whatever function.
pub(crate) fn of_paths(paths: &[PathBuf]) -> anyhow::Result<Vec<Event>> {
    let mut events = Vec::new();
    for path in paths {
        events.extend(at(path, MOUNT_AT)?);
    }
    if events.is_empty() {
        bail!("no inputs in {}: it is empty", list(paths));
    }
    make_labels_unique(&mut events);
    Ok(events)
}

fn sweeps_of(guest: &Guest) -> anyhow::Result<Vec<Sweep>> {
    let texts = guest.config.inputs.sweep.iter();
    texts
        .map(|text| text.parse().map_err(anyhow::Error::msg))
        .collect()
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    paths.join(", ")
}

fn swept(events: Vec<Event>, sweeps: &[Sweep], zip: bool) -> anyhow::Result<Vec<Event>> {
    for sweep in sweeps {
        let placeholder = format!("{{{}}}", sweep.name);
        if !events
            .iter()
            .any(|event| has_placeholder(event, &placeholder))
        {
            bail!(
                "`{placeholder}` stands nowhere: put it into the arguments after `--`, as in \
                 `--sweep {}=... -- {placeholder}`, or into the events",
                sweep.name
            );
        }
    }
    let settings = sweep::settings(sweeps, zip).map_err(anyhow::Error::msg)?;
    let calls = events
        .iter()
        .flat_map(|event| settings.iter().map(move |setting| filled(event, setting)));
    Ok(calls.collect())
}

fn has_placeholder(event: &Event, placeholder: &str) -> bool {
    let in_body = match &event.body {
        Body::Bytes(bytes) => String::from_utf8_lossy(bytes).contains(placeholder),
        Body::Empty | Body::File(_) | Body::Inherited => false,
    };
    in_body
        || event.args.iter().any(|arg| arg.contains(placeholder))
        || event
            .env
            .iter()
            .any(|(_, value)| value.contains(placeholder))
}

fn filled(event: &Event, setting: &Setting) -> Event {
    let label: Vec<String> = setting
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let label = label.join(" ");
    let body = match &event.body {
        Body::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Body::Bytes(sweep::fill(text, setting).into()),
            Err(_) => event.body.clone(),
        },
        other => other.clone(),
    };
    Event {
        label: if event.label.is_empty() {
            label
        } else {
            format!("{} {label}", event.label)
        },
        body,
        args: event
            .args
            .iter()
            .map(|arg| sweep::fill(arg, setting))
            .collect(),
        env: event
            .env
            .iter()
            .map(|(name, value)| (name.clone(), sweep::fill(value, setting)))
            .collect(),
        swept: setting.iter().map(sweep::variable).collect(),
        ..event.clone()
    }
}

/// The calls that one path makes.
fn at(path: &Path, mount_at: &str) -> anyhow::Result<Vec<Event>> {
    let is_event_file = path == Path::new("-")
        || path
            .extension()
            .is_some_and(|extension| extension == "jsonl" || extension == "ndjson");
    if is_event_file {
        return event_file::read(path, mount_at);
    }
    let about = fs::metadata(path)
        .with_context(|| format!("cannot read the input `{}`", path.display()))?;
    if !about.is_dir() {
        return Ok(vec![one(path, mount_at)?]);
    }
    let mut entries = Vec::new();
    let read = fs::read_dir(path)
        .with_context(|| format!("cannot read the inputs `{}`", path.display()))?;
    for entry in read {
        let entry =
            entry.with_context(|| format!("cannot read the inputs `{}`", path.display()))?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        // What is granted to a guest must lie where the user pointed, not where somebody's link points.
        if path.is_symlink() && path.is_dir() {
            bail!(
                "the input `{}` is a link to a directory, which is not followed: give the directory itself",
                path.display()
            );
        }
        entries.push(path);
    }
    entries.sort_by(|a, b| natural(&name_of(a), &name_of(b)));
    entries.iter().map(|entry| one(entry, mount_at)).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A device or a pipe has no size, and may have no end; a name that is no text cannot be recorded.
fn one(path: &Path, mount_at: &str) -> anyhow::Result<Event> {
    if path.to_str().is_none() {
        bail!("the name of the input `{}` is not UTF-8", path.display());
    }
    let about = fs::metadata(path)
        .with_context(|| format!("cannot read the input `{}`", path.display()))?;
    let label = name_of(path);
    if about.is_dir() {
        let mount = Mount {
            host: path.to_owned(),
            guest: mount_at.to_owned(),
            writable: false,
            same_for_all: false,
        };
        return Ok(Event {
            label: format!("{label}/"),
            mount: Some(mount),
            ..Event::default()
        });
    }
    if !about.is_file() {
        bail!(
            "the input `{}` is neither a file nor a directory",
            path.display()
        );
    }
    Ok(Event {
        label,
        body: Body::File(path.to_owned()),
        ..Event::default()
    })
}

/// Calls are told apart by their labels, in what is shown and when they are run again: the second `a.txt` is `a.txt#2`.
fn make_labels_unique(events: &mut [Event]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for event in events {
        let times = seen.entry(event.label.clone()).or_default();
        *times += 1;
        if *times > 1 {
            event.label = format!("{}#{times}", event.label);
        }
    }
}

/// Order of names in which `n2` comes before `n10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits =
            |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (da, db) = (digits(a), digits(b));
        if da > 0 && db > 0 {
            let (na, nb) = (
                a[..da].trim_start_matches('0'),
                b[..db].trim_start_matches('0'),
            );
            let order = na.len().cmp(&nb.len()).then_with(|| na.cmp(nb));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (&a[da..], &b[db..]);
            continue;
        }
        match (a.chars().next(), b.chars().next()) {
            (Some(ca), Some(cb)) if ca == cb => {
                (a, b) = (&a[ca.len_utf8()..], &b[cb.len_utf8()..]);
            }
            (ca, cb) => return ca.cmp(&cb),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut names = vec!["n10", "n2", "n1", "m", "n2b", "n02a"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["m", "n1", "n2", "n02a", "n2b", "n10"]);
    }
}
