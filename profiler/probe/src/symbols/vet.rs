//! Whether debug information can be used without more work and memory than its size warrants.
//!
//! A few bytes can stand for very much: a thousand functions may each refer to the same million ranges, a thousand units
//! to the same table of lines, and entries may be nested without end. Readers trust that nobody does that; a guest may. So
//! everything that is multiplied by references is counted once before, and given up where it passes what compilers write.

use super::Slice;
use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, UnitRef};

/// Nested entries: compilers stay under a hundred; readers recurse.
const MOST_DEPTH: isize = 512;
const MOST_UNITS: usize = 20_000;
/// Attributes of one kind of entry, and of all entries together.
const MOST_ATTRIBUTES_EACH: usize = 256;
const MOST_ATTRIBUTES: usize = 64_000_000;
/// Ranges of addresses, of all units and functions together.
const MOST_RANGES: usize = 2_000_000;
/// Bytes of all tables of lines, each counted as often as it is used.
const MOST_LINE_BYTES: usize = 32 << 20;
/// Bytes of all names of source files with their folders.
const MOST_PATH_BYTES: usize = 32 << 20;
const LONGEST_NAME: usize = 16 << 10;

/// Whether everything is within what compilers write. Damaged units are passed over, as readers do.
pub(super) fn is_bounded(dwarf: &Dwarf<Slice<'_>>) -> bool {
    let mut spent = Spent::default();
    let mut headers = dwarf.units();
    let mut units = 0;
    while let Ok(Some(header)) = headers.next() {
        units += 1;
        if units > MOST_UNITS {
            return false;
        }
        let Ok(unit) = dwarf.unit(header) else {
            continue;
        };
        let unit = UnitRef::new(dwarf, &unit);
        spent.lines(unit);
        // A damaged entry ends the unit for readers too.
        let _ = spent.entries(unit);
        if spent.too_much {
            return false;
        }
    }
    true
}

#[derive(Default)]
struct Spent {
    attributes: usize,
    ranges: usize,
    line_bytes: usize,
    path_bytes: usize,
    too_much: bool,
}

impl Spent {
    fn entries<'a>(&mut self, unit: UnitRef<'_, Slice<'a>>) -> gimli::Result<()> {
        let mut entries = unit.entries_raw(None)?;
        let mut entry = DebuggingInformationEntry::null();
        while !entries.is_empty() && !self.too_much {
            self.too_much |= entries.next_depth() > MOST_DEPTH;
            let mut ahead = entries.clone();
            let Some(abbreviation) = ahead.read_abbreviation()? else {
                entries = ahead;
                continue;
            };
            let attributes = abbreviation.attributes().len();
            self.attributes += attributes;
            self.too_much |= attributes > MOST_ATTRIBUTES_EACH || self.attributes > MOST_ATTRIBUTES;
            let counts = matches!(
                abbreviation.tag(),
                gimli::DW_TAG_compile_unit
                    | gimli::DW_TAG_partial_unit
                    | gimli::DW_TAG_subprogram
                    | gimli::DW_TAG_inlined_subroutine
            );
            if counts {
                entries.read_entry(&mut entry)?;
                self.entry(unit, &entry);
            } else {
                ahead.skip_attributes(abbreviation.attributes())?;
                entries = ahead;
            }
        }
        Ok(())
    }

    fn entry<'a>(
        &mut self,
        unit: UnitRef<'_, Slice<'a>>,
        entry: &DebuggingInformationEntry<Slice<'a>>,
    ) {
        for name in [gimli::DW_AT_name, gimli::DW_AT_linkage_name] {
            let name = entry
                .attr_value(name)
                .and_then(|n| unit.attr_string(n).ok());
            self.too_much |= name.is_some_and(|name| name.len() > LONGEST_NAME);
        }
        let Some(ranges) = entry.attr_value(gimli::DW_AT_ranges) else {
            return;
        };
        if let Ok(Some(offset)) = unit.attr_ranges_offset(ranges)
            && let Ok(mut ranges) = unit.ranges(offset)
        {
            while let Ok(Some(_)) = ranges.next() {
                self.ranges += 1;
                if self.ranges > MOST_RANGES {
                    self.too_much = true;
                    return;
                }
            }
        }
    }

    fn lines<'a>(&mut self, unit: UnitRef<'_, Slice<'a>>) {
        let Some(program) = &unit.line_program else {
            return;
        };
        let header = program.header();
        self.line_bytes = self.line_bytes.saturating_add(header.unit_length());
        let length =
            |name: AttributeValue<Slice<'a>>| unit.attr_string(name).map_or(0, |name| name.len());
        let folder = unit.comp_dir.map_or(0, |folder| folder.len());
        for file in header.file_names() {
            let directory = file.directory(header).map_or(0, length);
            let path = folder + directory + length(file.path_name());
            self.path_bytes = self.path_bytes.saturating_add(path);
            if self.path_bytes > MOST_PATH_BYTES {
                break;
            }
        }
        self.too_much |= self.line_bytes > MOST_LINE_BYTES || self.path_bytes > MOST_PATH_BYTES;
    }
}
