//! The straight runs of code in a function: where each ends, and where execution can go from there.
//!
//! A run is at least as long as what LLVM calls a basic block. Not every way out of one is known: where an exception goes is
//! not followed, nor is the way around an `else`, nor a branch that hardly any compiler writes.

use std::collections::HashMap;
use wasmparser::Operator;

/// Code that is only ever entered at its beginning.
pub(crate) struct Run {
    pub(crate) begin: u32,
    /// Behind its last instruction.
    pub(crate) end: u32,
    /// Where execution may go from there, as far as that is known.
    successors: Vec<u32>,
}

impl Run {
    /// Ways out of a run that are kept. A table of branches may have millions.
    const MOST: usize = 16;

    /// Where execution may go from there, as far as that is known.
    pub(crate) fn successors(&self) -> &[u32] {
        &self.successors
    }

    fn goes_to(&mut self, address: u32) {
        if self.successors.len() < Run::MOST && !self.successors.contains(&address) {
            self.successors.push(address);
        }
    }
}

/// The runs of a function. Made by showing it every instruction in turn.
#[derive(Default)]
pub(crate) struct Runs {
    /// Ascending and without gaps, the last of them still open while instructions come.
    runs: Vec<Run>,
    /// Labels that can be branched to, outermost first.
    labels: Vec<Label>,
    /// By label that is not reached yet: the runs that branch to it.
    waiting: HashMap<usize, Vec<usize>>,
    /// How many labels were opened; each is numbered.
    opened: usize,
}

struct Label {
    number: usize,
    /// Where a loop begins, which is where a branch to it goes; none of a block, whose end it is.
    begin: Option<u32>,
}

impl Runs {
    /// Nothing yet of a function whose code begins at an address.
    pub(crate) fn from(begin: u32) -> Runs {
        let mut runs = Runs::default();
        runs.runs.push(Run {
            begin,
            end: begin,
            successors: Vec::new(),
        });
        runs.open(None);
        runs
    }

    /// Takes in the instruction at `start`; the next is at `next`.
    pub(crate) fn visit(&mut self, op: &Operator<'_>, start: u32, next: u32) {
        self.grow(next);
        match op {
            Operator::Block { .. } | Operator::Try { .. } | Operator::TryTable { .. } => {
                self.open(None);
            }
            Operator::Loop { .. } => {
                self.fall_into(start);
                self.grow(next);
                self.open(Some(start));
            }
            Operator::If { .. } => {
                self.open(None);
                self.fall_into(next);
            }
            Operator::Else | Operator::Catch { .. } | Operator::CatchAll => {
                self.end_at(start);
                self.grow(next);
            }
            Operator::End | Operator::Delegate { .. } => {
                self.fall_into(start);
                self.grow(next);
                self.close(start);
            }
            Operator::Br { relative_depth } => {
                self.branch(*relative_depth);
                self.end_at(next);
            }
            Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth } => {
                self.branch(*relative_depth);
                self.fall_into(next);
            }
            Operator::BrTable { targets } => {
                for target in targets.targets().flatten() {
                    self.branch(target);
                }
                self.branch(targets.default());
                self.end_at(next);
            }
            Operator::Return
            | Operator::Unreachable
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::ReturnCallRef { .. }
            | Operator::Throw { .. }
            | Operator::ThrowRef
            | Operator::Rethrow { .. } => self.end_at(next),
            _ => {}
        }
    }

    fn open(&mut self, begin: Option<u32>) {
        self.labels.push(Label {
            number: self.opened,
            begin,
        });
        self.opened += 1;
    }

    /// A label ends at an address: what branched to it goes on there, unless it is a loop.
    fn close(&mut self, address: u32) {
        if let Some(label) = self.labels.pop() {
            for run in self.waiting.remove(&label.number).into_iter().flatten() {
                self.runs[run].goes_to(address);
            }
        }
    }

    fn branch(&mut self, depth: u32) {
        let open = self.runs.len() - 1;
        let position = self.labels.len().checked_sub(1 + depth as usize);
        let Some(label) = position.and_then(|position| self.labels.get(position)) else {
            return;
        };
        match label.begin {
            Some(begin) => self.runs[open].goes_to(begin),
            None => {
                let waiting = self.waiting.entry(label.number).or_default();
                // One table may name a label any number of times.
                if waiting.last() != Some(&open) {
                    waiting.push(open);
                }
            }
        }
    }

    fn grow(&mut self, end: u32) {
        if let Some(open) = self.runs.last_mut() {
            open.end = end;
        }
    }

    /// Ends the open run and begins the next, which cannot be reached from it.
    fn end_at(&mut self, address: u32) {
        self.grow(address);
        self.runs.push(Run {
            begin: address,
            end: address,
            successors: Vec::new(),
        });
    }

    /// The same where execution goes on.
    fn fall_into(&mut self, address: u32) {
        if let Some(open) = self.runs.last_mut()
            && open.begin < address
        {
            open.goes_to(address);
            self.end_at(address);
        }
    }

    /// The run that contains an address.
    pub(crate) fn around(&self, address: u32) -> Option<&Run> {
        let position = self.runs.partition_point(|run| run.begin <= address);
        let run = self.runs.get(position.checked_sub(1)?)?;
        (address < run.end).then_some(run)
    }
}
