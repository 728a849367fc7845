//! A small check that a document is well-formed XML, as far as charts use XML: elements, attributes, text, the five
//! named entities. No DTD, no comments, no CDATA: those are errors here.

/// The reason why a document is not well-formed.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut roots = 0;
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        check_text(before)?;
        if open.is_empty() && !before.trim().is_empty() {
            return Err(format!("text outside the root: {before}"));
        }
        let (inside, after) = tag_end(tag)?;
        rest = after;
        if let Some(name) = inside.strip_prefix('/') {
            if open.pop() != Some(name.trim()) {
                return Err(format!("</{name}> closes what is not open"));
            }
            continue;
        }
        roots += usize::from(open.is_empty());
        let (inside, is_empty) = inside
            .strip_suffix('/')
            .map_or((inside, false), |i| (i, true));
        let name = element(inside)?;
        if !is_empty {
            open.push(name);
        }
    }
    check_text(rest)?;
    match (open.as_slice(), roots, rest.trim()) {
        ([], 1, "") => Ok(()),
        (open, roots, rest) => Err(format!("left open {open:?}, {roots} roots, then {rest:?}")),
    }
}

/// What is inside the tag and what follows it; `>` inside an attribute does not end it.
fn tag_end(tag: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    for (i, c) in tag.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return Ok((&tag[..i], &tag[i + 1..])),
            '<' => return Err(format!("`<` inside a tag: {tag:.60}")),
            _ => {}
        }
    }
    Err(format!("a tag does not end: {tag:.60}"))
}

fn element(inside: &str) -> Result<&str, String> {
    let (name, mut rest) = inside
        .split_once(char::is_whitespace)
        .unwrap_or((inside, ""));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("not a name of an element: {name:?}"));
    }
    let mut seen = Vec::new();
    while !rest.trim().is_empty() {
        let (key, after) = rest
            .split_once("=\"")
            .ok_or(format!("no attribute: {rest}"))?;
        let (value, after) = after.split_once('"').ok_or(format!("no end of {key}"))?;
        check_text(value)?;
        if seen.contains(&key.trim()) {
            return Err(format!("attribute {key} twice"));
        }
        seen.push(key.trim());
        rest = after;
    }
    Ok(name)
}

fn check_text(text: &str) -> Result<(), String> {
    if let Some(c) = text
        .chars()
        .find(|c| c.is_control() && !"\n\t".contains(*c))
    {
        return Err(format!("control character {c:?}"));
    }
    for after in text.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "apos;"];
        if !known.iter().any(|k| after.starts_with(k)) {
            return Err(format!("`&` begins no entity: {after:.20}"));
        }
    }
    Ok(())
}

#[test]
fn the_check_itself_finds_what_is_wrong() {
    check("<a x=\"1>2\"><b/>t &amp; u</a>\n").unwrap();
    for broken in [
        "",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a x=1/>",
        "<a x=\"1\" x=\"2\"/>",
        "<a>&</a>",
        "<a>\u{1b}</a>",
        "<a>x<</a>",
        "t<a/>",
    ] {
        assert!(check(broken).is_err(), "{broken:?}");
    }
}
