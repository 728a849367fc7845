//! D* Lite: the cheapest way to a goal, found again after the maze has changed or the walker has moved, without
//! computing everything again.
//!
//! Koenig and Likhachev, "D* Lite", AAAI 2002, 476-483: the optimised version of it. It searches from the goal to the
//! walker. Fields are named as in the paper: `g` is the distance to the goal that a cell was last expanded with, `rhs`
//! the one that its neighbours' `g` say. Where they differ the cell waits in the queue.

use std::iter;

use crate::{
    grid::{INFINITE, Maze},
    queue::{Key, Queue},
};

/// What is known of a cell.
#[derive(Clone)]
struct State {
    g: u32,
    rhs: u32,
}

/// The plan of a walker in a maze. The maze is lent to every call, so that it can change in between; of each change
/// [`Planner::changed`] has to be told.
pub struct Planner {
    walker: usize,
    goal: usize,
    /// The paper's `k_m`: how far the walker has come, as the crow flies from stop to stop. It is added to new keys, so
    /// that the old ones in the queue stay good.
    moved: u32,
    states: Vec<State>,
    queue: Queue,
}

impl Planner {
    /// Nothing is planned yet. The goal is where the search begins.
    pub fn new(maze: &Maze, walker: usize, goal: usize) -> Planner {
        let unknown = State {
            g: INFINITE,
            rhs: INFINITE,
        };
        let mut planner = Planner {
            walker,
            goal,
            moved: 0,
            states: vec![unknown; maze.len()],
            queue: Queue::new(maze.len()),
        };
        planner.states[goal].rhs = 0;
        planner.update(maze, goal);
        planner
    }

    /// Plans, or mends the plan. How many cells it has expanded for that.
    pub fn plan(&mut self, maze: &Maze) -> u32 {
        let mut expanded = 0;
        while let Some((key, cell)) = self.queue.first()
            && !self.is_settled(maze, key)
        {
            let now = self.key(maze, cell);
            if key < now {
                self.queue.set(cell, now);
                continue;
            }
            expanded += 1;
            let State { g, rhs } = self.states[cell];
            if g > rhs {
                self.states[cell].g = rhs;
                self.queue.remove(cell);
                let through = self.through(maze, cell);
                for before in maze.neighbours(cell) {
                    self.states[before].rhs = self.states[before].rhs.min(through);
                    self.update(maze, before);
                }
            } else {
                let through = self.through(maze, cell);
                self.states[cell].g = INFINITE;
                for before in maze.neighbours(cell) {
                    if self.states[before].rhs == through {
                        self.look_ahead(maze, before);
                    }
                    self.update(maze, before);
                }
                self.update(maze, cell);
            }
        }
        expanded
    }

    /// What the rest of the way costs, or nothing if there is no way.
    pub fn cost(&self) -> Option<u32> {
        let cost = self.states[self.walker].rhs;
        (cost != INFINITE).then_some(cost)
    }

    /// The cells ahead of the walker up to the goal, where there is a way.
    pub fn way(&self, maze: &Maze) -> impl Iterator<Item = usize> {
        iter::successors(Some(self.walker), |&cell| self.next(maze, cell)).skip(1)
    }

    /// Lets the walker go along the way, so many steps.
    pub fn walk(&mut self, maze: &Maze, steps: usize) {
        if let Some(there) = self.way(maze).take(steps).last() {
            self.moved += maze.distance(self.walker, there);
            self.walker = there;
        }
    }

    /// Has to be said when the cost of entering a cell has changed, before the next plan.
    pub fn changed(&mut self, maze: &Maze, cell: usize) {
        for before in maze.neighbours(cell) {
            self.look_ahead(maze, before);
            self.update(maze, before);
        }
    }

    /// Whether nothing that waits, from the smallest key on, could make the way of the walker cheaper.
    fn is_settled(&self, maze: &Maze, smallest: Key) -> bool {
        let State { g, rhs } = self.states[self.walker];
        smallest >= self.key(maze, self.walker) && rhs <= g
    }

    /// Cells are expanded by what a way through them could cost, and of equals, those nearer to the goal first.
    fn key(&self, maze: &Maze, cell: usize) -> Key {
        let State { g, rhs } = self.states[cell];
        let nearest = g.min(rhs);
        let ahead = maze.distance(self.walker, cell) + self.moved;
        (nearest.saturating_add(ahead), nearest)
    }

    /// A cell waits as long as it is not what its neighbours say.
    fn update(&mut self, maze: &Maze, cell: usize) {
        let State { g, rhs } = self.states[cell];
        if g == rhs {
            self.queue.remove(cell);
        } else {
            self.queue.set(cell, self.key(maze, cell));
        }
    }

