//! The line that a finding speaks of, fit to be shown: without credentials, and not endless.

use std::ops::Range;

use crate::flux::secrets;

/// Characters that are shown of a line from the place that is meant on. What stands before it stays,
/// for it is counted; the printer leaves out what does not fit.
const LONGEST_CHARS: usize = 120;

/// A part of one line, and the bytes of it that are meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) text: String,
    pub(super) marked: Range<usize>,
}

/// The line of a text in which a range of bytes begins.
pub(super) fn excerpt(text: &str, range: Range<usize>) -> Excerpt {
    let start = boundary_before(text, range.start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let line = text[line_start..line_end].trim_end_matches('\r');
    let end = boundary_before(text, range.end.max(start));
    let in_line = |place: usize| (place - line_start).min(line.len());
    cut(&starred(line), in_line(start)..in_line(end))
}

/// The line with a `*` for each byte of the credentials in it, so that places stay as they are.
fn starred(line: &str) -> String {
    let mut starred = String::with_capacity(line.len());
    for secret in secrets(line) {
        starred.push_str(&line[starred.len()..secret.start]);
        starred.push_str(&"*".repeat(secret.len()));
    }
    starred.push_str(&line[starred.len()..]);
    starred
}

fn cut(line: &str, marked: Range<usize>) -> Excerpt {
    let after = line[marked.start..].chars().take(LONGEST_CHARS);
    let end = marked.start + after.map(char::len_utf8).sum::<usize>();
    let left_out = if end < line.len() { "…" } else { "" };
    Excerpt {
        marked: marked.start..marked.end.min(end),
        text: format!("{}{left_out}", &line[..end]),
    }
}

fn boundary_before(text: &str, place: usize) -> usize {
    let mut place = place.min(text.len());
    while !text.is_char_boundary(place) {
        place -= 1;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    use std::ops::Range;

    /// The excerpt, with what is marked between `>` and `<`.
    fn shown(text: &str, range: Range<usize>) -> String {
        let excerpt = excerpt(text, range);
        let (text, marked) = (excerpt.text, excerpt.marked);
        format!(
            "{}>{}<{}",
            &text[..marked.start],
            &text[marked.clone()],
            &text[marked.end..]
        )
    }

    #[test]
    fn of_a_text_only_the_line_is_shown_in_which_the_range_begins() {
        let text = "one: 1\ntwo: 2\r\nthree: 3\n";
        assert_eq!(shown(text, 7..10), ">two<: 2");
        assert_eq!(shown(text, 7..24), ">two: 2<");
        assert_eq!(shown(text, 15..20), ">three<: 3");
        assert_eq!(shown(text, 0..0), "><one: 1");
        assert_eq!(shown(text, 6..6), "one: 1><");
        assert_eq!(shown(text, 24..99), "><");
    }

    #[test]
    fn a_range_that_ends_within_a_character_or_behind_the_text_is_moved_into_it() {
        assert_eq!(shown("ä: ö", 1..4), ">ä: <ö");
        assert_eq!(shown("a: b", 3..99), "a: >b<");
        assert_eq!(shown("a: b", 99..99), "a: b><");
        assert_eq!(shown("", 0..0), "><");
    }

    #[test]
    fn credentials_are_masked_and_all_places_stay_as_they_are() {
        let text = "- {url: https://bob:hunter2@host/x} # why";
        let masked = "https://***********@host/x";
        assert_eq!(shown(text, 3..6), format!("- {{>url<: {masked}}} # why"));
        assert_eq!(shown(text, 8..34), format!("- {{url: >{masked}<}} # why"));
        assert_eq!(
            shown(text, 20..27),
            "- {url: https://****>*******<@host/x} # why"
        );
        assert_eq!(shown(text, 38..41), format!("- {{url: {masked}}} # >why<"));
        let two = "[https://a:b@h/x, https://ö:d@h/y]";
        assert_eq!(shown(two, 0..1), ">[<https://***@h/x, https://****@h/y]");
    }

    #[test]
    fn tokens_are_not_shown_wherever_they_are() {
        let text = "{url: https://h/x?access_token=abc, name: ghp_0123456789}";
        assert_eq!(
            shown(text, 36..40),
            "{url: https://h/x?access_token=***, >name<: **************}"
        );
    }

    #[test]
    fn of_a_long_line_the_end_is_left_out() {
        let text = format!("{}here{}", "ä".repeat(500), "ö".repeat(500));
        let expected = format!("{}>here<{}…", "ä".repeat(500), "ö".repeat(116));
        assert_eq!(shown(&text, 1000..1004), expected);
        let expected = format!("ä>{}<…", "ä".repeat(120));
        assert_eq!(shown(&text, 2..2000), expected);
    }
}
