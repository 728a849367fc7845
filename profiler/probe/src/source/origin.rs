//! Whose code it is: the user's own, or that of a language's library, its runtime, a package or this project's kit.
//! Decided by the path of the source file that the debug information names, not by what a function does.

/// Parts of paths that only code of others has.
const OTHERS: [&str; 17] = [
    // Rust's library, as rustc writes it, and where it was built from source.
    "/rustc/",
    "library/core/src/",
    "library/alloc/src/",
    "library/std/src/",
    "library/compiler-builtins/",
    "/rust/deps/",
    // Packages.
    "registry/src/",
    "git/checkouts/",
    // C libraries.
    "libc-bottom-half/",
    "libc-top-half/",
    "/wasi-libc/",
    "dlmalloc/src/",
    "emmalloc/",
    "compiler-rt/",
    "/lib/zig/",
    // The guest kit.
    "kit/rust/src/",
    "kit/c/fathom.h",
];

/// Whether a source file belongs to the user's own program.
pub(crate) fn is_users(path: &str) -> bool {
    !path.is_empty() && !OTHERS.iter().any(|part| path.contains(part))
}

/// Packages that a Rust guest brings with it without its user's doing.
const RUST_RUNTIME: [&str; 14] = [
    "std",
    "core",
    "alloc",
    "hashbrown",
    "compiler_builtins",
    "dlmalloc",
    "wasi",
    "wasip1",
    "libc",
    "rustc_demangle",
    "gimli",
    "addr2line",
    "miniz_oxide",
    "memchr",
];

/// The same where there is no debug information, by the package that a path in a demangled Rust name begins with.
pub(crate) fn is_users_by_name(name: &str) -> bool {
    let path = name.trim_start_matches(['<', '&', '*', '(', '[']);
    match path.split_once("::") {
        Some((package, _)) => {
            let plain = package
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_');
            plain && !RUST_RUNTIME.contains(&package)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_files_are_told_from_those_of_others() {
        for (path, users) in [
            ("src/main.rs", true),
            ("guests/line-reader/c/main.c", true),
            ("/rustc/59807616e1fa/library/alloc/src/vec/mod.rs", false),
            ("cargo/registry/src/index/png-0.18.0/src/decoder.rs", false),
            ("./build/./libc-bottom-half/crt/crt1-command.c", false),
            ("", false),
        ] {
            assert_eq!(is_users(path), users, "{path}");
        }
        for (name, users) in [
            ("line_reader::main", true),
            ("std::io::stdio::_print", false),
            ("<alloc::vec::Vec<T> as Drop>::drop", false),
            ("main", false),
        ] {
            assert_eq!(is_users_by_name(name), users, "{name}");
        }
    }
}
