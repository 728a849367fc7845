//! What can go wrong, one enum per operation. Messages are for people; every one names the thing and what was expected.

use crate::nearest::suggestion;

/// Why a module cannot be looked into.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// Something else altogether.
    #[error(
        "not a WebAssembly module: expected it to begin with the bytes 00 61 73 6d, found {found}"
    )]
    NotWasm {
        /// What is there instead, and what it looks like.
        found: String,
    },
    /// The file ends too early.
    #[error("the module is truncated: it ends after {length} bytes, inside something unfinished")]
    Truncated {
        /// Length of what is there, bytes.
        length: usize,
    },
    /// The module breaks a rule of WebAssembly.
    #[error("the module is invalid at byte {offset} (0x{offset:x}): {what}")]
    Invalid {
        /// Where, from the beginning of the file.
        offset: usize,
        /// Which rule.
        what: String,
    },
    /// A component where a core module is needed.
    #[error("this is a WebAssembly component: expected a core module here")]
    Component,
    /// A component that unfolds into more than is run here.
    #[error(transparent)]
    ComponentTooLarge(ComponentTooLarge),
}

/// What a component is refused for before it is compiled: compiling unfolds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComponentTooLarge {
    /// More than a limit of ours.
    #[error("the component has more than {most} {what}, which is the most there may be")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: u64,
    },
    /// A component as an argument, an export or an import of a component: what it unfolds into cannot be counted.
    #[error("the component imports, exports or passes on components, which is not supported")]
    ComponentPassedOn,
}

impl InspectError {
    pub(crate) fn not_wasm(bytes: &[u8]) -> InspectError {
        let found = if bytes.is_empty() {
            "an empty file".to_owned()
        } else if bytes
            .iter()
            .find(|byte| !byte.is_ascii_whitespace())
            .is_some_and(|&byte| byte == b'(' || byte == b';')
        {
            "what looks like WebAssembly text (WAT), which has to be assembled first".to_owned()
        } else {
            let start: Vec<String> = bytes
                .iter()
                .take(4)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            start.join(" ")
        };
        InspectError::NotWasm { found }
    }
}

/// Tells a module that merely ends too early from one that is wrong.
pub(crate) fn invalid(error: &wasmparser::Error, wasm: &[u8]) -> InspectError {
    if ends_inside_a_section(wasm) {
        return InspectError::Truncated { length: wasm.len() };
    }
    InspectError::Invalid {
        offset: error.offset(),
        // Some messages are padded for alignment.
        what: error
            .message()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// Follows the section headers only: id, length, contents.
fn ends_inside_a_section(wasm: &[u8]) -> bool {
    let Some(sections) = wasm.get(8..) else {
        return true;
    };
    let mut reader = wasmparser::BinaryReader::new(sections, 8);
    while !reader.eof() {
        let contents = reader
            .read_u8()
            .and_then(|_| reader.read_var_u32())
            .and_then(|length| reader.read_bytes(length as usize));
        if contents.is_err() {
            return true;
        }
    }
    false
}

/// Why a selection cannot be armed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Text that names no breakpoint.
    #[error(transparent)]
    Breakpoint(#[from] trace::ParseBreakpointError),
    /// No function of that name.
    #[error("no function `{name}`{}", suggestion(.nearest))]
    UnknownFunction {
        /// As asked for.
        name: String,
        /// Names that exist and are near.
        nearest: Vec<String>,
    },
    /// A variable that is not known at the one breakpoint where it is wanted.
    #[error("no variable `{name}` is known at {breakpoint}{}", suggestion(.nearest))]
    NotThere {
        /// As asked for.
        name: String,
        /// Where.
        breakpoint: String,
        /// Names that are known there.
        nearest: Vec<String>,
    },
    /// A variable that exists, but not at the breakpoints asked for.
    #[error("variable `{name}` is not known at any of the breakpoints asked for")]
    ElsewhereOnly {
        /// As asked for.
        name: String,
    },
    /// No variable of that name.
    #[error("no variable `{name}`{}", suggestion(.nearest))]
    UnknownVariable {
        /// As asked for.
        name: String,
        /// Names that exist and are near.
        nearest: Vec<String>,
    },
    /// `NAME:TYPE` with a type that does not exist.
    #[error("variable `{name}`: {source}")]
    UnknownType {
        /// The variable.
        name: String,
        /// What is wrong with the type.
        source: crate::ParseValueTypeError,
    },
    /// `NAME:TYPE` with a type that the variable does not have.
    #[error("variable `{name}` is {actual}, not {given}")]
    WrongType {
        /// The variable.
        name: String,
        /// As asked for.
        given: crate::ValueType,
        /// What the guest says, in words.
        actual: String,
    },
    /// A static whose type nobody knows.
    #[error(
        "variable `{name}` is an address without a known type (the guest has no debug information for it): \
         write its type, as in `{name}:u32`"
    )]
    TypeNeeded {
        /// The variable.
        name: String,
    },
    /// Something that is not a scalar.
    #[error("variable `{name}` cannot be observed: it is {what}")]
    NotANumber {
        /// The variable.
        name: String,
        /// What it is.
        what: String,
    },
    /// A source line, or a local variable, of a guest without debug information.
    #[error(
        "`{what}` needs debug information (DWARF), which the guest does not have: build it with it (Rust: debug = 2, C: -g)"
    )]
    NoDebugInformation {
        /// As asked for.
        what: String,
    },
    /// No source file of that name.
    #[error("the debug information knows no source file `{name}`{}", suggestion(.nearest))]
    UnknownFile {
        /// As asked for.
        name: String,
        /// Files that exist and are near.
        nearest: Vec<String>,
    },
    /// Neither the line nor one after it has code.
    #[error("no code at or after {file}:{line}{}", match .last {
        Some(last) => format!("; the last line with code is {last}"),
        None => String::new(),
    })]
    NoCode {
        /// The file, as asked for.
        file: String,
        /// The line.
        line: u32,
        /// The last line of the file that has code.
        last: Option<u32>,
    },
    /// A variable that cannot be read where it was asked for.
    #[error("variable `{name}` cannot be read at {place}: {why}")]
    NotReadable {
        /// The variable.
        name: String,
        /// Where it was asked for.
        place: String,
        /// Why, and where it can be read.
        why: String,
    },
    /// A named function that is imported: it has no body to put a probe into.
    #[error(
        "function `{name}` is imported: breakpoints can be set in the guest's own functions only"
    )]
    Imported {
        /// As asked for.
        name: String,
    },
}

/// Why a module cannot be rewritten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InjectError {
    /// It cannot even be read.
    #[error(transparent)]
    Unreadable(#[from] InspectError),
    /// It was injected before.
    #[error("the module already carries Fathom's probes (it {what}): inject the original")]
    AlreadyInjected {
        /// What gives it away.
        what: String,
    },
    /// The bytes are not those that were inspected.
    #[error(
        "the module is not the one that was inspected: it has {found} functions, expected {expected}"
    )]
    OtherModule {
        /// Functions in these bytes.
        found: usize,
        /// Functions in the inspection.
        expected: usize,
    },
    /// No room for the mailbox.
    #[error(
        "the module already has {found} memories; a mailbox needs one more and 100 is the most there can be"
    )]
    TooManyMemories {
        /// Memories of the guest.
        found: usize,
    },
    /// A section could not be written again.
    #[error("cannot rewrite the {section}: {what}")]
    Section {
        /// Which.
        section: &'static str,
        /// Why.
        what: String,
    },
}
