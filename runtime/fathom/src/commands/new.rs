//! `fathom new`: a function to begin with. Its template is a folder beside this file.

use crate::{output, server::checked_name};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::{fs, path::PathBuf, process::ExitCode};

/// Where a template has the name of the function.
const NAME: &str = "{{name}}";

/// Make a function from a template
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom new words                       a program in Rust: body in, answer out
  fathom new hello --template rust-http  a component in Rust that answers requests itself
  fathom new words --template c")]
pub(crate) struct NewArgs {
    /// Name of the function, and of the folder that is made
    name: String,
    /// What to begin with
    #[arg(long, value_enum, default_value_t)]
    template: Template,
}

/// What there is to begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Template {
    /// A program in Rust
    #[default]
    Rust,
    /// A component of wasi:http in Rust
    RustHttp,
    /// A program in C
    C,
}

impl Template {
    /// Its files, by their paths.
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Template::Rust => &[
                ("Cargo.toml", include_str!("new/rust/Cargo.toml.in")),
                ("src/main.rs", include_str!("new/rust/main.rs.in")),
                ("fathom.toml", include_str!("new/rust/fathom.toml.in")),
            ],
            Template::RustHttp => &[
                ("Cargo.toml", include_str!("new/rust-http/Cargo.toml.in")),
                ("src/lib.rs", include_str!("new/rust-http/lib.rs.in")),
                ("fathom.toml", include_str!("new/rust-http/fathom.toml.in")),
            ],
            Template::C => &[
                ("main.c", include_str!("new/c/main.c.in")),
                ("fathom.toml", include_str!("new/c/fathom.toml.in")),
            ],
        }
    }

    /// What builds it, in its folder.
    fn build(self) -> &'static str {
        match self {
            Template::Rust => "cargo build --release --target wasm32-wasip1",
            Template::RustHttp => "cargo build --release --target wasm32-wasip2",
            Template::C => "clang-22 --target=wasm32-wasi --no-wasm-opt -O2 -g main.c -o main.wasm",
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: NewArgs) -> anyhow::Result<ExitCode> {
    let name = checked_name(&args.name)?;
    let folder = PathBuf::from(name);
    if folder.exists() {
        bail!("`{name}` is there already and was left as it is: choose another name");
    }
    for (path, text) in args.template.files() {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot make the folder `{}`", parent.display()))?;
        fs::write(&path, text.replace(NAME, name))
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    output::line(format_args!("made {name}; next:"))?;
    output::line(format_args!("  cd {name} && {}", args.template.build()))?;
    output::line("  fathom serve .")?;
    Ok(ExitCode::SUCCESS)
}
