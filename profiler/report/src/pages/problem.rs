//! A page that says what is wrong, and what to do about it.

use super::shell::Shell;
use crate::clean::clean;
use crate::html::prose;
use maud::html;

/// Says it: `title` in a few words, `said` in a sentence, and where there is one a place to go on at, name and path.
pub fn problem_page(title: &str, said: &str, go_on: Option<(&str, &str)>) -> String {
    let title = clean(title);
    let shell = Shell {
        title: &title,
        events: None,
        trail: &[],
    };
    shell.page(&html! {
        header { h1 { (title) } }
        p.lead { (prose(said)) }
        p {
            @if let Some((name, path)) = go_on { a href=(path) { (clean(name)) } " or " }
            a href="/" { "all functions" }
        }
    })
}
