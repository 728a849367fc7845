//! Recognises the guest's allocator by the names of its functions, and says how blocks can be sized.
//!
//! One layer is counted, the outermost: C before Rust, because Rust's allocation functions call the C ones where those
//! exist, and may be inlined where the C ones are not. Within the layer every known function is wrapped; of nested
//! calls only the outermost counts. A name alone is not enough, the signature has to fit.

use super::names::{Names, demangle};
use crate::{
    inspection::{
        Allocator, AllocatorFunction, BlockAt, Counted, FoundAllocator, Layer, Memory, Product,
        Role, Tracking,
    },
    module::Module,
};
use std::collections::BTreeMap;
use wasmparser::{ExternalKind, ValType};

const WHY_IT_MATTERS: &str = "committed memory is exact all the same, but the heap's ups and downs, its peak and what drives them within \
     a call stay unknown";

pub(super) fn find(
    module: &Module<'_>,
    memories: &[Memory],
    names: &Names<'_>,
    language: Option<&str>,
) -> Allocator {
    match memories.first() {
        None => return not_found("the guest has no memory"),
        Some(memory) if memory.memory64 => {
            return not_found("allocators in 64-bit memories are not supported");
        }
        Some(memory) if memory.shared => {
            return not_found(
                "the guest's memory is shared between threads, which is not supported",
            );
        }
        Some(_) => {}
    }
    let candidates = candidates(module, names);
    tinygo(&candidates)
        .or_else(|| c(&candidates, names))
        .or_else(|| rust(&candidates))
        .or_else(|| assembly_script(&candidates))
        .unwrap_or_else(|| not_found(&why_not(&candidates, names, language)))
}

fn not_found(why: &str) -> Allocator {
    Allocator::NotFound {
        reason: format!("allocator not found: {why}; {WHY_IT_MATTERS}"),
    }
}

fn why_not(candidates: &[Candidate<'_>], names: &Names<'_>, language: Option<&str>) -> String {
    if candidates.iter().any(|c| c.name == "runtime.mallocgc") {
        return "Go's is garbage-collected and keeps its arguments on a stack of its own"
            .to_owned();
    }
    if candidates
        .iter()
        .any(|c| matches!(c.known, Some((_, Role::Free { .. }))))
    {
        return "only functions that free are visible, those that allocate were inlined".to_owned();
    }
    if names.functions.is_empty() {
        return "the guest has no names (do not strip them: `strip = \"debuginfo\"` of Cargo and `--no-wasm-opt` of clang keep them)"
            .to_owned();
    }
    match language {
        Some(language) => {
            format!("no allocation function among the names of this {language} guest")
        }
        None => "no malloc, __rust_alloc or __new among the guest's names".to_owned(),
    }
}

/// A function with one of its names.
struct Candidate<'a> {
    index: u32,
    name: &'a str,
    /// The family and role that name and signature speak for.
    known: Option<(Family, Role)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    C,
    Rust,
    RustDlmalloc,
    Tlsf,
    New,
    TinyGo,
}

/// Every function with a body, once per name: the one in the name section and those it is exported under.
fn candidates<'a>(module: &Module<'a>, names: &Names<'a>) -> Vec<Candidate<'a>> {
    let symbols = names.functions.iter().map(|(index, name)| (*index, *name));
    let exports = module
        .exports
        .iter()
        .filter(|export| matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact))
        .map(|export| (export.index, export.name));
    symbols
        .chain(exports)
        .filter(|(index, _)| *index >= module.imported_functions)
        .map(|(index, name)| Candidate {
            index,
            name,
            known: classify(name).filter(|(_, role)| fits(module, index, *role, name)),
        })
        .collect()
}

const fn allocate(size: u32) -> Role {
    Role::Allocate {
        size: Product(size, None),
        result: BlockAt::Result,
    }
}

fn classify(name: &str) -> Option<(Family, Role)> {
    if name.starts_with("~lib/rt/") {
        return classify_assembly_script(name);
    }
    if let Some(role) = c_role(name) {
        return Some((Family::C, role));
    }
    match name {
        "__new" => return Some((Family::New, allocate(0))),
        "runtime.alloc" => return Some((Family::TinyGo, allocate(0))),
        _ => {}
    }
    // Cheap test before demangling: most guests have thousands of functions that are none of these.
    if name.contains("__rust_") || name.contains("__rdl_") || name.contains("__rg_") {
        let demangled = demangle(name);
        return rust_role(demangled.rsplit("::").next()?).map(|role| (Family::Rust, role));
    }
    if name.contains("8dlmalloc8dlmalloc") {
        let demangled = demangle(name);
        // `<dlmalloc::dlmalloc::Dlmalloc<dlmalloc::sys::System>>::malloc`, or the older mangling's `Dlmalloc<A>::malloc`.
        let (_, method) = demangled
            .split_once("dlmalloc::dlmalloc::Dlmalloc")?
            .1
            .rsplit_once(">::")?;
        return rust_dlmalloc_role(method).map(|role| (Family::RustDlmalloc, role));
    }
    None
}

