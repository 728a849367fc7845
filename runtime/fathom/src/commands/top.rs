//! `fathom top`: the functions of a running server, live in a terminal, or once as a table. Asks the server from time to time;
//! what is made of its answers, what keys do and how it looks are in the folder beside this file.

mod keys;
mod sample;
mod screen;
mod table;

use crate::{
    client::{Client, ClientArgs},
    output, quantity,
};
use anyhow::Context;
use clap::Args;
use keys::{Next, View};
use ratatui::{
    DefaultTerminal,
    crossterm::{
        event::{self, Event},
        terminal,
    },
};
use sample::{Row, Sample};
use screen::Picture;
use serde_json::{Value, json};
use std::{
    io::IsTerminal,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant, SystemTime},
};
use table::{Column, Order, Table};
use trace::Nanos;

/// How often it is looked for keys and for the end.
const TICK: Duration = Duration::from_millis(100);

/// How long it may take from being told to end until the terminal is as it was.
const GRACE: Duration = Duration::from_secs(2);

/// Exit code of a process that was told to end, as shells have it.
const TERMINATED: u8 = 143;

/// Watch the functions of a running server: calls, memory, and what is held for nothing
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom top                            live; `?` shows the keys
  fathom top --sort calls-per-second
  fathom top --once                     one table, of one interval
  fathom top --json --interval 10s      one JSON object a line, every ten seconds

WASTE is memory that calls hold and do not need, on average over the interval: byte-seconds a second. Calls count when they end.")]
pub(crate) struct TopArgs {
    /// Time between two looks
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = quantity::duration)]
    interval: Nanos,
    /// Sort by this column
    #[arg(long, value_enum, value_name = "COLUMN", default_value = "waste")]
    sort: Column,
    /// Sort the other way round
    #[arg(long)]
    reverse: bool,
    /// Only functions with this in their name
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,
    /// Print one table, of one interval, and end; so it is too where nobody looks at a terminal
    #[arg(long)]
    once: bool,
    /// Print one JSON object a line, each interval, or one with --once
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) fn run(args: TopArgs) -> anyhow::Result<ExitCode> {
    let asked = Asked {
        client: args.client.client()?,
        interval: Duration::from_nanos(args.interval.0),
        begun: Instant::now(),
    };
    let order = Order {
        by: args.sort,
        reversed: args.reverse,
    };
    let first = asked.sample()?;
    let is_seen = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    match (args.json, args.once || !is_seen) {
        (true, _) => documents(&asked, first, order, &args.filter, args.once),
        (false, true) => once(&asked, &first, order, &args.filter),
        (false, false) => {
            let mut view = View::new(order);
            view.filter = args.filter;
            live(asked, first, view)
        }
    }
}

/// The server, and how often it is asked.
struct Asked {
    client: Client,
    interval: Duration,
    begun: Instant,
}

impl Asked {
    fn sample(&self) -> anyhow::Result<Sample> {
        let server = self.client.document("GET", "/api/v1/server", None)?;
        let functions = self.client.document("GET", "/api/v1/functions", None)?;
        let address = self.client.address();
        Sample::read(self.begun.elapsed(), server, functions)
            .with_context(|| format!("what answers at {address} is no fathom serve"))
    }
}

