//! Text from files and names, fit for a terminal.

use std::borrow::Cow;

/// The text with U+FFFD for each character that would steer a terminal or end the line: control
/// characters but the tab, line separators, and what turns the direction of writing.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(steers) {
        Cow::Owned(text.replace(steers, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The same of a text whose lines are meant.
pub(super) fn printable_lines(text: &str) -> Cow<'_, str> {
    let steers = |c| c != '\n' && steers(c);
    if text.contains(steers) {
        Cow::Owned(text.replace(steers, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn steers(c: char) -> bool {
    c.is_control() && c != '\t'
        || matches!(c,
            '\u{61C}'
            | '\u{200E}' | '\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{printable, printable_lines};

    #[test]
    fn what_steers_a_terminal_is_replaced_and_all_else_stays() {
        for same in ["", "web", "a\tb", "größe ✓ 名", "👩\u{200d}💻"] {
            assert_eq!(printable(same), same);
        }
        for (text, expected) in [
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("\u{1b}[2J", "\u{fffd}[2J"),
            ("\u{9b}2J", "\u{fffd}2J"),
            ("a\nb\rc\u{2028}d", "a\u{fffd}b\u{fffd}c\u{fffd}d"),
            ("\u{202e}lmay.bew\u{2066}", "\u{fffd}lmay.bew\u{fffd}"),
            ("\u{7f}", "\u{fffd}"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }

    #[test]
    fn only_where_lines_are_meant_they_stay() {
        assert_eq!(printable_lines("a\n\u{1b}b\r\n"), "a\n\u{fffd}b\u{fffd}\n");
        assert_eq!(printable_lines("a\nb"), "a\nb");
    }
}
