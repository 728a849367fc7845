//! Where things lie: the database in the working directory, reports beside it, compiled code in the user's cache.

use etcetera::BaseStrategy;
use host::Cache;
use std::path::PathBuf;

/// The database, unless `--db` or `FATHOM_DB` says otherwise.
pub(crate) const DATABASE: &str = ".fathom/fathom.db";

/// The folder of reports, unless `--out` or `FATHOM_OUT` says otherwise.
pub(crate) const REPORTS: &str = "fathom-out";

/// The file in a folder that `fathom package` has made, which says what in it is Fathom's: a path a line.
pub(crate) const PACKAGE_MARK: &str = ".fathom-package";

/// Compiled code, in the user's cache directory. None where there is no home: then everything is compiled anew.
pub(crate) fn cache() -> Option<Cache> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(Cache::at(base.cache_dir().join("fathom").join("compiled")))
}

/// The folder of one function's reports. Whatever a name may contain, it stays below `out`.
pub(crate) fn report_folder(out: Option<PathBuf>, function: &str) -> PathBuf {
    let plain: String = function
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') {
                c
            } else {
                '_'
            }
        })
        .collect();
    let plain = plain.trim_start_matches('.');
    let name = if plain.is_empty() { "function" } else { plain };
    out.unwrap_or_else(|| PathBuf::from(REPORTS)).join(name)
}
