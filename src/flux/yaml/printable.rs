//! Which characters of a string are written as their number.

/// Quote, backslash, and what is not printable: control characters, byte order mark, line and
/// paragraph separators, characters that show nothing or turn the direction of writing, and code
/// points that are no characters.
pub(super) fn needs_escape(c: char) -> bool {
    matches!(c,
        '"' | '\\'
        | '\0'..='\x1F'
        | '\x7F'..='\u{A0}'
        | '\u{AD}'
        | '\u{61C}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}'
        | '\u{FFF0}'..='\u{FFFF}'
        | '\u{E0000}'..='\u{10FFFF}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}
