//! Shows a variable of a function to Fathom, in one line: `fathom_watch::watch!("lines", lines.len());`
//!
//! Each use of the macro has a *watch cell*, a static that begins with a mark by which Fathom finds it in the compiled
//! module, and stores the value there. Nothing is imported, exported or called: the module runs everywhere as it did
//! before, and where nobody looks the line costs one store. The bytes of a cell are described in the README of the kit.
//!
//! This is not a tracing library: it has no names made at run time, no floats, and nothing happens on other targets
//! than WebAssembly but that the value is computed.

#![no_std]

use core::cell::UnsafeCell;

/// Shows the value of an integer expression under a name.
///
/// The name is a string literal of 1 to 64 bytes without control characters. The value is of any integer type of up
/// to 64 bits, or `bool`; it is seen as an `i64`. The same name may be used in several places: it is one variable.
///
/// ```
/// let mut lines = Vec::new();
/// for line in "one\ntwo".lines() {
///     lines.push(line);
///     fathom_watch::watch!("lines", lines.len());
/// }
/// ```
///
/// Any names may be in use around it:
///
/// ```
/// const CELL: usize = 3;
/// fathom_watch::watch!("cells", CELL);
/// ```
///
/// What is not a whole number has to be made one:
///
/// ```compile_fail
/// fathom_watch::watch!("ratio", 0.5);
/// ```
///
/// A name that nobody could print is refused when the function is compiled:
///
/// ```compile_fail
/// fathom_watch::watch!("", 1);
/// ```
#[macro_export]
macro_rules! watch {
    ($name:literal, $value:expr $(,)?) => {
        $crate::Cell::set(
            // In a block of its own: names of items have no hygiene, and the value may be a constant `CELL`.
            {
                // `used`: an optimiser that sees that nothing reads the static would take it apart.
                #[cfg_attr(target_family = "wasm", used)]
                static CELL: $crate::Cell = $crate::Cell::new($name);
                &CELL
            },
            $crate::Integer::widen($value),
        )
    };
}

/// A watch cell: what [`watch!`] makes. Its layout is a contract with Fathom.
#[doc(hidden)]
#[repr(C, align(8))]
pub struct Cell {
    mark: [u8; 16],
    /// Address of the first byte of the name, 64 bits wide on every target.
    name: &'static u8,
    #[cfg(target_pointer_width = "32")]
    name_high: u32,
    name_length: u64,
    value: UnsafeCell<i64>,
}

// SAFETY: `set` touches it only where there is one thread.
unsafe impl Sync for Cell {}

impl Cell {
    /// A cell for a variable that was not set yet.
    pub const fn new(name: &'static str) -> Cell {
        assert!(
            printable(name),
            "a name is 1 to 64 bytes long, without control characters"
        );
        Cell {
            mark: *b"\xFAFATHOM-WATCH-V1",
            name: &name.as_bytes()[0],
            #[cfg(target_pointer_width = "32")]
            name_high: 0,
            name_length: name.len() as u64,
            value: UnsafeCell::new(0),
        }
    }

    /// Shows a value.
    #[inline(always)]
    pub fn set(&self, value: i64) {
        // Fathom runs no guests with threads.
        if cfg!(all(target_family = "wasm", not(target_feature = "atomics"))) {
            let cell = self.value.get();
            // SAFETY: there is one thread, and nobody has a reference to the value.
            unsafe {
                // Volatile, so that every value is stored, also inside a loop. Without optimisation that is a function
                // elsewhere, and what Fathom sees is the plain store; with it, the plain store is gone.
                *cell = value;
                cell.write_volatile(value);
            }
        }
    }
}

const fn printable(name: &str) -> bool {
    let name = name.as_bytes();
    let mut at = 0;
    while at < name.len() {
        if name[at].is_ascii_control() {
            return false;
        }
        at += 1;
    }
    !name.is_empty() && name.len() <= 64
}

/// What can be watched: integers of up to 64 bits and `bool`.
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` cannot be watched",
    label = "this is neither an integer of up to 64 bits nor a `bool`",
    note = "make it an integer: `(share * 100.0) as i64`, `text.len()`"
)]
pub trait Integer: private::Sealed {
    /// The value as an `i64`. What lies above its range becomes negative, as by `as`.
    fn widen(self) -> i64;
}

mod private {
    pub trait Sealed {}
}

macro_rules! integers {
    ($($integer:ty)*) => {
        $(
            impl private::Sealed for $integer {}
            impl Integer for $integer {
                #[inline(always)]
                fn widen(self) -> i64 {
                    self as i64
                }
            }
        )*
    };
}

integers!(i8 u8 i16 u16 i32 u32 i64 u64 isize usize bool);
