//! What stands in a container's files: how it is built and started. What is in the function's own folder is in `function`.

use super::{
    binary::{Binary, Linkage},
    folder::{Content, Files},
    function::FOLDER,
    instance::{Instance, STORE},
};
use crate::server::Signature;
use clap::ValueEnum;
use std::path::PathBuf;
use trace::Bytes;

/// How long running calls are waited for at the end: Cloud Run stops an instance 10 s after it was told to end, and what has been
/// called is still to be printed then.
const DRAIN: &str = "7s";

/// The program there.
const PROGRAM: &str = "fathom";

/// What a container is made of.
pub(super) struct Container<'a> {
    pub(super) function: &'a str,
    pub(super) signature: Signature,
    pub(super) binary: &'a Binary,
    pub(super) instance: &'a Instance,
    pub(super) project: Option<&'a str>,
    /// What deploys it, as it is typed.
    pub(super) deploy: &'a str,
    /// What reads its calls back.
    pub(super) read_back: &'a str,
}

impl Container<'_> {
    /// Its files, but those of the function.
    pub(super) fn files(&self) -> Files {
        let not_built =
            "Dockerfile\nREADME.md\n.dockerignore\n.gcloudignore\n.fathom-package\nstate\n";
        // What is not sent cannot be built from: the Dockerfile is sent.
        // Rooted, as the other file is by itself: a function may be granted files of these names.
        let not_sent = "/README.md\n/state\n";
        vec![
            (PROGRAM.into(), Content::Program(self.binary.path.clone())),
            text("Dockerfile", self.dockerfile()),
            text(".dockerignore", not_built.to_owned()),
            text(".gcloudignore", not_sent.to_owned()),
            text("README.md", self.readme()),
        ]
    }

    /// What starts the server, for those who ask at this address.
    fn start(&self, host: &str) -> Vec<String> {
        let size = |bytes: Bytes| format!("{}MiB", bytes.0 >> 20);
        let calls = self.instance.concurrency.to_string();
        [
            "./fathom",
            "serve",
            FOLDER,
            "--log-calls",
            "--host",
            host,
            "--reserve",
            &size(self.instance.reserve),
            "--body",
            &size(self.instance.body),
            "--calls",
            &calls,
            "--state",
            "state",
            "--db",
            "state/calls.db",
            "--store-max",
            &size(STORE),
            "--no-reload",
            "--drain",
            DRAIN,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// What it is told besides, as `NAME=VALUE`.
    fn variables(&self) -> Vec<String> {
        let signature = self.signature.to_possible_value();
        let signature = signature.map_or(String::new(), |value| value.get_name().to_owned());
        let mut variables = vec![
            format!("FUNCTION_TARGET={}", self.function),
            format!("FUNCTION_SIGNATURE_TYPE={signature}"),
        ];
        variables.extend(
            self.project
                .map(|project| format!("GOOGLE_CLOUD_PROJECT={project}")),
        );
        variables
    }

    fn dockerfile(&self) -> String {
        // Whoever asks is outside of the container.
        let start = self.start("0.0.0.0");
        let start: Vec<String> = start.iter().map(|part| format!("\"{part}\"")).collect();
        let variables = self.variables();
        let variables: Vec<String> = variables.iter().map(|set| format!("ENV {set}")).collect();
        format!(
            "# `{}` in Fathom, for Cloud Run. Made by `fathom package gcf`.\n\
             FROM {}\n\
             # There has to be one: a call that may write has its scratch directory there.\n\
             WORKDIR /tmp\n\
             WORKDIR /app\n\
             COPY . .\n\
             {}\n\
             # Cloud Run says in PORT where it asks. Files are memory there, so the database is small; each call is a line of the\n\
             # log besides.\n\
             ENTRYPOINT [{}]\n",
            self.function,
            self.binary.base,
            variables.join("\n"),
            start.join(", ")
        )
    }

    fn readme(&self) -> String {
        let instance = self.instance;
        let linked = match self.binary.linkage {
            Linkage::Static => "linked statically".to_owned(),
            Linkage::Dynamic(needed) => format!(
                "linked dynamically: it needs {needed}, which `{}` has",
                self.binary.base
            ),
        };
        format!(
            "# {name}, as a container for Cloud Run functions\n\n\
             Made by `fathom package gcf`. `fathom` is the program, {linked}. `{FOLDER}` is the function: its module, and its\n\
             `fathom.toml` with what holds here. Make the folder anew rather than change it.\n\n\
             Deploy it from the folder beside it:\n\n    {deploy}\n\n\
             or, with an image that you have pushed, the same with `--image IMAGE` in place of `--source FOLDER`:\n\n    \
             docker build -t IMAGE FOLDER && docker push IMAGE\n\n\
             Try it here first, without a container or in one, from this folder:\n\n    \
             PORT=8080 {variables} {start}\n    \
             docker build -t IMAGE . && docker run --rm -p 8080:8080 -e PORT=8080 -m {megabytes}m IMAGE\n\n\
             and ask it:\n\n    curl {sent} http://127.0.0.1:8080/\n\n\
             Of {memory}, {reserve} are for the server, its module and its files, the rest for {calls} at a time and their \
             bodies. A call\nmay have {of_a_call}. The server reads how much there is from the limit of its container: with \
             another `--memory`, make the\nfolder anew, so that this is right too. A body of a request may have {body}: a longer one is answered 413.\n\n\
             Each call is a line of the log with its whole record: sizes and times, and of a JSON body the numbers and lengths in it,\n\
             by the names of their fields. One that is refused before it begins (413, 429, 503, 507) has no line of its own. Read \
             them\nback:\n\n    {read_back}\n",
            name = self.function,
            deploy = self.deploy,
            variables = self.variables().join(" "),
            sent = match self.signature {
                Signature::Http => "--data-binary @FILE",
                Signature::Cloudevent => {
                    "-H 'content-type: application/cloudevents+json' --data-binary @EVENT.json"
                }
            },
            start = self.start("127.0.0.1").join(" "),
            megabytes = instance.memory.0 >> 20,
            body = instance.body,
            memory = instance.memory,
            reserve = instance.reserve,
            calls = match instance.concurrency {
                1 => "one call".to_owned(),
                several => format!("{several} calls"),
            },
            of_a_call = instance.of_a_call,
            read_back = self.read_back,
        )
    }
}

fn text(name: &str, text: String) -> (PathBuf, Content) {
    (name.into(), Content::Text(text))
}
