//! Places in the code: where a line begins, where a variable has just been assigned, where it can be read.

use super::{
    Source,
    lines::{FileId, ends_with},
    location::{Located, Unreadable},
    scopes::{Local, covers},
    shape::Leaf,
};
use crate::program::Program;
use std::{collections::BTreeSet, ops::Range};

/// A place at which execution arrives at a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrival {
    /// The instruction there.
    pub(crate) address: u32,
    /// The instance whose line it is, as a position; none in code that the debug information gives no function for.
    pub(crate) instance: Option<usize>,
}

impl Source<'_, '_> {
    /// The files that a path, or the end of one, means. The user's own come alone where there are any.
    pub(crate) fn files_called(&self, path: &str) -> Vec<FileId> {
        let files = (0..self.lines.files.len()).map(FileId);
        let all: Vec<FileId> = files
            .filter(|file| ends_with(&self.lines.files[file.0], path))
            .collect();
        let users = |file: &FileId| trace::is_users_file(&self.lines.files[file.0]);
        if all.iter().any(users) {
            all.into_iter().filter(users).collect()
        } else {
            all
        }
    }

    /// Where execution arrives at a line, from another one. Several where the line was inlined, or where the compiler has
    /// spread it.
    pub(crate) fn line_sites(&self, files: &[FileId], line: u32) -> Vec<Arrival> {
        let mut sites = BTreeSet::new();
        for at in self.instances_in(files) {
            for row in self.frame(at).iter() {
                if row.arrives
                    && row.line == line
                    && files.contains(&row.file)
                    && let Some(address) = self.stop_at(row.address)
                {
                    sites.insert(Arrival {
                        address,
                        instance: Some(at),
                    });
                }
            }
        }
        if sites.is_empty() {
            let rows = self.lines.rows.iter();
            let rows = rows.filter(|row| {
                row.is_statement && row.line == line && !row.end && files.contains(&row.file)
            });
            sites.extend(rows.filter_map(|row| {
                Some(Arrival {
                    address: self.stop_at(row.address)?,
                    instance: None,
                })
            }));
        }
        sites.into_iter().collect()
    }

    /// The lines of files that have code, ascending.
    pub(crate) fn lines_with_code(&self, files: &[FileId]) -> BTreeSet<u32> {
        let rows = self.lines.rows.iter();
        let mut lines: BTreeSet<u32> = rows
            .filter(|row| files.contains(&row.file) && row.is_statement && row.line > 0 && !row.end)
            .map(|row| row.line)
            .collect();
        for at in self.instances_in(files) {
            let frame = self.frame(at);
            let rows = frame
                .iter()
                .filter(|row| row.arrives && files.contains(&row.file));
            lines.extend(rows.map(|row| row.line));
        }
        lines
    }

    /// The instances of functions that are declared in one of the files, as positions.
    fn instances_in(&self, files: &[FileId]) -> impl Iterator<Item = usize> {
        let instances = self.instances.iter().enumerate();
        instances
            .filter(|(_, instance)| instance.file.is_some_and(|file| files.contains(&file)))
            .map(|(at, _)| at)
    }

    /// The instruction before which a probe for an address stands: at the beginning of a function, after its prologue.
    pub(crate) fn stop_at(&self, address: u32) -> Option<u32> {
        let function = self.function_at(address)?;
        let code = self.code(function)?;
        let first = code.instruction_at(address)?;
        let begins = code.instruction_at(0) == Some(first);
        if begins && let Some(end) = self.prologue_end(function) {
            return code.instruction_at(end);
        }
        Some(first)
    }

    /// The variables whose names are known at an address of an instance, inner scopes winning over outer ones.
    pub(crate) fn visible_at(&self, instance: usize, address: u32) -> Vec<&Local> {
        let mut visible: Vec<&Local> = Vec::new();
        for local in &self.instances[instance].variables {
            if covers(&local.scope, address) {
                visible.retain(|other| other.name != local.name);
                visible.push(local);
            }
        }
        visible
    }

