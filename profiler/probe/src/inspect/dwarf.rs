//! Types of exported statics and names of parameters, from DWARF.
//!
//! Only what a probe can use: scalars, and which WebAssembly local a parameter arrives in. Subprograms that the linker
//! removed (address 0xffffffff; most of them in a Rust guest) are passed over. Damaged debug information is treated as
//! absent from the place where it is damaged.

use super::dwarf_types::{Type, Types};
use crate::module::{Module, Slice};
use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, Operation, Unit};
use std::collections::HashMap;

/// What the debug information says about the functions and statics asked for.
#[derive(Default)]
pub(super) struct DebugInfo {
    /// By address.
    pub(super) statics: HashMap<u32, Type>,
    /// By function index.
    pub(super) functions: HashMap<u32, Subprogram>,
}

/// A function as its source declares it.
#[derive(Default)]
pub(super) struct Subprogram {
    pub(super) parameters: Vec<Declared>,
    /// `None` for functions that return nothing.
    pub(super) returns: Option<Type>,
}

/// A parameter as the source declares it.
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) ty: Type,
    /// The local it arrives in, where the debug information says so.
    pub(super) local: Option<u32>,
}

pub(super) fn read(module: &Module<'_>, addresses: &[u32]) -> DebugInfo {
    let mut info = DebugInfo::default();
    let Some(dwarf) = module.dwarf() else {
        return info;
    };
    let mut headers = dwarf.units();
    let mut units = Vec::new();
    while let Ok(Some(header)) = headers.next() {
        units.extend(dwarf.unit(header).ok());
    }
    let starts = function_starts(module);
    let reader = Reader {
        types: Types::new(&dwarf, &units),
        dwarf: &dwarf,
        units: &units,
        addresses,
        starts: &starts,
    };
    for unit in 0..units.len() {
        // A damaged unit leaves the others readable.
        let _ = reader.read_unit(unit, &mut info);
    }
    info
}

/// Function indices by the address that DWARF gives them: where the body begins, counted from the code section.
fn function_starts(module: &Module<'_>) -> HashMap<u64, u32> {
    module
        .bodies
        .iter()
        .enumerate()
        .map(|(index, body)| {
            let address = body.range().start - module.code_start;
            (address as u64, module.imported_functions + index as u32)
        })
        .collect()
}

struct Reader<'r, 'a> {
    dwarf: &'r Dwarf<Slice<'a>>,
    units: &'r [Unit<Slice<'a>>],
    types: Types<'r, 'a>,
    addresses: &'r [u32],
    starts: &'r HashMap<u64, u32>,
}

/// The subprogram whose parameters are being read, and how deep it lies.
struct Current {
    function: u32,
    depth: isize,
    low_pc: u64,
}

impl<'a> Reader<'_, 'a> {
    fn read_unit(&self, unit_index: usize, info: &mut DebugInfo) -> gimli::Result<()> {
        let unit = &self.units[unit_index];
        let mut entries = unit.entries_raw(None)?;
        let mut current: Option<Current> = None;
        let mut entry = DebuggingInformationEntry::null();
        while !entries.is_empty() {
            let depth = entries.next_depth();
            // Looking at the tag first saves reading the attributes of most entries.
            let mut ahead = entries.clone();
            let Some(abbreviation) = ahead.read_abbreviation()? else {
                entries = ahead;
                continue;
            };
            if current.as_ref().is_some_and(|c| depth <= c.depth) {
                current = None;
            }
            let wanted = match abbreviation.tag() {
                gimli::DW_TAG_subprogram => true,
                gimli::DW_TAG_variable => !self.addresses.is_empty(),
                gimli::DW_TAG_formal_parameter => {
                    current.as_ref().is_some_and(|c| depth == c.depth + 1)
                }
                _ => false,
            };
            if !wanted {
                ahead.skip_attributes(abbreviation.attributes())?;
                entries = ahead;
                continue;
            }
            entries.read_entry(&mut entry)?;
            match entry.tag() {
                gimli::DW_TAG_subprogram => {
                    if let Some(subprogram) = self.begin_subprogram(unit_index, &entry, depth) {
                        info.functions.insert(
                            subprogram.function,
                            Subprogram {
                                parameters: Vec::new(),
                                returns: self.types.of_entry(unit_index, &entry),
                            },
                        );
                        current = Some(subprogram);
                    }
                }
                gimli::DW_TAG_variable => self.read_variable(unit_index, &entry, info),
                _ => {
                    if let Some(current) = &current
                        && let Some(subprogram) = info.functions.get_mut(&current.function)
                    {
                        subprogram
                            .parameters
                            .push(self.read_parameter(unit_index, &entry, current));
                    }
                }
            }
        }
        Ok(())
    }

    fn begin_subprogram(
        &self,
        unit: usize,
        entry: &DebuggingInformationEntry<Slice<'a>>,
        depth: isize,
    ) -> Option<Current> {
        let low_pc = entry.attr_value(gimli::DW_AT_low_pc)?;
        let low_pc = self
            .dwarf
            .attr_address(&self.units[unit], low_pc)
            .ok()
            .flatten()?;
        let function = *self.starts.get(&low_pc)?;
        Some(Current {
            function,
            depth,
            low_pc,
        })
    }

    fn read_variable(
        &self,
        unit: usize,
        entry: &DebuggingInformationEntry<Slice<'a>>,
        info: &mut DebugInfo,
    ) {
        if let Some(AttributeValue::Exprloc(expression)) = entry.attr_value(gimli::DW_AT_location)
            && let Some(address) = self.fixed_address(unit, expression)
            && self.addresses.contains(&address)
            && let Some(ty) = self.types.of_entry(unit, entry)
        {
            info.statics.insert(address, ty);
        }
    }

    fn fixed_address(&self, unit: usize, expression: gimli::Expression<Slice<'a>>) -> Option<u32> {
        let unit = &self.units[unit];
        let address = match expression.operations(unit.encoding()).next().ok()?? {
            Operation::Address { address } => address,
            Operation::AddressIndex { index } => self.dwarf.address(unit, index).ok()?,
            _ => return None,
        };
        u32::try_from(address).ok()
    }

    fn read_parameter(
        &self,
        unit: usize,
        entry: &DebuggingInformationEntry<Slice<'a>>,
        current: &Current,
    ) -> Declared {
        Declared {
            name: self.types.name_of(unit, entry).unwrap_or_default(),
            ty: self.types.of_entry(unit, entry).unwrap_or(Type::Other),
            local: self.local_at_entry(unit, entry, current.low_pc),
        }
    }

    /// The local that holds a whole parameter when the function is entered.
    fn local_at_entry(
        &self,
        unit: usize,
        entry: &DebuggingInformationEntry<Slice<'a>>,
        low_pc: u64,
    ) -> Option<u32> {
        let unit = &self.units[unit];
        let expression = match entry.attr_value(gimli::DW_AT_location)? {
            AttributeValue::Exprloc(expression) => expression,
            list => {
                let mut locations = self.dwarf.attr_locations(unit, list).ok()??;
                let first = locations.next().ok()??;
                (first.range.begin == low_pc).then_some(first.data)?
            }
        };
        let mut operations = expression.operations(unit.encoding());
        let Operation::WasmLocal { index } = operations.next().ok()?? else {
            return None;
        };
        match operations.next().ok()? {
            None | Some(Operation::StackValue) => {}
            Some(_) => return None,
        }
        operations.next().ok()?.is_none().then_some(index)
    }
}
