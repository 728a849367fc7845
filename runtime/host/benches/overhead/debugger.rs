//! The other way to a variable: wasmtime's own debugging of guests, ready for a breakpoint, and stopping at one.

use crate::{
    guests::{line_reader, n_queens, sieve, word_count},
    plain::{self, Plain},
    rounds::{least, row},
};

pub(crate) fn bench() {
    let mut debugging = plain::settings();
    debugging.guest_debug(true);
    for work in [sieve(), line_reader(), word_count(), n_queens()] {
        let sides = [plain::settings(), debugging.clone()];
        let [plain, debugged] = sides.map(|settings| Plain::with(&settings, &work.wasm));
        let input = &work.input;
        let [plain, debugged] = least([&mut || plain.run(input), &mut || debugged.run(input)]);
        let name = format!("{}: wasmtime's guest debugging, no breakpoint", work.name);
        row(&name, plain, debugged, "");
    }
}
