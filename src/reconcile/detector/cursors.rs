//! When was asked last, as it is kept from one run to the next.

use super::follow::Cadence;

/// What a cursor is of, as one identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor<'n> {
    /// When the last round of a cadence began that came to its end.
    Began(Cadence),
    /// The newest push of an owner, in small letters.
    Newest(&'n str),
}

impl<'n> Cursor<'n> {
    /// Under which it is noted.
    pub fn name(&self, host: &str, identity: &str) -> String {
        match self {
            Self::Began(cadence) => format!("heads {host} {identity} {}", cadence.name()),
            Self::Newest(owner) => format!("heads {host} {identity} owner {owner}"),
        }
    }

    /// `None`: it is not of this identity.
    pub fn read(host: &str, identity: &str, name: &'n str) -> Option<Self> {
        let rest = name.strip_prefix(&format!("heads {host} {identity} "))?;
        Some(match rest {
            "every" => Self::Began(Cadence::Every),
            "sweep" => Self::Began(Cadence::Sweep),
            owner => Self::Newest(owner.strip_prefix("owner ")?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_by_the_same_identity_alone() {
        for cursor in [
            Cursor::Began(Cadence::Every),
            Cursor::Began(Cadence::Sweep),
            Cursor::Newest("acme"),
        ] {
            let name = cursor.name("github.com", "bot");
            assert_eq!(Cursor::read("github.com", "bot", &name), Some(cursor));
            assert_eq!(Cursor::read("github.com", "bo", &name), None);
            assert_eq!(Cursor::read("ghe.acme.io", "bot", &name), None);
        }
        assert_eq!(Cursor::read("h", "i", "hook 7"), None);
    }
}
