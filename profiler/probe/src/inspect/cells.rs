//! Watch cells: how a guest shows a variable by itself. A cell is a static of the guest kit that begins with a mark, so
//! it is found in the data of the module whatever was stripped from it, and whatever language it was written in.
//!
//! | offset | bytes | is |
//! |---|---|---|
//! | 0 | 16 | [`MARK`] |
//! | 16 | 8 | address of the name |
//! | 24 | 8 | length of the name, bytes, in UTF-8; [`UTF16`]: a string of AssemblyScript |
//! | 32 | 8 | the value, an `i64` |
//!
//! All of it lies in linear memory 0 from the start, little endian, the cell at a multiple of 8. The address of a name
//! may also be stored into a cell while the guest runs, as a constant.
//!
//! A module may contain anything: what is no cell is left out and said in a note. Memory is never built up to be
//! searched: cells are looked for in the data segments themselves, where linkers leave the mark in one piece.

use super::survey::{Stored, Survey};
use crate::{
    ValueType,
    inspection::{Assignment, Memory, Variable, VariableKind},
    module::{Module, constant},
};
use wasmparser::DataKind;

/// What every cell begins with. No text contains it, for it is not UTF-8; no optimiser divides it, for it has no zeros.
const MARK: &[u8; 16] = b"\xFAFATHOM-WATCH-V1";
/// Bytes of a cell.
const CELL: usize = 40;
const NAME: u32 = 16;
const VALUE: u32 = 32;
/// A length that says: the name is in UTF-16, and its length in bytes is in the four bytes before it.
const UTF16: u64 = u64::MAX;
/// The most cells that are looked at.
const MOST_CELLS: usize = 256;
/// The longest name, bytes in UTF-8.
const LONGEST_NAME: usize = 64;

/// The cells of a module, before the code has been surveyed.
pub(super) struct Cells<'a> {
    image: Image<'a>,
    /// Where they are, ascending, and what their last words say.
    cells: Vec<Cell>,
    found_too_many: bool,
}

struct Cell {
    at: u32,
    name: u64,
    name_length: u64,
}

impl Cell {
    /// Whether the address of the name is stored when the guest runs.
    fn is_named_late(&self) -> bool {
        self.name == 0
    }
}

