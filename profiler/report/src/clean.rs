//! Names from outside made harmless for the place they are shown in. HTML is not here: maud escapes, plotters too.

/// Stands for a character that must not reach a terminal or an XML document.
const REPLACEMENT: char = '\u{fffd}';

/// Text without control characters (terminal escapes among them) and without characters that reorder or hide text.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if is_harmless(c) { c } else { REPLACEMENT })
        .collect()
}

fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            // No XML 1.0 document may contain these two.
            | '\u{fffe}' | '\u{ffff}')
}

/// A name inside backticks of a sentence: without backticks of its own, so that the quotation ends where it should.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", clean(name).replace('`', "'"))
}

/// A cell that no spreadsheet takes for a formula: a leading `=`, `+`, `-`, `@`, tab or line break is preceded by `'`,
/// as OWASP recommends. For text only; numbers stay numbers.
pub(crate) fn csv_text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// Text inside a paragraph or a table cell of GitHub Markdown, where it must neither format nor become HTML.
/// Parts between backticks stay code.
pub(crate) fn markdown(text: &str) -> String {
    let mut in_code = false;
    clean(text).chars().fold(String::new(), |mut out, c| {
        in_code ^= c == '`';
        // A bar ends a table cell even inside code.
        if c == '|'
            || (!in_code && matches!(c, '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '&'))
        {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dangerous_somewhere_is_harmless_there() {
        assert_eq!(
            clean("a\x1b[31mb\u{9b}c\u{202e}d"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d"
        );
        assert_eq!(clean("größe 日本"), "größe 日本");
        assert_eq!(quoted("a`b"), "`a'b`");
        assert_eq!(csv_text("=1+1"), "'=1+1");
        assert_eq!(csv_text("a=1"), "a=1");
        assert_eq!(markdown("<b>*x*|`a_b|`"), r"\<b\>\*x\*\|`a_b\|`");
    }
}
