//! Whose code a frame is: the user's, or that of a language's library, a runtime, an allocator.
//!
//! By the path of the source file, which says where code came from. Only where a guest has no debug information is there
//! nothing but the name, and then only the namespaces of Rust's own library and the names of allocators are known.

use trace::Frame;

/// `~lib/` is where AssemblyScript keeps its own library.
const ELSEWHERE_FROM: [&str; 3] = ["library/", "~lib/", "runtime/"];

const NAMESPACES: [&str; 12] = [
    "alloc::",
    "core::",
    "std::",
    "<alloc::",
    "<core::",
    "<std::",
    "dlmalloc::",
    "<dlmalloc::",
    "hashbrown::",
    "<hashbrown::",
    "~lib/",
    "runtime.",
];

const NAMES: [&str; 24] = [
    "malloc",
    "calloc",
    "realloc",
    "free",
    "dlmalloc",
    "dlcalloc",
    "dlrealloc",
    "dlfree",
    "memalign",
    "aligned_alloc",
    "posix_memalign",
    "dispose_chunk",
    "prepend_alloc",
    "sbrk",
    "_start",
    "__main_void",
    "__original_main",
    "__wasm_call_ctors",
    "strdup",
    "getline",
    "getdelim",
    "operator new(unsigned long)",
    "operator new[](unsigned long)",
    "_initialize",
];

/// Whether the user wrote it, as far as can be told.
pub(super) fn is_users(frame: &Frame) -> bool {
    let function = frame.function.trim();
    if NAMES.contains(&function) || function.starts_with("__rust") || function.starts_with("__rdl")
    {
        return false;
    }
    match frame.file.as_deref() {
        Some(file) => {
            trace::is_users_file(file)
                && !ELSEWHERE_FROM.iter().any(|start| file.starts_with(start))
        }
        None => !NAMESPACES.iter().any(|start| function.starts_with(start)),
    }
}
