//! Exact cover by dancing links: of a matrix of zeros and ones, choose rows that have exactly one 1 in every primary
//! column, and at most one in every secondary column.
//!
//! Knuth, "Dancing links", in "Millennial perspectives in computer science" (2000), 187-214. Each 1 is a node, linked
//! in a circle with its neighbours in the row and in the column. Taking a node out leaves its own links as they were,
//! and they are enough to put it back. Rows are called options here: queens have rows of their own.
//!
//! Not a general solver: options cannot be weighed, and secondary columns have no colours.

use std::{
    iter,
    ops::{ControlFlow, Index, IndexMut},
};

/// The node that the headers of primary columns are in a circle with.
const ROOT: u32 = 0;

/// A 1 of the matrix, or the header of a column. 20 bytes.
struct Node {
    left: u32,
    right: u32,
    up: u32,
    down: u32,
    /// The header of its column.
    column: u32,
}

/// Nodes by their number: the root, then the headers of columns from 1 on, then the options.
struct Nodes(Vec<Node>);

impl Index<u32> for Nodes {
    type Output = Node;

    fn index(&self, node: u32) -> &Node {
        &self.0[node as usize]
    }
}

impl IndexMut<u32> for Nodes {
    fn index_mut(&mut self, node: u32) -> &mut Node {
        &mut self.0[node as usize]
    }
}

/// A matrix, and the options chosen of it so far.
pub struct ExactCover {
    nodes: Nodes,
    /// Of each header, how many nodes are in its column now.
    sizes: Vec<u32>,
    /// The first node of each chosen option.
    chosen: Vec<u32>,
}

impl ExactCover {
    /// Without options yet, and with memory for `ones` ones in all of them. Columns count from 1, primary ones first.
    /// Of primary columns equally hard to cover, the one with the smaller number is covered first.
    pub fn new(primary: u32, secondary: u32, ones: usize) -> ExactCover {
        let columns = primary + secondary;
        let mut nodes = Vec::with_capacity(1 + columns as usize + ones);
        nodes.extend((ROOT..=columns).map(|column| {
            // Secondary columns are in no circle but their own: nobody has to cover them.
            let (left, right) = match column {
                ROOT => (primary, 1.min(primary)),
                _ if column < primary => (column - 1, column + 1),
                _ if column == primary => (column - 1, ROOT),
                _ => (column, column),
            };
            Node {
                left,
                right,
                up: column,
                down: column,
                column,
            }
        }));
        ExactCover {
            nodes: Nodes(nodes),
            sizes: vec![0; 1 + columns as usize],
            // One option for each primary column at most.
            chosen: Vec::with_capacity(primary as usize),
        }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.nodes.0.len()
    }

    /// An option that has a 1 in each of some columns. Its nodes are the next ones, and the first of them is its name.
    pub fn add_option(&mut self, columns: &[u32]) {
        let first = self.nodes.0.len() as u32;
        let end = first + columns.len() as u32;
        for (node, &column) in (first..end).zip(columns) {
            let above = self.nodes[column].up;
            self.nodes[above].down = node;
            self.nodes[column].up = node;
            self.nodes.0.push(Node {
                left: if node == first { end - 1 } else { node - 1 },
                right: if node + 1 == end { first } else { node + 1 },
                up: above,
                down: column,
                column,
            });
            self.sizes[column as usize] += 1;
        }
    }

    /// Shows every exact cover, as the names of its options, until `visit` has seen enough. It calls itself as deep as
    /// a cover has options.
    pub fn search(&mut self, visit: &mut impl FnMut(&[u32]) -> ControlFlow<()>) -> ControlFlow<()> {
        let Some(column) = self.hardest() else {
            return visit(&self.chosen);
        };
        self.cover(column);
        let mut node = self.nodes[column].down;
        while node != column {
            self.choose(node);
            self.search(visit)?;
            self.undo(node);
            node = self.nodes[node].down;
        }
        self.uncover(column);
        ControlFlow::Continue(())
    }

