//! What can be observed in a guest: the nouns that [`crate::inspect`] fills in. Nothing is found out here.

use crate::{Mailbox, ValueType};
use serde::Serialize;

/// Everything that looking at a module, without running it, says about it.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// How it is run.
    pub kind: Kind,
    /// Source language, as the producers section or the names give it away.
    pub language: Option<String>,
    /// Tools that made it, `name version`.
    pub producers: Vec<String>,
    /// Whether debug information (DWARF) is inside.
    pub dwarf: bool,
    /// Bytes of the code section.
    pub code_bytes: usize,
    /// Bytes of the whole module.
    pub module_bytes: usize,
    /// What it needs from its host.
    pub imports: Vec<Import>,
    /// What it offers to its host.
    pub exports: Vec<Export>,
    /// Linear memories, imported ones first.
    pub memories: Vec<Memory>,
    /// Variables: exported ones and those that the guest shows by itself.
    pub variables: Vec<Variable>,
    /// Functions with a body.
    pub functions: Vec<Function>,
    /// The allocator.
    pub allocator: Allocator,
    /// What was left out, and why, in sentences for people.
    pub notes: Vec<String>,
    /// Functions in total, imports included: tells this module from another.
    #[serde(skip)]
    pub(crate) function_count: usize,
    /// Imports of `path_open` that are wrapped when the opening of files is watched.
    #[serde(skip)]
    pub(crate) path_open: Vec<u32>,
}

/// [`Inspection::language`] of Go.
pub(crate) const GO: &str = "Go";

/// How a module is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Exports `_start`: run once, from beginning to end.
    Command,
    /// Its exports are called by name.
    Reactor,
}

/// Something needed from the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The module it is imported from.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// Its type, for people: `func (i32) -> i32`.
    #[serde(rename = "type")]
    pub ty: String,
}

/// Something offered to the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// Its type, for people: `global mut f64`.
    #[serde(rename = "type")]
    pub ty: String,
}

/// A linear memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Size at the start, in pages of `page_bytes`.
    pub initial_pages: u64,
    /// Declared maximum, in pages.
    pub maximum_pages: Option<u64>,
    /// 65536 but for modules with custom page sizes.
    pub page_bytes: u64,
    /// Whether the host provides it.
    pub imported: bool,
    /// The name under which it is exported.
    pub exported: Option<String>,
    /// Whether it is addressed with 64 bits.
    pub memory64: bool,
    /// Whether threads share it.
    pub shared: bool,
}

/// A variable that can be observed anywhere: an exported one, or one that the guest shows by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Variable {
    /// The name it is exported or shown under.
    pub name: String,
    /// Where it lives.
    pub kind: VariableKind,
    /// Its type; `None` where the guest does not say.
    #[serde(rename = "type")]
    pub value_type: Option<ValueType>,
    /// Whether the type comes from the guest itself and cannot be told otherwise.
    pub typed: bool,
    /// What the guest says it is where that is not a scalar: `a structure`.
    pub not_scalar: Option<String>,
    /// Places in the code that are known to assign it. A static with none is only sampled.
    pub assignments: usize,
    /// Addresses in linear memory 0 of the values of its watch cells, by which the guest shows it: one for each place
    /// in the source, as far as they are used. Empty for an exported variable.
    pub cells: Vec<u32>,
    /// Where the code stores into a static.
    #[serde(skip)]
    pub(crate) stores: Vec<Assignment>,
}

/// An instruction that stores into a static.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// Its offset in the module.
    pub(crate) offset: usize,
    /// The address of the static in linear memory 0.
    pub(crate) address: u32,
}

/// Where a variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "in")]
pub enum VariableKind {
    /// An exported mutable global.
    Global {
        /// Its index.
        index: u32,
    },
    /// A static in linear memory 0, known by an exported immutable global that holds its address or by a watch cell.
    Static {
        /// That address. With several watch cells, the first.
        address: u32,
    },
}

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Function {
    /// Its index, imports counted first.
    pub index: u32,
    /// The name it is exported under, be it through a wrapper of the linker's.
    pub export: Option<String>,
    /// Its name in the source, demangled, from the name section.
    pub name: Option<String>,
    /// The same as it stands there.
    #[serde(skip)]
    pub(crate) symbol: Option<String>,
    /// What breakpoints call it: the exported name, else the demangled one, else `func[INDEX]`; made unique by
    /// `#INDEX` where several functions share it.
    pub label: String,
    /// Parameters, after the compiler has lowered them to WebAssembly values.
    pub parameters: Vec<Parameter>,
    /// Results.
    pub results: Vec<Parameter>,
    /// Where its body begins in the module, bytes.
    pub code_offset: usize,
    /// Bytes of its body.
    pub code_bytes: usize,
    /// Whether it contains tail calls, through which it can leave without a result of its own.
    pub tail_calls: bool,
}

