//! `fathom package`: the folder that it makes is started as its own files say, with nothing of the caller's, and what it prints
//! is read back.

use crate::{
    serve::Server,
    support::{Place, guest_example, printed, wat},
    tools,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Names a Fathom that is linked statically, for a test that shuts it into the folder.
const STATIC: &str = "STATIC_FATHOM";

/// What a Dockerfile says of how its container is started.
struct Started {
    base: String,
    variables: BTreeMap<String, String>,
    command: Vec<String>,
}

impl Started {
    fn of(dockerfile: &str) -> Started {
        let of = |instruction: &str| -> Vec<String> {
            let lines = dockerfile.lines();
            lines
                .filter_map(|line| line.strip_prefix(instruction))
                .map(|rest| rest.trim().to_owned())
                .collect()
        };
        let variables = of("ENV ");
        let variables = variables.iter().filter_map(|line| line.split_once('='));
        Started {
            base: of("FROM ").remove(0),
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            command: serde_json::from_str(&of("ENTRYPOINT ").remove(0)).expect("its exec form"),
        }
    }
}

/// What is built of a folder: its files, but those that `.dockerignore` names.
fn built(folder: &Path, into: &Path) {
    let ignored = fs::read_to_string(folder.join(".dockerignore")).expect("it");
    let files = Command::new("cp")
        .args(["-r", "--reflink=auto"])
        .arg(folder)
        .arg(into)
        .status();
    assert!(files.expect("cp").success());
    // What a server has left that was started there is not always there.
    for name in ignored.lines().filter(|name| *name != "state") {
        fs::remove_file(into.join(name)).expect("what is ignored is there");
    }
}

/// A container that runs: its process and where its function is asked for.
struct Running {
    process: Child,
    function: Server,
    said: BufReader<std::process::ChildStderr>,
}

impl Running {
    /// Starts what was built. `shut_in`: with that folder as the whole of its files.
    fn start(folder: &Path, started: &Started, shut_in: bool) -> Running {
        let mut command = if shut_in {
            let mut command = Command::new("unshare");
            // What every container is given beside its files.
            let script = "mount -t proc proc proc && mount --bind /dev dev && exec chroot . \"$@\"";
            command.args(["--mount", "sh", "-c", script, "sh"]);
            command.args(&started.command);
            command
        } else {
            // Found in the folder, as in the container.
            let mut command = Command::new(folder.join(&started.command[0]));
            command.args(&started.command[1..]);
            command
        };
        command.env_clear();
        if shut_in {
            command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        }
        let mut process = command
            .current_dir(folder)
            .envs(&started.variables)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut said = BufReader::new(process.stderr.take().expect("its standard error"));
        let mut lines = String::new();
        let target = &started.variables["FUNCTION_TARGET"];
        let mut port = None;
        while port.is_none() && said.read_line(&mut lines).is_ok_and(|read| read > 0) {
            let line = lines.lines().last().unwrap_or_default();
            // On every address: whoever asks is outside of the container.
            let at = line.strip_prefix(&format!("{target} on http://0.0.0.0:"));
            port = at.map(str::to_owned);
        }
        let port = port.unwrap_or_else(|| panic!("it listens: {lines}"));
        Running {
            process,
            function: Server::at(format!("127.0.0.1:{port}")),
            said,
        }
    }

    /// Ends it as a platform does; what it has printed.
    fn end(mut self) -> String {
        let sent = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        assert!(sent.expect("kill").success());
        let mut log = String::new();
        let stdout = self.process.stdout.as_mut().expect("its standard output");
        stdout.read_to_string(&mut log).expect("text");
        let mut rest = String::new();
        let _ = self.said.read_to_string(&mut rest);
        assert!(self.process.wait().expect("it ends").success(), "{rest}");
        log
    }
}

/// The same number as a floating-point one, wherever there is one: so Cloud Logging keeps them.
fn as_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.iter().map(as_floats).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| (name.clone(), as_floats(value)))
                .collect()
        }
        other => other.clone(),
    }
}

