//! Whose code a function is where there is no debug information that says from which file it comes: then only Rust's names
//! tell, which begin with the package. With it, [`trace::is_users_file`] tells.

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

/// Whether a function is the user's own, by the package that a path in a demangled Rust name begins with.
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
    fn the_users_packages_are_told_from_those_of_others() {
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
