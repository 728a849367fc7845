//! The server: functions that are called over HTTP, each call measured, limited and rightsized.
//!
//! | file | is |
//! |---|---|
//! | `listen` | connections: accepted whatever happens, bounded in number, size and time |
//! | `dialect` | what is asked over them, a file for each way of asking |
//! | `auth`, `apart` | who may use the control plane, and what pages of functions may not |
//! | `pages` | what people see of it in a browser |
//! | `registry`, `function`, `manifest`, `modules` | what is deployed, in which versions |
//! | `build` | compiling it, in a process of its own |
//! | `loaded` | how much of it is in memory |
//! | `apply` | giving a function the memory that is recommended for it, for good |
//! | `reload` | noticing what changes in folders |
//! | `call`, `answer`, `cgi` | one call, from a request to its record |
//! | `guests` | the threads that run them |
//! | `admission`, `bodies`, `sizing` | who may run with how much memory |
//! | `warm` | what of it stays in memory for the next call |
//! | `reuse` | sandboxes that wait for another call |
//! | `teacher`, `phase` | learning from what was recorded, and what is armed for it |
//! | `live` | learning from each call as it ends, and what the next one is given |
//! | `density` | a benchmark: how many calls fit |
//! | `stage` | on the way to the server's end |
//! | `records`, `queue`, `call_lines`, `logs`, `metrics` (with `metric_names`), `recorded`, `totals`, `summary` | what is kept and told of calls |
//!
//! Two sets of threads: those that accept and administer never run a guest, and those that run guests do nothing else.

mod admission;
mod answer;
mod apart;
mod apply;
mod auth;
mod bodies;
mod build;
mod call;
mod call_lines;
mod cgi;
pub(crate) mod density;
mod dialect;
mod function;
mod guests;
mod listen;
mod live;
mod loaded;
mod logs;
mod manifest;
pub(crate) mod metric_names;
mod metrics;
mod modules;
mod pages;
mod phase;
mod queue;
mod recorded;
mod records;
mod registry;
mod reload;
mod reuse;
#[cfg(test)]
mod sample;
mod settings;
mod sizing;
mod stage;
mod summary;
mod teacher;
mod totals;
mod warm;

pub(crate) use auth::token_in;
pub(crate) use dialect::functions_framework::Signature;
pub(crate) use manifest::Protocol;

pub(crate) use registry::checked_name;
pub(crate) use settings::{LogCalls, Settings};
pub(crate) use sizing::SizeBy;

use crate::{output, places};
use admission::{Admission, Capacity};
use answer::Answer;
use anyhow::{Context, bail};
use bodies::Bodies;
use build::Built;
use call_lines::CallLines;
use guests::Guests;
use host::{Cache, Engine, Slots};
use loaded::Loaded;
use metrics::{Metrics, Rejected};
use modules::Modules;
use records::{Records, Retention};
use registry::Registry;
use reuse::Waiting;
use rustix::{
    process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit},
    thread::gettid,
};
use stage::{Stage, Stages};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};
use store::Store;
use teacher::Teacher;
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::Semaphore,
};

/// Calls at the same time that nobody waits for.
const DETACHED: usize = 1_000;

/// Longest that calls are waited for that were told to end: they do at their next turn.
const ENDING: Duration = Duration::from_secs(2);

/// How often it is counted what slots keep for the next calls.
const COUNT: Duration = Duration::from_millis(250);

/// What all requests share.
pub(crate) struct Server {
    settings: Settings,
    begun: Instant,
    /// Where it listens, once it does.
    address: OnceLock<SocketAddr>,
    engine: Engine,
    cache: Cache,
    modules: Modules,
    built: Built,
    loaded: Loaded,
    registry: Registry,
    admission: Arc<Admission>,
    /// Sandboxes that wait for another call.
    waiting: Waiting,
    bodies: Bodies,
    /// Places of calls that nobody waits for.
    detached: Arc<Semaphore>,
    /// Places of pages that are kept as it is now.
    watched: Arc<Semaphore>,
    records: Records,
    metrics: Metrics,
    teacher: Teacher,
    /// Where guests run.
    guests: Guests,
    stages: Stages,
    /// Calls that have begun and have no record yet.
    alive: AtomicUsize,
}

/// One function on a port of its own.
pub(crate) struct OnPort {
    pub(crate) function: String,
    pub(crate) signature: Signature,
    pub(crate) listen: SocketAddr,
}

impl Server {
    /// Where it listens, as whoever is on this machine reaches it.
    fn listens_on(&self) -> SocketAddr {
        let mut address = self.address.get().copied().unwrap_or(self.settings.listen);
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        address
    }

    /// Folder of the functions that came over HTTP.
    fn uploads(&self) -> PathBuf {
        self.settings.state.join("functions")
    }