/// A parameter or a result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Its name in the source; `None` where the guest does not say.
    pub name: Option<String>,
    /// Its type as WebAssembly has it.
    pub wasm: String,
    /// Its type as a scalar; `None` for what is never observed: references, vectors, and what Go passes.
    #[serde(rename = "type")]
    pub value_type: Option<ValueType>,
    /// Whether the debug information says that it is an address: it is then observed only when asked for by name.
    pub pointer: bool,
}

/// What is known of the guest's allocator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Allocator {
    /// Allocations can be counted.
    Found(FoundAllocator),
    /// Allocations cannot be counted.
    NotFound {
        /// Why, and why that matters, in one sentence.
        reason: String,
    },
}

/// An allocator whose functions are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundAllocator {
    /// Which layer of names.
    pub layer: Layer,
    /// What is counted.
    pub counted: Counted,
    /// The functions that are wrapped.
    pub functions: Vec<AllocatorFunction>,
    /// One sentence for people.
    pub note: String,
    #[serde(skip)]
    pub(crate) tracking: Tracking,
}

/// Where the size of a block is found when it is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracking {
    /// dlmalloc keeps it before the block, with flags in the lowest three bits.
    DlmallocHeader,
    /// Zig's C library keeps it before the block, above five bits of alignment.
    ZigHeader,
    /// The caller says it.
    Arguments,
    /// In a table that the wrappers keep in a memory of their own.
    Table,
    /// Nowhere: nothing is seen to be given back.
    Nothing,
}

/// Which family of names an allocator was recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// `malloc`, `free` and their kin.
    C,
    /// `__rust_alloc` and its kin, in guests without a C layer.
    Rust,
    /// The runtime of AssemblyScript.
    AssemblyScript,
    /// The runtime of TinyGo.
    TinyGo,
}

/// What the heap counters mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Live bytes, by the usable size in the header that dlmalloc puts before each block: what was asked for, rounded
    /// up as the allocator rounds it.
    UsableBytes,
    /// Live bytes, by what was asked for: from the header of Zig's C library, from the arguments of Rust's allocation
    /// functions, or from a table of sizes kept in a memory of its own.
    RequestedBytes,
    /// Total bytes asked for. What is given back cannot be seen in this guest.
    AllocatedOnly,
}

/// A function that belongs to the allocator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AllocatorFunction {
    /// Its index.
    pub index: u32,
    /// The name it was recognised by.
    pub name: String,
    #[serde(skip)]
    pub(crate) role: Role,
}

/// What a function of an allocator does, as far as counting is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Hands out a block whose size is the product of these parameters.
    Allocate { size: Product, result: BlockAt },
    /// Gives a block back. `size` is a parameter that carries its size.
    Free { block: u32, size: Option<u32> },
    /// Moves or resizes a block. `old_size` is a parameter that carries its size before.
    Reallocate {
        block: u32,
        size: Product,
        old_size: Option<u32>,
    },
}

/// One parameter, or the product of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product(pub(crate) u32, pub(crate) Option<u32>);

/// Where an allocating function puts the address of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockAt {
    /// It is the result; null is failure.
    Result,
    /// It is stored where this parameter points, if the result is 0.
    OutParameter(u32),
}

impl Allocator {
    /// The wrapped functions; none where no allocator was found.
    pub fn functions(&self) -> &[AllocatorFunction] {
        match self {
            Allocator::Found(found) => &found.functions,
            Allocator::NotFound { .. } => &[],
        }
    }
}

impl Inspection {
    /// Whether a function belongs to the allocator.
    pub(crate) fn is_allocator(&self, function: &Function) -> bool {
        let functions = self.allocator.functions();
        functions.iter().any(|f| f.index == function.index)
    }

    /// The variables whose value is now in one watch cell, now in another. The mailbox has a word for each that follows
    /// them.
    fn in_several_cells(&self) -> impl Iterator<Item = &Variable> {
        self.variables.iter().filter(|v| v.cells.len() > 1)
    }

    /// Where in the mailbox the latest value of a variable with several watch cells is.
    pub(crate) fn latest_at(&self, variable: &Variable) -> u32 {
        let before = self.in_several_cells();
        let before = before.take_while(|v| v.name != variable.name).count();
        (Mailbox::LATEST + 8 * before) as u32
    }

    /// Where in the mailbox the records begin.
    pub(crate) fn records_at(&self) -> usize {
        Mailbox::LATEST + 8 * self.in_several_cells().count()
    }

    /// The exported name of memory 0, where it has one.
    pub(crate) fn memory_export(&self) -> Option<&str> {
        self.memories.first()?.exported.as_deref()
    }
}

/// Whether a value at `address` lies wholly inside memory 0 from the start: reading it cannot trap.
pub(crate) fn has_room(memories: &[Memory], address: u32, value_type: ValueType) -> bool {
    memories.first().is_some_and(|memory| {
        let end = u64::from(address) + u64::from(value_type.size());
        end <= memory.initial_pages.saturating_mul(memory.page_bytes)
    })
}
