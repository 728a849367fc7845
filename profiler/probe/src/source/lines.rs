//! The line table: which instruction belongs to which line of which file.

use crate::module::Slice;
use gimli::{AttributeValue, Dwarf, Unit};
use std::collections::HashMap;

/// A source file, as a position in [`Lines::files`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId(pub(crate) usize);

/// From `address` on, to the next row, code belongs to `line` of `file`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) address: u32,
    pub(crate) file: FileId,
    /// 0 for code that belongs to no line.
    pub(crate) line: u32,
    /// Where a debugger would stop for this line.
    pub(crate) is_statement: bool,
    /// The function's parameters have arrived where the debug information says.
    pub(crate) prologue_end: bool,
    /// Nothing is said of what follows.
    pub(crate) end: bool,
}

/// The line tables of all units together.
#[derive(Default)]
pub(crate) struct Lines {
    /// Paths, with the directory of the compilation where they are relative to it.
    pub(crate) files: Vec<String>,
    by_path: HashMap<String, FileId>,
    /// Ascending by address.
    pub(crate) rows: Vec<Row>,
}

/// The files of one unit by the number that its debug information gives them.
#[derive(Default)]
pub(crate) struct UnitFiles {
    files: HashMap<u64, FileId>,
}

impl UnitFiles {
    pub(crate) fn get(&self, number: u64) -> Option<FileId> {
        self.files.get(&number).copied()
    }
}

impl Lines {
    /// Rows that are read at most; the rest of a table that is larger is left out.
    const MOST_ROWS: usize = 8_000_000;

    /// Adds the table of a unit. What is damaged ends it; what was read before stays.
    pub(crate) fn add(&mut self, dwarf: &Dwarf<Slice<'_>>, unit: &Unit<Slice<'_>>) -> UnitFiles {
        let mut files = UnitFiles::default();
        let Some(program) = unit.line_program.clone() else {
            return files;
        };
        let mut rows = program.rows();
        let mut begins = true;
        let mut removed = false;
        while let Ok(Some((header, row))) = rows.next_row() {
            // The code of this sequence was removed by the linker, which older ones say by the address 0.
            if begins {
                removed = row.address() == 0 || row.address() >= u64::from(u32::MAX) - 1;
            }
            begins = row.end_sequence();
            if removed {
                continue;
            }
            let number = row.file_index();
            let file = match files.get(number) {
                Some(file) => file,
                None => {
                    let path = path(dwarf, unit, header, number).unwrap_or_default();
                    let file = self.intern(path);
                    files.files.insert(number, file);
                    file
                }
            };
            let Ok(address) = u32::try_from(row.address()) else {
                continue;
            };
            if self.rows.len() >= Lines::MOST_ROWS {
                break;
            }
            self.rows.push(Row {
                address,
                file,
                line: row
                    .line()
                    .map_or(0, |line| u32::try_from(line.get()).unwrap_or(0)),
                is_statement: row.is_stmt(),
                prologue_end: row.prologue_end(),
                end: row.end_sequence(),
            });
        }
        // Declarations also name files that no row belongs to.
        let header = unit.line_program.as_ref().map(|program| program.header());
        for number in 0..=header.map_or(0, |header| header.file_names().len() as u64) {
            if files.get(number).is_none()
                && let Some(path) = header.and_then(|header| path(dwarf, unit, header, number))
            {
                let file = self.intern(path);
                files.files.insert(number, file);
            }
        }
        files
    }

    fn intern(&mut self, path: String) -> FileId {
        let next = FileId(self.files.len());
        let known = *self.by_path.entry(path.clone()).or_insert(next);
        if known == next {
            self.files.push(path);
        }
        known
    }

    /// After the last unit has been added.
    pub(crate) fn sort(&mut self) {
        // Where one sequence ends and another begins, the end comes first.
        self.rows.sort_by_key(|row| (row.address, !row.end));
    }

    /// The row that an address belongs to.
    pub(crate) fn at(&self, address: u32) -> Option<&Row> {
        let position = self.rows.partition_point(|row| row.address <= address);
        let row = self.rows.get(position.checked_sub(1)?)?;
        (!row.end).then_some(row)
    }

    /// The rows that begin in a range of addresses.
    pub(crate) fn within(&self, begin: u32, end: u32) -> &[Row] {
        let from = self.rows.partition_point(|row| row.address < begin);
        let to = self.rows.partition_point(|row| row.address < end);
        &self.rows[from..to.max(from)]
    }

    /// A file as users are told of it: the last two parts of its path, more where that is not enough to tell it from others.
    pub(crate) fn shown(&self, file: FileId) -> String {
        let path = &self.files[file.0];
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        for count in 2..parts.len() {
            let suffix = parts[parts.len() - count..].join("/");
            let same = self.files.iter().filter(|other| ends_with(other, &suffix));
            if same.count() == 1 {
                return suffix;
            }
        }
        path.clone()
    }
}

/// Whether a path ends with the parts of another.
pub(crate) fn ends_with(path: &str, suffix: &str) -> bool {
    let suffix = suffix.trim_start_matches("./");
    path.strip_suffix(suffix)
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

fn path(
    dwarf: &Dwarf<Slice<'_>>,
    unit: &Unit<Slice<'_>>,
    header: &gimli::LineProgramHeader<Slice<'_>>,
    number: u64,
) -> Option<String> {
    let file = header.file(number)?;
    let text = |value: AttributeValue<Slice<'_>>| {
        let text = dwarf.attr_string(unit, value).ok()?;
        Some(String::from_utf8_lossy(text.slice()).into_owned())
    };
    let name = text(file.path_name())?;
    // In version 4 directory 0, that of the compilation, is not in the table.
    let directory = file.directory(header).and_then(text);
    let base = unit
        .comp_dir
        .map(|base| String::from_utf8_lossy(base.slice()).into_owned());
    let mut name = name;
    for folder in [directory, base].into_iter().flatten() {
        if !name.starts_with('/') && !folder.is_empty() && !name.starts_with(&format!("{folder}/"))
        {
            name = format!("{folder}/{name}");
        }
    }
    Some(name.trim_start_matches("./").to_owned())
}
