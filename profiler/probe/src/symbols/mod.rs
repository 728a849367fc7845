//! Takes places in the code apart into what people know: functions by name, source files, lines, and the functions that
//! the compiler put into others. Bytes of the unmodified module in, [`trace::Frame`]s out.
//!
//! With debug information all of that; without, or where it is damaged or would take too much work, the name section;
//! without that, `func[INDEX]`. Not here: how a rewritten module's places become those of the original
//! ([`crate::CodeMap`]).

mod vet;

use crate::{
    code_map::OriginalPlace,
    error::InspectError,
    inspect::{Names, demangle},
    module::{Module, Slice},
};
use addr2line::Context;
use std::collections::HashMap;
use trace::Frame;
use wasmparser::ExternalKind;

/// Longest name of a function that is kept, bytes. Longer ones end in `...`.
const LONGEST_NAME: usize = 1024;

/// What a module says of its own code.
pub struct Symbols<'a> {
    module: Module<'a>,
    names: Names<'a>,
    exports: HashMap<u32, &'a str>,
    /// `None` without usable debug information.
    lines: Option<Context<Slice<'a>>>,
}

impl<'a> Symbols<'a> {
    /// Of an unmodified core module.
    ///
    /// # Errors
    ///
    /// Where the bytes are no module. Debug information and names may be damaged: then they are passed over.
    pub fn of(wasm: &'a [u8]) -> Result<Symbols<'a>, InspectError> {
        let module = Module::parse(wasm)?;
        let names = Names::of(&module);
        let functions = module
            .exports
            .iter()
            .filter(|export| matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact));
        let exports = functions
            .map(|export| (export.index, export.name))
            .collect();
        Ok(Symbols {
            lines: lines(&module),
            module,
            names,
            exports,
        })
    }

    /// Whether there is debug information that can be used.
    pub fn has_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// The functions at a place, outermost first: the one whose code it is, then what was inlined there. Never empty.
    pub fn frames(&self, place: OriginalPlace) -> Vec<Frame> {
        let position = place.function.checked_sub(self.module.imported_functions);
        let body = position.and_then(|position| self.module.bodies.get(position as usize));
        let address = body.map_or(0, |body| body.range().start + place.offset as usize);
        let mut frames = body
            .and_then(|_| self.with_lines(address))
            .unwrap_or_default();
        frames.reverse();
        if frames.is_empty() {
            frames.push(Frame {
                function: String::new(),
                file: None,
                line: None,
                inlined: false,
                address: address as u64,
            });
        }
        for (depth, frame) in frames.iter_mut().enumerate() {
            frame.inlined = depth > 0;
            if frame.inlined && frame.function.is_empty() {
                frame.function = "[inlined]".to_owned();
            }
        }
        let outermost = &mut frames[0];
        if outermost.function.is_empty() {
            let name = self.name(place.function);
            outermost.function = name.unwrap_or_else(|| format!("func[{}]", place.function));
        }
        frames
    }

    /// The name of a function: the demangled symbol, else what it is exported under.
    pub fn name(&self, function: u32) -> Option<String> {
        let symbol = self.names.functions.get(&function);
        let symbol = symbol.map(|symbol| demangle(symbol));
        let exported = || self.exports.get(&function).map(|name| (*name).to_owned());
        symbol
            .filter(|name| !name.is_empty())
            .or_else(exported)
            .map(shortened)
    }

    /// Innermost first, as the debug information has it.
    fn with_lines(&self, address: usize) -> Option<Vec<Frame>> {
        // Debug information counts from the contents of the code section.
        let relative = address.checked_sub(self.module.code_start)? as u64;
        let lookup = self.lines.as_ref()?.find_frames(relative);
        let mut found = lookup.skip_all_loads().ok()?;
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = found.next() {
            let name = frame
                .function
                .as_ref()
                .and_then(|name| name.raw_name().ok());
            let location = frame.location.as_ref();
            frames.push(Frame {
                function: name.map_or_else(String::new, |symbol| shortened(demangle(&symbol))),
                file: location.and_then(|at| at.file).map(str::to_owned),
                line: location.and_then(|at| at.line),
                inlined: false,
                address: address as u64,
            });
        }
        Some(frames)
    }
}

fn shortened(mut name: String) -> String {
    if name.len() > LONGEST_NAME {
        let mut end = LONGEST_NAME;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        name.push_str("...");
    }
    name
}

fn lines<'a>(module: &Module<'a>) -> Option<Context<Slice<'a>>> {
    let dwarf = module.dwarf()?;
    vet::is_bounded(&dwarf).then(|| Context::from_dwarf(dwarf).ok())?
}
