//! The source of a guest, as its debug information (DWARF 4 and 5) tells it: lines, functions and where they were inlined,
//! variables and where they can be read.
//!
//! Everything in it comes from the module and may be wrong or meant to do harm. What is damaged is treated as absent; what
//! cannot be true of the code is not believed: see [`Source::fetch`]. Addresses count from the beginning of the code
//! section, as those of DWARF do.
//!
//! Not here: what is chosen ([`crate::plan`]), and how a value gets out of the guest ([`crate::inject`]).

pub(crate) mod code;
mod frame;
mod held;
pub(crate) mod lines;
pub(crate) mod location;
pub(crate) mod origin;
pub(crate) mod readable;
mod runs;
pub(crate) mod scopes;
pub(crate) mod shape;
pub(crate) mod sites;

use crate::{
    inspect::dwarf_types::Types,
    module::Module,
    program::{Op, Program},
};
use code::Code;
use frame::FrameRow;
use lines::Lines;
use location::{Located, Unreadable};
pub use readable::{ReadableFunction, ReadableLine, ReadableVariable, SourceError, readable};
use scopes::{Instance, Local, Reader, covers};
use shape::{Leaf, Shape, Shapes};
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    ops::Range,
    rc::Rc,
};

/// What the debug information of a module says about its source.
pub(crate) struct Source<'m, 'a> {
    module: &'m Module<'a>,
    pub(crate) lines: Lines,
    pub(crate) instances: Vec<Instance>,
    /// Names of variables that the compiler may have kept nothing of.
    pub(crate) named: BTreeSet<String>,
    /// By type: what is inside.
    shapes: HashMap<(usize, gimli::UnitOffset), Rc<Shape>>,
    /// By function: what its code does. Looked through when first asked for.
    codes: RefCell<HashMap<u32, Option<Rc<Code>>>>,
    /// By instance: its code by lines of its own. Made when first asked for.
    frames: RefCell<HashMap<usize, Rc<Vec<FrameRow>>>>,
    /// By instance: those that were inlined into it.
    children: HashMap<usize, Vec<usize>>,
    /// Where each function begins and ends, ascending.
    functions: Vec<(Range<u32>, u32)>,
}

impl<'m, 'a> Source<'m, 'a> {
    /// Reads the debug information of a module. With `everything`, variables of libraries too.
    pub(crate) fn read(module: &'m Module<'a>, everything: bool) -> Source<'m, 'a> {
        let functions = functions(module);
        let mut source = Source {
            module,
            lines: Lines::default(),
            instances: Vec::new(),
            named: BTreeSet::new(),
            shapes: HashMap::new(),
            codes: RefCell::default(),
            frames: RefCell::default(),
            children: HashMap::new(),
            functions,
        };
        source.read_dwarf(everything);
        for (at, instance) in source.instances.iter().enumerate() {
            if let Some(parent) = instance.parent {
                source.children.entry(parent).or_default().push(at);
            }
        }
        source
    }

    fn read_dwarf(&mut self, everything: bool) {
        let Some(dwarf) = self.module.dwarf() else {
            return;
        };
        let mut headers = dwarf.units();
        let mut units = Vec::new();
        while let Ok(Some(header)) = headers.next() {
            units.extend(dwarf.unit(header).ok());
        }
        let files: Vec<_> = units
            .iter()
            .map(|unit| self.lines.add(&dwarf, unit))
            .collect();
        self.lines.sort();
        let starts: HashMap<u64, u32> = self
            .functions
            .iter()
            .map(|(range, function)| (u64::from(range.start), *function))
            .collect();
        let types = Types::new(&dwarf, &units);
        let reader = Reader {
            dwarf: &dwarf,
            units: &units,
            types: &types,
            files: &files,
            paths: &self.lines.files,
            starts: &starts,
            everything,
            named: RefCell::default(),
            declared: RefCell::default(),
        };
        for unit in 0..units.len() {
            reader.unit(unit, &mut self.instances);
        }
        self.named = reader.named.take();
        let shapes = Shapes::new(&units, &types);
        for local in self.instances.iter().flat_map(|i| &i.variables) {
            if let Some(ty) = local.ty {
                self.shapes.entry(ty).or_insert_with(|| shapes.of(ty));
            }
        }
    }

