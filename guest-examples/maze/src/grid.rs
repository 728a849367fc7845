//! A maze on a square grid: cells, walls between them, and what it costs to enter a cell.
//!
//! It knows nothing of ways through it. A cell is a byte, and its name is a number: row times side, plus column.

/// What it costs to enter a cell with an obstacle, and the distance of what cannot be reached.
pub const INFINITE: u32 = u32::MAX;

/// One wall in so many is opened once the maze is carved, so that there is more than one way.
const OPENED: u32 = 8;

/// A way out of a cell, and the number of a bit of the cell: set where there is no wall.
#[derive(Clone, Copy)]
enum Direction {
    North,
    East,
    South,
    West,
}

use Direction::{East, North, South, West};

impl Direction {
    const ALL: [Direction; 4] = [North, East, South, West];

    fn bit(self) -> u8 {
        1 << self as u8
    }

    fn opposite(self) -> Direction {
        match self {
            North => South,
            East => West,
            South => North,
            West => East,
        }
    }
}

/// The bits of all directions.
const WAYS_OUT: u8 = 0b1111;
/// The bit of a cell that cannot be entered.
const OBSTACLE: u8 = 0b1_0000;

/// A maze. Its walls leave a way from every cell to every other, obstacles need not.
pub struct Maze {
    side: usize,
    cells: Vec<u8>,
}

impl Maze {
    /// The same maze for the same seed. A depth-first walk opens walls until every cell is reached ("recursive
    /// backtracker"); then some of the walls that are left are opened by chance.
    pub fn carve(side: usize, seed: u64) -> Maze {
        let mut maze = Maze {
            side,
            cells: vec![0; side * side],
        };
        let mut random = Random(seed);
        maze.reach_all(&mut random);
        for cell in 0..maze.len() {
            for direction in [East, South] {
                if maze.beside(cell, direction).is_some() && random.below(OPENED) == 0 {
                    maze.open(cell, direction);
                }
            }
        }
        maze
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Row and column of a cell.
    pub fn place(&self, cell: usize) -> (usize, usize) {
        (cell / self.side, cell % self.side)
    }

    /// The cells that can be gone to from a cell, and come from.
    pub fn neighbours(&self, cell: usize) -> impl Iterator<Item = usize> {
        Direction::ALL
            .into_iter()
            .filter(move |direction| self.cells[cell] & direction.bit() != 0)
            .filter_map(move |direction| self.beside(cell, direction))
    }

    /// The cost of entering a cell: 1 in the open, 1 more for each of its walls.
    pub fn cost(&self, cell: usize) -> u32 {
        let cell = self.cells[cell];
        if cell & OBSTACLE != 0 {
            return INFINITE;
        }
        1 + (!cell & WAYS_OUT).count_ones()
    }

    /// The least that a way from one cell to another could cost.
    pub fn distance(&self, one: usize, other: usize) -> u32 {
        let ((row, column), (other_row, other_column)) = (self.place(one), self.place(other));
        (row.abs_diff(other_row) + column.abs_diff(other_column)) as u32
    }

    /// Puts an obstacle on a cell. The cell can be left, but not entered.
    pub fn block(&mut self, cell: usize) {
        self.cells[cell] |= OBSTACLE;
    }

    /// Takes it away.
    pub fn unblock(&mut self, cell: usize) {
        self.cells[cell] &= !OBSTACLE;
    }

    /// The way back is at most as long as there are cells, and has memory for that until it is over.
    fn reach_all(&mut self, random: &mut Random) {
        let mut way = Vec::with_capacity(self.len());
        way.push(0_u32);
        while let Some(&cell) = way.last() {
            let cell = cell as usize;
            let mut fresh = Direction::ALL.into_iter().filter_map(|direction| {
                let beside = self.beside(cell, direction)?;
                (self.cells[beside] == 0).then_some((direction, beside))
            });
            // None of none.
            let drawn = random.below(fresh.clone().count() as u32) as usize;
            match fresh.nth(drawn) {
                Some((direction, beside)) => {
                    self.open(cell, direction);
                    way.push(beside as u32);
                }
                None => {
                    way.pop();
                }
            }
        }
    }

    /// Opens the wall on both of its sides.
    fn open(&mut self, cell: usize, direction: Direction) {
        if let Some(beside) = self.beside(cell, direction) {
            self.cells[cell] |= direction.bit();
            self.cells[beside] |= direction.opposite().bit();
        }
    }

    /// The cell on the other side of a wall, or nothing at the edge of the grid.
    fn beside(&self, cell: usize, direction: Direction) -> Option<usize> {
        let (row, column) = self.place(cell);
        match direction {
            North => (row > 0).then(|| cell - self.side),
            East => (column + 1 < self.side).then_some(cell + 1),
            South => (row + 1 < self.side).then_some(cell + self.side),
            West => (column > 0).then(|| cell - 1),
        }
    }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The upper half times `end`, upper half again: even enough, and without division.
        (((mixed >> 32) * u64::from(end)) >> 32) as u32
    }
}
