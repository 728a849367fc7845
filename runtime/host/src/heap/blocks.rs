//! Blocks that are held, by address.
//!
//! Where all are reported they are kept in a table that mirrors the guest's memory, eight bytes for eight bytes, piece by
//! piece as it is used: never larger than the guest's own memory, and as near to each other as the blocks are. What does
//! not fit there (odd addresses, addresses beyond the guest's memory) and sampled blocks are in a map of bounded size.

use std::collections::HashMap;

/// Blocks in the map; more are not remembered: they count as allocated and not as held.
const MOST_IN_MAP: usize = 1 << 20;

/// Bytes of the guest's memory in one piece of the table, as a power of two.
const PIECE_BITS: u32 = 16;
const CELLS: usize = 1 << (PIECE_BITS - 3);

/// A block that is held.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) size: u32,
    pub(super) stack: u32,
}

/// What became of a block that was to be remembered.
pub(super) enum Inserted {
    /// It is; `before` was at its address.
    Held { before: Option<Block> },
    /// It is not.
    NoRoom,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    size: u32,
    /// The number of the stack and 1; 0 where there is no block.
    stack: u32,
}

pub(super) struct Blocks {
    /// `None` where only some blocks are reported.
    pieces: Option<Vec<Option<Box<[Cell]>>>>,
    map: HashMap<u32, Block>,
}

impl Blocks {
    pub(super) fn new(all: bool) -> Blocks {
        Blocks {
            pieces: all.then(Vec::new),
            map: HashMap::new(),
        }
    }

    /// Remembers a block. The guest's memory has `guest_bytes`.
    pub(super) fn insert(&mut self, address: u32, block: Block, guest_bytes: u64) -> Inserted {
        if let Some(pieces) = &mut self.pieces
            && address & 7 == 0
            && u64::from(address) < guest_bytes
        {
            let piece = (address >> PIECE_BITS) as usize;
            if piece >= pieces.len() {
                pieces.resize(piece + 1, None);
            }
            let cells = pieces[piece].get_or_insert_with(|| vec![Cell::default(); CELLS].into());
            let cell = &mut cells[cell_of(address)];
            let before = taken(*cell);
            *cell = Cell {
                size: block.size,
                stack: block.stack + 1,
            };
            return Inserted::Held { before };
        }
        if self.map.len() >= MOST_IN_MAP && !self.map.contains_key(&address) {
            return Inserted::NoRoom;
        }
        Inserted::Held {
            before: self.map.insert(address, block),
        }
    }

    /// Forgets a block.
    pub(super) fn remove(&mut self, address: u32) -> Option<Block> {
        if address & 7 == 0
            && let Some(Some(cells)) = self
                .pieces
                .as_mut()
                .and_then(|pieces| pieces.get_mut((address >> PIECE_BITS) as usize))
        {
            let cell = std::mem::take(&mut cells[cell_of(address)]);
            if let Some(block) = taken(cell) {
                return Some(block);
            }
        }
        if self.map.is_empty() {
            return None;
        }
        self.map.remove(&address)
    }
}

fn cell_of(address: u32) -> usize {
    (address as usize >> 3) & (CELLS - 1)
}

fn taken(cell: Cell) -> Option<Block> {
    cell.stack.checked_sub(1).map(|stack| Block {
        size: cell.size,
        stack,
    })
}
