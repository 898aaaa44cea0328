//! Makes one faulty tag of a template harmless, so that the rest of the template can be tried too.

use crate::flux::yaml::Node;

use super::template_text::{Tag, Token, tags};

/// What a value is replaced by: no planned name, no map.
const MENDED: &str = "0";

/// The text with the tag that holds this byte made harmless, each byte else where it was; `None` where
/// that cannot be, or was done before.
pub(super) fn mended(text: &str, at: usize) -> Option<String> {
    let all = tags(text);
    let tag = all.iter().find(|tag| tag.start <= at && at < tag.end);
    let (range, new) = match tag {
        Some(tag) if !tag.prints => statement(text, tag)?,
        Some(tag) => (tag.start..tag.end, None),
        None => {
            // the list of tags ends before one that cannot be read
            let before = text.get(..at + 2).or_else(|| text.get(..at))?;
            let start = before.rfind("{{")?;
            let end = start + text[start..].find("}}")? + 2;
            (start..end, None)
        }
    };
    let old = &text[range.clone()];
    let new = new.unwrap_or_else(|| value(old));
    let padded = new.len() == old.len();
    (padded && new != old).then(|| format!("{}{new}{}", &text[..range.start], &text[range.end..]))
}

/// Whether it is what a mended tag wrote.
pub(super) fn is_mended(node: &Node) -> bool {
    node.as_scalar()
        .is_some_and(|scalar| scalar.plain && scalar.text == MENDED)
}

/// `{{ … }}` with a number in it.
fn value(tag: &str) -> String {
    let before = if tag.starts_with("{{-") { "{{-" } else { "{{" };
    let after = if tag.ends_with("-}}") && tag.len() > 6 {
        "-}}"
    } else {
        "}}"
    };
    let room = tag.len().saturating_sub(before.len() + after.len());
    format!("{before}{MENDED:<room$}{after}")
}

/// The bytes of a tag to replace, and by what.
fn statement(text: &str, tag: &Tag<'_>) -> Option<(std::ops::Range<usize>, Option<String>)> {
    let first = tag.tokens.first()?;
    let close = tag.end - if tag.trims_after { 3 } else { 2 };
    let fill = |start: usize, new: &str| {
        let room = close.checked_sub(start)?;
        (new.len() <= room).then(|| (start..close, Some(format!("{new:<room$}"))))
    };
    match first.word()? {
        "if" | "elif" => fill(first.end, " 1"),
        "for" => {
            let is_in = |token: &&Token<'_>| token.word() == Some("in");
            let inside = tag.tokens.iter().find(is_in)?;
            let has_key = text[first.end..inside.start].contains(',');
            fill(inside.end, if has_key { "{}" } else { "[]" })
        }
        "include" => {
            let room = tag.end - tag.start - 4;
            Some((tag.start..tag.end, Some(format!("{{#{:room$}#}}", ""))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::mended;

    #[test]
    fn a_faulty_tag_becomes_one_that_does_nothing_and_nothing_else_moves() {
        for (text, wanted) in [
            ("a: {{ b | safe }} c", "a: {{0         }} c"),
            ("a: {{- b -}} c", "a: {{-0  -}} c"),
            ("a: {{ § }} c", "a: {{0   }} c"),
            ("a: {% if b.c -%} c", "a: {% if 1   -%} c"),
            ("a: {% for b in c.d %} c", "a: {% for b in[]   %} c"),
            ("a: {% for b, e in c.d %} c", "a: {% for b, e in{}   %} c"),
            ("a: {% include 'b' %} c", "a: {#             #} c"),
        ] {
            let found = mended(text, 6).unwrap();
            assert_eq!(found.len(), text.len(), "{text}");
            assert_eq!(found, wanted);
            assert_eq!(mended(&found, 6), None, "{text}");
        }
        assert_eq!(mended("a: {% set x = y %}", 6), None);
        assert_eq!(mended("a: b", 2), None);
    }
}
