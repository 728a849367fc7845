//! Whose code a source file is: the user's own, or that of a language's library, its runtime, a package, an allocator or
//! this project's guest kit. Decided by the path that the debug information names, not by what the code does.

/// Parts of paths that only code of others has.
const OTHERS: [&str; 20] = [
    // Rust's library, as rustc writes it, what it is made of, and where it was built from source.
    "/rustc/",
    "/rust/deps/",
    "/rustlib/src/",
    "library/core/src/",
    "library/alloc/src/",
    "library/std/src/",
    "library/compiler-builtins/",
    // Packages.
    "registry/src/",
    "git/checkouts/",
    "/.cargo/",
    // C libraries and allocators.
    "libc-bottom-half/",
    "libc-top-half/",
    "/wasi-libc/",
    "/dlmalloc/",
    "dlmalloc/src/",
    "emmalloc/",
    "compiler-rt/",
    "/lib/zig/",
    // The guest kit, where the examples were built and where it lies.
    "guests/kit/",
    "guest-examples/kit/",
];

/// Whether a source file belongs to the user's own program, as far as its path tells. No path belongs to nobody.
pub fn is_users_file(path: &str) -> bool {
    let path = path.replace('\\', "/");
    !path.is_empty() && !OTHERS.iter().any(|part| path.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_files_are_told_from_those_of_others() {
        for (path, users) in [
            ("src/main.rs", true),
            ("guests/line-reader/c/main.c", true),
            ("toolkit/rust/src/main.rs", true),
            ("/rustc/59807616e1fa/library/alloc/src/vec/mod.rs", false),
            ("/rust/deps/hashbrown-0.16.1/src/raw.rs", false),
            ("cargo/registry/src/index/png-0.18.0/src/decoder.rs", false),
            ("./build/./libc-bottom-half/crt/crt1-command.c", false),
            ("C:\\Users\\me\\.cargo\\registry\\src\\a\\lib.rs", false),
            ("guests/kit/rust/src/lib.rs", false),
            ("", false),
        ] {
            assert_eq!(is_users_file(path), users, "{path}");
        }
    }
}
