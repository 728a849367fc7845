//! How a call ended, in the words of a trace.

use crate::{
    meter::{History, RefusedBy},
    stdio::TooMuchOutput,
};
use trace::{Bytes, Outcome};
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// How a call ended.
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) exit_code: Option<i32>,
    pub(crate) failure: Option<String>,
}

/// What the engine's answer means, given the growths that were refused on the way.
pub(crate) fn classify(result: &wasmtime::Result<()>, history: &History, limit: Bytes) -> Ending {
    let (exit_code, failure) = match result {
        Ok(()) => (Some(0), None),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(0)) => (Some(0), None),
            Some(I32Exit(code)) => (Some(*code), Some(format!("exited with code {code}"))),
            None => (None, Some(sentence(error))),
        },
    };
    let Some(failure) = failure else {
        return Ending {
            outcome: Outcome::Succeeded,
            exit_code,
            failure: None,
        };
    };
    let largest = history.refusals.iter().map(|refusal| refusal.asked).max();
    match largest {
        Some(asked) => {
            let (what, by) = match history.refused_by {
                None | Some(RefusedBy::Limit) => ("the limit", limit),
                Some(RefusedBy::Itself(by)) => ("what the guest itself or the system allows", by),
                Some(RefusedBy::Machine(most)) => ("what was left for it on this machine", most),
            };
            refused(asked, what, by, exit_code, &failure)
        }
        None => Ending {
            outcome: Outcome::Failed,
            exit_code,
            failure: Some(failure),
        },
    }
}

fn refused(asked: Bytes, what: &str, by: Bytes, exit_code: Option<i32>, failure: &str) -> Ending {
    Ending {
        outcome: Outcome::Limited,
        exit_code,
        failure: Some(format!(
            "out of memory: asked for {asked}, {what} is {by}; then {failure}"
        )),
    }
}

/// One sentence for a trap or a host's refusal: what happened, and in which function.
fn sentence(error: &wasmtime::Error) -> String {
    let what = if let Some(output) = error.downcast_ref::<TooMuchOutput>() {
        output.to_string()
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        let trap = trap.to_string();
        let cause = trap.strip_prefix("wasm trap: ").unwrap_or(&trap);
        format!("trapped: {cause}")
    } else {
        format!("failed: {}", error.root_cause())
    };
    let function = error.downcast_ref::<WasmBacktrace>().and_then(|trace| {
        let frame = trace.frames().first()?;
        Some(frame.func_name()?.to_owned())
    });
    match function {
        Some(name) => format!("{what}, in `{}`", probe::demangle(&name)),
        None => what,
    }
}
