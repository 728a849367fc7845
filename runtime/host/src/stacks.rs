//! Call stacks of a guest: each distinct one once while it runs, made readable when it has ended.

use probe::{CodeMap, Symbols};
use std::{
    collections::{HashMap, hash_map::Entry},
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};
use trace::{Frame, StackTable};
use wasmtime::WasmBacktrace;

/// Functions of a stack that are kept, the innermost. The engine is told to walk one more, to see whether there are more.
const DEEPEST: usize = 256;

/// Frames that the engine walks.
pub(crate) const WALKED: NonZeroUsize = NonZeroUsize::new(DEEPEST + 1).expect("not 0");

/// Distinct stacks kept; more are counted together.
const MOST_STACKS: usize = 1 << 14;

/// What stands for the functions outside of the kept ones.
const CUT: &str = "[deeper calls, cut off]";

/// The stack that stands for all that are too many.
const OTHERS: &str = "[other stacks, too many to keep]";

/// A place in the rewritten module: function, and offset into its body.
type Place = (u32, u32);

/// Distinct stacks, by number.
#[derive(Default)]
pub(crate) struct Stacks {
    numbers: HashMap<Box<[Place]>, u32>,
    /// The number that stands for all that are too many.
    others: Option<u32>,
}

/// Function index of the frame that stands for those that were cut.
const CUT_FUNCTION: u32 = u32::MAX;

impl Stacks {
    /// The number of a stack.
    pub(crate) fn enter(&mut self, backtrace: &WasmBacktrace) -> u32 {
        let frames = backtrace.frames();
        let mut stack: Vec<Place> = frames
            .iter()
            .take(DEEPEST)
            .map(|frame| {
                let offset = frame.func_offset().unwrap_or_default();
                (frame.func_index(), offset as u32)
            })
            .collect();
        if frames.len() > DEEPEST {
            stack.push((CUT_FUNCTION, 0));
        }
        // Outermost first.
        stack.reverse();
        let next = self.len();
        let full = self.numbers.len() >= MOST_STACKS;
        match self.numbers.entry(stack.into()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) if full => self.others(),
            Entry::Vacant(new) => *new.insert(next),
        }
    }

    /// The number under which everything is counted that is too much.
    pub(crate) fn others(&mut self) -> u32 {
        let next = self.len();
        *self.others.get_or_insert(next)
    }

    fn len(&self) -> u32 {
        self.numbers.len() as u32 + u32::from(self.others.is_some())
    }
}

/// Makes the stacks of one function readable, each place once for all calls.
pub(crate) struct Symbolizer {
    /// The unmodified module.
    wasm: Box<[u8]>,
    known: Mutex<HashMap<Place, Arc<[Frame]>>>,
}

impl Symbolizer {
    pub(crate) fn of(wasm: &[u8]) -> Symbolizer {
        Symbolizer {
            wasm: wasm.into(),
            known: Mutex::default(),
        }
    }

    /// The readable stacks, and for every number of `stacks` its position among them.
    pub(crate) fn resolve(
        &self,
        stacks: &Stacks,
        map: &CodeMap,
        innermost: Innermost,
    ) -> (StackTable, Vec<u32>) {
        let mut table = TableBuilder::default();
        let mut numbers = vec![0; stacks.len() as usize];
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Reading debug information takes a while, so it is done only for places that are new.
        let mut symbols: Option<Option<Symbols<'_>>> = None;
        // In the order of their numbers: by chance of hashing otherwise.
        let mut ordered: Vec<(&[Place], u32)> = stacks
            .numbers
            .iter()
            .map(|(stack, number)| (&**stack, *number))
            .collect();
        ordered.sort_unstable_by_key(|(_, number)| *number);
        for (stack, number) in ordered {
            let mut frames: Vec<Frame> = Vec::new();
            for place in stack {
                let found = known.entry(*place).or_insert_with(|| {
                    let symbols = symbols.get_or_insert_with(|| Symbols::of(&self.wasm).ok());
                    readable(*place, map, symbols.as_ref())
                });
                frames.extend(found.iter().cloned());
            }
            numbers[number as usize] = table.enter(innermost.of(frames));
        }
        if let Some(number) = stacks.others {
            numbers[number as usize] = table.enter(vec![marker(OTHERS)]);
        }
        (table.table, numbers)
    }
}

/// The frames of a place; none where the function was added when the guest was rewritten.
fn readable(place: Place, map: &CodeMap, symbols: Option<&Symbols<'_>>) -> Arc<[Frame]> {
    let (function, offset) = place;
    if function == CUT_FUNCTION {
        return [marker(CUT)].into();
    }
    let Some(original) = map.original(function, offset) else {
        return [].into();
    };
    match symbols {
        Some(symbols) => symbols.frames(original).into(),
        None => [marker(&format!("func[{}]", original.function))].into(),
    }
}

fn marker(name: &str) -> Frame {
    Frame {
        function: name.to_owned(),
        file: None,
        line: None,
        inlined: false,
        address: 0,
    }
}

/// Where a readable stack ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Innermost {
    /// At the function that ran.
    Running,
    /// Where the allocator begins: that memory came from there says nothing. Stacks that differ only inside of it become one.
    Allocating,
}

impl Innermost {
    /// Never empty.
    fn of(self, mut frames: Vec<Frame>) -> Vec<Frame> {
        while self == Innermost::Allocating
            && frames.len() > 1
            && let Some(last) = frames.last()
            && probe::is_allocation_function(&last.function)
        {
            frames.pop();
        }
        if frames.is_empty() {
            frames.push(marker("[called from outside of the guest]"));
        }
        frames
    }
}

#[derive(Default)]
struct TableBuilder {
    table: StackTable,
    frames: HashMap<Frame, u32>,
    stacks: HashMap<Vec<u32>, u32>,
}

impl TableBuilder {
    fn enter(&mut self, frames: Vec<Frame>) -> u32 {
        let table = &mut self.table;
        let stack: Vec<u32> = frames
            .into_iter()
            .map(|frame| match self.frames.entry(frame) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    table.frames.push(new.key().clone());
                    *new.insert(table.frames.len() as u32 - 1)
                }
            })
            .collect();
        match self.stacks.entry(stack) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                table.stacks.push(new.key().clone());
                *new.insert(table.stacks.len() as u32 - 1)
            }
        }
    }
}
