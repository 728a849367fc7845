//! `fathom init`: a commented `fathom.toml` to begin with.

use crate::config::{EXAMPLE, FILE_NAME};
use crate::{guest, output};
use anyhow::{Context, bail};
use clap::Args;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Write a commented fathom.toml
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom init                  in this folder
  fathom init my-function      in a folder, which is made if need be")]
pub(crate) struct InitArgs {
    /// Folder of the function
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Print it instead
    #[arg(long)]
    print: bool,
}

/// Runs the command.
pub(crate) fn run(args: InitArgs) -> anyhow::Result<ExitCode> {
    let module = module_of(&args.folder);
    let text = module
        .as_deref()
        .map_or_else(|| EXAMPLE.to_owned(), example_for);
    if args.print {
        output::line(text.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    fs::create_dir_all(&args.folder)
        .with_context(|| format!("cannot make the folder `{}`", args.folder.display()))?;
    let path = args.folder.join(FILE_NAME);
    let mut file = match fs::File::create_new(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!(
                "`{}` is there already and was left as it is; `fathom init --print` prints the example",
                path.display()
            )
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot write `{}`", path.display()));
        }
    };
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    let next = match module {
        Some(_) => format!("fathom inspect {}", args.folder.display()),
        None => "put the name of your module into it, as function.module".to_owned(),
    };
    output::line(format_args!("wrote {}; next: {next}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Where Cargo puts what it builds.
const BUILT_BY_CARGO: &str = "target/wasm32-wasip1/release";

/// The only module in the folder, or else the only one that Cargo has built there; relative to the folder.
fn module_of(folder: &Path) -> Option<PathBuf> {
    let places = [Path::new(""), Path::new(BUILT_BY_CARGO)];
    places.into_iter().find_map(|place| {
        let modules = guest::modules_in(&folder.join(place));
        match modules.as_slice() {
            [module] => Some(place.join(module.file_name()?)),
            _ => None,
        }
    })
}

/// The example with the name and the place of a module.
fn example_for(module: &Path) -> String {
    // As TOML strings, whatever the names contain.
    let quoted = |name: &std::ffi::OsStr| {
        toml::Value::String(name.to_string_lossy().into_owned()).to_string()
    };
    let stem = module.file_stem().unwrap_or_default();
    EXAMPLE
        .replace("\"my-function.wasm\"", &quoted(module.as_os_str()))
        .replace("\"my-function\"", &quoted(stem))
}
