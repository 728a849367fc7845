//! The one screen after `fathom profile`: a sentence with the number, why, when, how sure, calls, providers, places.
//! The same facts at length are in the HTML report; nothing here is printed, the text is returned.

mod calls;
mod deploy;
mod places;
mod problems;

pub(crate) use deploy::{change, held};

use crate::layout::{Tone, labelled, wrap};
use crate::{Context, Style, words};
use trace::{Confidence, Profile};

/// The narrowest terminal that the tables fit on.
const NARROWEST: usize = 80;

/// The screen: lines of at most `style.width` columns (but not less than 80), except where a path or a command is
/// longer.
pub fn screen(profile: &Profile, context: &Context, style: Style) -> String {
    let width = style.width.max(NARROWEST);
    let style = Style { width, ..style };
    let blocks = [
        vec![style.paint(
            Tone::Faint,
            &words::tally(&profile.invocations, context.elapsed_seconds),
        )],
        answer(profile, context, style),
        problems::lines(&context.problems, style),
        calls::lines(profile, style),
        deploy::lines(profile, context, style),
        notes(profile, style),
        places::lines(profile, context, style),
    ];
    let filled: Vec<String> = blocks
        .iter()
        .filter(|lines| !lines.is_empty())
        .map(|lines| lines.join("\n"))
        .collect();
    filled.join("\n\n") + "\n"
}

fn answer(profile: &Profile, context: &Context, style: Style) -> Vec<String> {
    let mut lines: Vec<String> = wrap(&words::headline(profile), style.width)
        .iter()
        .map(|line| style.paint(Tone::Strong, line))
        .collect();
    if profile.invocations.succeeded > 0 {
        lines.extend(labelled(style, "Why", &words::why(profile)));
    }
    let who = context.who().and_then(|who| who.sentence());
    lines.extend(labelled(style, "Who", who.as_slice()));
    lines.extend(labelled(style, "When", &words::when(profile)));
    if let Some(recommendation) = &profile.recommendation {
        let mut sure = labelled(style, "Sure?", &words::sure(profile, recommendation));
        paint_word(&mut sure, recommendation.confidence, style);
        lines.extend(sure);
    }
    lines
}

/// Colours the confidence word where it stands: after the label of the first line.
fn paint_word(lines: &mut [String], confidence: Confidence, style: Style) {
    let tone = match confidence {
        Confidence::None => Tone::Bad,
        Confidence::Low => Tone::Warn,
        Confidence::Good | Confidence::High => Tone::Good,
    };
    let word = words::confidence(confidence);
    if let Some(first) = lines.first_mut() {
        *first = first.replacen(word, &style.paint(tone, word), 1);
    }
}

fn notes(profile: &Profile, style: Style) -> Vec<String> {
    let said: Vec<String> = profile
        .notes
        .iter()
        .map(|n| crate::clean::clean(n))
        .collect();
    labelled(style, "Note", &said)
}