impl<'a> Cells<'a> {
    pub(super) fn find(module: &Module<'a>, memories: &[Memory]) -> Cells<'a> {
        let image = Image::new(module, memories);
        let mut addresses = image.multiples_of_8_with(MARK);
        let found_too_many = addresses.len() > MOST_CELLS;
        addresses.truncate(MOST_CELLS);
        let cells = addresses
            .into_iter()
            .filter_map(|at| {
                let cell: [u8; CELL] = image.read(u64::from(at))?;
                let (mark, rest) = cell.split_first_chunk()?;
                let (name, rest) = rest.split_first_chunk()?;
                let (length, _) = rest.split_first_chunk()?;
                (mark == MARK).then_some(Cell {
                    at,
                    name: u64::from_le_bytes(*name),
                    name_length: u64::from_le_bytes(*length),
                })
            })
            .collect();
        Cells {
            image,
            cells,
            found_too_many,
        }
    }

    /// Addresses of their values: stores to these are assignments.
    pub(super) fn values(&self) -> impl Iterator<Item = u32> {
        self.cells.iter().map(|cell| cell.at + VALUE)
    }

    /// Addresses at which names are stored when the guest runs.
    pub(super) fn late_names(&self) -> impl Iterator<Item = u32> {
        let late = self.cells.iter().filter(|cell| cell.is_named_late());
        late.map(|cell| cell.at + NAME)
    }

    /// The watched variables, in the order of their first cells, and notes on what was left out. Cells of the same name
    /// are one variable.
    pub(super) fn variables(&self, survey: &Survey) -> (Vec<Variable>, Vec<String>) {
        let mut variables: Vec<Variable> = Vec::new();
        let mut nameless = 0;
        for cell in &self.cells {
            match self.name(cell, survey) {
                Some(name) => add(&mut variables, name, cell.at + VALUE, survey),
                None => nameless += 1,
            }
        }
        for variable in &mut variables {
            settle(variable, survey);
        }
        let mut notes = Vec::new();
        if nameless > 0 {
            notes.push(format!(
                "watch cells left out: {nameless}, because the name is not 1 to {LONGEST_NAME} bytes of printable text"
            ));
        }
        if self.found_too_many {
            notes.push(format!(
                "only the first {MOST_CELLS} watch cells are looked at"
            ));
        }
        (variables, notes)
    }

    fn name(&self, cell: &Cell, survey: &Survey) -> Option<String> {
        let at = if cell.is_named_late() {
            match survey.constants.get(&(cell.at + NAME)) {
                Some(Stored::Constant(address)) => u64::from(*address),
                _ => return None,
            }
        } else {
            cell.name
        };
        let name = if cell.name_length == UTF16 {
            let length = self.image.read(at.checked_sub(4)?)?;
            let bytes = self.image.read_up_to(
                at,
                u64::from(u32::from_le_bytes(length)),
                2 * LONGEST_NAME,
            )?;
            let (units, odd) = bytes.as_chunks();
            let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
            let text = char::decode_utf16(units)
                .collect::<Result<String, _>>()
                .ok();
            text.filter(|_| odd.is_empty())?
        } else {
            let bytes = self.image.read_up_to(at, cell.name_length, LONGEST_NAME)?;
            String::from_utf8(bytes).ok()?
        };
        let printable = !name.is_empty() && !name.contains(is_invisible);
        (printable && name.len() <= LONGEST_NAME).then_some(name)
    }
}

/// Control characters, and those by which names look alike or other than they are: they reorder text or have no width.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Adds a cell to the variable of its name, which may be there already.
fn add(variables: &mut Vec<Variable>, name: String, address: u32, survey: &Survey) {
    let stores = survey.assignments(address);
    match variables.iter_mut().find(|variable| variable.name == name) {
        Some(variable) => {
            variable.cells.push(address);
            variable.stores.extend(stores);
        }
        None => variables.push(Variable {
            name,
            kind: VariableKind::Static { address },
            value_type: Some(ValueType::I64),
            typed: true,
            not_scalar: None,
            assignments: 0,
            cells: vec![address],
            stores: stores.collect(),
        }),
    }
}

/// Decides what is known of a variable once all its cells are.
fn settle(variable: &mut Variable, survey: &Survey) {
    variable.assignments = variable.stores.len();
    if let Some(&Assignment { address, .. }) = variable.stores.first() {
        variable.kind = VariableKind::Static { address };
        // Cells without a store belong to code that an optimiser has removed.
        let is_assigned = |cell: &u32| survey.assignments(*cell).next().is_some();
        variable.cells.retain(is_assigned);
    } else if variable.cells.len() > 1 {
        variable.value_type = None;
        variable.not_scalar =
            Some("watched in several places, and no store to any of them is recognised".to_owned());
    }
}

/// Linear memory 0 as it is when the guest begins: its active data segments over zeros, never put together.
struct Image<'a> {
    /// Bytes of the memory.
    size: u64,
    /// Where they go, in the order in which they are written.
    segments: Vec<(u32, &'a [u8])>,
}

impl<'a> Image<'a> {
    fn new(module: &Module<'a>, memories: &[Memory]) -> Image<'a> {
        let size = memories.first().filter(|memory| !memory.memory64);
        let size = size.map_or(0, |memory| {
            let bytes = memory.initial_pages.saturating_mul(memory.page_bytes);
            bytes.min(1 << 32)
        });
        let data = module.sections.data.clone().into_iter().flatten();
        let segments = data
            .map_while(Result::ok)
            .filter_map(|segment| match segment.kind {
                DataKind::Active {
                    memory_index: 0,
                    offset_expr,
                } => {
                    let offset = constant(&offset_expr)?;
                    let end = u64::from(offset) + segment.data.len() as u64;
                    (end <= size).then_some((offset, segment.data))
                }
                _ => None,
            })
            .collect();
        Image { size, segments }
    }

    /// Bytes of memory; `None` where they are not all inside.
    fn read<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.copy(at, &mut bytes)?;
        Some(bytes)
    }

    /// The same for a length that is not known before, if it is not more than `most`.
    fn read_up_to(&self, at: u64, length: u64, most: usize) -> Option<Vec<u8>> {
        let length = usize::try_from(length).ok().filter(|l| *l <= most)?;
        let mut bytes = vec![0; length];
        self.copy(at, &mut bytes)?;
        Some(bytes)
    }

    fn copy(&self, at: u64, to: &mut [u8]) -> Option<()> {
        let end = at.checked_add(to.len() as u64)?;
        if end > self.size {
            return None;
        }
        for (start, data) in &self.segments {
            let start = u64::from(*start);
            let from = at.max(start);
            let until = end.min(start + data.len() as u64);
            if from < until {
                let source = &data[(from - start) as usize..(until - start) as usize];
                to[(from - at) as usize..(until - at) as usize].copy_from_slice(source);
            }
        }
        Some(())
    }

    /// The addresses, of those that are multiples of 8, at which a segment contains `mark`; ascending. Segments may repeat
    /// an address, so nothing can be said of the first few before all are known; they are fewer than the bytes of data.
    fn multiples_of_8_with(&self, mark: &[u8]) -> Vec<u32> {
        let mut found: Vec<u32> = self
            .segments
            .iter()
            .flat_map(|(start, data)| {
                let skipped = (8 - (*start as usize & 7)) & 7;
                let places = (skipped..data.len()).step_by(8);
                places
                    .filter(move |place| data[*place..].starts_with(mark))
                    .map(move |place| start + place as u32)
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}
