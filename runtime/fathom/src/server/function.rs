//! One deployed function: its versions, of which one is current, and what has become of its calls. A version that was
//! replaced goes on for the calls that began with it, and goes with the last of them.

use super::{
    Server,
    apply::Applied,
    build,
    loaded::DeepPlace,
    logs::Logs,
    manifest::Manifest,
    metrics::FunctionMetrics,
    phase::{Phase, Phases},
    sizing::Sizing,
    teacher,
    totals::Totals,
};
use crate::plan_file;
use anyhow::Context;
use host::{Entry, Function};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};
use trace::{Bytes, FunctionId, HeapSampling, PhaseChange, Selection};

/// Code that traces deep and could not be made is tried again after so long.
const DEEP_AGAIN: Duration = Duration::from_secs(300);

/// Bytes from one sampled block to the next in calls that are traced deep. Less than `fathom profile` takes: what is served is
/// often small, and most calls would have no sample at all.
const SAMPLED_EVERY: Bytes = Bytes(64 * 1024);

/// A function by its name.
pub(crate) struct Deployed {
    pub(crate) name: String,
    pub(crate) created: SystemTime,
    version: RwLock<Arc<Version>>,
    pub(crate) sizing: Sizing,
    pub(crate) phases: Phases,
    pub(crate) logs: Logs,
    totals: Mutex<Totals>,
    applied: Mutex<Option<Applied>>,
    running: AtomicUsize,
    metrics: OnceLock<FunctionMetrics>,
}

/// One version of a function: a module and its manifest.
pub(crate) struct Version {
    pub(crate) id: FunctionId,
    pub(crate) manifest: Manifest,
    /// What serves, and beside it what learns.
    serving: Code,
    deep: Code,
    deep_is_coming: AtomicBool,
}

/// The code of a version with the probes of a selection, as long as it is used.
pub(crate) struct Code {
    selection: Mutex<Selection>,
    kept: RwLock<Option<Kept>>,
    loading: tokio::sync::Mutex<()>,
    /// Milliseconds since the server began.
    used: AtomicU64,
}

/// Code that stays in memory for the next call.
struct Kept {
    ready: Arc<Ready>,
    _place: Option<DeepPlace>,
}

/// A function whose code is in memory.
pub(crate) struct Ready {
    pub(crate) function: Function,
    pub(crate) entry: Entry,
    /// What its tables take when a call begins.
    pub(crate) tables: Bytes,
}

/// A place among the calls of one function. Goes back when it is dropped.
pub(crate) struct Place(Arc<Deployed>);

impl Deployed {
    pub(crate) fn new(name: String, version: Arc<Version>) -> Deployed {
        Deployed {
            name,
            created: SystemTime::now(),
            sizing: Sizing::of(version.id.digest.clone()),
            version: RwLock::new(version),
            phases: Phases::default(),
            logs: Logs::default(),
            totals: Mutex::default(),
            applied: Mutex::default(),
            running: AtomicUsize::new(0),
            metrics: OnceLock::new(),
        }
    }

    /// The version that new calls get.
    pub(crate) fn version(&self) -> Arc<Version> {
        let version = self.version.read().unwrap_or_else(PoisonError::into_inner);
        version.clone()
    }