    /// Where a number inside a variable of instance number `at` has just been given a value, and how it is fetched there.
    ///
    /// That is where a place of the variable begins to hold it, after each assignment of the local that holds it, and after
    /// each store that carries its offset. Where no such store is seen, as for what called functions change, at each line.
    pub(crate) fn assigned(&self, at: usize, local: &Local, leaf: &Leaf) -> Vec<(u32, Program)> {
        let Some(code) = self.code(self.instances[at].function) else {
            return Vec::new();
        };
        let mut addresses = BTreeSet::new();
        for (range, place) in &local.places {
            let Ok(place) = place else { continue };
            let inside = |address: &u32| range.contains(address);
            let program = self.some_fetch(at, local, leaf, range);
            let Some(program) = program else { continue };
            if matches!(place, Located::Memory(_)) || leaf.offsets.len() > 1 {
                let before = addresses.len();
                if let Some(offset) = program.last_offset() {
                    addresses.extend(code.after_stores(offset).filter(inside));
                }
                if addresses.len() == before {
                    let frame = self.frame(at);
                    let rows = frame.iter().filter(|row| row.arrives);
                    let stops = rows.filter_map(|row| self.stop_at(row.address));
                    addresses.extend(stops.filter(inside));
                }
            } else {
                addresses.extend(code.instruction_at(range.start));
                for index in program.locals() {
                    addresses.extend(code.after_sets(index).iter().copied().filter(inside));
                }
            }
        }
        let sites = addresses.into_iter();
        sites
            .filter_map(|address| Some((address, self.fetch(at, local, leaf, address).ok()?)))
            .collect()
    }

    /// How it is fetched at the first place of a range where it can be.
    fn some_fetch(
        &self,
        at: usize,
        local: &Local,
        leaf: &Leaf,
        range: &Range<u32>,
    ) -> Option<Program> {
        let rows = self.lines.within(range.start, range.end).iter();
        let mut sites = std::iter::once(range.start).chain(rows.map(|row| row.address));
        sites.find_map(|address| self.fetch(at, local, leaf, address).ok())
    }

    /// The lines of its function at which it can be read, ascending.
    pub(crate) fn readable_lines(&self, at: usize, local: &Local, leaf: &Leaf) -> BTreeSet<u32> {
        let file = self.instances[at].file;
        let frame = self.frame(at);
        let rows = frame
            .iter()
            .filter(|row| row.arrives && Some(row.file) == file);
        rows.filter(|row| {
            self.stop_at(row.address)
                .is_some_and(|address| self.fetch(at, local, leaf, address).is_ok())
        })
        .map(|row| row.line)
        .collect()
    }
}

impl Unreadable {
    /// In words, with the lines where it can be read instead.
    pub(crate) fn in_words(self, lines: &BTreeSet<u32>) -> String {
        let why = match self {
            Unreadable::OptimisedOut => "optimised out here",
            Unreadable::OperandStack => "on the operand stack here",
            Unreadable::NotUnderstood => {
                "the debug information does not say where in a way that can be true"
            }
        };
        match in_words(lines) {
            Some(lines) => format!("{why}; readable at {lines}"),
            None => format!("{why}, and nowhere else either"),
        }
    }
}

/// `14-20, 23`; `None` for none. A long list is cut.
pub(crate) fn in_words(lines: &BTreeSet<u32>) -> Option<String> {
    const MOST: usize = 6;
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == *line => *end = *line,
            _ => ranges.push((*line, *line)),
        }
    }
    let range = |(begin, end): &(u32, u32)| {
        if begin == end {
            begin.to_string()
        } else {
            format!("{begin}-{end}")
        }
    };
    let shown: Vec<String> = ranges.iter().take(MOST).map(range).collect();
    let more = if ranges.len() > MOST { " and more" } else { "" };
    (!shown.is_empty()).then(|| format!("{}{more}", shown.join(", ")))
}
