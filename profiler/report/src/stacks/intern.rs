//! One table of stacks from many: each frame and each stack once, numbered in the order in which they were met.

use std::collections::HashMap;
use trace::{Frame, StackTable};

#[derive(Clone, Debug, Default)]
pub(super) struct Interner {
    table: StackTable,
    frames: HashMap<Frame, u32>,
    stacks: HashMap<Vec<u32>, u32>,
}

impl Interner {
    /// The number here of each stack of another table. A stack with no frame at all, which no recorder writes, is one
    /// frame without a name.
    pub(super) fn add_all(&mut self, other: &StackTable) -> Vec<u32> {
        let frames: Vec<u32> = other.frames.iter().map(|f| self.frame(f)).collect();
        let known = |position: &u32| frames.get(*position as usize).copied();
        let stacks = other.stacks.iter();
        stacks
            .map(|stack| self.stack(stack.iter().filter_map(known).collect()))
            .collect()
    }

    fn frame(&mut self, frame: &Frame) -> u32 {
        if let Some(&number) = self.frames.get(frame) {
            return number;
        }
        let number = self.table.frames.len() as u32;
        self.table.frames.push(frame.clone());
        self.frames.insert(frame.clone(), number);
        number
    }

    fn stack(&mut self, mut stack: Vec<u32>) -> u32 {
        if stack.is_empty() {
            stack.push(self.frame(&Frame {
                function: String::new(),
                file: None,
                line: None,
                inlined: false,
                address: 0,
            }));
        }
        if let Some(&number) = self.stacks.get(&stack) {
            return number;
        }
        let number = self.table.stacks.len() as u32;
        self.table.stacks.push(stack.clone());
        self.stacks.insert(stack, number);
        number
    }

    pub(super) fn finish(self) -> StackTable {
        self.table
    }
}