    /// Folder of the modules that a deployment may name.
    fn images(&self) -> PathBuf {
        let images = self.settings.folder.clone().unwrap_or(PathBuf::from("."));
        images.canonicalize().unwrap_or(images)
    }

    /// Ends the calls that are still there, each with its record.
    fn end_calls(&self) {
        self.stages.go_on_to(Stage::Ending);
        let until = Instant::now() + ENDING;
        while self.alive.load(Ordering::Acquire) > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Turns a call away.
    fn reject(&self, why: Rejected, id: String, what: &str) -> Answer {
        self.metrics.reject(why);
        answer::rejected(&id, why, what)
    }
}

/// Serves until told to stop, then waits for the calls that are running, and says what has become of all of them.
pub(crate) fn run(settings: Settings, on_port: Option<OnPort>) -> anyhow::Result<()> {
    fs::create_dir_all(&settings.state)
        .with_context(|| format!("cannot make the folder `{}`", settings.state.display()))?;
    let _only_one = lock(&settings)?;
    want_descriptors();
    let (server, lessons) = set_up(settings, Guests::start(cores())?)?;
    Teacher::start(Arc::downgrade(&server), lessons).context("cannot start a thread")?;
    deploy_all(&server, true)?;
    clear_modules(&server);
    let _reload = match &server.settings.folder {
        Some(folder) if server.settings.reload => Some(reload::watch(&server, folder)?),
        _ => None,
    };
    let administering = threads("http", administering())?;
    let served = administering.block_on(serve(&server, on_port));
    server.end_calls();
    administering.shutdown_timeout(Duration::from_secs(1));
    server.guests.stop();
    server.records.finish();
    for line in summary::lines(&server) {
        output::note(line);
    }
    served
}

/// As many file descriptors as the system lets this process have: a connection is one, and so is code in memory. Where it
/// is fewer, connections wait until others have gone.
fn want_descriptors() {
    let limits = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limits.maximum,
        ..limits
    };
    // Those there were are there.
    let _ = setrlimit(Resource::Nofile, most);
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Threads that accept, read, answer and administer. A call takes them about a quarter of what it takes those that run
/// guests; where there were as many they would mostly take turns with them.
fn administering() -> usize {
    cores().div_ceil(4)
}

fn threads(name: &str, number: usize) -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(number)
        .thread_name(name)
        .enable_all()
        .build()
        .context("cannot start threads")
}

/// What a thread does that works behind the calls: those go first. It is still given its part of a processor, so it does not
/// fall back for ever.
fn stand_back(steps: i32) {
    // Where the system does not let it, it takes turns with the others.
    let _ = setpriority_process(Some(gettid()), steps);
}

/// Two servers with one folder would take each other's functions away. Held as long as the file is open.
fn lock(settings: &Settings) -> anyhow::Result<fs::File> {
    let path = settings.state.join("serve.lock");
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => bail!(
            "another `fathom serve` uses the folder `{}`: end it, or give this one another with --state",
            settings.state.display()
        ),
        Err(fs::TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock `{}`", path.display()));
        }
    }
    Ok(file)
}

/// Counts what slots keep that no call has.
async fn count_kept(server: Arc<Server>) {
    let mut ticks = tokio::time::interval(COUNT);
    loop {
        ticks.tick().await;
        let kept = server.engine.kept_resident();
        // What is more than that is a guest's with many memories.
        let counted = kept.min(warm::at_most(&server.settings));
        server.admission.set_kept(counted.0);
        server.metrics.kept(kept);
    }
}

type Lessons = mpsc::Receiver<Arc<function::Deployed>>;

fn set_up(settings: Settings, guests: Guests) -> anyhow::Result<(Arc<Server>, Lessons)> {
    let store = Store::open(&settings.database)?;
    let engine = Engine::serving(Slots {
        calls: settings.calls,
        keep_resident: warm::of_a_slot(&settings, &store),
    })?;
    if engine.slots() < settings.calls {
        output::note(format_args!(
            "note: the address space is too small for {} slots; there are {}, and calls beyond them begin more slowly",
            settings.calls,
            engine.slots()
        ));
    }
    let calls = match engine.slots() {
        0 => settings.calls,
        slots => slots,
    };
    let cache = places::cache().unwrap_or_else(|| Cache::at(settings.state.join("compiled")));
    let retention = Retention {
        keep: settings.keep,
        largest: settings.store_max,
    };
    let lines = settings.log_calls.as_ref().map(|log| {
        let most = records::waiting_at_most(settings.memory);
        CallLines::start(log.project.clone(), most)
    });
    let lines = lines.transpose().context("cannot start a thread")?;
    let records = Records::start(store, retention, lines, settings.memory)
        .context("cannot start a thread")?;
    let (teach, lessons) = mpsc::channel();
    let server = Server {
        begun: Instant::now(),
        address: OnceLock::new(),
        cache,
        modules: Modules::at(settings.state.join("modules"))?,
        built: Built::default(),
        loaded: Loaded::at_most(settings.loaded),
        registry: Registry::default(),
        admission: Admission::new(Capacity {
            memory: settings.memory.0,
            calls: calls as usize,
            waiting: settings.queue,
        }),
        waiting: Waiting::default(),
        detached: Arc::new(Semaphore::new(DETACHED)),
        watched: Arc::new(Semaphore::new(pages::WATCHED)),
        bodies: Bodies::beside(settings.memory, settings.body),
        records,
        metrics: Metrics::new(settings.memory)?,
        teacher: Teacher::new(teach),
        guests,
        stages: Stages::default(),
        alive: AtomicUsize::new(0),
        engine,
        settings,
    };
    Ok((Arc::new(server), lessons))
}

