//! One comparison of a constraint, and which versions it holds for.

use std::cmp::Ordering;

use super::version::{Version, compare_prereleases};
use super::written::{Operator, Written};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) operator: Operator,
    pub(super) version: Version,
    pub(super) precision: Precision,
}

/// How much of a version a constraint names; the rest is `x`, `*` or left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    Nothing,
    Major,
    Minor,
    Patch,
}

impl Comparison {
    pub(super) fn of(written: &Written<'_>, operator: Operator) -> Result<Self, String> {
        let wildcard =
            |part: Option<&&str>| part.is_none_or(|part| matches!(*part, "x" | "X" | "*"));
        let named = (0..3)
            .take_while(|i| !wildcard(written.parts.get(*i)))
            .count();
        let named_part = Written {
            parts: written.parts[..named].to_vec(),
            prerelease: written.prerelease,
        };
        let version = Version::of(&named_part).ok_or_else(|| {
            format!(
                "`{}{}{}` is no version",
                written.parts.join("."),
                if written.prerelease.is_empty() {
                    ""
                } else {
                    "-"
                },
                written.prerelease
            )
        })?;
        Ok(Self {
            operator,
            version,
            precision: match named {
                0 => Precision::Nothing,
                1 => Precision::Major,
                2 => Precision::Minor,
                _ => Precision::Patch,
            },
        })
    }

    /// Whether a version satisfies it; prereleases were dealt with before.
    pub(super) fn holds(&self, version: &Version) -> bool {
        let ordering = version.compare(&self.version);
        let [major, minor, _] = version.numbers;
        let [wanted_major, wanted_minor, wanted_patch] = self.version.numbers;
        match self.operator {
            Operator::Equal if self.precision == Precision::Patch => ordering.is_eq(),
            Operator::Equal | Operator::Tilde => self.tilde(version, ordering),
            Operator::NotEqual => match self.precision {
                Precision::Patch | Precision::Nothing => ordering.is_ne(),
                Precision::Major => major != wanted_major,
                Precision::Minor => {
                    (major, minor) != (wanted_major, wanted_minor)
                        || compare_prereleases(&version.prerelease, &self.version.prerelease)
                            .is_ne()
                }
            },
            Operator::Greater => match self.precision {
                Precision::Patch | Precision::Nothing => ordering.is_gt(),
                Precision::Major => major > wanted_major,
                Precision::Minor => (major, minor) > (wanted_major, wanted_minor),
            },
            Operator::Less => ordering.is_lt(),
            Operator::GreaterOrEqual => ordering.is_ge(),
            Operator::LessOrEqual => match self.precision {
                Precision::Patch => ordering.is_le(),
                Precision::Major => major <= wanted_major,
                Precision::Nothing | Precision::Minor => {
                    (major, minor) <= (wanted_major, wanted_minor)
                }
            },
            Operator::Caret => {
                if ordering.is_lt() || major != wanted_major {
                    return false;
                }
                if wanted_major > 0 || self.precision == Precision::Major {
                    return true;
                }
                if wanted_minor > 0 || self.precision == Precision::Minor {
                    return minor == wanted_minor;
                }
                minor == 0 && version.numbers[2] == wanted_patch
            }
        }
    }

    fn tilde(&self, version: &Version, ordering: Ordering) -> bool {
        if ordering.is_lt() {
            return false;
        }
        let named = matches!(self.precision, Precision::Major | Precision::Minor);
        if self.version.numbers == [0, 0, 0] && !named {
            return true;
        }
        version.numbers[0] == self.version.numbers[0]
            && (version.numbers[1] == self.version.numbers[1] || self.precision == Precision::Major)
    }
}
