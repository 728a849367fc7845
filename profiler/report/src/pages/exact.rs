//! Sizes as they are read, with the exact number of bytes for whoever points at one, and for scripts.

use crate::show::{count, round_size, size};
use maud::{Markup, html};
use trace::Bytes;

/// A measured size: `1.4 MiB`, on hover `1,507,328 bytes`.
pub(crate) fn exact(bytes: Bytes) -> Markup {
    with_bytes(bytes, &size(bytes))
}

/// A size that somebody chose: `256 MiB`, likewise.
pub(crate) fn chosen(bytes: Bytes) -> Markup {
    with_bytes(bytes, &round_size(bytes))
}

fn with_bytes(bytes: Bytes, shown: &str) -> Markup {
    let all = usize::try_from(bytes.0).unwrap_or(usize::MAX);
    html! { data value=(bytes.0) title={ (count(all)) " bytes" } { (shown) } }
}