/// One table, of the time between two looks.
fn once(asked: &Asked, first: &Sample, order: Order, filter: &str) -> anyhow::Result<ExitCode> {
    thread::sleep(asked.interval);
    let now = asked.sample()?;
    let picture = Picture {
        address: asked.client.address(),
        flag: &asked.client.flag(),
        server: &now.server,
        rows: now.rows(Some(first)),
        gone: None,
    };
    let width = std::io::stdout()
        .is_terminal()
        .then(|| terminal::size().ok())
        .flatten()
        .map(|(columns, _)| usize::from(columns));
    for line in picture.head() {
        output::line(match width {
            Some(width) => table::fit(&line, width),
            None => line,
        })?;
    }
    let rows = order.of(picture.rows, filter);
    let table = Table::of(&rows, order, width);
    output::line(format_args!("\n{}", table.head()))?;
    for row in &rows {
        output::line(table.row(row))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One object a line, until somebody ends it. A server that has gone is waited for.
fn documents(
    asked: &Asked,
    mut before: Sample,
    order: Order,
    filter: &str,
    once: bool,
) -> anyhow::Result<ExitCode> {
    loop {
        thread::sleep(asked.interval);
        match asked.sample() {
            Ok(now) => {
                let rows = order.of(now.rows(Some(&before)), filter);
                output::line(document(&now, &before, &rows))?;
                before = now;
            }
            Err(error) if once => return Err(error),
            Err(error) => output::note(format_args!("warning: trying again: {error:#}")),
        }
        if once {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn document(now: &Sample, before: &Sample, rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let function = &row.function;
        let lately = row.lately.as_ref();
        json!({
            "function": function.name,
            "phase": function.phase,
            "calls": function.calls,
            "calls_per_second": lately.map(|lately| lately.calls_per_second),
            "failed": row.failures(),
            "running": function.running,
            "needed_p50_bytes": function.needed_bytes.median,
            "needed_p99_bytes": function.needed_bytes.p99,
            "needed_max_bytes": function.needed_bytes.max,
            "memory_limit_bytes": function.memory_limit_bytes,
            "recommended_bytes": function.recommended_bytes,
            "confidence": function.confidence,
            "waste_byte_seconds_per_second": lately.map(|lately| lately.waste),
            "waste_share": lately.and_then(|lately| lately.waste_share),
            "memory_saving_share": function.memory_saving_share,
        })
    };
    let server = &now.server;
    json!({
        "at": humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        "seconds": now.at.saturating_sub(before.at).as_secs_f64(),
        "version": server.version,
        "uptime_ns": server.uptime_ns,
        "memory_bytes": server.memory_bytes,
        "granted_bytes": server.granted_bytes,
        "kept_bytes": server.kept_bytes,
        "calls_running": server.calls_running,
        "calls_waiting": server.calls_waiting,
        "records_lost": server.records_lost,
        "functions": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

/// A terminal that is as it was when this goes, however it goes.
struct Screen(DefaultTerminal);

impl Drop for Screen {
    fn drop(&mut self) {
        // Where there is no terminal any more there is nothing to restore.
        let _ = self.0.show_cursor();
        let _ = ratatui::try_restore();
    }
}

/// The table until somebody ends it.
fn live(asked: Asked, first: Sample, mut view: View) -> anyhow::Result<ExitCode> {
    let ended = listen()?;
    let (address, flag) = (asked.client.address().to_owned(), asked.client.flag());
    let samples = ask(asked);
    let mut screen = Screen(ratatui::try_init().context("cannot use the terminal")?);
    let (mut before, mut now) = (None, first);
    let mut gone: Option<(Instant, String)> = None;
    let mut answered = Instant::now();
    loop {
        while let Ok(sample) = samples.try_recv() {
            match sample {
                Ok(sample) => {
                    before = Some(std::mem::replace(&mut now, sample));
                    gone = None;
                    answered = Instant::now();
                }
                Err(error) => gone = Some((answered, format!("{error:#}"))),
            }
        }
        let picture = Picture {
            address: &address,
            flag: &flag,
            server: &now.server,
            rows: now.rows(before.as_ref()),
            gone: gone
                .as_ref()
                .map(|(since, why)| (since.elapsed(), why.clone())),
        };
        screen
            .0
            .draw(|frame| screen::draw(frame, &picture, &mut view))
            .context("cannot draw")?;
        if ended.load(Ordering::Relaxed) {
            return Ok(ExitCode::from(TERMINATED));
        }
        if !event::poll(TICK).context("cannot read keys")? {
            continue;
        }
        let Event::Key(key) = event::read().context("cannot read keys")? else {
            continue;
        };
        let rows = view.order.of(picture.rows, &view.filter);
        let shown: Vec<&str> = rows.iter().map(|row| row.function.name.as_str()).collect();
        if view.press(key, &shown) == Next::Quit {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Asks in a thread of its own: a server that is slow to answer keeps nobody from looking. It ends with who listens.
fn ask(asked: Asked) -> mpsc::Receiver<anyhow::Result<Sample>> {
    let (send, samples) = mpsc::channel();
    thread::spawn(move || {
        loop {
            thread::sleep(asked.interval);
            if send.send(asked.sample()).is_err() {
                return;
            }
        }
    });
    samples
}

/// Becomes true when the process is told to end.
fn listen() -> anyhow::Result<Arc<AtomicBool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let ended = Arc::new(AtomicBool::new(false));
    let (mut terminated, mut hung_up, mut interrupted) = {
        let _inside = runtime.enter();
        let listen = |kind| signal(kind).context("cannot listen to signals");
        (
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
            listen(SignalKind::interrupt())?,
        )
    };
    let told = ended.clone();
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = hung_up.recv() => {}
                _ = interrupted.recv() => {}
                () = until_there_is_no_terminal() => {}
            }
        });
        told.store(true, Ordering::Relaxed);
        // Who reads keys of a terminal that has gone is told again and again that there are none, and does not come back to
        // look here. There is nothing to be put in order on it.
        thread::sleep(GRACE);
        std::process::exit(i32::from(TERMINATED));
    });
    Ok(ended)
}

/// Comes back when the terminal has gone, which no signal tells of where it was not this session's own.
async fn until_there_is_no_terminal() {
    while rustix::termios::tcgetwinsize(std::io::stdout()).is_ok() {
        tokio::time::sleep(TICK).await;
    }
}