    fn look_ahead(&mut self, maze: &Maze, cell: usize) {
        if cell != self.goal {
            self.states[cell].rhs = maze
                .neighbours(cell)
                .map(|next| self.through(maze, next))
                .min()
                .unwrap_or(INFINITE);
        }
    }

    /// What it costs to enter a cell, and to go on to the goal.
    fn through(&self, maze: &Maze, cell: usize) -> u32 {
        maze.cost(cell).saturating_add(self.states[cell].g)
    }

    fn next(&self, maze: &Maze, cell: usize) -> Option<usize> {
        let next = maze
            .neighbours(cell)
            .min_by_key(|&next| self.through(maze, next))?;
        (cell != self.goal && self.through(maze, next) != INFINITE).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use std::{cmp::Reverse, collections::BinaryHeap};

    use super::*;

    /// Dijkstra, from scratch and forwards: what the cheapest way costs.
    fn cheapest(maze: &Maze, from: usize, to: usize) -> Option<u32> {
        let mut costs = vec![INFINITE; maze.len()];
        let mut queue = BinaryHeap::from([(Reverse(0), from)]);
        while let Some((Reverse(cost), cell)) = queue.pop() {
            if cost >= costs[cell] {
                continue;
            }
            costs[cell] = cost;
            if cell == to {
                return Some(cost);
            }
            for next in maze.neighbours(cell) {
                if let Some(cost) = maze.cost(next).checked_add(cost) {
                    queue.push((Reverse(cost), next));
                }
            }
        }
        None
    }

    /// The planner's cost is the cheapest, and its way costs as much as it says.
    fn check(planner: &Planner, maze: &Maze, context: &str) {
        let cost = planner.cost();
        assert_eq!(
            cost,
            cheapest(maze, planner.walker, planner.goal),
            "{context}"
        );
        let way: Vec<usize> = planner.way(maze).collect();
        match cost {
            Some(cost) => {
                assert_eq!(
                    way.iter().map(|&cell| maze.cost(cell)).sum::<u32>(),
                    cost,
                    "{context}"
                );
                assert_eq!(
                    way.last().copied().unwrap_or(planner.walker),
                    planner.goal,
                    "{context}"
                );
            }
            None => assert!(way.is_empty(), "{context}"),
        }
    }

    /// Obstacles come and go at random, the walker walks, and after each the plan is as good as a new one.
    #[test]
    fn a_mended_plan_costs_what_dijkstra_says() {
        for (side, seed) in (2..40).flat_map(|side| (0..10).map(move |seed| (side, seed))) {
            let mut maze = Maze::carve(side, seed);
            let mut planner = Planner::new(&maze, 0, maze.len() - 1);
            planner.plan(&maze);
            check(&planner, &maze, &format!("side {side}, seed {seed}"));
            for step in 0..12 {
                let way: Vec<usize> = planner.way(&maze).collect();
                // On the way it matters most, as long as there is one and it is not the goal.
                let cell = match way.len() {
                    length @ 2.. if step % 3 != 2 => way[step * 7 % (length - 1)],
                    _ => (step * 31 + seed as usize) % maze.len(),
                };
                if step % 4 == 3 {
                    for cell in 0..maze.len() {
                        maze.unblock(cell);
                        planner.changed(&maze, cell);
                    }
                } else if cell != planner.walker {
                    maze.block(cell);
                    planner.changed(&maze, cell);
                }
                planner.plan(&maze);
                check(
                    &planner,
                    &maze,
                    &format!("side {side}, seed {seed}, step {step}"),
                );
                planner.walk(&maze, step % 3);
                check(
                    &planner,
                    &maze,
                    &format!("side {side}, seed {seed}, after step {step}"),
                );
            }
        }
    }

    /// An obstacle near the walker goes: a tenth of the work of a plan is more than enough, for the same answer.
    #[test]
    fn mending_is_less_work_than_planning() {
        for seed in 0..20 {
            let mut maze = Maze::carve(100, seed);
            let (start, goal) = (0, maze.len() - 1);
            let mut clear = Planner::new(&maze, start, goal);
            let planned = clear.plan(&maze);
            let obstacle = clear.way(&maze).nth(20).unwrap();
            maze.block(obstacle);
            let mut planner = Planner::new(&maze, start, goal);
            planner.plan(&maze);
            maze.unblock(obstacle);
            planner.changed(&maze, obstacle);
            let mended = planner.plan(&maze);
            assert_eq!(planner.cost(), clear.cost(), "seed {seed}");
            assert!(mended * 10 < planned, "seed {seed}: {mended} of {planned}");
        }
    }
}
