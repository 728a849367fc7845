//! Writes the report of a made-up function, to look at: `cargo run -p report --example sample -- out-folder`.
//! Prints the screen of the same profile. The figures are invented; see `tests/common`.

#[path = "../tests/common/mod.rs"]
mod common;

use report::{Context, Style};
use std::{env, fs, io, path::PathBuf};
use trace::{Profile, Trace};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(
        env::args()
            .nth(1)
            .unwrap_or_else(|| "sample-report".to_owned()),
    );
    fs::create_dir_all(&folder)?;
    let calls = common::traces();
    let (constant, constant_calls) = common::constant();
    let (late, late_calls) = common::too_late();
    let (product, product_calls) = common::product();
    let (nothing, nothing_calls) = common::nothing_succeeded();
    let (hostile, hostile_calls) = common::hostile();
    write(&folder, "sample", &common::profile(), &calls)?;
    write(&folder, "constant", &constant, &constant_calls)?;
    write(&folder, "too-few", &common::too_few(), &calls[9..])?;
    write(&folder, "too-late", &late, &late_calls)?;
    write(&folder, "product", &product, &product_calls)?;
    write(&folder, "nothing", &nothing, &nothing_calls)?;
    write(&folder, "hostile", &hostile, &hostile_calls)
}

fn write(
    folder: &std::path::Path,
    name: &str,
    profile: &Profile,
    traces: &[Trace],
) -> io::Result<()> {
    let path = folder.join(format!("{name}.html"));
    let context = Context {
        elapsed_seconds: Some(3.1),
        report_path: Some(path.clone()),
        database_path: Some(".fathom/fathom.db".into()),
        next: Some("fathom profile guest-examples/line-reader --sweep n=1e3..4e5:100".to_owned()),
        ..Context::of_calls(traces)
    };
    print!("{}", report::screen(profile, &context, Style::default()));
    println!("\n{}\n", "=".repeat(100));
    fs::write(
        folder.join(format!("{name}.md")),
        report::markdown(profile, &context),
    )?;
    fs::write(path, report::html(profile, traces, &context))
}
