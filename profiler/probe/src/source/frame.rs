//! The code of one function, or of one place at which it was inlined, by lines of its own: what was inlined into it in
//! turn belongs to the line that calls it, as it does for the person who wrote that line.

use super::{Source, lines::FileId, scopes::covers};
use std::rc::Rc;

/// From `address` on, code belongs to `line` of `file`, as far as one instance is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameRow {
    pub(crate) address: u32,
    pub(crate) file: FileId,
    pub(crate) line: u32,
    /// Whether execution arrives at the line here, from another one or from outside.
    pub(crate) arrives: bool,
}

impl Source<'_, '_> {
    /// The rows of instance number `at`, ascending.
    pub(crate) fn frame(&self, at: usize) -> Rc<Vec<FrameRow>> {
        let known = self.frames.borrow().get(&at).cloned();
        known.unwrap_or_else(|| {
            let made = Rc::new(self.make_frame(at));
            self.frames.borrow_mut().insert(at, made.clone());
            made
        })
    }

    fn make_frame(&self, at: usize) -> Vec<FrameRow> {
        let instance = &self.instances[at];
        let children = self.children.get(&at).map_or(&[][..], Vec::as_slice);
        let mut rows: Vec<FrameRow> = Vec::new();
        let mut ranges = instance.ranges.clone();
        ranges.sort_by_key(|range| range.start);
        for range in ranges {
            let mut before: Option<(FileId, u32)> = None;
            let inside = self.lines.within(range.start, range.end);
            // A range may begin in the middle of a row.
            let begins = inside.first().is_none_or(|row| row.address > range.start);
            let first = begins.then(|| self.lines.at(range.start)).flatten();
            let begun = first.map(|row| (range.start, row));
            for (address, row) in begun
                .into_iter()
                .chain(inside.iter().map(|row| (row.address, row)))
            {
                if row.end {
                    continue;
                }
                let inlined = children
                    .iter()
                    .map(|child| &self.instances[*child])
                    .find(|child| covers(&child.ranges, address));
                let (place, is_statement) = match inlined {
                    Some(child) => (child.call, true),
                    None => (Some((row.file, row.line)), row.is_statement),
                };
                let Some((file, line)) = place else { continue };
                // A row that is no statement does not begin a line, but goes on with one.
                let arrives = line > 0 && is_statement && before != Some((file, line));
                if arrives || before != Some((file, line)) {
                    rows.push(FrameRow {
                        address,
                        file,
                        line,
                        arrives,
                    });
                }
                before = Some((file, line));
            }
        }
        rows
    }

    /// The line of instance number `at` that an address belongs to.
    pub(crate) fn frame_line(&self, at: usize, address: u32) -> Option<(FileId, u32)> {
        let rows = self.frame(at);
        let position = rows.partition_point(|row| row.address <= address);
        let row = rows.get(position.checked_sub(1)?)?;
        Some((row.file, row.line))
    }
}
