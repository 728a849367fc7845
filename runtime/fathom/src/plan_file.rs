//! The file of a plan: TOML with a comment for each part, the same bytes for the same plan, so that two can be compared line by
//! line. What is in it is said in [`trace::PredictivePlan`]; learning one is the work of `learn`.

use crate::{args::WatchArgs, guest::Guest};
use anyhow::{Context as _, bail, ensure};
use std::{fs, io::Read as _, path::Path};
use trace::{PredictivePlan, Selection};

/// No plan is larger: another file was meant.
const LARGEST: u64 = 1 << 20;

/// What is hit for no more than this share of the time is hit seldom.
const SELDOM: f64 = 0.01;

/// Comments above the parts of the file, by their heading.
const COMMENTS: [(&str, &str); 9] = [
    (
        "[function]",
        "The function, and the module this holds for. Another module needs a plan of its own.",
    ),
    (
        "[learned]",
        "The calls this was learned from. Later ones can contradict it: `fathom plan NAME --check`.",
    ),
    (
        "[asked]",
        "What was asked: error in the middle case, calls that may exceed the bound, CPU time for probes. Shares.",
    ),
    (
        "[ahead]",
        "What is still to come when the last variable is known, in the middle case.",
    ),
    (
        "[screening]",
        "How chance was ruled out: with memory shuffled among the inputs, the best candidate did better in `better` of `shuffles` tries.",
    ),
    (
        "[given_up]",
        "What would predict better, and why it was not taken.",
    ),
    (
        "[bound]",
        "The most a call is expected to need: the prediction, at least `floor`, times `margin`, plus `added`.",
    ),
    (
        "[[variable]]",
        "Read at a breakpoint, made one number per call. `input` and `open:` need no probe.",
    ),
    ("[model]", "The prediction: peak committed memory in bytes."),
];

/// The text of a plan's file.
pub(crate) fn render(plan: &PredictivePlan) -> anyhow::Result<String> {
    let plain = toml::to_string(plan).context("cannot write the plan as TOML")?;
    let mut text = format!(
        "# What predicts the memory of `{}`. Written by `fathom plan`; arm it with\n\
         # `fathom run GUEST --plan FILE` or `fathom profile GUEST --plan FILE`.\n",
        plain_name(&plan.function.name)
    );
    for line in plain.lines() {
        if let Some((_, comment)) = COMMENTS.iter().find(|(heading, _)| *heading == line) {
            text.push_str(&format!("# {comment}\n"));
        }
        text.push_str(line);
        if line.starts_with("newest_unix_ms = ") {
            text.push_str(&when(plan.learned.newest_unix_ms));
        }
        text.push('\n');
    }
    Ok(text)
}

/// A name that stays on its line.
fn plain_name(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).collect()
}

/// The time as people write it, as a comment; nothing beyond the years that have one.
fn when(unix_ms: u64) -> String {
    let since = std::time::Duration::from_millis(unix_ms);
    let time = std::time::UNIX_EPOCH.checked_add(since);
    let year_9999 = 253_402_300_799_000;
    match time.filter(|_| unix_ms < year_9999) {
        Some(time) => format!("  # {}", humantime::format_rfc3339_seconds(time)),
        None => String::new(),
    }
}

/// Reads a plan's file.
pub(crate) fn read(path: &Path) -> anyhow::Result<PredictivePlan> {
    let file = fs::File::open(path)
        .with_context(|| format!("cannot read the plan `{}`", path.display()))?;
    let mut text = String::new();
    file.take(LARGEST + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read the plan `{}`", path.display()))?;
    ensure!(
        text.len() as u64 <= LARGEST,
        "`{}` is no plan: it is larger than any plan is",
        path.display()
    );
    let plan = match toml::from_str::<PredictivePlan>(&text) {
        Ok(plan) => plan,
        Err(error) => {
            other_format(&text, path)?;
            return Err(error).with_context(|| format!("`{}` is not a valid plan", path.display()));
        }
    };
    other_format(&text, path)?;
    Ok(plan)
}

/// A file of another version says so rather than which of its keys is unknown here.
fn other_format(text: &str, path: &Path) -> anyhow::Result<()> {
    let table: Option<toml::Table> = text.parse().ok();
    let schema = table.as_ref().and_then(|t| t.get("schema"));
    match schema.and_then(toml::Value::as_str) {
        Some(schema) if schema != PredictivePlan::SCHEMA => bail!(
            "`{}` has the format `{schema}`, expected `{}`: learn it anew with `fathom plan NAME`",
            path.display(),
            PredictivePlan::SCHEMA
        ),
        _ => Ok(()),
    }
}

/// What to arm in a guest: what its plan says, where one is given, else what the command line or the guest's file says.
pub(crate) struct Armed {
    pub(crate) selection: Selection,
    pub(crate) plan: Option<PredictivePlan>,
}

/// Reads what is to be armed.
///
/// A plan for another module is refused: its breakpoints may mean other places there, and its numbers mean nothing.
pub(crate) fn armed(watch: &WatchArgs, guest: &Guest) -> anyhow::Result<Armed> {
    let selection = watch.selection(&guest.config.watch);
    let Some(path) = &watch.plan else {
        return Ok(Armed {
            selection,
            plan: None,
        });
    };
    let plan = read(path)?;
    let digest = host::digest(&guest.wasm);
    ensure!(
        plan.function.digest == digest,
        "the plan `{}` is for `{}`, module {}; this guest is {digest}: profile it, then write its plan with `fathom plan`",
        path.display(),
        plan.function.name,
        plan.function.digest
    );
    Ok(Armed {
        selection: only(&plan, selection),
        plan: Some(plan),
    })
}

/// Exactly the places of the plan. A static whose type only the guest's file tells is named with it.
pub(crate) fn only(plan: &PredictivePlan, configured: Selection) -> Selection {
    let places = plan.places();
    let typed = |variable: &String| {
        let name = variable.split_once(':').map(|(name, _)| name);
        name.is_some_and(|name| places.iter().any(|p| p.variable == name))
    };
    let typed: Vec<String> = configured.variables.into_iter().filter(typed).collect();
    let mut variables = typed.clone();
    if !typed.is_empty() {
        let named = |v: &&str| !typed.iter().any(|t| t.starts_with(&format!("{v}:")));
        let others = places.iter().map(|p| p.variable.as_str()).filter(named);
        variables.extend(others.map(str::to_owned));
    }
    let mut breakpoints: Vec<String> = Vec::new();
    for place in &places {
        let breakpoint = place.breakpoint.to_string();
        if !breakpoints.contains(&breakpoint) {
            breakpoints.push(breakpoint);
        }
    }
    if breakpoints.is_empty() {
        // Nothing to arm: without a breakpoint everything would be.
        breakpoints.push("input".to_owned());
        variables.clear();
    }
    Selection {
        breakpoints,
        variables,
        light: configured.light,
        heap: configured.heap,
        only: places,
        seldom_hit: plan.variables.iter().map(|v| v.cost_share).sum::<f64>() <= SELDOM,
    }
}
