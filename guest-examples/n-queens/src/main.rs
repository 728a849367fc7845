//! Places queens on a board of as many rows, so that no two attack each other: counts the ways, or finds the first few.
//!
//! Every square is four nodes of a net of links, which is there before the search begins. So memory is quadratic in
//! `queens`, linear in `nodes`, and the same whether the search is short or long.

mod dancing_links;
mod queens;

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use fathom_watch::watch;
use serde::Deserialize;

use queens::{Answer, Board};

/// The event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    queens: u32,
    /// Enough is when so many solutions are found. Without it, all are counted.
    solutions: Option<u64>,
}

fn main() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("n-queens: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> Result<(), Box<dyn Error>> {
    let Event { queens, solutions } = serde_json::from_reader(io::stdin().lock())?;
    if !(1..=queens::MOST).contains(&queens) {
        return Err(format!("queens has to be 1 to {}, not {queens}", queens::MOST).into());
    }
    if solutions == Some(0) {
        return Err("solutions has to be at least 1".into());
    }
    watch!("queens", queens);
    let board = Board::new(queens);
    Ok(report(queens, &board.solve(solutions))?)
}

/// The number of solutions, and of the first one the file of the queen in each row, from 0.
fn report(queens: u32, answer: &Answer) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "queens {queens}, solutions {}", answer.solutions)?;
    if let Some((file, files)) = answer.first.split_first() {
        write!(out, "first: {file}")?;
        for file in files {
            write!(out, " {file}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}
