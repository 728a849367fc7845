//! Where the time goes: the guest interrupted so often.

use crate::{
    guests::{line_reader, n_queens, sieve, word_count},
    observed::{breakpoints, compare_on},
};
use host::Engine;
use trace::Nanos;

pub(crate) fn bench() {
    // Once a second is next to never: what is left is the price of being ready for it.
    for (rate, period) in [("1 Hz", 1_000_000_000), ("1 kHz", 1_000_000)] {
        let engine = Engine::sampling_cpu(Nanos(period)).expect("an engine");
        for work in [sieve(), line_reader(), word_count(), n_queens()] {
            let how = format!("--cpu at {rate}");
            compare_on(&engine, &work, &how, &breakpoints(&["end"]));
        }
    }
}
