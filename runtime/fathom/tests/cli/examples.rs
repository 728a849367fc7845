//! The guests that are shipped: they print what is expected, for every input, and what is built from their sources does
//! the same. What Fathom finds out about them is in `findings`.

use crate::{
    support::{Place, guest_example, printed},
    tools,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// A folder of `guest-examples` with a `fathom.toml`.
struct Example {
    /// Its path below `guest-examples`.
    name: String,
    folder: PathBuf,
    config: toml::Table,
}

/// What one call is given.
enum Given {
    File(PathBuf),
    Folder(PathBuf),
    Text(String),
}

impl Example {
    fn all() -> Vec<Example> {
        let root = PathBuf::from(guest_example(""));
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = path
                    .file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned();
                if path.is_dir() && !["node_modules", "target", "inputs"].contains(&name.as_str()) {
                    folders.push(path);
                } else if name == "fathom.toml" {
                    let name = folder.strip_prefix(&root).expect("below").to_string_lossy();
                    found.push(Example {
                        name: name.into_owned(),
                        folder: folder.clone(),
                        config: fs::read_to_string(&path)
                            .expect("text")
                            .parse()
                            .expect("TOML"),
                    });
                }
            }
        }
        found.retain(Example::is_kept);
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Whether its module is shipped, and it is there to be profiled. Modules that are not shipped are tested in `components`,
    /// functions that are only served in `serve`.
    fn is_kept(&self) -> bool {
        self.config.contains_key("inputs")
            && !self.config["function"]
                .as_table()
                .expect("a table")
                .contains_key("build")
    }

    fn module(&self) -> &str {
        self.config["function"]["module"]
            .as_str()
            .expect("a module")
    }

    fn input_path(&self) -> PathBuf {
        self.folder
            .join(self.config["inputs"]["path"].as_str().expect("inputs"))
    }

    /// Its inputs by label, made where they are not there yet.
    fn inputs(&self) -> Vec<(String, Given)> {
        let path = self.input_path();
        if !path.exists() {
            let place = Place::new();
            let folder = self.folder.to_string_lossy().into_owned();
            place
                .fathom(["profile", &folder, "--verify=false"])
                .assert()
                .success();
        }
        if path.is_dir() {
            files(&path)
        } else {
            events(&path)
        }
    }

    /// What a call prints, by the notes kept beside the source; those of a variant in another language are its parent's.
    fn expected(&self, label: &str) -> String {
        let beside = |folder: &Path| folder.join("expected").join(format!("{label}.stdout"));
        let own = beside(&self.folder);
        let path = if own.exists() {
            own
        } else {
            beside(self.folder.parent().expect("a parent"))
        };
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

fn files(folder: &Path) -> Vec<(String, Given)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the inputs")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let given = |path: PathBuf| {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        (
            name,
            if path.is_dir() {
                Given::Folder(path)
            } else {
                Given::File(path)
            },
        )
    };
    paths.into_iter().map(given).collect()
}

fn events(path: &Path) -> Vec<(String, Given)> {
    let text = fs::read_to_string(path).expect("the events");
    let given = |line: &str| {
        let event: Value = serde_json::from_str(line).expect("an event");
        let field = |name: &str| event[name].as_str().expect("a text").to_owned();
        (field("label"), Given::Text(field("stdin")))
    };
    text.lines().map(given).collect()
}

/// Exit code, standard output and standard error of one call of a module of the example.
fn called(example: &Example, guest: &Path, given: &Given) -> (i32, String, String) {
    let place = Place::new();
    let guest = guest.to_string_lossy();
    let mut always = vec!["run", "--quiet", guest.as_ref()];
    let limits = example.config.get("limits");
    if let Some(size) = limits.and_then(|limits| limits.get("scratch")) {
        always.extend(["--scratch", size.as_str().expect("a size")]);
    }
    let mut command = match given {
        Given::Folder(folder) => {
            let grant = format!("{}::/", folder.display());
            always.extend(["--dir", &grant]);
            place.fathom(always)
        }
        Given::File(_) | Given::Text(_) => place.fathom(always),
    };
    match given {
        Given::Folder(_) => {}
        Given::File(path) => {
            command.pipe_stdin(path).expect("the input");
        }
        Given::Text(text) => {
            command.write_stdin(text.as_str());
        }
    }
    printed(&mut command)
}

