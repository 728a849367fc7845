//! The program that goes into a container: whether it can run there, and what it needs of the C library. Read from the file
//! itself, not from how it was built.

use anyhow::{Context, bail, ensure};
use object::{
    LittleEndian as Little, elf,
    read::elf::{FileHeader, ProgramHeader},
};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Libraries of C and of the compiler that every image with a C library has, by how their names begin.
const EVERYWHERE: [&str; 8] = [
    "libc.so",
    "libm.so",
    "libgcc_s.so",
    "libpthread.so",
    "libdl.so",
    "librt.so",
    "libutil.so",
    "ld-linux",
];

/// Base images and the version of the C library in them, the oldest first.
const BASES: [(Glibc, &str); 3] = [
    (Glibc(2, 31), "debian:11-slim"),
    (Glibc(2, 36), "debian:12-slim"),
    (Glibc(2, 41), "debian:13-slim"),
];

/// What builds a program that needs no C library.
pub(super) const BUILD_STATIC: [&str; 2] = [
    "rustup target add x86_64-unknown-linux-musl",
    "cargo build --release --target x86_64-unknown-linux-musl",
];

/// A version of the GNU C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Glibc(u32, u32);

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GLIBC_{}.{}", self.0, self.1)
    }
}

impl Glibc {
    fn parse(symbol_version: &str) -> Option<Glibc> {
        let mut parts = symbol_version.strip_prefix("GLIBC_")?.split('.');
        Some(Glibc(
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        ))
    }
}

/// How a program finds what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linkage {
    /// It has everything in it.
    Static,
    /// It needs a C library with symbols of this version.
    Dynamic(Glibc),
}

/// A program for a container.
pub(super) struct Binary {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) linkage: Linkage,
    /// The image that it runs on.
    pub(super) base: &'static str,
}

impl Binary {
    /// Looks into a file; `None` for the program that is running.
    pub(super) fn find(given: Option<&Path>) -> anyhow::Result<Binary> {
        let path = match given {
            Some(path) => path.to_owned(),
            None => std::env::current_exe().context("cannot find this program")?,
        };
        let named = || format!("the binary `{}`", path.display());
        let data = fs::read(&path).with_context(|| format!("cannot read {}", named()))?;
        let linkage = linkage(&data).with_context(named)?;
        let base = base(linkage).with_context(named)?;
        if given.is_some() {
            check_version(&path).with_context(named)?;
        }
        Ok(Binary {
            bytes: data.len() as u64,
            path,
            linkage,
            base,
        })
    }
}

/// How the program in these bytes is linked.
fn linkage(data: &[u8]) -> anyhow::Result<Linkage> {
    if !data.starts_with(&elf::ELFMAG) {
        bail!("is no program for Linux: expected an ELF file");
    }
    let is_64 = data.get(4) == Some(&elf::ELFCLASS64);
    let is_little = data.get(5) == Some(&elf::ELFDATA2LSB);
    ensure!(
        is_64 && is_little,
        "is not for x86-64, which Cloud Run runs"
    );
    let header = elf::FileHeader64::<Little>::parse(data).context("is damaged")?;
    let machine = header.e_machine.get(Little);
    ensure!(
        machine == elf::EM_X86_64,
        "is for {}, and Cloud Run runs x86-64",
        machine_name(machine)
    );
    ensure!(
        matches!(header.e_type.get(Little), elf::ET_EXEC | elf::ET_DYN),
        "is no program: expected one that can be run"
    );
    let mut interpreter = None;
    for part in header.program_headers(Little, data).context("is damaged")? {
        interpreter = interpreter.or(part.interpreter(Little, data).context("is damaged")?);
    }
    let Some(interpreter) = interpreter else {
        return Ok(Linkage::Static);
    };
    let interpreter = String::from_utf8_lossy(interpreter);
    ensure!(
        interpreter.contains("ld-linux"),
        "is linked against the C library of `{}`, of which no base image is known: link it statically ({})",
        interpreter.escape_debug(),
        BUILD_STATIC.join("; ")
    );
    let sections = header.sections(Little, data).context("is damaged")?;
    let dynamic = sections.dynamic_table(Little, data).context("is damaged")?;
    for entry in dynamic.iter() {
        if entry.tag == elf::DT_NEEDED {
            let library = String::from_utf8_lossy(dynamic.string(entry).context("is damaged")?);
            ensure!(
                EVERYWHERE.iter().any(|known| library.starts_with(known)),
                "needs the library `{}`, which base images do not have",
                library.escape_debug()
            );
        }
    }
    let mut newest = Glibc(2, 0);
    if let Some((mut needs, link)) = sections.gnu_verneed(Little, data).context("is damaged")? {
        let strings = sections.strings(Little, data, link).context("is damaged")?;
        while let Some((_, mut versions)) = needs.next().context("is damaged")? {
            while let Some(version) = versions.next().context("is damaged")? {
                let name = version.name(Little, strings).context("is damaged")?;
                let glibc = Glibc::parse(&String::from_utf8_lossy(name));
                newest = newest.max(glibc.unwrap_or(newest));
            }
        }
    }
    Ok(Linkage::Dynamic(newest))
}

fn machine_name(machine: u16) -> String {
    match machine {
        elf::EM_AARCH64 => "64-bit ARM".to_owned(),
        elf::EM_386 => "32-bit x86".to_owned(),
        elf::EM_RISCV => "RISC-V".to_owned(),
        other => format!("another processor (ELF machine {other})"),
    }
}

/// The oldest image whose C library is new enough.
fn base(linkage: Linkage) -> anyhow::Result<&'static str> {
    match linkage {
        Linkage::Static => Ok("scratch"),
        Linkage::Dynamic(needed) => {
            let mut known = BASES.iter();
            let base = known.find(|(glibc, _)| *glibc >= needed);
            base.map(|(_, image)| *image).with_context(|| {
                format!(
                    "needs {needed}, newer than that of every base image known: link it statically ({})",
                    BUILD_STATIC.join("; ")
                )
            })
        }
    }
}

/// Another program, or another version of this one, would not know its start command.
fn check_version(path: &Path) -> anyhow::Result<()> {
    let path = path.canonicalize().context("cannot be found")?;
    let said = Command::new(path)
        .arg("--version")
        .output()
        .context("cannot be run here, to ask for its version")?;
    let said = String::from_utf8_lossy(&said.stdout);
    let expected = concat!("fathom ", env!("CARGO_PKG_VERSION"));
    let first = said.lines().next().unwrap_or_default();
    ensure!(
        first == expected,
        "says `{}` of its version, expected `{expected}`",
        first.escape_debug()
    );
    Ok(())
}
