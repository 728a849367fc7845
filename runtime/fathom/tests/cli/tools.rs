//! Other people's programs that some tests need. Absent, they are skipped and say so; with `FATHOM_TOOLS=required` that
//! is a failure.

use std::process::Command;

/// Whether a test can go on with these programs.
pub(crate) fn present(tools: &[&str]) -> bool {
    let missing: Vec<&str> = tools
        .iter()
        .copied()
        .filter(|tool| !answers(tool))
        .collect();
    missing.is_empty() || skipped(&format!("no {}", missing.join(", no ")))
}

/// Says why a test is skipped; false, so that it can be returned.
pub(crate) fn skipped(why: &str) -> bool {
    let required = std::env::var_os("FATHOM_TOOLS").is_some_and(|value| value == "required");
    assert!(!required, "FATHOM_TOOLS=required, but: {why}");
    println!("skipped: {why}");
    false
}

fn answers(tool: &str) -> bool {
    Command::new(tool)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}
