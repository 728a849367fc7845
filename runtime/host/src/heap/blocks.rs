//! Blocks that are held, by address.
//!
//! Where all are reported they are kept in a table that mirrors the guest's memory, eight bytes for sixteen, piece by
//! piece as it is used: half as large as the guest's own memory, and as near to each other as the blocks are. What does
//! not fit there (a second block in the same sixteen bytes, addresses beyond the guest's memory) and sampled blocks are in
//! a map of bounded size.

use std::collections::HashMap;

/// Blocks in the map; more are not remembered: they count as allocated and not as held.
const MOST_IN_MAP: usize = 1 << 20;

/// Bytes of the guest's memory in one piece of the table, as a power of two.
const PIECE_BITS: u32 = 16;
/// Bytes of the guest's memory that one cell stands for, as a power of two: allocators keep blocks that far apart.
const CELL_BITS: u32 = 4;
const CELLS: usize = 1 << (PIECE_BITS - CELL_BITS);

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
    /// The number of the stack and 1, above where in the cell the block begins; 0 where there is no block.
    tag: u32,
}

impl Cell {
    /// `None` for a stack with too large a number.
    fn of(address: u32, block: Block) -> Option<Cell> {
        let stack = block.stack.checked_add(1)?;
        let fits = stack < 1 << (u32::BITS - CELL_BITS);
        fits.then(|| Cell {
            size: block.size,
            tag: stack << CELL_BITS | begins(address),
        })
    }

    fn is_free(self) -> bool {
        self.tag == 0
    }

    /// The block at an address, if it is that one.
    fn block(self, address: u32) -> Option<Block> {
        let stack = (self.tag >> CELL_BITS).checked_sub(1)?;
        (self.tag & begins(u32::MAX) == begins(address)).then_some(Block {
            size: self.size,
            stack,
        })
    }
}

/// Where in its cell a block begins.
fn begins(address: u32) -> u32 {
    address & ((1 << CELL_BITS) - 1)
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
            && u64::from(address) < guest_bytes
            && let Some(new) = Cell::of(address, block)
        {
            let piece = (address >> PIECE_BITS) as usize;
            if piece >= pieces.len() {
                pieces.resize(piece + 1, None);
            }
            let cells = pieces[piece].get_or_insert_with(|| vec![Cell::default(); CELLS].into());
            let cell = &mut cells[cell_of(address)];
            let before = cell.block(address);
            if before.is_some() || cell.is_free() {
                *cell = new;
                // It may have been there when the cell was taken.
                let beside = || match self.map.is_empty() {
                    true => None,
                    false => self.map.remove(&address),
                };
                return Inserted::Held {
                    before: before.or_else(beside),
                };
            }
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
        let pieces = self.pieces.as_mut();
        let piece = pieces.and_then(|pieces| pieces.get_mut((address >> PIECE_BITS) as usize));
        if let Some(Some(cells)) = piece {
            let cell = &mut cells[cell_of(address)];
            if let Some(block) = cell.block(address) {
                *cell = Cell::default();
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
    (address >> CELL_BITS) as usize & (CELLS - 1)
}
