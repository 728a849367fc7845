//! Gives a function of a running server another limit of memory, what is recommended for it if nothing else is said, and writes
//! it down where it is read at the next start: in the `fathom.toml` of its folder. Its module is the same, so what was learned
//! of it stays.
//!
//! Not here: what is recommended (`teacher`), how the file is edited (`config_edit`), who asks (`dialect`).

use super::{
    Server,
    function::{self, Deployed, Version},
    manifest::{self, Manifest},
    sizing::Learned,
    teacher,
};
use crate::{
    config::{Config, FILE_NAME},
    config_edit,
};
use anyhow::Context;
use http::StatusCode;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use trace::{Bytes, Confidence, Limits, PAGE, Recommendation};

/// The most that a limit may be: all that a guest with addresses of 32 bits can have.
const MOST: Bytes = Bytes::mib(4096);

/// Distinct inputs below which a recommendation is the largest need seen, widened.
const FEWEST_INPUTS: usize = 5;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// The limit; `None` for what is recommended now.
    pub(crate) memory: Option<Bytes>,
    /// What is recommended is applied also where too little is known to recommend it.
    pub(crate) force: bool,
    /// Everything is checked, nothing is changed.
    pub(crate) dry_run: bool,
}

/// What has become of a function's limit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Applied {
    /// The limit that was.
    pub(crate) before: Bytes,
    /// The limit that is: whole pages.
    pub(crate) after: Bytes,
    /// What is recommended, whether that was applied or another size; `None` where nothing is.
    pub(crate) recommended: Option<Bytes>,
    /// How sure that is.
    pub(crate) confidence: Option<Confidence>,
    /// Calls were cut off before they had shown their need, so that it may be larger.
    pub(crate) lower_bound: bool,
    /// The file in which it is from now on, or would be.
    pub(crate) written_to: PathBuf,
    /// Sentences: what whoever applies this should know.
    pub(crate) warnings: Vec<String>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotApplied {
    /// `near` says what there is instead.
    #[error("no function `{}`{near}", .name.escape_debug())]
    Unknown { name: String, near: String },
    /// With what is missing.
    #[error("not enough data: {0}")]
    NotEnoughData(String),
    /// With why it is one.
    #[error(
        "what is recommended for `{name}` is only a lower bound: {calls} cut off before the need was known, and the need may be larger; raise the limit and call it again, say a size, or apply it all the same with force"
    )]
    LowerBound { name: String, calls: String },
    /// No limit of this function's.
    #[error("{0}")]
    NoSize(String),
    /// It would have no effect.
    #[error("{0}")]
    Overruled(String),
    /// With the file that cannot be read or written.
    #[error("{0:#}")]
    Failed(anyhow::Error),
}

