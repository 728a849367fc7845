//! A forest of regression trees, for what follows its variables along no line, no power and no step (Breiman 2001). linfa grows
//! trees that classify only, and those of other crates cannot be read out: here each stands in the profile, node by node. Where a
//! forest is worth it is said by `select`.
//!
//! Trees are grown on the logarithm of the target: errors are relative, and twice as much is as far off as half as much.

use crate::statistics::{between, median};
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use trace::{Node, Tree};

/// Trees of a forest. More make its prediction steadier by hardly anything, and the profile longer.
const TREES: usize = 20;

/// Questions on the way to a leaf at most.
const DEEPEST: usize = 5;

/// Rows that a forest is grown on at most: more make it no better, and every fold slower.
pub(crate) const MOST_ROWS: usize = 2_000;

/// Rows of which a leaf says the mean at least.
const LEAF: usize = 3;

/// A forest, and what each row would have been predicted by the trees that have not seen it.
pub(crate) struct Grown {
    pub(crate) trees: Vec<Tree>,
    /// NaN of a row that every tree has seen.
    pub(crate) out_of_bag: Vec<f64>,
    /// Per column, by how much its questions have lessened the squared error.
    gains: Vec<f64>,
}

impl Grown {
    /// Which share each column has in what all of them explain.
    pub(crate) fn importance(&self) -> Vec<f64> {
        let all: f64 = self.gains.iter().sum();
        let share = |gain: &f64| if all > 0.0 { gain / all } else { 0.0 };
        self.gains.iter().map(share).collect()
    }
}

/// Grows a forest on columns of equal length; `scale` is what counts as an error of 100 % of each row. The same rows give the same
/// forest.
pub(crate) fn grow(columns: &[Vec<f64>], y: &[f64], scale: &[f64]) -> Grown {
    // The scale is at least a thousandth of the largest: no logarithm of nothing.
    let logarithms = y.iter().zip(scale).map(|(y, scale)| y.max(*scale).ln());
    let logarithms: Vec<f64> = logarithms.collect();
    let mut random = SmallRng::seed_from_u64(0xf0_1e57);
    let mut trees = Vec::with_capacity(TREES);
    let mut unseen = vec![Vec::new(); y.len()];
    let mut gains = vec![0.0; columns.len()];
    for _ in 0..TREES {
        let mut drawn = vec![0u32; y.len()];
        for _ in 0..y.len() {
            drawn[random.gen_range(0..y.len())] += 1;
        }
        // A row that was drawn twice counts twice.
        let weights: Vec<f64> = drawn.iter().map(|&times| f64::from(times)).collect();
        let rows = (0..y.len()).filter(|&row| drawn[row] > 0).collect();
        let mut growing = Growing {
            columns,
            y: &logarithms,
            weights: &weights,
            random: &mut random,
            gains: &mut gains,
            nodes: Vec::new(),
        };
        growing.grow(rows, DEEPEST);
        let tree = Tree(growing.nodes);
        for row in (0..y.len()).filter(|&row| drawn[row] == 0) {
            let values: Vec<f64> = columns.iter().map(|column| column[row]).collect();
            unseen[row].extend(tree.predict(&values));
        }
        trees.push(tree);
    }
    Grown {
        trees,
        out_of_bag: unseen
            .iter()
            .map(|all| median(all).unwrap_or(f64::NAN))
            .collect(),
        gains,
    }
}

struct Growing<'a> {
    columns: &'a [Vec<f64>],
    y: &'a [f64],
    weights: &'a [f64],
    random: &'a mut SmallRng,
    gains: &'a mut [f64],
    nodes: Vec<Node>,
}

/// A question, and by how much it lessens the squared error.
#[derive(Clone, Copy)]
struct Question {
    column: usize,
    below: f64,
    /// The largest value on the lower side.
    above: f64,
    gain: f64,
}