    /// From now on calls get this version. What was learned of another module is provisional for it; the change of phase, where
    /// it is another one.
    #[must_use = "it is to be recorded"]
    pub(crate) fn replace(&self, version: Arc<Version>) -> Option<PhaseChange> {
        let before = {
            let mut place = self.version.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, version.clone())
        };
        if before.id.digest != version.id.digest {
            self.sizing.begin_anew(version.id.digest.clone());
            return Some(self.phases.begin_anew("it is another module now"));
        }
        if self.phases.now() == Phase::Selective
            && let Some(plan) = self
                .sizing
                .learned()
                .and_then(|learned| learned.plan.clone())
        {
            let watch = version.manifest.watch.clone();
            version.serving().arm(plan_file::only(&plan, watch));
        }
        None
    }

    /// A place for a call; `None` where there are too many.
    pub(crate) fn enter(self: &Arc<Deployed>, most: u32) -> Option<Place> {
        let before = self.running.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.clone());
        (before < most as usize).then_some(place)
    }

    /// Calls under way.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    pub(crate) fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last limit that was given to it by a click.
    pub(crate) fn applied(&self) -> Option<Applied> {
        let applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        applied.clone()
    }

    /// See [`Deployed::applied`].
    pub(crate) fn set_applied(&self, applied: Applied) {
        let mut place = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(applied);
    }

    /// Its metrics, which exist from its first call on.
    pub(crate) fn metrics(&self, server: &Server) -> &FunctionMetrics {
        self.metrics
            .get_or_init(|| server.metrics.function(&self.name))
    }

    /// Brings the metrics that are not counted call by call up to date.
    pub(crate) fn show(&self, server: &Server) {
        let Some(metrics) = self.metrics_so_far() else {
            return;
        };
        let version = self.version();
        let asked = teacher::failure_rate(server, &version);
        metrics.set(version.manifest.limits.memory, asked, self.phases.now());
        metrics.needed_at_most(self.totals().needed.map(|(_, most)| most));
    }

    /// Its metrics, if it has been called.
    pub(crate) fn metrics_so_far(&self) -> Option<&FunctionMetrics> {
        self.metrics.get()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Version {
    pub(crate) fn new(id: FunctionId, manifest: Manifest) -> Version {
        Version {
            serving: Code::new(manifest.watch.clone()),
            deep: Code::new(Selection {
                breakpoints: vec!["auto".to_owned()],
                // Who allocated the memory. Where the time goes is not recorded: what serves all calls takes turns at
                // epochs that are no samples, and an engine that samples would be slower for all.
                heap: Some(HeapSampling::Poisson {
                    mean: SAMPLED_EVERY,
                }),
                ..Selection::default()
            }),
            deep_is_coming: AtomicBool::new(false),
            id,
            manifest,
        }
    }

    /// The code that serves: that of a plan, once there is one.
    pub(crate) fn serving(&self) -> &Code {
        &self.serving
    }

    /// The code that traces deep.
    pub(crate) fn deep(&self) -> &Code {
        &self.deep
    }

    /// Brings the code that traces deep into memory, if nobody does already and there is a place for it. What cannot be
    /// traced so is served without.
    pub(crate) fn bring_deep(self: &Arc<Version>, server: &Arc<Server>, is_patient: bool) {
        if self.deep_is_coming.load(Ordering::Relaxed) {
            return;
        }
        let Some(place) = server.loaded.place_for_deep(is_patient) else {
            return;
        };
        if self.deep_is_coming.swap(true, Ordering::Relaxed) {
            return;
        }
        let (version, server) = (self.clone(), server.clone());
        tokio::spawn(async move {
            let built = {
                let (version, server) = (version.clone(), server.clone());
                tokio::task::spawn_blocking(move || {
                    let wasm = server.modules.read(&version.id.digest)?;
                    build::build(&server, &version.id, &wasm, &version.deep.selection())
                })
                .await
            };
            let has_come = match built {
                Ok(Ok(())) => {
                    let loaded = version.deep.load(&server, &version, Some(place)).await;
                    loaded.is_ok()
                }
                _ => {
                    drop(place);
                    false
                }
            };
            // Neither is kept for a try that most likely fails, too.
            let waits = Arc::downgrade(&version);
            drop((server, version));
            if !has_come {
                tokio::time::sleep(DEEP_AGAIN).await;
            }
            // Once it has gone it may come again.
            if let Some(version) = waits.upgrade() {
                version.deep_is_coming.store(false, Ordering::Relaxed);
            }
        });
    }
}

impl Code {
    fn new(selection: Selection) -> Code {
        Code {
            selection: Mutex::new(selection),
            kept: RwLock::default(),
            loading: tokio::sync::Mutex::default(),
            used: AtomicU64::new(0),
        }
    }

    /// From now on other probes.
    pub(crate) fn arm(&self, selection: Selection) {
        let mut place = self
            .selection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *place != selection {
            *place = selection;
            self.let_go();
        }
    }

    pub(crate) fn selection(&self) -> Selection {
        let selection = self
            .selection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        selection.clone()
    }

    /// The code in memory, and whether it had to be brought there.
    pub(crate) async fn ready(
        &self,
        server: &Arc<Server>,
        version: &Version,
    ) -> anyhow::Result<(Arc<Ready>, bool)> {
        match self.at_once(server) {
            Some(ready) => Ok((ready, false)),
            None => self.load(server, version, None).await,
        }
    }

    /// Brings the code into memory, where it keeps the place that it has among those that trace deep.
    async fn load(
        &self,
        server: &Arc<Server>,
        version: &Version,
        place: Option<DeepPlace>,
    ) -> anyhow::Result<(Arc<Ready>, bool)> {
        let _one_at_a_time = self.loading.lock().await;
        if let Some(ready) = self.at_once(server) {
            return Ok((ready, false));
        }
        let id = version.id.clone();
        let (selection, invoke) = (self.selection(), version.manifest.invoke.clone());
        let wanted = selection.clone();
        let load = {
            let server = server.clone();
            move || {
                let wasm = server.modules.read(&id.digest)?;
                load(&server, &id, &wasm, &selection, invoke)
            }
        };
        let ready = Arc::new(
            tokio::task::spawn_blocking(load)
                .await
                .context("loading was broken off")??,
        );
        // Other probes may have been asked for meanwhile; then it serves this call alone.
        if self.selection() == wanted {
            let kept = Kept {
                ready: ready.clone(),
                _place: place,
            };
            *self.kept_mut() = Some(kept);
            server.loaded.has_come(server);
        }
        Ok((ready, true))
    }

    /// The code in memory, if it is there.
    pub(crate) fn at_once(&self, server: &Server) -> Option<Arc<Ready>> {
        self.used.store(now(server), Ordering::Relaxed);
        self.kept().as_ref().map(|kept| kept.ready.clone())
    }

    /// When it was used last, milliseconds since the server began; `None` where it is not in memory.
    pub(super) fn used_last(&self) -> Option<u64> {
        let is_there = self.kept().is_some();
        is_there.then(|| self.used.load(Ordering::Relaxed))
    }

    /// It leaves the memory with the last of its calls, and comes back for the next one.
    pub(super) fn let_go(&self) {
        *self.kept_mut() = None;
    }

    /// It leaves the memory where it was not used since.
    pub(super) fn let_go_unused(&self, since: Option<u64>) {
        if since.is_some_and(|since| self.used.load(Ordering::Relaxed) < since) {
            self.let_go();
        }
    }

    fn kept(&self) -> RwLockReadGuard<'_, Option<Kept>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept_mut(&self) -> RwLockWriteGuard<'_, Option<Kept>> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds since the server began.
pub(crate) fn now(server: &Server) -> u64 {
    Instant::now().duration_since(server.begun).as_millis() as u64
}

/// Compiled code, from the cache where it is there.
pub(super) fn load(
    server: &Server,
    id: &FunctionId,
    wasm: &[u8],
    selection: &Selection,
    invoke: Option<String>,
) -> anyhow::Result<Ready> {
    let cache = Some(&server.cache);
    let function = Function::load(&server.engine, cache, &id.name, wasm, selection)
        .with_context(|| format!("cannot load `{}`", id.name))?;
    let entry = crate::guest::entry(&function, invoke)?;
    Ok(Ready {
        tables: function.tables(),
        function,
        entry,
    })
}
