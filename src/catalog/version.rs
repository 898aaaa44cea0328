//! Versions that an API server gives to its objects.

use std::fmt;

/// The `resourceVersion` of an object.
///
/// Of one resource they are numbers that grow (promised since Kubernetes 1.35, true long before);
/// what is no number can only be told to be the same or another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceVersion {
    Number(u64),
    Text(Box<str>),
}

impl ResourceVersion {
    pub fn read(text: &str) -> Self {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        match text.parse() {
            Ok(number) if plain => Self::Number(number),
            _ => Self::Text(text.into()),
        }
    }

    /// The number, where it is one.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    /// Whether it is known to be from before another; what cannot be compared is not.
    pub fn is_before(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Number(this), Self::Number(other)) if this < other)
    }
}

impl fmt::Display for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers_and_all_else_never() {
        let before =
            |a: &str, b: &str| ResourceVersion::read(a).is_before(&ResourceVersion::read(b));
        assert!(before("9", "10"));
        assert!(!before("10", "10"));
        assert!(!before("11", "10"));
        assert!(!before("a1", "b2"));
        assert!(!before("9", "b2"));
        assert!(!before("9", "99999999999999999999999"));
    }

    #[test]
    fn a_version_is_written_as_it_was_read() {
        for text in [
            "1",
            "18446744073709551615",
            "18446744073709551616",
            "007",
            "",
            "0",
            "x",
        ] {
            assert_eq!(ResourceVersion::read(text).to_string(), text);
        }
    }
}
