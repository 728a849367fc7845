//! Packages of npm that some tests need. As with other tools, a test without them is skipped and says so.

use crate::tools::skipped;
use std::path::{Path, PathBuf};

/// The folder of npm packages, `target/viewers` of this workspace, where `.ci/run` installs them; `None` where one of these is
/// not there.
pub(crate) fn packages(wanted: &[&str]) -> Option<PathBuf> {
    let folder = std::env::var_os("VIEWERS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/viewers/node_modules")
    });
    match wanted.iter().find(|package| !folder.join(package).exists()) {
        Some(package) => {
            skipped(&format!("no {package} in {}", folder.display()));
            None
        }
        None => folder.canonicalize().ok(),
    }
}