/// Everything that lies in folders: the user's, and what came over HTTP before. A function that cannot be deployed keeps no
/// other from being served.
fn deploy_all(server: &Arc<Server>, says: bool) -> anyhow::Result<()> {
    let mut folders = match &server.settings.folder {
        Some(folder) => registry::function_folders(folder)?,
        None => Vec::new(),
    };
    if server.uploads().is_dir() {
        folders.extend(registry::function_folders(&server.uploads())?);
    }
    let mut failed = None;
    for folder in &folders {
        match registry::deploy_folder(server, folder) {
            Ok(_) if !says => {}
            Ok((function, _)) => output::note(format_args!(
                "/function/{} ({})",
                function.name,
                function.version().manifest.limits.memory
            )),
            Err(error) => {
                output::note(format_args!(
                    "warning: `{}` is not served: {error:#}",
                    folder.display()
                ));
                failed = Some(error);
            }
        }
    }
    match failed {
        Some(error) if server.registry.all().is_empty() => {
            Err(error.context("nothing can be served"))
        }
        _ => Ok(()),
    }
}

/// Those that functions have been of before.
fn clear_modules(server: &Server) {
    let functions = server.registry.all();
    let digests = functions.iter().map(|of| of.version().id.digest.clone());
    if let Err(error) = server.modules.keep_only(&digests.collect()) {
        output::note(format_args!("warning: {error:#}"));
    }
}

async fn serve(server: &Arc<Server>, on_port: Option<OnPort>) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let listener = listen::bind(server.settings.listen).await?;
    let mut ports = Vec::new();
    if let Some(on_port) = on_port {
        if server.registry.find(&on_port.function).is_none() {
            bail!(
                "no function `{}`{}",
                on_port.function,
                server.registry.near(&on_port.function)
            );
        }
        let listener = listen::bind(on_port.listen).await?;
        let router =
            dialect::functions_framework::router(server, &on_port.function, on_port.signature);
        output::note(format_args!(
            "{} on http://{}",
            on_port.function,
            listener.local_addr()?
        ));
        ports.push((listener, router));
    }
    let address = *server.address.get_or_init(|| {
        let local = listener.local_addr();
        local.unwrap_or(server.settings.listen)
    });
    output::note(format_args!("listening on http://{address}"));
    output::note(format_args!(
        "open http://{address}/ in a browser to look at it"
    ));
    ports.push((listener, dialect::all(server)));
    let serving: Vec<_> = ports
        .into_iter()
        .map(|(listener, router)| {
            let server = server.clone();
            tokio::spawn(async move { listen::serve(listener, router, &server).await })
        })
        .collect();
    tokio::spawn(loaded::unload_idle(server.clone()));
    tokio::spawn(reuse::sweep(server.clone()));
    tokio::spawn(count_kept(server.clone()));
    signals.stop().await;
    output::note("stopping: calls that are running go on; Ctrl-C again ends them");
    server.stages.go_on_to(Stage::Stopping);
    for function in server.registry.all() {
        function.logs.let_go();
    }
    let ports = async {
        for port in serving {
            // It does not panic; if it did, the others are waited for all the same.
            let _ = port.await;
        }
    };
    // Calls that nobody waits for are waited for, too.
    let detached = server.detached.acquire_many(DETACHED as u32);
    let detached = tokio::time::timeout(server.settings.drain, detached);
    let ended = async {
        let _ = tokio::join!(ports, detached);
    };
    tokio::select! {
        () = ended => {}
        () = signals.stop() => {}
    }
    Ok(())
}

/// What tells the server to stop, from the moment it is made.
struct Signals {
    interrupted: Signal,
    terminated: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Signals> {
        let listen = |kind| signal(kind).context("cannot listen to signals");
        Ok(Signals {
            interrupted: listen(SignalKind::interrupt())?,
            terminated: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for one.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}
