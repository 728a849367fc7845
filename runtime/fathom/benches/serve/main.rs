//! What serving costs, beside others that serve, clients included, on one machine in one run:
//! `cargo bench --workspace --bench serve -- [ROW...]`. Not a test: nothing here fails for being slow. Who is compared with is
//! installed by `benches/serve/peers.sh`.
//!
//! What it costs that guests can be interrupted, as they have to be where they are served, is in another one:
//! `cargo bench --workspace --bench overhead -- cpu`, at 1 Hz.

mod circle;
mod hello;
mod load;
mod loops;
mod many;
mod million;
mod p1;
mod pages;
mod process;
mod recording;
mod rounds;

/// Every row, by its name.
const ROWS: [(&str, fn()); 9] = [
    ("hello", hello::run),
    ("reuse", hello::reused),
    ("p1", p1::run),
    ("recording", recording::run),
    ("loops", loops::run),
    ("circle", circle::run),
    ("many", many::run),
    ("million", million::run),
    ("pages", pages::run),
];

fn main() {
    // Cargo says `--bench` to whatever it runs so.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    if let [itself, address] = &wanted[..]
        && itself == p1::AXUM
    {
        return p1::axum(address);
    }
    for (name, run) in ROWS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            run();
        }
    }
}
