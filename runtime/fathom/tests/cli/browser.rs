//! Debian's Chromium without a window and without a network of its own. Not a driver: it opens one page and ends.

use std::{path::Path, process::Command};

/// Opens a page with a profile of its own below `folder` and gives what the browser prints.
pub(crate) fn chromium(folder: &Path, url: &str, more: &[&str]) -> Vec<u8> {
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("browser").display()
        ))
        .args(more)
        .arg(url)
        .output()
        .expect("chromium");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
