//! Queens as an exact cover: every row and every file has exactly one queen, every diagonal at most one.

use std::ops::ControlFlow;

use crate::dancing_links::ExactCover;

/// The largest board: 80 bytes for each of its squares, and a search that goes as deep as it has rows.
pub const MOST: u32 = 500;

/// An empty board, and all that could be put on it.
pub struct Board {
    queens: u32,
    cover: ExactCover,
    /// What the exact cover calls the first square.
    first: u32,
}

/// What was found.
pub struct Answer {
    pub solutions: u64,
    /// Of the first solution, the file of the queen in each row. Empty where there is none.
    pub first: Vec<u32>,
}

impl Board {
    /// Rows, files and diagonals are the columns of the matrix, 6 n - 2 of them. A square is a one in four of them.
    pub fn new(queens: u32) -> Board {
        let diagonals = 2 * queens - 1;
        let ones = 4 * queens as usize * queens as usize;
        let mut cover = ExactCover::new(2 * queens, 2 * diagonals, ones);
        let first = cover.nodes() as u32;
        let rising = 2 * queens + 1;
        let falling = rising + diagonals;
        // A queen at the edge attacks fewest squares and leaves most to the others, so such squares are tried first.
        // In the order of the board, fifty queens took seconds, and a hundred longer than anyone waited.
        for row_rank in (0..queens).rev() {
            for file_rank in (0..queens).rev() {
                let (row, file) = (line(row_rank, queens), line(file_rank, queens));
                cover.add_option(&[
                    1 + 2 * row_rank,
                    2 + 2 * file_rank,
                    rising + row + file,
                    falling + row + (queens - 1 - file),
                ]);
            }
        }
        Board {
            queens,
            cover,
            first,
        }
    }

    /// Looks for all solutions, or until there are `enough`.
    pub fn solve(self, enough: Option<u64>) -> Answer {
        let Board {
            queens,
            mut cover,
            first,
        } = self;
        let mut answer = Answer {
            solutions: 0,
            first: Vec::new(),
        };
        // Whether it went through or broke off: the answer is complete.
        let _ = cover.search(&mut |options| {
            if answer.solutions == 0 {
                let squares = options.iter().map(|option| (option - first) / 4);
                answer.first = files(squares, queens);
            }
            answer.solutions += 1;
            match enough {
                Some(enough) if answer.solutions >= enough => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        answer
    }
}

/// The row or file at a place of the organ-pipe order, from the middle outwards: 4 3 5 2 6 1 7 0 of eight. Lines in the
/// middle soon have most of their squares attacked, and are better settled first.
fn line(rank: u32, lines: u32) -> u32 {
    let middle = lines / 2;
    if rank.is_multiple_of(2) {
        middle + rank / 2
    } else {
        middle - rank.div_ceil(2)
    }
}

/// The file of the queen in each row, of squares counted as they were made: from the outermost inwards.
fn files(squares: impl Iterator<Item = u32>, queens: u32) -> Vec<u32> {
    let line = |place| line(queens - 1 - place, queens);
    let mut files = vec![0; queens as usize];
    for square in squares {
        files[line(square / queens) as usize] = line(square % queens);
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The On-Line Encyclopedia of Integer Sequences, A000170.
    #[test]
    fn solutions_are_counted() {
        let counts = [1, 0, 0, 2, 10, 4, 40, 92, 352, 724];
        for (queens, count) in (1..).zip(counts) {
            let answer = Board::new(queens).solve(None);
            assert_eq!(answer.solutions, count, "{queens} queens");
            assert_eq!(answer.first.is_empty(), count == 0, "{queens} queens");
        }
    }

    #[test]
    fn no_two_queens_of_the_first_solution_attack_each_other() {
        for queens in (4..64).chain([127, 200, MOST]) {
            let answer = Board::new(queens).solve(Some(1));
            assert_eq!(answer.solutions, 1);
            let files = answer.first;
            assert_eq!(files.len(), queens as usize);
            for (row, file) in (0_u32..).zip(&files) {
                for (other_row, other_file) in (0..row).zip(&files) {
                    let distance = file.abs_diff(*other_file);
                    assert!(
                        distance != 0 && distance != row - other_row,
                        "{queens} queens: rows {other_row} and {row}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_board_has_as_many_nodes_as_said() {
        for queens in 1..20 {
            let n = queens as usize;
            assert_eq!(Board::new(queens).cover.nodes(), 4 * n * n + 6 * n - 1);
        }
    }

    #[test]
    fn enough_is_enough() {
        assert_eq!(Board::new(8).solve(Some(5)).solutions, 5);
        assert_eq!(Board::new(8).solve(Some(100)).solutions, 92);
    }

    #[test]
    fn lines_are_taken_from_the_middle_outwards() {
        let order = |lines| (0..lines).map(|rank| line(rank, lines)).collect::<Vec<_>>();
        assert_eq!(order(8), [4, 3, 5, 2, 6, 1, 7, 0]);
        assert_eq!(order(5), [2, 1, 3, 0, 4]);
    }
}