/// Whether a function, by its demangled name, belongs to an allocator, of whatever layer: none of them says who allocated.
pub fn is_allocation_function(name: &str) -> bool {
    let last = name.rsplit("::").next().unwrap_or(name);
    let plain = c_role(name).is_some() || rust_role(last).is_some();
    plain
        || matches!(name, "__new" | "runtime.alloc")
        || classify_assembly_script(name).is_some()
        || name.contains("dlmalloc::dlmalloc::Dlmalloc")
        // What Rust's collections call it by.
        || name.starts_with("alloc::alloc::")
        || name.starts_with("<alloc::alloc::Global")
        || name.contains(" as core::alloc::global::GlobalAlloc>::")
}

fn c_role(name: &str) -> Option<Role> {
    // dlmalloc's own names, and those of Zig's C library.
    let plain = name
        .strip_prefix("c.malloc.")
        .or_else(|| name.strip_prefix("dl"))
        .unwrap_or(name);
    Some(match plain {
        "malloc" => allocate(0),
        "calloc" => Role::Allocate {
            size: Product(0, Some(1)),
            result: BlockAt::Result,
        },
        "aligned_alloc" | "memalign" | "internal_memalign" => allocate(1),
        "posix_memalign" => Role::Allocate {
            size: Product(2, None),
            result: BlockAt::OutParameter(0),
        },
        "realloc" => Role::Reallocate {
            block: 0,
            size: Product(1, None),
            old_size: None,
        },
        "reallocarray" => Role::Reallocate {
            block: 0,
            size: Product(1, Some(2)),
            old_size: None,
        },
        "free" => Role::Free {
            block: 0,
            size: None,
        },
        _ => return None,
    })
}

fn rust_role(name: &str) -> Option<Role> {
    Some(match name {
        "__rust_alloc"
        | "__rust_alloc_zeroed"
        | "__rdl_alloc"
        | "__rdl_alloc_zeroed"
        | "__rg_alloc"
        | "__rg_alloc_zeroed" => allocate(0),
        "__rust_dealloc" | "__rdl_dealloc" | "__rg_dealloc" => Role::Free {
            block: 0,
            size: Some(1),
        },
        "__rust_realloc" | "__rdl_realloc" | "__rg_realloc" => Role::Reallocate {
            block: 0,
            size: Product(3, None),
            old_size: Some(1),
        },
        _ => return None,
    })
}

/// The allocator that Rust brings to wasm32-unknown-unknown, where inlining has left nothing above it. Its receiver is
/// a constant, so optimisation removes it from the parameters.
fn rust_dlmalloc_role(method: &str) -> Option<Role> {
    Some(match method {
        "malloc" => allocate(0),
        "memalign" => allocate(1),
        "realloc" => Role::Reallocate {
            block: 0,
            size: Product(1, None),
            old_size: None,
        },
        "free" => Role::Free {
            block: 0,
            size: None,
        },
        _ => return None,
    })
}

fn classify_assembly_script(name: &str) -> Option<(Family, Role)> {
    let (module, function) = name.strip_prefix("~lib/rt/")?.rsplit_once('/')?;
    Some(match (module, function) {
        ("tlsf", "__alloc") => (Family::Tlsf, allocate(0)),
        ("tlsf", "__free") => (
            Family::Tlsf,
            Role::Free {
                block: 0,
                size: None,
            },
        ),
        ("tlsf", "__realloc") => (
            Family::Tlsf,
            Role::Reallocate {
                block: 0,
                size: Product(1, None),
                old_size: None,
            },
        ),
        (_, "__new") => (Family::New, allocate(0)),
        _ => return None,
    })
}

/// Whether the signature is the one that the role needs.
fn fits(module: &Module<'_>, function: u32, role: Role, name: &str) -> bool {
    let Some(signature) = module.signature(function) else {
        return false;
    };
    let params = signature.params();
    let all_i32 = params.iter().all(|param| *param == ValType::I32);
    let result = signature.results() == [ValType::I32];
    let plain = |count: usize| all_i32 && params.len() == count && result;
    match role {
        Role::Allocate { size, result: at } => {
            let expected = match at {
                BlockAt::OutParameter(_) => 3,
                // Those with a second parameter that is not a size: alignment, class, layout.
                BlockAt::Result if takes_more_than_a_size(name) => {
                    return all_i32 && result && params.len() >= 2;
                }
                BlockAt::Result => size.1.unwrap_or(size.0) as usize + 1,
            };
            plain(expected)
        }
        Role::Free { size, .. } => {
            all_i32
                && params.len() == if size.is_some() { 3 } else { 1 }
                && signature.results().is_empty()
        }
        Role::Reallocate { size, .. } => plain(size.1.unwrap_or(size.0) as usize + 1),
    }
}

