//! What serving costs, beside others that serve, clients included, on one machine in one run:
//! `cargo bench -p fathom --bench serve -- [ROW...]`. Not a test: nothing here fails for being slow. Peers are installed by
//! `benches/serve/peers.sh`.

mod hello;
mod load;
mod process;
mod recording;
mod rounds;

/// Every row, by its name.
const ROWS: [(&str, fn()); 2] = [("hello", hello::run), ("recording", recording::run)];

fn main() {
    // Cargo says `--bench` to whatever it runs so.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    for (name, run) in ROWS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            run();
        }
    }
}
