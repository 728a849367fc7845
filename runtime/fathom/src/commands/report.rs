//! `fathom report`: the report of everything recorded of a function, its charts as files, or a table of all functions,
//! without running them.

use crate::analysis::{self, Configured, RecordedArgs, SizingArgs};
use crate::{near, output, picture, places};
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use report::chart::{self, Chart, Theme};
use report::{Context, Fleet};
use serde_json::json;
use std::{fs, path::Path, path::PathBuf, process::ExitCode};
use trace::{Profile, Trace};

/// Write the report of what was recorded, without running anything
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom report                        the only function recorded
  fathom report line-reader --format markdown > report.md
  fathom report line-reader --call twelve/
  fathom report line-reader --charts pictures          timeline.svg, timeline.png and so on
  fathom report line-reader --charts . --chart relation
  fathom report --all                  a table of all functions recorded, those first that save most
  fathom report --all --format html    fathom-out/fleet.html, and the report of each function beside it")]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    recorded: RecordedArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    /// The input whose call is drawn in detail [default: the most telling one]
    #[arg(long, value_name = "INPUT", conflicts_with = "all")]
    call: Option<String>,
    /// Folder of reports [default: fathom-out]
    #[arg(long, value_name = "FOLDER", env = "FATHOM_OUT")]
    out: Option<PathBuf>,
    /// Write every chart into this folder and nothing else: NAME.svg, and NAME.png with letters of its own
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["all", "out", "format"])]
    charts: Option<PathBuf>,
    /// Only this chart of --charts; may be given several times [default: all that there is something for]
    #[arg(long, value_name = "NAME", requires = "charts", value_parser = clap::builder::PossibleValuesParser::new(chart::NAMES))]
    chart: Vec<String>,
    /// Print what --charts has written as one JSON object
    #[arg(long, requires = "charts")]
    json: bool,
    /// All recorded functions, those first that save most: a table as Markdown or JSON, or fleet.html
    #[arg(long, conflicts_with = "function")]
    all: bool,
    /// What to print; `html` writes report.html and prints the screen [default: html; with --all: markdown]
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Text,
    Markdown,
    Json,
    Csv,
}