impl Growing<'_> {
    /// Grows what the rows lead to; the node at which that begins.
    fn grow(&mut self, rows: Vec<usize>, depth: usize) -> usize {
        let at = self.nodes.len();
        self.nodes.push(Node::Leaf(rounded(self.mean(&rows).exp())));
        let question = if depth > 0 { self.ask(&rows) } else { None };
        let Some(Question {
            column,
            below,
            above,
            gain,
        }) = question
        else {
            return at;
        };
        let below = between(above, below);
        self.gains[column] += gain;
        let is_below = |&row: &usize| self.columns[column][row] < below;
        let (yes, no): (Vec<usize>, Vec<usize>) = rows.into_iter().partition(is_below);
        let yes = self.grow(yes, depth - 1);
        let no = self.grow(no, depth - 1);
        self.nodes[at] = Node::Branch {
            term: column,
            below,
            yes,
            no,
        };
        at
    }

    fn mean(&self, rows: &[usize]) -> f64 {
        let (sum, weight) = rows.iter().fold((0.0, 0.0), |(sum, weight), &row| {
            let w = self.weights[row];
            (sum + w * self.y[row], weight + w)
        });
        sum / weight
    }

    /// The best question about some of the columns, chosen by chance so that trees differ.
    fn ask(&mut self, rows: &[usize]) -> Option<Question> {
        let mut columns: Vec<usize> = (0..self.columns.len()).collect();
        columns.shuffle(self.random);
        columns.truncate((2 * columns.len()).div_ceil(3));
        let questions = columns.into_iter().filter_map(|j| self.best_of(j, rows));
        questions.max_by(|a, b| a.gain.total_cmp(&b.gain))
    }

    fn best_of(&self, column: usize, rows: &[usize]) -> Option<Question> {
        let x = &self.columns[column];
        let mut sorted = rows.to_vec();
        sorted.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
        let (mut all, mut weight) = (0.0, 0.0);
        for &row in rows {
            all += self.weights[row] * self.y[row];
            weight += self.weights[row];
        }
        let (mut sum, mut left) = (0.0, 0.0);
        let mut best: Option<Question> = None;
        for at in 1..sorted.len() {
            let (before, here) = (sorted[at - 1], sorted[at]);
            sum += self.weights[before] * self.y[before];
            left += self.weights[before];
            if at < LEAF || sorted.len() - at < LEAF || x[before] == x[here] {
                continue;
            }
            // What the squared error is lessened by, when each side has a mean of its own.
            let right = weight - left;
            let gain = sum * sum / left + (all - sum) * (all - sum) / right - all * all / weight;
            if gain > 1e-12 * all * all / weight && best.is_none_or(|best| gain > best.gain) {
                best = Some(Question {
                    column,
                    below: x[here],
                    above: x[before],
                    gain,
                });
            }
        }
        best
    }
}

/// Four digits: it is known no better, and there are hundreds of them in a profile.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forest_finds_what_two_columns_decide_together() {
        let mut random = SmallRng::seed_from_u64(1);
        let columns: Vec<Vec<f64>> = (0..3)
            .map(|_| (0..300).map(|_| random.gen_range(0.0..1.0)).collect())
            .collect();
        // A ridge: no line, no power and no step in either.
        let y: Vec<f64> = (0..300)
            .map(|row| {
                let [a, b] = [0, 1].map(|j: usize| (columns[j][row] - 0.6).abs() < 0.2);
                if a && b { 30.0 } else { 10.0 }
            })
            .collect();
        let grown = grow(&columns, &y, &y);
        let close = |(predicted, y): (&f64, &f64)| (predicted - y).abs() < 5.0;
        let right = grown.out_of_bag.iter().zip(&y).filter(|&pair| close(pair));
        assert!(right.count() > 240);
        let importance = grown.importance();
        assert!(importance[2] < 0.2, "{importance:?}");
        assert!(
            grown
                .trees
                .iter()
                .all(|tree| tree.0.len() < 1 << (DEEPEST + 1))
        );
    }
}
