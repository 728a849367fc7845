//! What a server says of its functions when it ends.

use super::Server;
use trace::{Bytes, Nanos};

/// A line for each function that was called, and one above them; nothing where none was.
pub(crate) fn lines(server: &Server) -> Vec<String> {
    let called: Vec<_> = server
        .registry
        .all()
        .into_iter()
        .filter(|function| function.totals().calls > 0)
        .collect();
    if called.is_empty() {
        return Vec::new();
    }
    let width = called
        .iter()
        .map(|f| f.name.len())
        .max()
        .unwrap_or(0)
        .max(8);
    let mut lines = vec![format!(
        "{:<width$}  {:>8}  {:>6}  {:>9}  {:>9}  {:>40}  {:>11}",
        "function",
        "calls",
        "failed",
        "CPU",
        "wall",
        "memory needed: min / median / p99 / max",
        "recommended"
    )];
    lines.extend(called.iter().map(|function| {
        let totals = function.totals().clone();
        let size = |bytes: Option<Bytes>| bytes.map_or("-".to_owned(), |bytes| bytes.to_string());
        let (least, most) = totals.needed.unzip();
        let needed = format!(
            "{} / {} / {} / {}",
            size(least),
            size(totals.quantile(0.5)),
            size(totals.quantile(0.99)),
            size(most)
        );
        let recommended = function.sizing.learned();
        let recommended = recommended.map(|learned| learned.recommendation.allocation_bytes);
        format!(
            "{:<width$}  {:>8}  {:>6}  {:>9}  {:>9}  {:>40}  {:>11}",
            function.name,
            totals.calls,
            totals.failures(),
            time(totals.cpu),
            time(totals.wall),
            needed,
            size(recommended)
        )
    }));
    lines
}

fn time(time: Nanos) -> String {
    time.to_string()
}
