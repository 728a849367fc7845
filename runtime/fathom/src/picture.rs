//! Charts as files: SVG or PNG, by the end of the file's name. What is drawn is in `report`.

use anyhow::Context;
use report::chart::Chart;
use std::path::{Path, PathBuf};

/// The ends of names that are known.
pub(crate) const ENDS: [&str; 2] = ["svg", "png"];

/// A name that says which kind of picture is meant, as an argument of the command line.
pub(crate) fn file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match end(&path) {
        Some(_) => Ok(path),
        None => Err(format!(
            "`{text}` is not a picture: expected a name that ends in .svg or .png"
        )),
    }
}

fn end(path: &Path) -> Option<&'static str> {
    let end = path.extension()?;
    ENDS.into_iter()
        .find(|known| end.eq_ignore_ascii_case(known))
}

/// The chart as the kind of picture that the file's name says.
pub(crate) fn bytes(chart: &Chart<'_>, path: &Path) -> anyhow::Result<Vec<u8>> {
    match end(path) {
        Some("png") => chart
            .png()
            .with_context(|| format!("cannot draw `{}`", path.display())),
        _ => Ok(chart.svg().into_bytes()),
    }
}
