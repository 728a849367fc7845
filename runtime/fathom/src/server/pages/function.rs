//! `/functions/NAME`: one function, from what is known of it in memory and what is recorded of its last calls.

use super::{
    super::{Server, function::Deployed, recorded},
    events::{self, Shown},
    failed, html, now, unknown,
};
use crate::analysis::Configured;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use http::StatusCode;
use report::{
    Context,
    pages::{Applied, FunctionView, Update, function_page, function_update},
};
use serde::Deserialize;
use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};
use store::{Detail, Filter, Store};
use trace::{Profile, Trace};

/// Calls shown.
const CALLS: usize = 200;

/// Calls that are learned from where nobody has yet.
const FEW: usize = 50;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// The call that is drawn alone.
    call: Option<String>,
    /// There where a limit was just applied.
    applied: Option<String>,
}

pub(super) async fn page(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let Some(function) = server.registry.find(&name) else {
        return unknown(&server, &name);
    };
    let is_applied = asked.applied.is_some();
    let made = tokio::task::spawn_blocking(move || -> anyhow::Result<String> {
        let mut view = view(&server, &function, asked.call, Context::of_calls)?;
        view.applied = function
            .applied()
            .filter(|_| is_applied)
            .map(|applied| Applied {
                before: applied.before,
                after: applied.after,
                warnings: applied.warnings,
            });
        Ok(function_page(&view))
    });
    match made.await {
        Ok(Ok(page)) => html(StatusCode::OK, page),
        Ok(Err(error)) => failed(&format!("{error:#}")),
        Err(_) => failed("Making the page was broken off."),
    }
}

/// Everything the page shows. `context` is of its last calls, with their stacks or without: those are for whoever looks into them.
fn view(
    server: &Arc<Server>,
    function: &Arc<Deployed>,
    call: Option<String>,
    context: fn(&[Trace]) -> Context,
) -> anyhow::Result<FunctionView> {
    let now = now::function(function);
    let mut calls = last_calls(server, function)?;
    let learned = function.sizing.learned();
    let mut profile = match &learned {
        Some(learned) => learned.whole(),
        None => learned_here(server, function, &calls)?,
    };
    let plan = learned.and_then(|learned| learned.plan.clone());
    let mut context = context(&calls);
    let address = now::address(server);
    if calls.is_empty() {
        context.next = Some(format!("fathom invoke {}{address}", function.name));
    }
    // What it is given may be another limit than when it was learned.
    if let Some(recommendation) = &mut profile.recommendation {
        recommendation.baseline_bytes = now.limit;
        let share = recommendation.allocation_bytes.as_f64() / now.limit.as_f64().max(1.0);
        recommendation.memory_saving_share = 1.0 - share;
    }
    // A link may lead to one that is not among the last ones.
    let is_there = |id: &String| calls.iter().any(|call| id_of(call).as_ref() == Some(id));
    if let Some(id) = call.as_ref().filter(|id| !is_there(id))
        && let Some((found, _)) = recorded::call(server, id)?
        && found.function.name == function.name
    {
        calls.insert(0, found);
    }
    Ok(FunctionView {
        address,
        now,
        drift: plan.as_ref().and_then(|plan| function.phases.drift(plan)),
        plan,
        profile,
        phases: now::phases(server, function)?,
        context,
        calls,
        call,
        applied: None,
    })
}

/// The last calls of the module that serves now, oldest first: what is in memory, and where that is little what is recorded.
fn last_calls(server: &Server, function: &Deployed) -> anyhow::Result<Vec<Trace>> {
    let id = &function.version().id;
    let recent = server.records.recent();
    let of_it = recent.iter().filter(|trace| trace.function == *id);
    let mut calls: Vec<Trace> = of_it.take(CALLS).map(|trace| (**trace).clone()).collect();
    if calls.len() < CALLS {
        let known: HashSet<String> = calls.iter().filter_map(id_of).collect();
        let filter = Filter {
            function: Some(id.name.clone()),
            digest: Some(id.digest.clone()),
            newest: Some(CALLS),
            detail: Detail::Full,
            ..Filter::default()
        };
        let recorded = Store::open_existing(&server.settings.database)?.traces(&filter)?;
        let is_new = |trace: &Trace| id_of(trace).is_none_or(|id| !known.contains(&id));
        calls.extend(recorded.into_iter().filter(is_new));
    }
    calls.sort_by_key(|trace| trace.started_unix_ms);
    calls.drain(..calls.len().saturating_sub(CALLS));
    Ok(calls)
}

fn id_of(trace: &Trace) -> Option<String> {
    trace.served.as_ref().map(|served| served.id.clone())
}

/// What a few calls say, before the teacher has said more. Where they are many it is told to.
fn learned_here(
    server: &Arc<Server>,
    function: &Arc<Deployed>,
    calls: &[Trace],
) -> anyhow::Result<Profile> {
    if calls.len() > FEW {
        server.teacher.teach(function);
    }
    let version = function.version();
    let configured = Configured {
        failure_rate: version.manifest.failure_rate,
        memory: Some(version.manifest.limits.memory),
    };
    let few = &calls[calls.len().saturating_sub(FEW)..];
    let few: Vec<Trace> = few
        .iter()
        .filter(|t| t.had_fresh_sandbox())
        .cloned()
        .collect();
    server
        .settings
        .learning
        .learn(&version.id, &few, configured)
}

/// The page of one function, whatever is deployed under its name.
struct One {
    name: String,
    call: Option<String>,
}

impl Shown for One {
    fn sign(&self, server: &Server) -> u64 {
        let mut sign = DefaultHasher::new();
        let Some(function) = server.registry.find(&self.name) else {
            return 0;
        };
        Arc::as_ptr(&function).addr().hash(&mut sign);
        let version = function.version();
        (function.totals().calls, function.running()).hash(&mut sign);
        (version.id.digest.as_str(), version.manifest.limits.memory.0).hash(&mut sign);
        function.phases.now().name().hash(&mut sign);
        let learned = function.sizing.learned();
        learned
            .map(|learned| Arc::as_ptr(&learned).addr())
            .hash(&mut sign);
        sign.finish()
    }

    fn update(&self, server: &Arc<Server>) -> anyhow::Result<Option<Update>> {
        let Some(function) = server.registry.find(&self.name) else {
            return Ok(None);
        };
        let call = self.call.clone();
        let view = view(server, &function, call, Context::without_stacks)?;
        Ok(Some(function_update(&view)))
    }
}

pub(super) async fn events(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    if server.registry.find(&name).is_none() {
        return unknown(&server, &name);
    }
    let call = asked.call;
    events::events(&server, One { name, call })
}