impl NotApplied {
    /// What a client over HTTP is told.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            NotApplied::Unknown { .. } => StatusCode::NOT_FOUND,
            NotApplied::NoSize(_) => StatusCode::BAD_REQUEST,
            NotApplied::NotEnoughData(_)
            | NotApplied::LowerBound { .. }
            | NotApplied::Overruled(_) => StatusCode::CONFLICT,
            NotApplied::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Gives a function another limit. Takes as long as reading its module; calls that have begun keep the limit they began with.
///
/// # Errors
///
/// Where there is no such function, nothing is known to recommend, the size is none for it, or its file cannot be changed.
/// Then nothing has changed.
pub(crate) fn set_memory(
    server: &Arc<Server>,
    name: &str,
    wanted: Wanted,
) -> Result<Applied, NotApplied> {
    let _one_at_a_time = server.registry.changing();
    let unknown = || NotApplied::Unknown {
        name: name.to_owned(),
        near: server.registry.near(name),
    };
    let function = server.registry.find(name).ok_or_else(unknown)?;
    let folder = server.registry.folder_of(name).ok_or_else(unknown)?;
    let learned = function.sizing.learned();
    let recommendation = learned.as_deref().map(|learned| &learned.recommendation);
    let size = match wanted.memory {
        Some(size) => size,
        None => recommended(&function, learned.as_deref(), wanted.force)?,
    };
    let version = function.version();
    let after = checked(server, &version, size)?;
    let path = folder.join(FILE_NAME);
    let applied = Applied {
        before: version.manifest.limits.memory,
        after,
        recommended: recommendation.map(|r| r.allocation_bytes),
        confidence: recommendation.map(|r| r.confidence),
        lower_bound: recommendation.is_some_and(|r| r.cut_off().calls() > 0),
        warnings: warnings(server, &function, recommendation, wanted, after),
        written_to: path.clone(),
    };
    let text = edited(server, &path, after)?;
    if wanted.dry_run || applied.before == after && text.is_none() {
        return Ok(applied);
    }
    if let Some(text) = text {
        // Before it is there: who watches the folder sees it at once.
        server.registry.set_own_writing(&folder, Some(text.clone()));
        config_edit::replace(&path, &text).map_err(|error| {
            server.registry.set_own_writing(&folder, None);
            NotApplied::Failed(error)
        })?;
    }
    let manifest = Manifest {
        limits: Limits {
            memory: after,
            ..version.manifest.limits
        },
        ..version.manifest.clone()
    };
    let version = Version::new(version.id.clone(), manifest);
    server.registry.set(server, name, version);
    Ok(applied)
}

/// What is recommended, where enough is known.
fn recommended(
    function: &Deployed,
    learned: Option<&Learned>,
    force: bool,
) -> Result<Bytes, NotApplied> {
    let name = &function.name;
    let Some(learned) = learned else {
        let totals = function.totals();
        let first = (1..).find(|calls| teacher::is_time(*calls)).unwrap_or(1);
        let (calls, succeeded) = (totals.calls, totals.calls - totals.failures());
        return Err(NotApplied::NotEnoughData(format!(
            "nothing is recommended for `{name}` yet; of its calls since the server began ({calls}, {succeeded} of them succeeded) the first lesson is after {first}; call it, or say a size"
        )));
    };
    let recommendation = &learned.recommendation;
    let inputs = learned.profile.invocations.distinct_inputs;
    if recommendation.confidence == Confidence::None && !force {
        return Err(NotApplied::NotEnoughData(format!(
            "`{name}` was called with {inputs} distinct {}, and below {FEWEST_INPUTS} the recommendation is a guess; call it with others, say a size, or apply it all the same with force",
            if inputs == 1 { "input" } else { "inputs" },
        )));
    }
    let cut_off = recommendation.cut_off().calls();
    if cut_off > 0 && !force {
        return Err(NotApplied::LowerBound {
            name: name.clone(),
            calls: match cut_off {
                1 => "1 call was".to_owned(),
                calls => format!("{calls} calls were"),
            },
        });
    }
    Ok(recommendation.allocation_bytes)
}

/// In whole pages, and of a size that this function can have.
fn checked(server: &Server, version: &Version, size: Bytes) -> Result<Bytes, NotApplied> {
    if size > MOST {
        return Err(NotApplied::NoSize(format!(
            "{size} is too much: a guest has at most {MOST}"
        )));
    }
    let size = size.max(PAGE).round_up_to_pages();
    let ready = || -> anyhow::Result<_> {
        let wasm = server.modules.read(&version.id.digest)?;
        let selection = version.serving().selection();
        let invoke = version.manifest.invoke.clone();
        function::load(server, &version.id, &wasm, &selection, invoke)
    };
    let initial = ready()
        .map_err(NotApplied::Failed)?
        .function
        .initial_memory();
    if size < initial {
        return Err(NotApplied::NoSize(format!(
            "{size} is too little: `{}` begins with {initial}, and no call of it would",
            version.id.name
        )));
    }
    Ok(size)
}

/// The file with the new limit; `None` where it says it already.
fn edited(server: &Server, path: &Path, after: Bytes) -> Result<Option<String>, NotApplied> {
    if let Some(most) = server.settings.limits.max_memory {
        return Err(NotApplied::Overruled(format!(
            "the server was told that every call of every function has at most {most} (--max-memory), whatever `{}` says: start it without",
            path.display()
        )));
    }
    let edit = || -> anyhow::Result<(Config, Option<String>)> {
        let cannot = || format!("cannot read `{}`", path.display());
        let before = fs::read_to_string(path).with_context(cannot)?;
        let text = config_edit::with_memory(&before, after)
            .with_context(|| format!("cannot change `{}`", path.display()))?;
        let read = |text: &str| -> anyhow::Result<Config> {
            toml::from_str(text)
                .with_context(|| format!("`{}` is not a valid fathom.toml", path.display()))
        };
        // However it is written there.
        let says_so = read(&before)?.function.memory == Some(after);
        Ok((read(&text)?, (!says_so).then_some(text)))
    };
    let (config, text) = edit().map_err(NotApplied::Failed)?;
    let most = manifest::memory(&config, &server.settings);
    if most < after {
        return Err(NotApplied::Overruled(format!(
            "limits.memory in `{}` is {most}, and no call gets more than that: raise it there first",
            path.display()
        )));
    }
    Ok(text)
}

fn warnings(
    server: &Server,
    function: &Deployed,
    recommendation: Option<&Recommendation>,
    wanted: Wanted,
    after: Bytes,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if let (None, Some(r)) = (wanted.memory, recommendation) {
        if matches!(r.confidence, Confidence::None | Confidence::Low) {
            warnings.push(match r.inputs_needed {
                0 => "the confidence of this recommendation is low".to_owned(),
                1 => "the confidence of this recommendation is low: 1 more distinct input is needed".to_owned(),
                more => format!(
                    "the confidence of this recommendation is low: {more} more distinct inputs are needed"
                ),
            });
        }
        if r.cut_off().calls() > 0 {
            warnings.push(
                "this is a lower bound: calls were cut off before their need was known".to_owned(),
            );
        }
    }
    let seen = function.totals().needed.map(|(_, most)| most);
    let seen = seen.max(recommendation.map(|r| r.largest_need_bytes));
    if let Some(seen) = seen.filter(|seen| *seen > after) {
        warnings.push(format!(
            "calls have needed up to {seen}: those that do will fail for want of memory"
        ));
    }
    let all = server.admission.memory();
    if after > all {
        warnings.push(format!(
            "all calls together have {all}: none can be granted more"
        ));
    }
    warnings
}