#[test]
fn every_example_prints_what_is_expected_for_every_input() {
    let examples = Example::all();
    assert!(examples.len() >= 12, "some are not found");
    for example in examples {
        let inputs = example.inputs();
        assert!(!inputs.is_empty(), "{}", example.name);
        for (label, given) in inputs {
            let (code, stdout, stderr) =
                called(&example, &example.folder.join(example.module()), &given);
            assert_eq!(
                (code, stderr.as_str()),
                (0, ""),
                "{}, {label}",
                example.name
            );
            assert_eq!(
                stdout,
                example.expected(&label),
                "{}, {label}",
                example.name
            );
        }
    }
}

/// All guests built from their sources, by one command.
struct Built {
    folder: PathBuf,
    /// What the command said: which it skipped, and why.
    said: String,
}

impl Built {
    /// Builds them, once for all tests.
    fn all() -> &'static Built {
        static BUILT: LazyLock<Built> = LazyLock::new(Built::build);
        &BUILT
    }

    fn build() -> Built {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
        let _ = fs::remove_dir_all(&folder);
        let output = Command::new("sh")
            .args([guest_example("build.sh").as_str(), "--to"])
            .arg(&folder)
            .output()
            .expect("sh");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => {}
            Some(77) => {
                let skipped = said.lines().filter(|l| l.starts_with("skipped"));
                tools::skipped(&skipped.collect::<Vec<&str>>().join("; "));
            }
            _ => panic!("{said}"),
        }
        Built { folder, said }
    }

    /// A module of an example; `None` where its compiler is absent.
    fn module(&self, example: &Example, name: &str) -> Option<PathBuf> {
        let module = self.folder.join(&example.name).join(name);
        let skipped = self.said.contains(&format!("skipped {}:", example.name));
        assert!(module.exists() || skipped, "{}", self.said);
        module.exists().then_some(module)
    }
}

/// A module that is built and not kept; `None` where its compiler is absent.
pub(crate) fn built(name: &str) -> Option<PathBuf> {
    let module = Built::all().folder.join(name).join("line-reader.wasm");
    let skipped = Built::all().said.contains(&format!("skipped {name}:"));
    assert!(module.exists() || skipped, "{}", Built::all().said);
    module.exists().then_some(module)
}

/// Where a compiler is absent, what it would have built is left out.
#[test]
fn what_is_built_from_the_sources_does_what_is_shipped() {
    for example in Example::all() {
        let Some(built) = Built::all().module(&example, example.module()) else {
            continue;
        };
        // Every fourth is enough: in the order of their names they are of all sizes.
        for (label, given) in example.inputs().iter().step_by(4) {
            let shipped = called(&example, &example.folder.join(example.module()), given);
            assert_eq!(
                called(&example, &built, given),
                shipped,
                "{}, {label}",
                example.name
            );
        }
    }
}

/// Some have tests of their own, of what their algorithms must say whoever runs them: known numbers of solutions, ways
/// that Dijkstra finds too.
#[test]
fn the_rust_guests_pass_their_own_tests() {
    let output = Command::new(env!("CARGO"))
        .args([
            "test",
            "--release",
            "--locked",
            "--quiet",
            "--manifest-path",
        ])
        .arg(guest_example("Cargo.toml"))
        .args([
            "--package",
            "n-queens",
            "--package",
            "maze",
            "--package",
            "fathom-watch",
        ])
        .output()
        .expect("cargo");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}{said}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// The generators too: they make the same inputs.
#[test]
fn generators_built_from_the_sources_make_the_same_inputs() {
    for example in Example::all() {
        let shipped = example.folder.join("inputs.wasm");
        if !shipped.exists() {
            continue;
        }
        let Some(built) = Built::all().module(&example, "inputs.wasm") else {
            continue;
        };
        let place = Place::new();
        let copied = place.path("copy");
        fs::create_dir_all(&copied).expect("a folder");
        for name in [example.module(), "fathom.toml"] {
            fs::copy(example.folder.join(name), copied.join(name)).expect("a copy");
        }
        fs::copy(&built, copied.join("inputs.wasm")).expect("a copy");
        place
            .fathom(["profile", &copied.to_string_lossy(), "--verify=false"])
            .assert()
            .success();
        example.inputs();
        assert_eq!(
            contents(&copied.join("inputs")),
            contents(&example.input_path()),
            "{}",
            example.name
        );
    }
}

/// Every file below a folder, by its path.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for (name, given) in files(folder) {
        match given {
            Given::Folder(below) => {
                let inside = contents(&below).into_iter();
                found.extend(inside.map(|(path, bytes)| (format!("{name}/{path}"), bytes)));
            }
            Given::File(path) => found.push((name, fs::read(path).expect("a file"))),
            Given::Text(_) => {}
        }
    }
    found
}
