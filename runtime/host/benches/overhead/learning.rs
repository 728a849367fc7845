//! Learning: everything that the guest shows, and everything that its debug information names.

use crate::{
    guests::{line_reader, n_queens, sieve, word_count},
    observed::{breakpoints, compare},
};
use trace::Selection;

pub(crate) fn bench() {
    compare(
        &sieve(),
        "as observed when nothing is asked for",
        &Selection::default(),
    );
    let line_reader = line_reader();
    compare(&line_reader, "live bytes alone", &breakpoints(&["end"]));
    compare(
        &line_reader,
        "as observed when nothing is asked for",
        &Selection::default(),
    );
    for work in [line_reader, word_count(), n_queens()] {
        compare(&work, "--break auto", &breakpoints(&["auto"]));
    }
}
