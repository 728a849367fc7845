//! `fathom package gcf`: a folder that deploys as a container to Cloud Run functions. Nothing is sent anywhere: the command that
//! deploys it is printed.

use super::{
    binary::Binary,
    container::Container,
    folder, function,
    instance::{Instance, Wanted},
    made::{Learned, Made},
};
use crate::{
    analysis::{self, Configured, SizingArgs},
    args::DatabaseArgs,
    commands::serve::checked_project,
    guest::Guest,
    output, places, quantity,
    server::Signature,
};
use clap::Args;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use store::Store;
use trace::{Bytes, FunctionId};

/// Longest name of a service.
const LONGEST_NAME: usize = 49;

/// Most calls that an instance makes at a time.
const MOST_CALLS: i64 = 1_000;

/// A container for Cloud Run functions, in which Fathom runs the guest and records each call
#[derive(Args)]
#[command(after_help = "\
The folder has this program, the function, a Dockerfile and what starts it. The memory of the instance is what is recommended from the
recorded calls of this module, and the server's own. In the log each call is a line with its whole record, which `fathom import` reads;
of a JSON body that has its numbers and lengths, by the names of their fields.

Examples:
  fathom package gcf guest-examples/line-reader
  fathom package gcf guest-examples/line-reader --region europe-west1 --project my-project -o out
  fathom package gcf guest-examples/line-reader \\
    --binary target/x86_64-unknown-linux-musl/release/fathom
  fathom package gcf guest-examples/line-reader --memory 1GiB --concurrency 8")]
pub(crate) struct GcfArgs {
    /// A .wasm or .wat file, or a folder with a fathom.toml
    guest: PathBuf,
    /// Folder to make [default: gcf-NAME]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Write into a folder that is somebody else's; what has other names there stays
    #[arg(long)]
    force: bool,
    /// Fathom, for Linux on x86-64 [default: this program]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Memory of an instance, or `auto`: what is recommended, with the server's own
    #[arg(long, value_name = "SIZE", default_value = "auto", value_parser = memory)]
    memory: Memory,
    /// Calls that an instance makes at a time; more than one needs a whole CPU
    #[arg(long, value_name = "CALLS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=MOST_CALLS))]
    concurrency: u32,
    /// Name of the service [default: that of the function]
    #[arg(long, value_parser = checked_service)]
    name: Option<String>,
    /// Region to deploy to
    #[arg(long, value_parser = checked_region)]
    region: Option<String>,
    /// Project to deploy to; lines of the log then name the trace of their request
    #[arg(long, value_parser = checked_project)]
    project: Option<String>,
    /// What the function takes
    #[arg(long, value_enum, value_name = "TYPE", default_value = "http")]
    signature_type: Signature,
    /// What a plan says is to be observed, as `fathom plan` wrote it [default: fathom-out/NAME/plan.toml, where it is for this module]
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Share of calls that may fail for want of memory [default: 0.01]
    #[arg(long, value_name = "RATE", env = "FATHOM_FAILURE_RATE", value_parser = quantity::failure_rate)]
    failure_rate: Option<f64>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Memory of an instance.
#[derive(Clone, Copy)]
struct Memory(Option<Bytes>);

fn memory(text: &str) -> Result<Memory, String> {
    if text == "auto" {
        return Ok(Memory(None));
    }
    let bytes = quantity::bytes(text).map_err(|what| format!("{what}, or `auto`"))?;
    // The provider's tool is told whole mebibytes.
    Ok(Memory(Some(Bytes(bytes.0 >> 20 << 20))))
}

fn checked_service(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
    if begins && text.len() <= LONGEST_NAME && text.chars().all(is_plain) && !text.ends_with('-') {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{}` is no name for a service: expected lower-case letters, digits and hyphens, at most {LONGEST_NAME}, beginning with \
         a letter",
        text.escape_debug()
    ))
}

fn checked_region(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.is_empty() && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{}` is no region: expected one as europe-west1",
        text.escape_debug()
    ))
}

