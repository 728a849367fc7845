//! A binary heap of cells that knows where each of them is, so that any can be taken out or given another key.
//!
//! Sedgewick and Wayne, "Algorithms" (4th edition, 2011), 2.4: an indexed priority queue. A cell is in it once at most,
//! so its memory is known before it is used: 16 bytes for each cell that could be in it. The standard library's
//! `BinaryHeap` would have to keep keys that are out of date, and nobody could say how many.

/// Compared as a pair, the smaller first.
pub type Key = (u32, u32);

/// Where cells are that are not in the heap.
const NOWHERE: u32 = u32::MAX;

/// Cells by their keys, and of equal keys by their numbers: the order in which they come out does not depend on how
/// they got in.
pub struct Queue {
    heap: Vec<(Key, u32)>,
    /// Of each cell, the index in the heap.
    places: Vec<u32>,
}

impl Queue {
    /// Empty, with memory for cells from 0 to below `cells`.
    pub fn new(cells: usize) -> Queue {
        Queue {
            heap: Vec::with_capacity(cells),
            places: vec![NOWHERE; cells],
        }
    }

    /// The smallest key, and its cell.
    pub fn first(&self) -> Option<(Key, usize)> {
        self.heap.first().map(|&(key, cell)| (key, cell as usize))
    }

    /// Puts a cell in, or gives it another key.
    pub fn set(&mut self, cell: usize, key: Key) {
        let entry = (key, cell as u32);
        match self.places[cell] {
            NOWHERE => {
                self.heap.push(entry);
                self.rise(self.heap.len() - 1);
            }
            place => {
                self.heap[place as usize] = entry;
                self.settle(place as usize);
            }
        }
    }

    /// Takes a cell out, if it is in.
    pub fn remove(&mut self, cell: usize) {
        let place = std::mem::replace(&mut self.places[cell], NOWHERE) as usize;
        if place >= self.heap.len() {
            return;
        }
        self.heap.swap_remove(place);
        if place < self.heap.len() {
            self.settle(place);
        }
    }

    /// Moves an entry to where it belongs, up or down.
    fn settle(&mut self, place: usize) {
        let place = self.rise(place);
        self.sink(place);
    }

    /// Moves an entry up while it is smaller than its parent. Where it got to.
    fn rise(&mut self, mut place: usize) -> usize {
        let entry = self.heap[place];
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.heap[parent] <= entry {
                break;
            }
            self.put(place, self.heap[parent]);
            place = parent;
        }
        self.put(place, entry);
        place
    }

    /// Moves an entry down while one of its children is smaller.
    fn sink(&mut self, mut place: usize) {
        let entry = self.heap[place];
        loop {
            let children = 2 * place + 1..(2 * place + 3).min(self.heap.len());
            match children.min_by_key(|&child| self.heap[child]) {
                Some(child) if self.heap[child] < entry => {
                    self.put(place, self.heap[child]);
                    place = child;
                }
                _ => break,
            }
        }
        self.put(place, entry);
    }

    fn put(&mut self, place: usize, entry: (Key, u32)) {
        self.heap[place] = entry;
        self.places[entry.1 as usize] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Against a sorted set, over many changes.
    #[test]
    fn the_smallest_comes_first_whatever_changed() {
        const CELLS: usize = 50;
        let mut queue = Queue::new(CELLS);
        let mut keys = [None; CELLS];
        let mut state = 1_u32;
        for step in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (cell, key) = (
                (state >> 8) as usize % CELLS,
                ((state >> 16) % 40, step % 3),
            );
            if state >> 30 == 0 {
                queue.remove(cell);
                keys[cell] = None;
            } else {
                queue.set(cell, key);
                keys[cell] = Some(key);
            }
            let sorted: BTreeSet<(Key, usize)> = (0..CELLS)
                .filter_map(|cell| Some((keys[cell]?, cell)))
                .collect();
            assert_eq!(queue.first(), sorted.first().copied());
        }
    }
}
