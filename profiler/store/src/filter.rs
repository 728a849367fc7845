//! Which calls to read, and how much of each.

use crate::TraceId;

/// How much of a call is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Everything that was recorded.
    #[default]
    Full,
    /// Without `growths`, `samples`, the single `hits` of the observations and the `samples` of touched pages, which are
    /// then empty, and without stacks, which are then absent: what learning across calls needs, some hundred bytes per
    /// variable however long the call was.
    Summary,
}

/// Which calls to read. Every field narrows; the default is all calls in full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only calls of the function of this name, in any version.
    pub function: Option<String>,
    /// Only calls of the module with this digest, `sha256:` included.
    pub digest: Option<String>,
    /// Only served calls with this id, as their callers know it.
    pub request: Option<String>,
    /// Only these calls. Numbers that do not exist are not an error: what exists of them is returned.
    pub ids: Option<Vec<TraceId>>,
    /// Only so many, those recorded last; still returned oldest first.
    pub newest: Option<usize>,
    /// How much of each call.
    pub detail: Detail,
}
