//! What tells an object from an earlier one of the same name.

use std::fmt;

/// The `uid` of an object: as good as always a UUID, which so takes less room than its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uid {
    Uuid([u8; 16]),
    Text(Box<str>),
}

impl Uid {
    pub fn read(text: &str) -> Self {
        match uuid(text) {
            Some(bytes) => Self::Uuid(bytes),
            None => Self::Text(text.into()),
        }
    }
}

/// The bytes of a UUID that is written as API servers do, in small letters.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let mut digits = String::with_capacity(32);
    for (at, character) in text.char_indices() {
        match character {
            '-' if is_dash(at) => {}
            '0'..='9' | 'a'..='f' if !is_dash(at) => digits.push(character),
            _ => return None,
        }
    }
    let is_whole = text.len() == 36 && digits.len() == 32;
    let number = is_whole.then(|| u128::from_str_radix(&digits, 16).ok())??;
    Some(number.to_be_bytes())
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = match self {
            Self::Text(text) => return f.write_str(text),
            Self::Uuid(bytes) => bytes,
        };
        for (at, byte) in bytes.iter().enumerate() {
            let dash = if matches!(at, 4 | 6 | 8 | 10) {
                "-"
            } else {
                ""
            };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_written_as_it_was_read() {
        let uuid = "0a1b2c3d-1234-4123-8123-123456789abc";
        assert!(matches!(Uid::read(uuid), Uid::Uuid(_)));
        assert_eq!(Uid::read(uuid).to_string(), uuid);
        for text in [
            "",
            "u-1",
            "0A1b2c3d-1234-4123-8123-123456789abc",
            "0a1b2c3d-1234-4123-8123-123456789abcd",
            "0a1b2c3d11234-4123-8123-123456789abc",
            "0a1b2c3d-1234-4123-8123-123456789ab",
        ] {
            assert_eq!(Uid::read(text), Uid::Text(text.into()));
            assert_eq!(Uid::read(text).to_string(), text);
        }
    }
}
