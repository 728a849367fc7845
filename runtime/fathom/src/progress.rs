//! The progress bar of long work, on standard error, and silent where that is not a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `length` calls.
pub(crate) fn bar(length: usize, doing: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {prefix} {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar.set_message(doing);
    bar
}

/// A spinner for work without a length.
pub(crate) fn spinner(doing: String) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    spinner.set_message(doing);
    spinner.enable_steady_tick(std::time::Duration::from_millis(120));
    spinner
}
