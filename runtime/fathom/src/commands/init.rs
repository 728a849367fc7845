//! `fathom init`: a commented `fathom.toml` to begin with.

use crate::config::{EXAMPLE, FILE_NAME};
use crate::output;
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
    let text = example_for(&args.folder);
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
    output::line(format_args!(
        "wrote {}; next: fathom inspect {}",
        path.display(),
        args.folder.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The example with the name and the module of the folder, where it has just one.
fn example_for(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let modules: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm" || extension == "wat")
        })
        .collect();
    let [module] = modules.as_slice() else {
        return EXAMPLE.to_owned();
    };
    let (Some(stem), Some(file)) = (module.file_stem(), module.file_name()) else {
        return EXAMPLE.to_owned();
    };
    // As TOML strings, whatever the names contain.
    let quoted = |name: &std::ffi::OsStr| {
        toml::Value::String(name.to_string_lossy().into_owned()).to_string()
    };
    EXAMPLE
        .replace("\"my-function.wasm\"", &quoted(file))
        .replace("\"my-function\"", &quoted(stem))
}
