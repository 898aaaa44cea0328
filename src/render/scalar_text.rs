//! Scalars of YAML: what a plain one means to Flux's reader, and how a string is written so that
//! every reader takes it for a string.

/// What a plain scalar means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Meaning {
    Null,
    Boolean(bool),
    Integer(i64),
    /// Another number: a fraction, one that is large, or one of another base.
    Number,
    Text,
}

pub(crate) fn meaning(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Meaning::Null,
        "true" | "True" | "TRUE" => return Meaning::Boolean(true),
        "false" | "False" | "FALSE" => return Meaning::Boolean(false),
        _ => {}
    }
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => Meaning::Integer(number),
        _ if text.bytes().any(|byte| byte.is_ascii_digit())
            && text.bytes().all(|byte| b"+-.0123456789eE".contains(&byte))
            && text.parse::<f64>().is_ok() =>
        {
            Meaning::Number
        }
        _ => Meaning::Text,
    }
}

/// Writes a string on one line: plain where no reader can take it for anything else.
pub(crate) fn write_scalar(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            ' '..='~' => out.push(character),
            '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' => {
                out.push(character);
            }
            _ if u32::from(character) <= 0xff => {
                out.push_str(&format!("\\x{:02x}", u32::from(character)));
            }
            _ if u32::from(character) <= 0xffff => {
                out.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => out.push_str(&format!("\\U{:08x}", u32::from(character))),
        }
    }
    out.push('"');
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let bytes = text.as_bytes();
    let starts = match bytes {
        [b'.', b'/', ..] => true,
        [first, ..] => first.is_ascii_alphabetic() || *first == b'/',
        [] => false,
    };
    starts
        && bytes.last() != Some(&b':')
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-./:@".contains(byte))
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}