/// What the folder's own files start answers a call, and its line of the log is read back as the same call made here.
fn is_as_here(place: &Place, binary: Option<&str>, shut_in: bool) {
    let guest = guest_example("line-reader/line-reader.wasm");
    place.lines(&[20_000]);
    let text = fs::read(place.path("lines/20000.txt")).expect("the text");
    let run = ["run", &guest, "-q", "--record", "here.json"];
    place
        .fathom(run)
        .write_stdin(text.clone())
        .assert()
        .success();
    let here: Value =
        serde_json::from_slice(&fs::read(place.path("here.json")).expect("the record"))
            .expect("JSON");

    let mut package = vec!["package", "gcf", &guest, "--project", "my-project"];
    package.extend(binary.iter().flat_map(|path| ["--binary", path]));
    place.fathom(package).assert().success();
    let folder = place.path("gcf-line-reader");
    let dockerfile = fs::read_to_string(folder.join("Dockerfile")).expect("it");
    let started = Started::of(&dockerfile);
    assert_eq!(started.base == "scratch", shut_in, "{dockerfile}");
    let readme = fs::read_to_string(folder.join("README.md")).expect("it");
    // Those who try it ask here.
    let here_only = started.command.join(" ").replace("0.0.0.0", "127.0.0.1");
    let by_hand =
        format!("FUNCTION_SIGNATURE_TYPE=http GOOGLE_CLOUD_PROJECT=my-project {here_only}\n");
    assert!(readme.contains(&by_hand), "{readme}");
    let container = place.path("container");
    built(&folder, &container);
    if shut_in {
        for name in ["proc", "dev"] {
            fs::create_dir(container.join(name)).expect("a folder");
        }
    }
    let running = Running::start(&container, &started, shut_in);
    let id = "105445aa7843bc8bf206b12000100000";
    let trace = format!("{id}/1;o=1");
    let fields = [
        ("x-cloud-trace-context", trace.as_str()),
        ("x-call-id", "first"),
    ];
    let answer = running
        .function
        .ask_with("POST", "/any/path", &fields, &text);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let log = running.end();

    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert_eq!(lines[0]["severity"], "INFO");
    assert_eq!(
        lines[0]["logging.googleapis.com/trace"],
        format!("projects/my-project/traces/{id}")
    );
    assert_eq!(
        lines[0]["logging.googleapis.com/labels"]["fathom_call_id"],
        "first"
    );
    // As it was printed, and as Cloud Logging gives it back.
    let entry = json!([{ "logName": "run", "jsonPayload": as_floats(&lines[0]) }]);
    for (file, text) in [("log.jsonl", log), ("log.json", entry.to_string())] {
        place.write(file, text);
        let database = format!("{file}.db");
        place
            .fathom(["import", file, "--db", &database])
            .assert()
            .success();
        let calls = place.json(&["traces", "export", "--db", &database]);
        let call = &calls["traces"][0];
        assert!(here["committed_peak_bytes"].is_u64(), "{here}");
        assert_eq!(call["committed_peak"], here["committed_peak_bytes"]);
        assert_eq!(call["heap"]["peak"], here["live_peak_bytes"]);
        assert_eq!(call["function"]["name"], "line-reader");
        assert_eq!(call["served"]["id"], "first");
    }
}

#[test]
fn a_packaged_function_answers_and_its_log_is_read_back_as_the_same_call_made_here() {
    is_as_here(&Place::new(), None, false);
}

#[test]
fn one_that_is_linked_statically_needs_nothing_but_its_folder() {
    // Not among what the tests need: the engine would have to be compiled once more for it.
    let Ok(binary) = std::env::var(STATIC) else {
        eprintln!("skipped: {STATIC} names no statically linked program");
        return;
    };
    let may_shut_in = Command::new("unshare")
        .args(["--mount", "true"])
        .status()
        .is_ok_and(|status| status.success());
    if !may_shut_in {
        tools::skipped("not allowed to change the root of a process");
        return;
    }
    is_as_here(&Place::new(), Some(&binary), true);
}

#[test]
fn an_instance_holds_what_is_recommended_and_the_server_so_many_times() {
    let place = Place::new();
    let guest = guest_example("line-reader/line-reader.wasm");
    let package = |args: &[&str]| {
        let mut all = vec!["package", "gcf", &guest, "--json"];
        all.extend(args);
        place.json(&all)
    };
    assert_eq!(package(&[])["memory_from"], "default");
    place.lines(&[1_000, 3_000, 9_000, 20_000, 400_000, 1_200_000]);
    place
        .fathom(["profile", &guest, "lines"])
        .assert()
        .success();
    let mib = 1_048_576;
    let number = |made: &Value, name: &str| made[name].as_u64().expect("a number");
    let recommended = package(&[]);
    assert_eq!(recommended["memory_from"], "recommendation");
    let holds = |made: &Value, calls: u64| {
        number(made, "call_memory_bytes") >= number(made, "recommended_bytes")
            && number(made, "memory_bytes")
                > number(made, "reserved_bytes") + calls * number(made, "call_memory_bytes")
    };
    assert!(holds(&recommended, 1), "{recommended}");
    assert!(number(&recommended, "recommended_bytes") > 40 * mib);
    // Several at a time have to share a whole CPU.
    let several = package(&["--concurrency", "30"]);
    assert!(holds(&several, 30), "{several}");
    // Of what is not for the server a ninth is for bodies, and half of that for one.
    let of_a_body = |made: &Value| {
        let beside = number(made, "memory_bytes") - number(made, "reserved_bytes");
        (number(made, "body_bytes"), beside / 18 / mib * mib)
    };
    let (body, most) = of_a_body(&recommended);
    assert_eq!(body, most);
    let dockerfile = fs::read_to_string(place.path("gcf-line-reader/Dockerfile")).expect("it");
    let said = format!("\"--body\", \"{}MiB\"", of_a_body(&several).0 / mib);
    assert!(dockerfile.contains(&said), "{dockerfile}");
    let deploy = several["deploy"].as_str().expect("the command");
    assert!(
        deploy.contains("--memory 4096Mi --cpu 2 --concurrency 30"),
        "{deploy}"
    );
    let small = package(&["--memory", "128MiB"]);
    assert_eq!(
        (small["fits"].clone(), small["memory_from"].clone()),
        (json!(false), json!("user"))
    );
    let deploy = small["deploy"].as_str().expect("the command");
    assert!(
        deploy.contains("--memory 128Mi --cpu 0.083 --concurrency 1"),
        "{deploy}"
    );
}

