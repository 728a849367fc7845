//! Plans a way through a maze with D* Lite, and when an obstacle goes, mends the plan instead of computing everything
//! again.
//!
//! What is known of each cell is kept from the first plan to the second. So memory is quadratic in the side of the
//! maze, `side`, and neither the length of the way nor the seed says anything about it.

mod dstar_lite;
mod grid;
mod queue;

use std::{
    error::Error,
    fmt::{self, Display},
    io::{self, Write},
    process::ExitCode,
};

use fathom_watch::watch;
use serde::Deserialize;

use dstar_lite::Planner;
use grid::Maze;

/// The largest side: 25 bytes for each cell.
const LARGEST: usize = 1_000;

/// The event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    side: usize,
    seed: u64,
}

fn main() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("maze: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> Result<(), Box<dyn Error>> {
    let Event { side, seed } = serde_json::from_reader(io::stdin().lock())?;
    if !(2..=LARGEST).contains(&side) {
        return Err(format!("side has to be 2 to {LARGEST}, not {side}").into());
    }
    watch!("side", side);
    Ok(travel(Maze::carve(side, seed))?)
}

/// From corner to opposite corner. A line each for the plan around the obstacle, for what is ahead of the walker when
/// the obstacle goes, and for the mended plan. Cells count as often as they were expanded.
fn travel(mut maze: Maze) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let (start, goal) = (0, maze.len() - 1);
    let obstacle = in_the_way(&maze, start, goal);
    maze.block(obstacle);
    let mut planner = Planner::new(&maze, start, goal);

    let expanded = planner.plan(&maze);
    let ahead = Ahead::of(&planner, &maze);
    writeln!(out, "plan: {ahead}, expanded {expanded}")?;

    let steps = ahead.steps / 16;
    planner.walk(&maze, steps);
    writeln!(out, "after {steps} steps: {}", Ahead::of(&planner, &maze))?;

    maze.unblock(obstacle);
    planner.changed(&maze, obstacle);
    let expanded = planner.plan(&maze);
    writeln!(
        out,
        "obstacle gone: {}, expanded {expanded}",
        Ahead::of(&planner, &maze)
    )
}

/// Where an obstacle matters: on the best way, a quarter of it from the start. With a planner of its own, so that the
/// first plan of the other one is a whole one.
fn in_the_way(maze: &Maze, start: usize, goal: usize) -> usize {
    let mut planner = Planner::new(maze, start, goal);
    planner.plan(maze);
    let steps = planner.way(maze).count();
    planner.way(maze).nth(steps / 4).unwrap_or(start)
}

/// What is ahead of the walker.
struct Ahead {
    /// Nothing where there is no way.
    cost: Option<u32>,
    steps: usize,
}

impl Ahead {
    fn of(planner: &Planner, maze: &Maze) -> Ahead {
        Ahead {
            cost: planner.cost(),
            steps: planner.way(maze).count(),
        }
    }
}

impl Display for Ahead {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        match self.cost {
            Some(cost) => write!(to, "cost {cost}, {} steps", self.steps),
            None => write!(to, "no way"),
        }
    }
}