/// Runs the command.
pub(crate) fn run(args: ReportArgs) -> anyhow::Result<ExitCode> {
    if args.all {
        all(&args)?;
    } else {
        report_one(args)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// All functions, those first that save most.
fn all(args: &ReportArgs) -> anyhow::Result<()> {
    if matches!(args.format, Some(Format::Text | Format::Csv)) {
        anyhow::bail!(
            "--all prints `markdown` or `json`, or writes `html`; the other formats are of one function"
        );
    }
    let as_html = args.format == Some(Format::Html);
    let out = args.out.clone().unwrap_or(PathBuf::from(places::REPORTS));
    let mut functions = Vec::new();
    for (function, traces) in args.recorded.read_all()? {
        let profile = args
            .sizing
            .learn(&function, &traces, Configured::default())?;
        let mut context = Context::of_calls(&traces);
        let mut report = None;
        if as_html {
            let store = store::Store::open_existing(&args.recorded.database.db)?;
            context = analysis::context(&store, &function, None, &traces)?;
            let page = analysis::write_report(&profile, &traces, &context, Some(out.clone()))?;
            report = link(&out, &page);
            // Of many functions at once they would take much memory, and the page of all has no use for them.
            context.stacks = None;
        }
        functions.push(Fleet {
            profile,
            context,
            report,
        });
    }
    report::rank(&mut functions);
    if as_html {
        let page = out.join("fleet.html");
        fs::create_dir_all(&out)
            .with_context(|| format!("cannot make the folder `{}`", out.display()))?;
        fs::write(&page, report::fleet_html(&functions))
            .with_context(|| format!("cannot write `{}`", page.display()))?;
        return output::line(page.display());
    }
    let profiles: Vec<Profile> = functions.into_iter().map(|f| f.profile).collect();
    match args.format {
        Some(Format::Json) => output::line(serde_json::to_string_pretty(&profiles)?),
        _ => output::line(report::table(&profiles).trim_end()),
    }
}

/// The address of a page below a folder, for a page in it.
fn link(folder: &Path, page: &Path) -> Option<String> {
    let parts = page.strip_prefix(folder).ok()?.iter();
    let parts =
        parts.map(|part| Some(utf8_percent_encode(part.to_str()?, NON_ALPHANUMERIC).to_string()));
    Some(parts.collect::<Option<Vec<String>>>()?.join("/"))
}

fn report_one(args: ReportArgs) -> anyhow::Result<()> {
    let format = args.format.unwrap_or(Format::Html);
    anyhow::ensure!(
        args.call.is_none() || format == Format::Html,
        "--call chooses what report.html and --charts draw; the other formats have no pictures"
    );
    let (function, traces) = args.recorded.read()?;
    let profile = args
        .sizing
        .learn(&function, &traces, Configured::default())?;
    let store = store::Store::open_existing(&args.recorded.database.db)?;
    let mut context = analysis::context(&store, &function, None, &traces)?;
    context.database_path = Some(args.recorded.database.db.clone());
    context.call = args.call.map(|call| known(&call, &traces)).transpose()?;
    if let Some(folder) = &args.charts {
        let drawn = write_charts(folder, &args.chart, (&profile, &traces), &context)?;
        return match args.json {
            true => output::line(serde_json::to_string_pretty(&drawn)?),
            false => told(&drawn),
        };
    }
    match format {
        Format::Html => {
            context.report_path = Some(analysis::write_report(
                &profile, &traces, &context, args.out,
            )?);
            analysis::show(&profile, &context, false)?;
        }
        Format::Text => {
            analysis::show(&profile, &context, false)?;
            if let Some(who) = context.who() {
                output::text(format_args!(
                    "\n{}",
                    report::stacks::who_text(&who, analysis::style())
                ))?;
            }
        }
        Format::Json => analysis::show(&profile, &context, true)?,
        Format::Markdown => output::line(report::markdown(&profile, &context).trim_end())?,
        Format::Csv => crate::output::bytes(&report::traces_csv(&traces))?,
    }
    Ok(())
}

/// The files, one a line.
fn told(drawn: &serde_json::Value) -> anyhow::Result<()> {
    let charts = drawn["charts"].as_array().into_iter().flatten();
    let files = charts.flat_map(|chart| picture::ENDS.map(|end| &chart["files"][end]));
    for file in files.filter_map(serde_json::Value::as_str) {
        output::line(file)?;
    }
    Ok(())
}

/// Writes each chart that is wanted, or all of them, and says where they are.
fn write_charts(
    folder: &Path,
    wanted: &[String],
    (profile, traces): (&Profile, &[Trace]),
    context: &Context,
) -> anyhow::Result<serde_json::Value> {
    let theme = Theme::default();
    let mut charts = chart::of_function(profile, traces, context.call.as_deref(), &theme);
    let there: Vec<&str> = charts.iter().map(Chart::name).collect();
    for name in wanted {
        anyhow::ensure!(
            there.contains(&name.as_str()),
            "there is nothing for the chart `{name}` of `{}`: {}. There are: {}",
            profile.function.name,
            match name.as_str() {
                "recent" => "none of its calls was served",
                _ => "nothing of its calls over time is recorded",
            },
            there.join(", ")
        );
    }
    charts.retain(|chart| wanted.is_empty() || wanted.iter().any(|name| name == chart.name()));
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    let mut written = Vec::new();
    for chart in &charts {
        let mut files = serde_json::Map::new();
        for end in picture::ENDS {
            let path = folder.join(chart.name()).with_extension(end);
            fs::write(&path, picture::bytes(chart, &path)?)
                .with_context(|| format!("cannot write `{}`", path.display()))?;
            files.insert(end.to_owned(), json!(path));
        }
        let (width, height) = chart.size();
        written.push(json!({
            "name": chart.name(),
            "title": chart.title(),
            "description": chart.description(),
            "files": files,
            "width_pixels": width,
            "height_pixels": height,
        }));
    }
    Ok(json!({
        "schema": "fathom.charts/1",
        "function": profile.function,
        "charts": written,
    }))
}

/// The label, if a call of that input is recorded.
fn known(label: &str, traces: &[Trace]) -> anyhow::Result<String> {
    let labels = || traces.iter().map(|trace| trace.input.label.as_str());
    anyhow::ensure!(
        labels().any(|known| known == label),
        "no call of input `{label}` is recorded{}",
        near::did_you_mean(label, labels())
    );
    Ok(label.to_owned())
}
