//! A regression tree, as it stands in a model: questions that lead to a number. How it is grown is said by `learn`.

use serde::{Deserialize, Serialize};

/// A tree; its root is the first node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tree(pub Vec<Node>);

/// A question, or an answer: in JSON an object or a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Node {
    /// What is predicted, in units of the target.
    Leaf(f64),
    /// Whether a predictor is below a value.
    Branch {
        /// Which of the model's terms is asked for.
        term: usize,
        /// The value.
        below: f64,
        /// The node that follows where it is. It stands after this one.
        yes: usize,
        /// The node that follows where it is not. It stands after this one.
        no: usize,
    },
}

impl Tree {
    /// The prediction for the values of the model's terms; `None` where the tree leads nowhere, as one that was written by hand
    /// may.
    pub fn predict(&self, values: &[f64]) -> Option<f64> {
        let mut at = 0;
        loop {
            match *self.0.get(at)? {
                Node::Leaf(value) => return Some(value),
                Node::Branch {
                    term,
                    below,
                    yes,
                    no,
                } => {
                    let next = if *values.get(term)? < below { yes } else { no };
                    // Nothing leads back, or there would be no end to it.
                    at = Some(next).filter(|next| *next > at)?;
                }
            }
        }
    }

    /// The median of what trees predict, of two in the middle the larger: a tree that is wrong does not move it.
    pub fn median(trees: &[Tree], values: &[f64]) -> Option<f64> {
        let predicted = trees.iter().map(|tree| tree.predict(values));
        let mut predicted: Vec<f64> = predicted.collect::<Option<_>>()?;
        predicted.sort_by(f64::total_cmp);
        predicted.get(predicted.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_leads_back_or_nowhere_predicts_nothing() {
        let branch = |yes, no| Node::Branch {
            term: 0,
            below: 5.0,
            yes,
            no,
        };
        let tree = Tree(vec![branch(1, 2), Node::Leaf(1.0), Node::Leaf(2.0)]);
        assert_eq!(
            [tree.predict(&[4.9]), tree.predict(&[5.0])],
            [Some(1.0), Some(2.0)]
        );
        assert_eq!(tree.predict(&[]), None);
        assert_eq!(Tree(vec![branch(0, 9)]).predict(&[4.0]), None);
        assert_eq!(Tree(vec![branch(0, 9)]).predict(&[6.0]), None);
    }
}