#[test]
fn what_a_function_says_that_it_needs_has_room_until_something_is_known_and_a_cut_is_said() {
    let place = Place::new();
    let wasm = fs::read(guest_example("line-reader/line-reader.wasm")).expect("a module");
    place.write("f/line-reader.wasm", wasm);
    place.write("f/fathom.toml", "[function]\nmemory = \"900 MiB\"\n");
    let setting = 900 * 1_048_576;
    let package = |more: &[&str]| {
        let all = [&["package", "gcf", "f", "--json"], more].concat();
        place.json(&all)
    };
    let made = package(&[]);
    assert_eq!(made["memory_from"], "setting");
    assert_eq!(
        (
            &made["call_memory_bytes"],
            &made["call_memory_cut_from_bytes"]
        ),
        (&json!(setting), &Value::Null)
    );
    let made = package(&["--concurrency", "4"]);
    assert_eq!(made["call_memory_bytes"], setting);
    let made = package(&["--memory", "512MiB"]);
    assert_eq!(made["call_memory_cut_from_bytes"], setting);
    assert!(made["call_memory_bytes"].as_u64() < Some(400 * 1_048_576));
    let small = ["package", "gcf", "f", "--memory", "512MiB"];
    let (_, text, _) = printed(&mut place.fathom(small));
    assert!(text.contains("its fathom.toml says 900.0 MiB"), "{text}");
}

/// A copy of this program's beginning that says it is for another processor.
fn for_arm(place: &Place) -> PathBuf {
    let mut head = vec![0; 4096];
    let mut program = fs::File::open(env!("CARGO_BIN_EXE_fathom")).expect("the program");
    program.read_exact(&mut head).expect("its beginning");
    // `e_machine`, of which 183 is AArch64.
    head[18..20].copy_from_slice(&183_u16.to_le_bytes());
    place.write("for-arm", head)
}

