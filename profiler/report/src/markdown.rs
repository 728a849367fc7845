//! The report as GitHub Markdown: for a pull request or a wiki, without pictures.

use crate::clean::{clean, markdown as escape};
use crate::screen::{change, held};
use crate::show::{megabytes, percent, round_size, seconds, size, usd, value_of};
use crate::stacks::Who;
use crate::{Context, words};
use trace::{Candidate, Profile, Recommendation};

/// Calls listed; the CSV has all of them.
const CALLS: usize = 50;

/// The report as Markdown, with a level-1 heading.
pub fn markdown(profile: &Profile, context: &Context) -> String {
    let mut blocks = vec![
        format!("# {}", escape(&profile.function.name)),
        format!("**{}**", escape(&words::headline(profile))),
        escape(&words::tally(&profile.invocations, context.elapsed_seconds)),
    ];
    blocks.extend(profile.recommendation.as_ref().map(before_and_after));
    let mut points = named("Why", &words::why(profile));
    let who = context.who();
    let held = who.as_ref().and_then(|who| who.sentence());
    points.extend(named("Who", held.as_slice()));
    points.extend(named("When", &words::when(profile)));
    if let Some(recommendation) = &profile.recommendation {
        points.extend(named("Sure?", &words::sure(profile, recommendation)));
    }
    points.extend(named("To be surer", &[words::surer(profile, context)]));
    blocks.push(points.join("\n"));
    blocks.extend(problems(context));
    let mut rest = Vec::new();
    if let Some(recommendation) = &profile.recommendation {
        blocks.push(deploy(recommendation));
        rest.push(calls(recommendation));
    }
    rest.extend(variables(profile));
    rest.extend(who.as_ref().map(holders));
    blocks.push(
        [
            ("What else could explain it", words::else_explains(profile)),
            ("What would change this", words::changes(profile)),
            ("What is not known", words::unknown(profile, context)),
        ]
        .map(|(name, said)| format!("- **{name}:** {}", escape(&said)))
        .join("\n"),
    );
    if !rest.is_empty() {
        // GitHub shows it closed; the empty lines make what is inside Markdown again.
        blocks.push("<details><summary>Every call and every variable</summary>".to_owned());
        blocks.extend(rest);
        blocks.push("</details>".to_owned());
    }
    blocks.push(again(profile));
    blocks.join("\n\n") + "\n"
}

/// What every call is given: today, and as recommended.
fn before_and_after(recommendation: &Recommendation) -> String {
    let row = vec![
        "memory of a call".to_owned(),
        round_size(recommendation.baseline_bytes),
        size(recommendation.allocation_bytes),
        held(recommendation.memory_saving_share),
    ];
    rows_as_table(&["", "today", "recommended", "change"], &[row])
}

/// How whoever has the recorded calls gets the same text, and of which module it is.
fn again(profile: &Profile) -> String {
    let name = clean(&profile.function.name).replace('`', "'");
    let module = match profile.function.is_imported() {
        true => "its calls were recorded elsewhere".to_owned(),
        false => format!(
            "module `{}`",
            clean(&profile.function.digest).replace('`', "'")
        ),
    };
    format!("To have this again: `fathom report {name} --format markdown`; {module}.")
}

fn named(name: &str, said: &[String]) -> Vec<String> {
    said.iter()
        .map(|s| format!("- **{name}** {}", escape(s)))
        .collect()
}

fn problems(context: &Context) -> Option<String> {
    let rows: Vec<Vec<String>> = context
        .problems
        .iter()
        .take(CALLS)
        .map(|p| vec![clean(&p.input), p.outcome.to_string(), clean(&p.reason)])
        .collect();
    (!rows.is_empty()).then(|| {
        let title = words::problems_title(context.problems.len());
        format!(
            "## Problems\n\n{title}\n\n{}",
            rows_as_table(&["input", "outcome", "why"], &rows)
        )
    })
}

fn deploy(recommendation: &Recommendation) -> String {
    let rows: Vec<Vec<String>> = recommendation
        .providers
        .iter()
        .map(|p| {
            vec![
                clean(&p.name),
                megabytes(p.size_mb),
                seconds(p.estimated_seconds),
                usd(p.usd_per_million),
                change(p.usd_saving_share),
                clean(&p.reason),
            ]
        })
        .collect();
    let against = format!(
        "against {} today",
        round_size(recommendation.baseline_bytes)
    );
    let header = [
        "deploy to",
        "size",
        "estimated time",
        "USD/million",
        "change",
        against.as_str(),
    ];
    format!("## Deploy\n\n{}", rows_as_table(&header, &rows))
}

fn calls(recommendation: &Recommendation) -> String {
    let sized_by = recommendation.sizing_feature.as_ref();
    let rows: Vec<Vec<String>> = recommendation
        .calls
        .iter()
        .take(CALLS)
        .map(|c| {
            let shown = sized_by.zip(c.feature_value);
            vec![
                clean(&c.input),
                shown.map_or("-".to_owned(), |(p, x)| value_of(p, x)),
                size(c.needed_bytes),
                size(c.allocation_bytes),
                c.outcome.to_string(),
            ]
        })
        .collect();
    let name = sized_by.map_or("-".to_owned(), |p| clean(&p.variables()));
    let header = [
        "input",
        name.as_str(),
        "needed",
        "given, sized alone",
        "outcome",
    ];
    let mut text = format!("## Calls\n\n{}", rows_as_table(&header, &rows));
    if recommendation.calls.len() > CALLS {
        text += &format!(
            "\n\n{} more are in the CSV.",
            recommendation.calls.len() - CALLS
        );
    }
    text
}

fn variables(profile: &Profile) -> Option<String> {
    let rows: Vec<Vec<String>> = profile.variables.iter().take(10).map(variable).collect();
    let header = [
        "variable",
        "breakpoint",
        "as",
        "held-out error",
        "growth still ahead",
    ];
    (!rows.is_empty()).then(|| format!("## Variables\n\n{}", rows_as_table(&header, &rows)))
}

fn holders(who: &Who) -> String {
    let rows: Vec<Vec<String>> = who.rows().into_iter().map(Vec::from).collect();
    let header = ["share", "own", "with callees", "function", "line"];
    let title = escape(&who.title());
    format!("## {title}\n\n{}", rows_as_table(&header, &rows))
}

fn variable(candidate: &Candidate) -> Vec<String> {
    vec![
        clean(&candidate.predictor.variables()),
        clean(&words::times(&candidate.predictor, |f| {
            f.breakpoint.to_string()
        })),
        words::times(&candidate.predictor, |f| f.aggregate.to_string()),
        percent(candidate.held_out_median_ape),
        percent(candidate.lead),
    ]
}

/// A Markdown table; cells are escaped here.
pub(crate) fn rows_as_table(header: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![
        line(header.iter().map(|h| escape(h)).collect()),
        line(vec!["---".to_owned(); header.len()]),
    ];
    lines.extend(
        rows.iter()
            .map(|row| line(row.iter().map(|cell| escape(cell)).collect())),
    );
    lines.join("\n")
}
