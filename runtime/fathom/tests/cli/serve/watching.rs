//! `fathom top` of a real server: in a terminal, which is as it was afterwards, and printed where there is none.

use super::{Server, start, written};
use crate::{
    support::{Place, printed},
    tools,
};
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    num::NonZero,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use vt100::{Color, Parser};

/// Grows by as many pages as it is asked to.
const GROWS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "grow") (param $pages i32) (result i32)
        (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))
        (i32.const 7)))"#;

fn server() -> Server {
    let place = Place::new();
    written(
        &place,
        "grows",
        GROWS,
        "memory = \"4 MiB\"\ninvoke = \"grow\"\n",
    );
    written(
        &place,
        "idle",
        GROWS,
        "memory = \"8 MiB\"\ninvoke = \"grow\"\n",
    );
    let server = start(place, &[]);
    for pages in 0..3 {
        let answer = server.ask("POST", "/function/grows", format!("[{pages}]"));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    // One that gets no more.
    let answer = server.ask("POST", "/function/grows", "[1000]");
    assert_ne!(answer.status, 200, "{}", answer.body);
    server
}

/// A terminal of 24 lines in which `fathom top` runs, and what it shows.
struct Terminal {
    process: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<Parser>>,
    reader: Option<thread::JoinHandle<()>>,
}

fn size(of: u16) -> NonZero<u16> {
    NonZero::new(of).expect("some")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Terminal {
    fn of(server: &Server, columns: u16, variables: &[(&str, &str)]) -> Terminal {
        let fathom = env!("CARGO_BIN_EXE_fathom");
        let address = &server.address;
        let top = format!(
            "stty rows 24 cols {columns}; echo $$ > number; exec {fathom} top --interval 200ms --server http://{address}"
        );
        let mut process = Command::new("script")
            .args([
                "--quiet",
                "--return",
                "--flush",
                "--command",
                &top,
                "/dev/null",
            ])
            .env_remove("NO_COLOR")
            .env("TERM", "xterm-256color")
            .envs(variables.iter().copied())
            .current_dir(server.place.path("."))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script starts");
        let keys = process.stdin.take().expect("its keys");
        let mut output = process.stdout.take().expect("its output");
        let shown = Arc::new(Mutex::new(Parser::new(size(24), size(columns), 0)));
        let showing = shown.clone();
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read) = output.read(&mut bytes) {
                if read == 0 {
                    return;
                }
                showing.lock().unwrap().process(&bytes[..read]);
            }
        });
        let terminal = Terminal {
            process,
            keys,
            shown,
            reader: Some(reader),
        };
        terminal.shows("FUNCTION");
        terminal
    }

    fn text(&self) -> String {
        self.shown.lock().unwrap().screen().contents()
    }

    /// Waits until it shows something.
    fn becomes(&self, what: &str, mut is_so: impl FnMut(&str) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let text = self.text();
            if is_so(&text) {
                return;
            }
            assert!(Instant::now() < deadline, "never: {what}\n{text}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn shows(&self, what: &str) {
        self.becomes(what, |text| text.contains(what));
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it reads keys");
        self.keys.flush().expect("it reads keys");
    }

    /// Whether another screen is shown than that of the shell, and whether the cursor is hidden.
    fn is_taken(&self) -> (bool, bool) {
        let shown = self.shown.lock().unwrap();
        (
            shown.screen().alternate_screen(),
            shown.screen().hide_cursor(),
        )
    }

    fn has_colours(&self) -> bool {
        let shown = self.shown.lock().unwrap();
        let screen = shown.screen();
        let (rows, columns) = screen.size();
        let mut places =
            (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        places.any(|(row, column)| {
            let cell = screen.cell(row, column);
            cell.is_some_and(|cell| cell.fgcolor() != Color::Default)
        })
    }

    /// Waits for its end: the exit code.
    fn wait(&mut self) -> Option<i32> {
        let code = self.process.wait().expect("it ends").code();
        if let Some(reader) = self.reader.take() {
            reader.join().expect("everything is read");
        }
        code
    }
}

#[test]
fn a_terminal_shows_the_functions_and_is_as_it_was_afterwards() {
    if !tools::present(&["script"]) {
        return;
    }
    let mut server = server();
    let mut terminal = Terminal::of(&server, 120, &[]);
    terminal.shows("FUNCTION");
    assert_eq!(terminal.is_taken(), (true, true));
    let text = terminal.text();
    let row = text.lines().find(|line| line.starts_with("grows"));
    let row = row.unwrap_or_else(|| panic!("{text}"));
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells[..3], ["grows", "learning", "4"], "{text}");
    assert!(terminal.has_colours());

    // By name, the last one first.
    terminal.press("nr");
    terminal.becomes("idle comes first", |text| {
        text.find("idle") < text.find("grows")
    });
    terminal.press("/rows");
    terminal.becomes("one function", |text| !text.contains("idle"));
    terminal.press("\r");
    terminal.shows("/rows   Esc takes it away");
    terminal.press("\r");
    terminal.shows("Recommended not enough data yet");
    terminal.press("?");
    terminal.shows("Sort by:");
    terminal.press("?");
    terminal.shows("FUNCTION");

    server.signal("INT");
    server.wait();
    terminal.shows("no answer for");
    terminal.press("q");
    assert_eq!(terminal.wait(), Some(0));
    assert_eq!(terminal.is_taken(), (false, false), "{}", terminal.text());
    assert!(!terminal.text().contains("FUNCTION"), "{}", terminal.text());
}