/// Runs the command.
pub(crate) fn run(args: &GcfArgs) -> anyhow::Result<ExitCode> {
    let guest = Guest::find(&args.guest)?;
    function::check(&guest)?;
    let service = args.service(&guest)?;
    let folder = args
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("gcf-{service}")));
    folder::check(&folder, args.force)?;
    let binary = Binary::find(args.binary.as_deref())?;
    let usual = places::report_folder(None, &guest.name).join("plan.toml");
    let plan = function::plan(&guest, args.plan.as_deref(), &usual)?;
    let learned = args.learned(&guest)?;
    let wanted = Wanted {
        memory: args.memory.0,
        concurrency: args.concurrency,
        module: guest.wasm.len() as u64,
        setting: guest.config.function.memory,
        recommendation: learned.as_ref().map(|learned| &learned.recommendation),
    };
    let instance = Instance::of(&wanted, &args.sizing().catalogue()?)?;
    let deploy = args.deploy(&service, &folder, &instance);
    let read_back = args.read_back(&service);
    let container = Container {
        function: &guest.name,
        signature: args.signature_type,
        binary: &binary,
        instance: &instance,
        project: args.project.as_deref(),
        deploy: &deploy,
        read_back: &read_back,
    };
    let mut files = container.files();
    files.extend(function::files(
        &guest,
        instance.of_a_call,
        plan.as_ref(),
        &folder,
    )?);
    folder::write(&folder, &files)?;
    let made = Made {
        folder: &folder,
        guest: &guest,
        binary: &binary,
        instance: &instance,
        learned: learned.as_ref(),
        has_plan: plan.is_some(),
        deploy: &deploy,
        read_back: &read_back,
    };
    if args.json {
        output::line(made.json())?;
    } else {
        output::text(made.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

impl GcfArgs {
    fn service(&self, guest: &Guest) -> anyhow::Result<String> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        };
        let name: String = guest.name.chars().map(plain).collect();
        checked_service(&name).map_err(|what| anyhow::anyhow!("{what}; say one with --name"))
    }

    fn sizing(&self) -> SizingArgs {
        SizingArgs {
            failure_rate: self.failure_rate,
            memory: None,
            seed: 1,
            providers: Vec::new(),
        }
    }

    /// What the recorded calls of this module say; `None` where there are none that succeeded.
    fn learned(&self, guest: &Guest) -> anyhow::Result<Option<Learned>> {
        if !self.database.db.exists() {
            return Ok(None);
        }
        let store = Store::open_existing(&self.database.db)?;
        let function = FunctionId {
            name: guest.name.clone(),
            digest: host::digest(&guest.wasm),
        };
        let traces = analysis::read_traces(&store, &function, None)?;
        let configured = Configured {
            failure_rate: guest.config.recommend.failure_rate,
            memory: guest.config.function.memory,
        };
        let profile = self.sizing().learn(&function, &traces, configured)?;
        let recommendation = profile.recommendation.filter(|r| r.allocation_bytes.0 > 0);
        Ok(recommendation.map(|recommendation| Learned {
            recommendation,
            calls: traces.len(),
        }))
    }

    /// What deploys the folder, as it is typed.
    fn deploy(&self, service: &str, folder: &Path, instance: &Instance) -> String {
        let mut command = format!(
            "gcloud run deploy {service} --source {} --memory {}Mi --cpu {} --concurrency {} --execution-environment {}",
            quoted(&folder.display().to_string()),
            instance.memory.0 >> 20,
            instance.cpu(),
            instance.concurrency,
            instance.generation()
        );
        self.add_place(&mut command);
        command
    }

    /// What reads its calls back.
    fn read_back(&self, service: &str) -> String {
        let mut command = format!(
            "gcloud logging read 'resource.type=\"cloud_run_revision\" resource.labels.service_name=\"{service}\" \
             (jsonPayload.fathom_call.outcome:* OR jsonPayload.fathom_left_out:*)' --format=json --freshness=30d"
        );
        if let Some(project) = &self.project {
            command.push_str(&format!(" --project {project}"));
        }
        command + " | fathom import -"
    }

    fn add_place(&self, command: &mut String) {
        for (flag, value) in [("region", &self.region), ("project", &self.project)] {
            if let Some(value) = value {
                command.push_str(&format!(" --{flag} {value}"));
            }
        }
    }
}

/// As a shell reads it back.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./+@%=:,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
