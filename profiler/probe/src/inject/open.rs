//! The function that stands in for an imported `path_open`: it calls it, and tells the host when a file was opened.

use super::layout::Layout;
use wasm_encoder::{BlockType, Function, ValType};

/// Number of parameters of `path_open` in WASI preview 1.
const PARAMETERS: u32 = 9;

pub(super) fn wrapper(path_open: u32, layout: &Layout) -> Function {
    let errno = PARAMETERS;
    let mut function = Function::new([(1, ValType::I32)]);
    let mut sink = function.instructions();
    for parameter in 0..PARAMETERS {
        sink.local_get(parameter);
    }
    sink.call(path_open).local_tee(errno);
    if let Some(opened) = layout.opened {
        // Parameters: directory, lookup flags, address and length of the path, ...
        sink.i32_eqz()
            .if_(BlockType::Empty)
            .local_get(0)
            .local_get(2)
            .local_get(3)
            .call(opened)
            .end()
            .local_get(errno);
    }
    sink.end();
    function
}
