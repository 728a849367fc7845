//! Events as JSON Lines: `{"stdin": "...", "args": ["8"], "env": {"K": "v"}, "dir": "data", "label": "small"}`.
//! Every field may be left out. `stdin` that is not a string is passed on as JSON text.

use anyhow::{Context, bail};
use host::{Body, Event, Mount};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::Path,
};

/// Most events from standard input, bytes: they are read whole.
const LARGEST: u64 = 1 << 30;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    label: Option<String>,
    stdin: Option<serde_json::Value>,
    content_type: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    dir: Option<std::path::PathBuf>,
}

/// Reads the events of a file, or of standard input for `-`. Directories are relative to the file.
pub(crate) fn read(path: &Path, mount_at: &str) -> anyhow::Result<Vec<Event>> {
    let (text, folder) = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin()
            .take(LARGEST + 1)
            .read_to_string(&mut text)
            .context("cannot read events from standard input")?;
        if text.len() as u64 > LARGEST {
            bail!("more than 1 GiB of events on standard input");
        }
        (text, Path::new("."))
    } else {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the events `{}`", path.display()))?;
        (text, path.parent().unwrap_or(Path::new(".")))
    };
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            event(line, number + 1, folder, mount_at)
                .with_context(|| format!("`{}`, line {}", path.display(), number + 1))
        })
        .collect()
}

fn event(line: &str, number: usize, folder: &Path, mount_at: &str) -> anyhow::Result<Event> {
    let line: Line = serde_json::from_str(line).context("not an event")?;
    let (body, guessed_type) = match line.stdin {
        None => (Body::Empty, None),
        Some(serde_json::Value::String(text)) => (Body::Bytes(text.into()), None),
        Some(document) => (
            Body::Bytes(serde_json::to_vec(&document)?.into()),
            Some("application/json".to_owned()),
        ),
    };
    let mount = match line.dir {
        None => None,
        Some(dir) => {
            let host = folder.join(dir);
            if !host.is_dir() {
                bail!("`{}` is not a directory", host.display());
            }
            Some(Mount {
                host,
                guest: mount_at.to_owned(),
                writable: false,
                same_for_all: false,
            })
        }
    };
    Ok(Event {
        label: line.label.unwrap_or_else(|| format!("line {number}")),
        body,
        content_type: line.content_type.or(guessed_type),
        args: line.args,
        env: line.env.into_iter().collect(),
        mount,
        ..Event::default()
    })
}
