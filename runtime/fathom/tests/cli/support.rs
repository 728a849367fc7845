//! A place of its own for every test, and the guests of `guest-examples/wat`.

use assert_cmd::Command;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A working directory that goes away, in which fathom is run.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place {
            folder: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    /// `fathom ARGS`, in this place, with nothing of the caller's environment that it would listen to. Compiled code
    /// is shared between the tests: it is keyed by its contents.
    pub(crate) fn fathom<A: AsRef<std::ffi::OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::cargo_bin("fathom").expect("the binary");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FATHOM_")) {
            command.env_remove(name);
        }
        command
            .current_dir(self.folder.path())
            .env(
                "XDG_CACHE_HOME",
                concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"),
            )
            .env("NO_COLOR", "1")
            .args(args);
        command
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, contents).expect("a file");
        path
    }

    /// `lines/1.txt` ... each with as many lines of text as its name says.
    pub(crate) fn lines(&self, counts: &[usize]) {
        for count in counts {
            self.write(&format!("lines/{count}.txt"), "some text\n".repeat(*count));
        }
    }

    /// Imports calls of a function into `calls.db`, one a row: `SIZE,USED,CONFIGURED,SECONDS,INPUT`.
    pub(crate) fn import_calls(&self, function: &str, rows: &str) {
        let file = format!("{function}.csv");
        self.write(&file, format!("size,used,memory,seconds,input\n{rows}"));
        let import = [
            "import",
            &file,
            "--db",
            "calls.db",
            "--function",
            function,
            "--feature",
            "size",
            "--target",
            "used",
            "--configured",
            "memory",
            "--duration",
            "seconds",
            "--input",
            "input",
        ];
        self.fathom(import).assert().success();
    }

    /// Runs it, and reads what it printed as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.fathom(args).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|error| {
            panic!(
                "{error}: {text}\n{}",
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }
}

/// A guest of `guest-examples/wat`.
pub(crate) fn wat(name: &str) -> String {
    guest_example(&format!("wat/{name}.wat"))
}

/// Something in `guest-examples`.
pub(crate) fn guest_example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-examples");
    folder.join(name).to_string_lossy().into_owned()
}

/// What a command printed, as text.
pub(crate) fn printed(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("it runs");
    (
        output.status.code().expect("not killed"),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}