    /// The first of the primary columns that fewest options are left for, or nothing where all are covered.
    fn hardest(&self) -> Option<u32> {
        iter::successors(Some(self.nodes[ROOT].right), |&header| {
            Some(self.nodes[header].right)
        })
        .take_while(|&header| header != ROOT)
        .min_by_key(|&header| self.sizes[header as usize])
    }

    /// Covers the other columns of the option that a node is in.
    fn choose(&mut self, node: u32) {
        let mut first = node;
        let mut other = self.nodes[node].right;
        while other != node {
            first = first.min(other);
            self.cover(self.nodes[other].column);
            other = self.nodes[other].right;
        }
        self.chosen.push(first);
    }

    /// Undoes `choose`: what was done last is undone first, here as everywhere.
    fn undo(&mut self, node: u32) {
        self.chosen.pop();
        let mut other = self.nodes[node].left;
        while other != node {
            self.uncover(self.nodes[other].column);
            other = self.nodes[other].left;
        }
    }

    /// Takes a column out, and of all other columns the options that it has.
    fn cover(&mut self, column: u32) {
        let Node { left, right, .. } = self.nodes[column];
        self.nodes[left].right = right;
        self.nodes[right].left = left;
        let mut option = self.nodes[column].down;
        while option != column {
            let mut node = self.nodes[option].right;
            while node != option {
                let Node {
                    right,
                    up,
                    down,
                    column,
                    ..
                } = self.nodes[node];
                self.nodes[up].down = down;
                self.nodes[down].up = up;
                self.sizes[column as usize] -= 1;
                node = right;
            }
            option = self.nodes[option].down;
        }
    }

    /// Undoes `cover`.
    fn uncover(&mut self, column: u32) {
        let mut option = self.nodes[column].up;
        while option != column {
            let mut node = self.nodes[option].left;
            while node != option {
                let Node {
                    left,
                    up,
                    down,
                    column,
                    ..
                } = self.nodes[node];
                self.sizes[column as usize] += 1;
                self.nodes[up].down = node;
                self.nodes[down].up = node;
                node = left;
            }
            option = self.nodes[option].up;
        }
        let Node { left, right, .. } = self.nodes[column];
        self.nodes[left].right = column;
        self.nodes[right].left = column;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The matrix that the paper explains everything with: rows 1, 4 and 5 are the only cover.
    #[test]
    fn the_matrix_of_the_paper_has_one_cover() {
        let rows: [&[u32]; 6] = [
            &[3, 5, 6],
            &[1, 4, 7],
            &[2, 3, 6],
            &[1, 4],
            &[2, 7],
            &[4, 5, 7],
        ];
        let mut matrix = ExactCover::new(7, 0, rows.iter().map(|row| row.len()).sum());
        let names = rows.map(|row| {
            let name = matrix.nodes() as u32;
            matrix.add_option(row);
            name
        });
        let mut covers = Vec::new();
        let end = matrix.search(&mut |options| {
            let mut cover = options.to_vec();
            cover.sort_unstable();
            covers.push(cover);
            ControlFlow::Continue(())
        });
        assert_eq!(covers, [[names[0], names[3], names[4]]]);
        assert!(end.is_continue());
    }

    /// After a search everything is where it was, so that a second one finds the same. A secondary column may stay
    /// uncovered, and may not be covered twice.
    #[test]
    fn a_search_leaves_the_matrix_as_it_was() {
        let mut matrix = ExactCover::new(2, 1, 7);
        for option in [&[1_u32, 3][..], &[1], &[2, 3], &[1, 2]] {
            matrix.add_option(option);
        }
        for _ in 0..2 {
            let mut covers = 0;
            let end = matrix.search(&mut |_| {
                covers += 1;
                ControlFlow::Continue(())
            });
            assert_eq!((covers, end), (2, ControlFlow::Continue(())));
        }
    }
}
