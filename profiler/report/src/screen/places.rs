//! Where the report and the data are, and what to run next. Paths and commands are never broken over lines.

use crate::clean::clean;
use crate::layout::{LABEL, Tone, columns};
use crate::show::counted;
use crate::{Context, Style};
use std::path::Path;
use trace::Profile;

pub(super) fn lines(profile: &Profile, context: &Context, style: Style) -> Vec<String> {
    let report = context.report_path.as_deref().map(shown);
    let data = context.database_path.as_deref().map(|path| {
        let calls = counted(profile.invocations.total, "call");
        format!("{} ({calls})", shown(path))
    });
    let mut lines = match (&report, &data) {
        (Some(report), Some(data))
            if columns(report) + columns(data) + 2 * LABEL + 8 <= style.width =>
        {
            vec![format!(
                "{}     {}",
                line("Report", report, style),
                line("Data", data, style)
            )]
        }
        _ => [("Report", &report), ("Data", &data)]
            .into_iter()
            .filter_map(|(label, text)| Some(line(label, text.as_ref()?, style)))
            .collect(),
    };
    lines.extend(
        context
            .next
            .as_ref()
            .map(|next| line("Next", &clean(next), style)),
    );
    lines
}

fn shown(path: &Path) -> String {
    clean(&path.to_string_lossy())
}

fn line(label: &str, text: &str, style: Style) -> String {
    let padding = " ".repeat(LABEL + 1 - label.len());
    format!("{}{padding}{text}", style.paint(Tone::Strong, label))
}