#[test]
fn a_terminal_is_as_it_was_also_where_the_process_is_ended() {
    if !tools::present(&["script"]) {
        return;
    }
    let server = server();
    let mut terminal = Terminal::of(&server, 30, &[("NO_COLOR", "1")]);
    terminal.shows("FUNCTION");
    assert!(!terminal.has_colours());
    // Few columns, and none of them broken.
    let text = terminal.text();
    assert!(
        text.contains("WASTE") && !text.contains("RECOMMENDED"),
        "{text}"
    );
    assert_eq!(
        text.lines().filter(|line| line.contains("grows")).count(),
        1,
        "{text}"
    );
    let number = fs::read_to_string(server.place.path("number")).unwrap();
    let killed = Command::new("kill").args(["-TERM", number.trim()]).status();
    assert!(killed.expect("kill").success());
    assert_eq!(terminal.wait(), Some(143));
    assert_eq!(terminal.is_taken(), (false, false));
}

#[test]
fn it_ends_with_its_terminal() {
    if !tools::present(&["script"]) {
        return;
    }
    let server = server();
    let mut terminal = Terminal::of(&server, 80, &[]);
    let number = fs::read_to_string(server.place.path("number")).unwrap();
    // Whoever has made the terminal goes, and it with them.
    terminal.process.kill().expect("it is ended");
    let path = format!("/proc/{}/stat", number.trim());
    let is_there = || {
        // What has ended stays until its new parent has looked at it: state `Z`.
        let stat = fs::read_to_string(&path).unwrap_or_default();
        stat.contains(" (fathom) ") && !stat.contains(") Z ")
    };
    server.becomes(|| !is_there(), || "it is still there".to_owned());
}

#[test]
fn where_there_is_no_terminal_it_is_printed() {
    let server = server();
    let at = format!("http://{}", server.address);
    let top = |args: &[&str]| {
        let asked = ["top", "--interval", "100ms", "--server", &at];
        printed(&mut server.place.fathom(asked.iter().chain(args)))
    };
    let (code, out, err) = top(&["--sort", "limit"]);
    assert_eq!(code, 0, "{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].ends_with("2 functions"), "{out}");
    assert!(lines[4].contains("▼LIMIT"), "{out}");
    assert!(
        lines[5].starts_with("idle") && lines[6].starts_with("grows"),
        "{out}"
    );
    assert_eq!(lines.len(), 7, "{out}");

    let (code, out, err) = top(&["--once", "--json", "--filter", "GROW"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(out.lines().count(), 1, "{out}");
    let document: Value = serde_json::from_str(&out).expect("JSON");
    let functions = document["functions"].as_array().expect("functions");
    assert_eq!(functions.len(), 1, "{out}");
    assert_eq!(functions[0]["calls"], 4, "{out}");
    assert_eq!(functions[0]["failed"], 1, "{out}");
    assert_eq!(functions[0]["calls_per_second"], 0.0, "{out}");
    assert_eq!(functions[0]["memory_limit_bytes"], 4 << 20, "{out}");
    assert!(document["memory_bytes"].as_u64() > Some(0), "{out}");

    let nobody = ["top", "--once", "--server", "http://127.0.0.1:1"];
    let (code, _, err) = printed(&mut server.place.fathom(nobody));
    assert_eq!(code, 125);
    assert!(
        err.contains("cannot reach a server at http://127.0.0.1:1"),
        "{err}"
    );
}
