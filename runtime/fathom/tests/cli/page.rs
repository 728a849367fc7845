//! The report in a real browser: it opens, it shows its charts, it asks nobody for anything.

use crate::{
    browser,
    support::{Place, wat},
    tools,
};
use std::path::Path;

pub(crate) fn chromium(place: &Place, page: &Path, more: &[&str]) -> Vec<u8> {
    let url = format!("file://{}", page.display());
    browser::chromium(&place.path(""), &url, more)
}

#[test]
fn the_report_opens_in_a_browser() {
    if !tools::present(&["chromium"]) {
        return;
    }
    let place = Place::new();
    place.lines(&[300, 800, 1900, 3100, 4700, 6500, 8000, 9900]);
    place
        .fathom([
            "profile",
            &wat("exact-allocations"),
            "lines",
            "--heap=exact",
        ])
        .assert()
        .success();
    let page = place.path("fathom-out/exact-allocations/report.html");
    let dom = String::from_utf8_lossy(&chromium(&place, &page, &["--dump-dom"])).into_owned();
    assert_eq!(
        dom.matches("</svg>").count(),
        9,
        "five charts, two flame graphs, a heatmap and the numbers under it"
    );
    let picture = place.path("report.png");
    let shot = format!("--screenshot={}", picture.display());
    chromium(&place, &page, &["--window-size=1100,1600", &shot]);
    // A page that is blank compresses to almost nothing.
    let bytes = std::fs::metadata(picture).expect("the screenshot").len();
    assert!(bytes > 40_000, "{bytes} bytes of screenshot");
    let paper = place.path("report.pdf");
    let print = format!("--print-to-pdf={}", paper.display());
    chromium(&place, &page, &["--no-pdf-header-footer", &print]);
    let paper = std::fs::read(paper).expect("the print");
    let page = b"/Type /Page\n";
    let pages = paper
        .windows(page.len())
        .filter(|part| part == page)
        .count();
    assert!((3..=12).contains(&pages), "{pages} pages");
}
