//! What observing costs, beside what others cost: the same guest as it is and observed, in one process, in turns, as ratios. `cargo bench --workspace --bench overhead`, or with the name of a part:
//! `cargo bench --workspace --bench overhead -- plan`.
//!
//! Engine settings are those of `host::Engine` on both sides, printed first. Not a test: nothing here fails for being slow.

mod allocations;
mod cpu;
mod debugger;
mod guests;
mod hits;
mod kit;
mod learning;
mod observed;
mod peers;
mod plain;
mod plan;
mod rounds;

/// The parts by name.
const PARTS: [(&str, fn()); 8] = [
    ("learning", learning::bench),
    ("plan", plan::bench),
    ("allocations", allocations::bench),
    ("cpu", cpu::bench),
    ("hits", hits::bench),
    ("kit", kit::bench),
    ("debugger", debugger::bench),
    ("peers", peers::bench),
];

fn main() {
    let engine = host::Engine::new().expect("an engine");
    let machine = engine.machine();
    println!(
        "{} · {} · {}",
        machine.processor, machine.kernel, machine.engine
    );
    // Cargo passes `--bench`.
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    for (name, bench) in PARTS {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            println!("\n{name}");
            bench();
        }
    }
}
