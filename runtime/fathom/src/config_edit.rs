//! Changes a `fathom.toml` that is somebody's: one value, and every comment, every blank line and the order of the rest stay.
//! What its keys mean is `config`'s.

use crate::quantity;
use anyhow::{Context, bail, ensure};
use std::{fs, io::Write, os::unix::fs::chown, path::Path};
use toml_edit::{DocumentMut, Item, TableLike, value};
use trace::Bytes;

/// The text with another `memory` in its `[function]`.
///
/// # Errors
///
/// Where the text is no TOML, or `function` no table.
pub(crate) fn with_memory(text: &str, memory: Bytes) -> anyhow::Result<String> {
    let mut document: DocumentMut = text.parse().context("not valid TOML")?;
    let function = document
        .entry("function")
        .or_insert_with(toml_edit::table)
        .as_table_like_mut()
        .context("`function` is no table")?;
    set(function, "memory", &quantity::exactly(memory));
    let edited = document.to_string();
    // Lines end as they did.
    Ok(match text.contains("\r\n") {
        true => edited.replace("\r\n", "\n").replace('\n', "\r\n"),
        false => edited,
    })
}

/// Sets a key, and leaves what is written around its value.
fn set(table: &mut dyn TableLike, key: &str, to: &str) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(there) => {
            let around = there.decor().clone();
            *there = to.into();
            *there.decor_mut() = around;
        }
        None => drop(table.insert(key, value(to))),
    }
}

/// Puts a text in a file's place, at once: nobody ever reads half of it, and where it fails the file is as it was. Who may
/// read and write it stays, and where it is a link it stays one.
///
/// # Errors
///
/// Where it is not there, may not be written or is in no folder that may be.
pub(crate) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write `{}`", path.display());
    let real = path.canonicalize().with_context(cannot)?;
    let before = fs::metadata(&real).with_context(cannot)?;
    ensure!(
        !before.permissions().readonly(),
        "cannot write `{}`: it is read-only",
        path.display()
    );
    let Some(folder) = real.parent() else {
        bail!("cannot write `{}`: it is in no folder", path.display());
    };
    let mut unfinished = tempfile::Builder::new()
        .prefix(".fathom.toml.")
        .tempfile_in(folder)
        .with_context(cannot)?;
    unfinished.write_all(text.as_bytes()).with_context(cannot)?;
    let file = unfinished.as_file();
    file.set_permissions(before.permissions())
        .with_context(cannot)?;
    {
        use std::os::unix::fs::MetadataExt;
        // Only the owner of everything may give files away; then it is this process's.
        let _ = chown(unfinished.path(), Some(before.uid()), Some(before.gid()));
    }
    unfinished.as_file().sync_all().with_context(cannot)?;
    unfinished
        .persist(&real)
        .map_err(|error| error.error)
        .with_context(cannot)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str) -> String {
        with_memory(text, Bytes(33 * 65_536)).expect("it can be edited")
    }

    #[test]
    fn only_the_memory_is_another_one() {
        let text = "# Mine.\n\n[serve]  # served\ncalls   =  3\n\n[function] # the function\nname = 'a'   # its name\nmemory =   \"256 MiB\"   # today\n# last\nargs = [\n  \"x\", # one\n]\n";
        assert_eq!(edited(text), text.replace("256 MiB", "2112 KiB"));
        let text = "[function]\r\nmemory = '1 GiB'\r\n# end\r\n";
        assert_eq!(edited(text), text.replace("'1 GiB'", "\"2112 KiB\""));
        let text = "function = { name = \"a\", memory = \"1 GiB\" }\n";
        assert_eq!(edited(text), text.replace("1 GiB", "2112 KiB"));
        let text = "function.memory = \"1 GiB\" # dotted\n";
        assert_eq!(edited(text), text.replace("1 GiB", "2112 KiB"));
    }

    #[test]
    fn where_there_is_no_memory_it_is_added() {
        assert_eq!(
            edited("[function]\nname = \"a\"\n\n# of the server\n[serve]\n"),
            "[function]\nname = \"a\"\nmemory = \"2112 KiB\"\n\n# of the server\n[serve]\n"
        );
        let added = edited("# only this\n");
        assert!(
            added.contains("# only this") && added.contains("[function]\nmemory = \"2112 KiB\""),
            "{added}"
        );
        let added = edited("[function.env]\nA = \"1\"\n");
        let read: toml::Table = added.parse().expect("still TOML");
        assert_eq!(read["function"]["memory"].as_str(), Some("2112 KiB"));
        assert_eq!(read["function"]["env"]["A"].as_str(), Some("1"));
        assert!(with_memory("function = 3", Bytes::mib(1)).is_err());
    }
}
