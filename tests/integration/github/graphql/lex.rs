//! The words of a query, each with its place.

use serde_json::{Value, json};

/// Line and column, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

impl Place {
    pub fn json(self) -> Value {
        json!([{"line": self.line, "column": self.column}])
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    Name(String),
    /// One of `{ } ( ) [ ] : $ ! = @ |`, or `.` for `...`.
    Mark(char),
    Number(Value),
    Text(String),
}

/// Cuts a query into words; commas and comments mean nothing.
///
/// # Errors
/// The place of what is no word.
pub fn words(query: &str) -> Result<Vec<(Word, Place)>, Place> {
    let mut words = Vec::new();
    let (mut line, mut line_start) = (1, 0);
    let mut at = 0;
    let bytes = query.as_bytes();
    while let Some(byte) = bytes.get(at).copied() {
        let place = Place {
            line,
            column: u32::try_from(at - line_start).unwrap_or(0) + 1,
        };
        let rest = &query[at..];
        let length = match byte {
            b'\n' => {
                (line, line_start) = (line + 1, at + 1);
                1
            }
            b' ' | b'\t' | b'\r' | b',' => 1,
            b'#' => rest.find('\n').unwrap_or(rest.len()),
            b'.' if rest.starts_with("...") => {
                words.push((Word::Mark('.'), place));
                3
            }
            b'{' | b'}' | b'(' | b')' | b'[' | b']' | b':' | b'$' | b'!' | b'=' | b'@' | b'|' => {
                words.push((Word::Mark(char::from(byte)), place));
                1
            }
            b'"' => {
                let (text, length) = text(rest).ok_or(place)?;
                words.push((Word::Text(text), place));
                length
            }
            b'-' | b'0'..=b'9' => {
                let length = span(rest, |byte| {
                    byte.is_ascii_digit() || b"-+.eE".contains(&byte)
                });
                let number = serde_json::from_str(&rest[..length]).map_err(|_| place)?;
                words.push((Word::Number(number), place));
                length
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let length = span(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
                words.push((Word::Name(rest[..length].to_owned()), place));
                length
            }
            _ => return Err(place),
        };
        at += length;
    }
    Ok(words)
}

fn span(rest: &str, is_part: impl Fn(u8) -> bool) -> usize {
    rest.bytes().take_while(|byte| is_part(*byte)).count()
}

/// A text in quotes, which are escaped as in JSON.
fn text(rest: &str) -> Option<(String, usize)> {
    let mut is_escaped = false;
    for (place, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            b'\n' => return None,
            b'"' if !is_escaped => {
                let text = serde_json::from_str(&rest[..=place]).ok()?;
                return Some((text, place + 1));
            }
            _ => is_escaped = byte == b'\\' && !is_escaped,
        }
    }
    None
}
