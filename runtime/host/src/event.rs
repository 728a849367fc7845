//! What one call is given: body, arguments, environment, a granted directory. Contents pass through; only numbers and
//! a digest are ever kept.

use crate::Entry;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};
use trace::Bytes;

/// Standard input of a call, or the body of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Nothing to read.
    #[default]
    Empty,
    /// The contents of a file.
    File(PathBuf),
    /// These bytes. They travel beside a serialised event, not inside it.
    Bytes(#[serde(skip)] bytes::Bytes),
    /// Whatever the standard input of this process is.
    Inherited,
}

/// A directory granted to a call, read-only unless `writable`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The directory on this machine.
    pub host: PathBuf,
    /// Where the guest sees it.
    pub guest: String,
    /// Whether the guest may write into it.
    pub writable: bool,
    /// Whether every call is granted it: then it is no input, and says nothing of a call.
    #[serde(default)]
    pub same_for_all: bool,
}

/// What one call is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What a person recognises it by.
    pub label: String,
    /// Standard input.
    pub body: Body,
    /// Content type of the body, where the caller said it.
    pub content_type: Option<String>,
    /// Arguments after the program's name, or those of the invoked export.
    pub args: Vec<String>,
    /// Environment. Nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Granted directory.
    pub mount: Option<Mount>,
    /// Where there is one, a directory to write into as `/tmp`, empty at the begin and gone at the end of the call, and
    /// how much may be written at all: to files and to the output, what is deleted again included.
    #[serde(default)]
    pub scratch: Option<Bytes>,
    /// Values that were swept to make this event, by name: they are variables too.
    pub swept: Vec<(String, f64)>,
}

/// An input that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read input `{}`: {source}", path.display())]
pub struct EventError {
    path: PathBuf,
    source: io::Error,
}

impl EventError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> EventError {
        let path = path.to_owned();
        move |source| EventError { path, source }
    }
}

impl Event {
    /// `sha256:` of everything the call is given to read, and of the export that is invoked with it. Inherited standard
    /// input is not read for it, so calls that inherit it are told apart by their arguments only.
    ///
    /// # Errors
    ///
    /// Where a file or directory of the event cannot be read.
    pub fn digest(&self, entry: &Entry) -> Result<String, EventError> {
        let mut hash = Sha256::new();
        match &self.body {
            Body::Empty => hash.update([0]),
            Body::File(path) => {
                hash.update([1]);
                hash_file(&mut hash, path)?;
            }
            Body::Bytes(bytes) => {
                // The same tag as a file: the same contents are the same input.
                hash.update([1]);
                hash.update(bytes);
            }
            Body::Inherited => hash.update([2]),
        }
        let env: Vec<&String> = self
            .env
            .iter()
            .flat_map(|(name, value)| [name, value])
            .collect();
        hash_texts(&mut hash, self.args.iter());
        hash_texts(&mut hash, env.into_iter());
        hash_texts(&mut hash, self.content_type.iter());
        if let Entry::Invoke(export) = entry {
            hash_texts(&mut hash, std::iter::once(export));
        }
        if let Some(mount) = self.mount.as_ref().filter(|mount| !mount.same_for_all) {
            hash.update([3]);
            hash_directory(&mut hash, &mount.host)?;
        }
        Ok(format!("sha256:{}", hex(&hash.finalize())))
    }
}

/// How many there are, and each with its length, so that no two lists look alike.
fn hash_texts<'a>(hash: &mut Sha256, texts: impl ExactSizeIterator<Item = &'a String>) {
    hash.update((texts.len() as u64).to_le_bytes());
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
}

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| DIGITS[usize::from(digit)]).collect()
}

fn hash_file(hash: &mut Sha256, path: &Path) -> Result<(), EventError> {
    let mut file = File::open(path).map_err(EventError::at(path))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(EventError::at(path))? {
            0 => return Ok(()),
            read => hash.update(&buffer[..read]),
        }
    }
}

fn hash_directory(hash: &mut Sha256, folder: &Path) -> Result<(), EventError> {
    for path in files_below(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        hash.update(name.as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash_file(hash, &path)?;
    }
    Ok(())
}

/// Regular files below a folder, in a stable order. Links are not followed: the guest may not follow them out either.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>, EventError> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(EventError::at(&folder))? {
            let entry = entry.map_err(EventError::at(&folder))?;
            let kind = entry.file_type().map_err(EventError::at(&entry.path()))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}