#[test]
fn what_cannot_be_packaged_is_named_and_what_is_somebody_elses_stays() {
    let place = Place::new();
    let guest = wat("exact-allocations");
    place.write("theirs/Dockerfile", "FROM theirs\n");
    place.write("text", "no program\n");
    for_arm(&place);
    place.write("mine.toml", "schema = \"fathom.plan/0\"\n");
    for (args, said) in [
        (vec!["-o", "theirs"], "was not made by `fathom package`"),
        (vec!["-o", "text"], "is no folder"),
        (vec!["--binary", "text"], "`text`: is no program for Linux"),
        (vec!["--binary", "none"], "cannot read the binary `none`"),
        (
            vec!["--binary", "for-arm"],
            "is for 64-bit ARM, and Cloud Run runs x86-64",
        ),
        (vec!["--binary", "/bin/sh"], "says ``"),
        (vec!["--memory", "64MiB"], "is too small"),
        (
            vec!["--memory", "512MiB", "--concurrency", "80"],
            "is too small for --concurrency 80",
        ),
        (vec!["--memory", "much"], "or `auto`"),
        (vec!["--memory", "64GiB"], "the largest is 32768 MiB"),
        (vec!["--name", "My_Name"], "no name for a service"),
        (vec!["--region", "here;there"], "no region"),
        (vec!["--project", "a b"], "no project"),
        (vec!["--concurrency", "0"], "1..=1000"),
        (vec!["--plan", "mine.toml"], "expected `fathom.plan/"),
    ] {
        let mut all = vec!["package", "gcf", &guest];
        all.extend(args);
        let (code, _, error) = printed(&mut place.fathom(&all));
        assert_eq!(code, 125, "{all:?}: {error}");
        assert!(error.contains(said), "{all:?}: {error}");
    }
    let (code, _, error) = printed(&mut place.fathom(["package", "gcf", "exact-alocations.wat"]));
    assert_eq!(code, 125);
    assert!(
        error.contains("no guest at `exact-alocations.wat`"),
        "{error}"
    );
    assert!(!place.path("gcf-exact-allocations").exists());
    // A component that answers requests itself can be served, though nothing else can call it.
    let hello = guest_example("http/hello/hello-http.wasm");
    place.fathom(["package", "gcf", &hello]).assert().success();
    let theirs = || fs::read_to_string(place.path("theirs/Dockerfile")).expect("it is there");
    assert_eq!(theirs(), "FROM theirs\n");
    place.write("theirs/notes", "");
    let force = ["package", "gcf", &guest, "-o", "theirs", "--force"];
    place.fathom(force).assert().success();
    assert!(theirs().contains("ENTRYPOINT") && place.path("theirs/notes").exists());
    // A folder of theirs that leads elsewhere is not followed.
    place.write("elsewhere/notes", "");
    fs::create_dir(place.path("linked")).expect("a folder");
    std::os::unix::fs::symlink("../elsewhere", place.path("linked/function")).expect("a link");
    let force = ["package", "gcf", &guest, "-o", "linked", "--force"];
    let (code, _, error) = printed(&mut place.fathom(force));
    assert!(
        code == 125 && error.contains("linked/function` is a link"),
        "{error}"
    );
    let there = fs::read_dir(place.path("elsewhere")).expect("a folder");
    assert!(there.count() == 1 && !place.path("linked/Dockerfile").exists());
    // What was made here is no guest that somebody may have meant.
    let (_, _, error) = printed(&mut place.fathom(["run", "gcf-hello-htp"]));
    assert!(
        error.contains("no guest at") && !error.contains("gcf-hello-http"),
        "{error}"
    );
}

#[test]
fn a_folder_is_made_anew_and_has_what_the_function_is_granted() {
    let place = Place::new();
    place.write("f/data/deep/words.txt", "a\n");
    place.write("f/data/README.md", "sent too\n");
    fs::create_dir(place.path("f/data/none")).expect("a folder");
    place.write("f/other.txt", "not granted\n");
    let wasm = fs::read(guest_example("line-reader/line-reader.wasm")).expect("a module");
    place.write("f/line-reader.wasm", wasm);
    let manifest = "[function]\nmodule = \"line-reader.wasm\"\nmemory = \"16 MiB\"\n[inputs]\npath = \"data\"\n\
                    [serve]\nlisten = \"127.0.0.1:1\"\nprotocol = \"cgi\"\n";
    place.write(
        "f/fathom.toml",
        format!("{manifest}[grants]\ndirectory = \"data\"\n"),
    );
    let package = ["package", "gcf", "f", "-o", "out"];
    place.fathom(package).assert().success();
    let granted = place.path("out/function/data/deep/words.txt");
    assert!(granted.is_file() && !place.path("out/function/other.txt").exists());
    // Neither docker's nor Google's tools take along a folder that has nothing in it.
    assert!(place.path("out/function/data/none/.keep").is_file());
    let not_sent = fs::read_to_string(place.path("out/.gcloudignore")).expect("it");
    assert!(
        not_sent.lines().all(|name| name.starts_with('/')),
        "{not_sent}"
    );
    // A package is made of what is in it, of its own program too.
    let again = [
        "package",
        "gcf",
        "out/function",
        "-o",
        "out",
        "--binary",
        "out/fathom",
    ];
    place.fathom(again).assert().success();
    assert!(
        granted.is_file()
            && fs::metadata(place.path("out/fathom")).is_ok_and(|f| f.len() > 1 << 20)
    );
    let inside = ["package", "gcf", "f", "-o", "f/data/out"];
    let (code, _, error) = printed(&mut place.fathom(inside));
    assert!(
        code == 125 && error.contains("which the function is granted"),
        "{error}"
    );
    assert!(!place.path("f/data/out").exists());
    let there: toml::Table = fs::read_to_string(place.path("out/function/fathom.toml"))
        .expect("the manifest")
        .parse()
        .expect("TOML");
    assert_eq!(there["function"]["memory"].as_str(), Some("16777216 B"));
    assert_eq!(there["serve"]["protocol"].as_str(), Some("cgi"));
    assert!(there["serve"].get("listen").is_none() && there.get("inputs").is_none());
    // What is not granted any more is not there any more, and what somebody has put there is.
    place.write("f/fathom.toml", manifest);
    place.write("out/mine", "");
    place.fathom(package).assert().success();
    assert!(!granted.exists() && place.path("out/mine").exists());
}
