//! One hit of a breakpoint.

use crate::{
    guests::hot,
    observed::{breakpoints, compare},
};
use trace::Selection;

pub(crate) fn bench() {
    let hot = hot();
    let step = breakpoints(&["entry:step"]);
    compare(&hot, "breakpoint by host call", &step);
    let light = Selection {
        light: true,
        ..step
    };
    compare(&hot, "breakpoint by mailbox (--light)", &light);
}
