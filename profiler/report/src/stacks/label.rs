//! What a frame is called in pictures and in text formats, whatever the guest calls it.

use super::By;
use crate::clean::clean;
use trace::Frame;

/// Characters kept of a name; names of generic Rust functions can have thousands.
const LONGEST: usize = 300;

/// `read (main.rs:31)`, or `read` where lines are not wanted or not known. No control characters, and never empty.
pub(super) fn label(frame: &Frame, by: By) -> String {
    let name = name(frame);
    match (by, place(frame)) {
        (By::Line, Some(place)) => format!("{name} ({place})"),
        _ => name,
    }
}

/// The name of a frame's function.
pub(super) fn name(frame: &Frame) -> String {
    let name = clean(frame.function.trim());
    if name.is_empty() {
        return "[no name]".to_owned();
    }
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name,
    }
}

/// `main.rs:31`: the last part of the file's path, and the line.
pub(super) fn place(frame: &Frame) -> Option<String> {
    let file = frame.file.as_deref()?;
    let file = file.rsplit(['/', '\\']).next().filter(|f| !f.is_empty())?;
    Some(format!("{}:{}", clean(file), frame.line?))
}

/// A label that is one frame of a collapsed stack. `;` separates frames there, and a number after the last space is the
/// weight, so a name that ends in one is given no space before it. As the scripts of FlameGraph, `;` becomes `:`.
pub(super) fn in_collapsed(label: &str) -> String {
    let label = label.replace(';', ":");
    let label = label.trim_start_matches('#').trim();
    let last = label.rsplit(char::is_whitespace).next().unwrap_or(label);
    let is_number = last.chars().all(|c| c.is_ascii_digit() || c == '.');
    match label.len().checked_sub(last.len()) {
        _ if label.is_empty() => "[no name]".to_owned(),
        Some(before) if before > 0 && is_number => {
            format!("{}_{last}", label[..before].trim_end())
        }
        _ => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_frame_or_look_like_a_weight_does_not() {
        for (given, wanted) in [
            ("<[u8; 8]>::f", "<[u8: 8]>::f"),
            ("f 12 3", "f 12_3"),
            ("f 1.5", "f_1.5"),
            ("# f", "f"),
            ("#", "[no name]"),
            ("f", "f"),
            ("12", "12"),
        ] {
            assert_eq!(in_collapsed(given), wanted);
        }
    }
}