    /// Whether there is anything to go by.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.rows.is_empty() && self.instances.is_empty()
    }

    /// What is inside a variable.
    pub(crate) fn shape(&self, local: &Local) -> Option<&Shape> {
        self.shapes.get(&local.ty?).map(|shape| &**shape)
    }

    /// The function whose body contains an address.
    pub(crate) fn function_at(&self, address: u32) -> Option<u32> {
        let position = self
            .functions
            .partition_point(|(range, _)| range.start <= address);
        let (range, function) = self.functions.get(position.checked_sub(1)?)?;
        range.contains(&address).then_some(*function)
    }

    /// The code of a function.
    pub(crate) fn code(&self, function: u32) -> Option<Rc<Code>> {
        let mut codes = self.codes.borrow_mut();
        let code = codes.entry(function);
        code.or_insert_with(|| Code::of(self.module, function).map(Rc::new))
            .clone()
    }

    /// The offset in the module of an address.
    pub(crate) fn offset(&self, address: u32) -> usize {
        self.module.code_start + address as usize
    }

    /// Where the parameters of a function have arrived: the end of its prologue, where the debug information names one.
    pub(crate) fn prologue_end(&self, function: u32) -> Option<u32> {
        let position = function.checked_sub(self.module.imported_functions)?;
        let (range, _) = self.functions.get(position as usize)?;
        let rows = self.lines.within(range.start, range.end);
        rows.iter()
            .find(|row| row.prologue_end)
            .map(|row| row.address)
    }

    /// How a number inside a variable of instance number `at` is fetched at an address.
    ///
    /// # Errors
    ///
    /// Why it cannot be read there. What the debug information says is checked against the code: the locals have to exist,
    /// to hold numbers and to have been assigned, and a variable in memory must have been reached by its declaration.
    pub(crate) fn fetch(
        &self,
        at: usize,
        local: &Local,
        leaf: &Leaf,
        address: u32,
    ) -> Result<Program, Unreadable> {
        if !covers(&local.scope, address) {
            return Err(Unreadable::OptimisedOut);
        }
        let mut because = Unreadable::OptimisedOut;
        // A compiler names one place at a time, a hostile module any number of them.
        const MOST: usize = 8;
        let here = local
            .places
            .iter()
            .filter(|(range, _)| range.contains(&address));
        for (range, place) in here.take(MOST) {
            match place {
                Ok(located) if !self.is_held(at, local, (range, located), address) => {}
                Ok(located) => match self.program(at, local, leaf, located, address) {
                    Ok(program) => return Ok(program),
                    Err(why) => because = why,
                },
                Err(why) => because = *why,
            }
        }
        Err(because)
    }

    fn program(
        &self,
        at: usize,
        local: &Local,
        leaf: &Leaf,
        located: &Located,
        address: u32,
    ) -> Result<Program, Unreadable> {
        let instance = &self.instances[at];
        let size = self.shape(local).map_or(0, |shape| shape.size);
        let program = read_leaf(located, leaf, size).ok_or(Unreadable::OptimisedOut)?;
        let code = self
            .code(instance.function)
            .ok_or(Unreadable::NotUnderstood)?;
        for index in program.locals() {
            if !code.has_number(index) {
                return Err(Unreadable::NotUnderstood);
            }
            if matches!(located, Located::Value(_)) && !code.fits(&program, leaf.ty) {
                return Err(Unreadable::NotUnderstood);
            }
            if code.set_from(index).is_none_or(|from| address < from) {
                return Err(Unreadable::OptimisedOut);
            }
        }
        for index in program.globals() {
            let global = self.module.globals.get(index as usize);
            if !global.is_some_and(|global| code::is_number(global.content_type)) {
                return Err(Unreadable::NotUnderstood);
            }
        }
        if program.loads() {
            let memory = self.module.memories.first();
            if memory.is_none_or(|memory| memory.memory64 || memory.page_size_log2.is_some()) {
                return Err(Unreadable::NotUnderstood);
            }
        }
        if matches!(located, Located::Memory(_)) && !self.is_initialised(at, local, address) {
            return Err(Unreadable::OptimisedOut);
        }
        Ok(program)
    }

    /// What lies in memory is there before its variable has been given a value: of a parameter until the prologue ends, of
    /// others until a line after their declaration is reached.
    fn is_initialised(&self, at: usize, local: &Local, address: u32) -> bool {
        let instance = &self.instances[at];
        if self
            .prologue_end(instance.function)
            .is_some_and(|end| address < end)
        {
            return false;
        }
        if local.is_parameter || local.line == 0 {
            return true;
        }
        match self.frame_line(at, address) {
            Some((file, line)) if Some(file) == instance.file && line > 0 => line > local.line,
            // Code that belongs to no line, or to a macro of another file.
            _ => true,
        }
    }
}

