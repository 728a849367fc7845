//! Who allocated it: sampled, and every block.

use crate::{
    guests::{line_reader, word_count},
    observed::{Observed, breakpoints, compare},
    rounds::{paired, row},
};
use trace::{Bytes, HeapSampling, Selection};

pub(crate) fn bench() {
    let mean = Bytes(512 * 1024);
    let sampled = HeapSampling::Poisson { mean };
    for work in [line_reader(), word_count()] {
        let live = breakpoints(&["end"]);
        for (how, heap) in [
            ("--heap sampled, one in 512 KiB", sampled),
            ("--heap exact", HeapSampling::Exact),
        ] {
            let heap = Selection {
                heap: Some(heap),
                ..live.clone()
            };
            compare(&work, how, &heap);
            let [counted, profiled] = [&live, &heap].map(|s| Observed::new(&work, s));
            let [counted, profiled] = paired([&mut || counted.run().seconds, &mut || {
                profiled.run().seconds
            }]);
            let name = format!("{}: {how}, over live bytes alone", work.name);
            row(&name, counted, profiled, "");
        }
    }
}
