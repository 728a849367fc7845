//! The area of a circle: the smallest function that takes JSON and answers with JSON.
//!
//! It is here because its memory depends on nothing. The event is read as it comes and not held, so that not even its
//! size matters; and for that reason no variable is shown.

use std::{
    error::Error,
    f64::consts::PI,
    io::{self, Write},
    process::ExitCode,
};

use serde::{Deserialize, Serialize};

/// The event. Whatever else is in it is skipped.
#[derive(Deserialize)]
struct Circle {
    radius: f64,
}

/// In the square of the unit of the radius.
#[derive(Serialize)]
struct Area {
    area: f64,
}

fn main() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("circle-area: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> Result<(), Box<dyn Error>> {
    let Circle { radius } = serde_json::from_reader(io::stdin().lock())?;
    if radius < 0.0 {
        return Err(format!("a radius cannot be negative, but this one is {radius}").into());
    }
    let area = PI * radius * radius;
    // JSON has no infinity.
    if !area.is_finite() {
        return Err(format!("the area of a circle of radius {radius:e} is beyond a double").into());
    }
    Ok(writeln!(
        io::stdout(),
        "{}",
        serde_json::to_string(&Area { area })?
    )?)
}