/// Where each function begins and ends.
fn functions(module: &Module<'_>) -> Vec<(Range<u32>, u32)> {
    let address =
        |offset: usize| u32::try_from(offset.saturating_sub(module.code_start)).unwrap_or(u32::MAX);
    let bodies = module.bodies.iter().enumerate();
    bodies
        .map(|(position, body)| {
            let range = body.range();
            let function = module.imported_functions + position as u32;
            (address(range.start)..address(range.end), function)
        })
        .collect()
}

/// The steps from where a variable is to a number inside it; `None` where that part of it is nowhere.
fn read_leaf(located: &Located, leaf: &Leaf, size: u64) -> Option<Program> {
    let (first, rest) = leaf.offsets.split_first()?;
    let width = if rest.is_empty() {
        leaf.ty.size() as u8
    } else {
        4
    };
    let mut program = read_part(located, *first, u64::from(width), size)?;
    for (position, offset) in rest.iter().enumerate() {
        let last = position + 1 == rest.len();
        let width = if last { leaf.ty.size() as u8 } else { 4 };
        // A pointer may have been kept with something above it.
        program = program.then(&[
            Op::Const(0xffff_ffff),
            Op::And,
            Op::Const(i64::try_from(*offset).ok()?),
            Op::Add,
            Op::Load(width),
        ])?;
    }
    Some(program)
}

fn read_part(located: &Located, offset: u64, width: u64, size: u64) -> Option<Program> {
    let signed = i64::try_from(offset).ok()?;
    match located {
        Located::Memory(address) => {
            // The offset from the frame's base and that of the member together are what a store carries.
            let mut ops = address.ops().to_vec();
            if let [.., Op::Const(base), Op::Add] = ops.as_mut_slice() {
                *base = base.checked_add(signed)?;
            } else {
                ops.extend([Op::Const(signed), Op::Add]);
            }
            ops.push(Op::Load(width as u8));
            Program::new(ops)
        }
        Located::Value(value) if offset == 0 => Some(value.clone()),
        // Several members in one value of up to 64 bits.
        Located::Value(value) if size <= 8 && offset < 8 => {
            value.then(&[Op::Const(8 * signed), Op::ShrU])
        }
        Located::Value(_) => None,
        Located::Pieces(pieces) => {
            let mut begin = 0u64;
            for (bytes, part) in pieces {
                let end = begin.checked_add(*bytes)?;
                if offset >= begin && offset.checked_add(width)? <= end {
                    return read_part(part.as_ref()?, offset - begin, width, *bytes);
                }
                begin = end;
            }
            None
        }
    }
}
