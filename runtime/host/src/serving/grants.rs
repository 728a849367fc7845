//! Memory that the calls of one machine share. Deciding who gets how much is not done here: this is how a call asks.

use std::pin::Pin;
use trace::{Bytes, Observed};

/// Who shares memory among calls. One for each call.
pub trait Grants: Send + Sync {
    /// Whether the guest of the call may have `to` bytes in all. Asked at every growth, so it must not block; `seen`
    /// reads what the breakpoints of the call have seen so far, which is worth while only where it changes the answer.
    fn grow(&self, to: Bytes, seen: &dyn Fn() -> Vec<Observed>) -> Growing;
}

/// The answer to a call that wants to grow.
pub enum Growing {
    /// It may.
    Granted,
    /// It may not: so much it could have had.
    Refused {
        /// Bytes in all.
        most: Bytes,
    },
    /// Memory is being taken from another call. When this is ready it is to be asked again.
    After(Pin<Box<dyn Future<Output = ()> + Send>>),
}