fn takes_more_than_a_size(name: &str) -> bool {
    name.contains("__rust_")
        || name.contains("__rdl_")
        || name.contains("__rg_")
        || name.ends_with("__new")
        || name == "runtime.alloc"
}

/// The functions of these families, each once, by index.
fn family(candidates: &[Candidate<'_>], families: &[Family]) -> Vec<AllocatorFunction> {
    let by_index: BTreeMap<u32, AllocatorFunction> = candidates
        .iter()
        .filter_map(|candidate| {
            let (of, role) = candidate.known?;
            let function = AllocatorFunction {
                index: candidate.index,
                name: short_name(candidate.name),
                role,
            };
            families
                .contains(&of)
                .then_some((candidate.index, function))
        })
        .collect();
    by_index.into_values().collect()
}

fn short_name(name: &str) -> String {
    demangle(name)
}

fn allocates(functions: &[AllocatorFunction]) -> bool {
    functions
        .iter()
        .any(|f| matches!(f.role, Role::Allocate { .. }))
}

fn frees(functions: &[AllocatorFunction]) -> bool {
    functions
        .iter()
        .any(|f| matches!(f.role, Role::Free { .. }))
}

fn c(candidates: &[Candidate<'_>], names: &Names<'_>) -> Option<Allocator> {
    let functions = family(candidates, &[Family::C]);
    if !allocates(&functions) {
        return None;
    }
    if !frees(&functions) {
        return Some(allocated_only(Layer::C, functions));
    }
    let named = |name: &str| names.functions.values().any(|symbol| *symbol == name);
    let tracking = if named("c.malloc.malloc") && named("c.malloc.free") {
        Tracking::ZigHeader
    } else if named("dlmalloc") && named("dlfree") {
        Tracking::DlmallocHeader
    } else {
        Tracking::Table
    };
    Some(live(Layer::C, tracking, functions))
}

fn rust(candidates: &[Candidate<'_>]) -> Option<Allocator> {
    let outer = family(candidates, &[Family::Rust]);
    let inner = family(candidates, &[Family::RustDlmalloc]);
    if allocates(&inner) {
        // Optimisation inlines some of the outer functions into some of their callers. Counted by header it does not
        // matter through which function a block came or goes.
        let all = family(candidates, &[Family::Rust, Family::RustDlmalloc]);
        if frees(&all) {
            return Some(live(Layer::Rust, Tracking::DlmallocHeader, all));
        }
    }
    if !allocates(&outer) {
        return None;
    }
    Some(if frees(&outer) {
        live(Layer::Rust, Tracking::Arguments, outer)
    } else {
        allocated_only(Layer::Rust, outer)
    })
}

fn assembly_script(candidates: &[Candidate<'_>]) -> Option<Allocator> {
    let functions = family(candidates, &[Family::Tlsf]);
    if allocates(&functions) && frees(&functions) {
        return Some(live(Layer::AssemblyScript, Tracking::Table, functions));
    }
    let functions = family(candidates, &[Family::New]);
    (!functions.is_empty()).then(|| allocated_only(Layer::AssemblyScript, functions))
}

fn tinygo(candidates: &[Candidate<'_>]) -> Option<Allocator> {
    let functions = family(candidates, &[Family::TinyGo]);
    (!functions.is_empty()).then(|| allocated_only(Layer::TinyGo, functions))
}

fn names_of(functions: &[AllocatorFunction]) -> String {
    let names: Vec<&str> = functions.iter().map(|f| f.name.as_str()).collect();
    names.join(", ")
}

fn live(layer: Layer, tracking: Tracking, functions: Vec<AllocatorFunction>) -> Allocator {
    let (counted, how) = match tracking {
        Tracking::DlmallocHeader => (
            Counted::UsableBytes,
            "by the usable size of each block, from dlmalloc's headers",
        ),
        Tracking::ZigHeader => (
            Counted::RequestedBytes,
            "as requested, from the headers of Zig's C library",
        ),
        Tracking::Arguments => (
            Counted::RequestedBytes,
            "as requested, from the sizes passed in and back",
        ),
        Tracking::Table | Tracking::Nothing => (
            Counted::RequestedBytes,
            "as requested, remembered in a table of its own",
        ),
    };
    Allocator::Found(FoundAllocator {
        note: format!(
            "live bytes are counted {how}; wrapped: {}",
            names_of(&functions)
        ),
        layer,
        counted,
        functions,
        tracking,
    })
}

fn allocated_only(layer: Layer, functions: Vec<AllocatorFunction>) -> Allocator {
    let functions: Vec<AllocatorFunction> = functions
        .into_iter()
        .filter(|f| !matches!(f.role, Role::Free { .. }))
        .collect();
    Allocator::Found(FoundAllocator {
        note: format!(
            "allocated bytes only: what is given back cannot be seen in this guest; wrapped: {}",
            names_of(&functions)
        ),
        layer,
        counted: Counted::AllocatedOnly,
        functions,
        tracking: Tracking::Nothing,
    })
}
