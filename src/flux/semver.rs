//! Version constraints, as the controllers read them.
//!
//! They use Masterminds/semver 3.4 through `fluxcd/pkg/version`: a tag is a version with all three
//! numbers, `v` before it or not, zeros in front of numbers allowed. Sources: `constraints.go` and
//! `version.go` there, `ParseVersion` here.

use std::cmp::Ordering;

/// A version that a tag can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    numbers: [u64; 3],
    /// Empty for a release.
    prerelease: String,
}

impl Version {
    /// Reads a tag as the controllers do; what they pass over is `None`.
    pub fn parse(tag: &str) -> Option<Self> {
        // A dot of a prerelease counts too, where one of the numbers is left out.
        if tag.splitn(3, '.').count() != 3 || tag.len() > MAX_VERSION {
            return None;
        }
        let mut scanner = Scanner { rest: tag };
        let written = scanner.version()?;
        if !scanner.rest.is_empty() {
            return None;
        }
        written.exact()
    }

    /// By numbers, then a prerelease before its release; build metadata says nothing.
    fn compare(&self, other: &Self) -> Ordering {
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| compare_prereleases(&self.prerelease, &other.prerelease))
    }

    fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }
}

/// The longest version, in bytes.
const MAX_VERSION: usize = 256;

/// The longest constraint, in bytes, and the most alternatives (`||`) in it.
const MAX_CONSTRAINT: usize = 512;
const MAX_ALTERNATIVES: usize = 32;

/// Which versions may be chosen: `>=1.4`, `1.x`, `~2.0.1 || ^3`, `1.2 - 1.4.5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// One of them must hold.
    alternatives: Vec<All>,
}

/// Comparisons that hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
struct All {
    comparisons: Vec<Comparison>,
    /// One of them names a prerelease, so that all consider prereleases.
    prereleases: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    operator: Operator,
    version: Version,
    precision: Precision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// How much of a version a constraint names; the rest is `x`, `*` or left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Nothing,
    Major,
    Minor,
    Patch,
}

impl Constraint {
    /// Reads a constraint.
    ///
    /// # Errors
    /// Why it is none, to be put behind it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_CONSTRAINT {
            return Err(format!(
                "it has {} bytes, of at most {MAX_CONSTRAINT}",
                text.len()
            ));
        }
        let parts: Vec<&str> = text.split("||").collect();
        if parts.len() > MAX_ALTERNATIVES {
            return Err(format!(
                "it has {} alternatives, of at most {MAX_ALTERNATIVES}",
                parts.len()
            ));
        }
        let alternatives = parts
            .into_iter()
            .map(|part| {
                let comparisons = comparisons(part)?;
                let prereleases = comparisons.iter().any(|c| c.version.is_prerelease());
                Ok(All {
                    comparisons,
                    prereleases,
                })
            })
            .collect::<Result<_, String>>()?;
        Ok(Self { alternatives })
    }

    /// Whether a version may be chosen. A prerelease only where the constraint names one.
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|all| {
            (!version.is_prerelease() || all.prereleases)
                && all.comparisons.iter().all(|c| c.holds(version))
        })
    }
}

fn comparisons(text: &str) -> Result<Vec<Comparison>, String> {
    let mut scanner = Scanner { rest: text };
    let mut found = Vec::new();
    scanner.skip_space();
    if scanner.rest.is_empty() {
        return Err("it is empty, or one side of a `||` is; `*` takes every release".to_owned());
    }
    loop {
        let start = scanner.rest;
        let operator = scanner.operator();
        scanner.skip_space();
        let Some(version) = scanner.version() else {
            return Err(format!(
                "a version was expected at `{start}`, as in `>=1.4`, `1.x` or `~2.0.1`"
            ));
        };
        let first = version.comparison(operator.unwrap_or(Operator::Equal))?;
        let upper = if operator.is_none() {
            scanner.range_end()
        } else {
            None
        };
        match upper {
            None => found.push(first),
            Some(upper) => {
                found.push(Comparison {
                    operator: Operator::GreaterOrEqual,
                    ..first
                });
                found.push(upper.comparison(Operator::LessOrEqual)?);
            }
        }
        let spaced = scanner.skip_space();
        if scanner.rest.is_empty() {
            return Ok(found);
        }
        let comma = scanner.take(",");
        if comma {
            scanner.skip_space();
        }
        if scanner.rest.is_empty() || !(comma || spaced) {
            let rest = if scanner.rest.is_empty() {
                ","
            } else {
                scanner.rest
            };
            return Err(format!("`{rest}` makes no sense behind a version"));
        }
    }
}

impl Comparison {
    /// Whether a version satisfies it; prereleases were dealt with before.
    fn holds(&self, version: &Version) -> bool {
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

/// A version as it was written: one to three parts, digits or a wildcard.
struct Written<'text> {
    parts: Vec<&'text str>,
    prerelease: &'text str,
}

impl Written<'_> {
    /// All of it, without wildcards; numbers left out are zero.
    fn exact(&self) -> Option<Version> {
        let mut numbers = [0; 3];
        for (number, part) in numbers.iter_mut().zip(&self.parts) {
            *number = number_of(part)?;
        }
        Some(Version {
            numbers,
            prerelease: sound_prerelease(self.prerelease)?.to_owned(),
        })
    }

    fn comparison(&self, operator: Operator) -> Result<Comparison, String> {
        let wildcard =
            |part: Option<&&str>| part.is_none_or(|part| matches!(*part, "x" | "X" | "*"));
        let named = (0..3).take_while(|i| !wildcard(self.parts.get(*i))).count();
        let written = Written {
            parts: self.parts[..named].to_vec(),
            prerelease: self.prerelease,
        };
        let version = written.exact().ok_or_else(|| {
            format!(
                "`{}{}{}` is no version",
                self.parts.join("."),
                if self.prerelease.is_empty() { "" } else { "-" },
                self.prerelease
            )
        })?;
        Ok(Comparison {
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
}

fn number_of(part: &str) -> Option<u64> {
    part.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| part.parse().ok())
        .flatten()
}

/// A number in a prerelease has no zero in front.
fn sound_prerelease(text: &str) -> Option<&str> {
    let sound = text.split('.').all(|part| {
        part.len() < 2 || !part.starts_with('0') || part.bytes().any(|byte| !byte.is_ascii_digit())
    });
    sound.then_some(text)
}

struct Scanner<'text> {
    rest: &'text str,
}

impl<'text> Scanner<'text> {
    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'text str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Whether there was any.
    fn skip_space(&mut self) -> bool {
        !self
            .take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\x0C' | '\r'))
            .is_empty()
    }

    fn operator(&mut self) -> Option<Operator> {
        const OPERATORS: [(&str, Operator); 11] = [
            ("!=", Operator::NotEqual),
            (">=", Operator::GreaterOrEqual),
            ("=>", Operator::GreaterOrEqual),
            ("<=", Operator::LessOrEqual),
            ("=<", Operator::LessOrEqual),
            ("~>", Operator::Tilde),
            ("=", Operator::Equal),
            (">", Operator::Greater),
            ("<", Operator::Less),
            ("~", Operator::Tilde),
            ("^", Operator::Caret),
        ];
        let (_, operator) = OPERATORS.iter().find(|(text, _)| self.take(text))?;
        Some(*operator)
    }

    fn version(&mut self) -> Option<Written<'text>> {
        self.take("v");
        let part = |c: char| c.is_ascii_digit() || matches!(c, 'x' | 'X' | '*');
        let mut parts = vec![self.take_while(part)];
        if parts[0].is_empty() {
            return None;
        }
        while parts.len() < 3 && follows(self.rest, '.', part) {
            self.rest = &self.rest[1..];
            parts.push(self.take_while(part));
        }
        let prerelease = self.identifiers('-');
        self.identifiers('+');
        Some(Written { parts, prerelease })
    }

    /// A prerelease or metadata: identifiers with dots between.
    fn identifiers(&mut self, mark: char) -> &'text str {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !follows(self.rest, mark, allowed) {
            return "";
        }
        let start = &self.rest[1..];
        self.rest = start;
        self.take_while(allowed);
        while follows(self.rest, '.', allowed) {
            self.rest = &self.rest[1..];
            self.take_while(allowed);
        }
        &start[..start.len() - self.rest.len()]
    }

    /// The upper end of `1.2 - 1.4.5`, which is part of it.
    fn range_end(&mut self) -> Option<Written<'text>> {
        let before = self.rest;
        if self.skip_space()
            && self.take("-")
            && self.skip_space()
            && let Some(version) = self.version()
        {
            return Some(version);
        }
        self.rest = before;
        None
    }
}

/// Whether a text goes on with `mark` and then a character of a kind.
fn follows(text: &str, mark: char, kind: impl Fn(char) -> bool) -> bool {
    text.strip_prefix(mark)
        .and_then(|rest| rest.chars().next())
        .is_some_and(kind)
}

/// A release is later than its prereleases; identifiers are compared one by one, numbers by value
/// and before words, and more of them are later.
fn compare_prereleases(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let ordering = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(l), Some(r)) => match (number_of(l), number_of(r)) {
                (Some(l), Some(r)) => l.cmp(&r),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => l.cmp(r),
            },
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::proptest;

    use super::*;

    #[test]
    fn a_version_is_chosen_where_the_constraint_holds() {
        // Constraint, versions that it takes, versions that it does not take.
        let table: [(&str, &[&str], &[&str]); 35] = [
            (
                "1.2.3",
                &["1.2.3", "v1.2.3", "1.2.3+build"],
                &["1.2.4", "1.2.3-rc.1"],
            ),
            ("=1.2", &["1.2.0", "1.2.9"], &["1.3.0", "1.1.9"]),
            ("v1.x", &["1.0.0", "1.99.0"], &["2.0.0", "0.9.0"]),
            ("*", &["0.0.0", "99.0.0"], &["1.0.0-rc.1"]),
            ("*-0", &["1.0.0-rc.1", "1.0.0"], &[]),
            ("!=1.2.3", &["1.2.4"], &["1.2.3"]),
            ("!=1.2", &["1.3.0"], &["1.2.0", "1.2.9"]),
            ("!=1", &["2.0.0"], &["1.2.0"]),
            (">1.2.3", &["1.2.4"], &["1.2.3"]),
            (">11", &["12.0.0"], &["11.1.0"]),
            (">11.1", &["11.2.0", "12.0.0"], &["11.1.9", "10.9.0"]),
            (">=1.4", &["1.4.0", "2.0.0"], &["1.3.9", "1.4.0-rc.1"]),
            ("=>1.4", &["1.4.0"], &["1.3.9"]),
            (">=1.4-0", &["1.4.0-rc.1", "1.4.0"], &["1.3.9"]),
            ("<1.2", &["1.1.9"], &["1.2.0"]),
            ("<=1.2", &["1.2.9", "1.1.0", "0.9.0"], &["1.3.0"]),
            ("=<1", &["1.9.9"], &["2.0.0"]),
            ("<=1.2.3", &["1.2.3"], &["1.2.4"]),
            ("~1.2.3", &["1.2.3", "1.2.9"], &["1.3.0", "1.2.2"]),
            ("~>1", &["1.0.0", "1.9.0"], &["2.0.0"]),
            ("~0.0.0", &["0.0.0", "9.9.9"], &[]),
            ("~0", &["0.9.0"], &["1.0.0"]),
            ("^1.2.3", &["1.2.3", "1.9.0"], &["2.0.0", "1.2.2"]),
            ("^0.2.3", &["0.2.3", "0.2.9"], &["0.3.0", "1.2.3"]),
            ("^0.0.3", &["0.0.3"], &["0.0.4", "0.1.3"]),
            ("^0.0", &["0.0.9"], &["0.1.0"]),
            ("^0", &["0.9.0"], &["1.0.0"]),
            ("1.2 - 1.4.5", &["1.2.0", "1.4.5"], &["1.4.6", "1.1.9"]),
            ("1.2 - 1.4 || 3", &["1.4.9", "3.1.0"], &["1.5.0"]),
            (">=1.2, <2", &["1.9.0"], &["2.0.0"]),
            (">=1.2 <2.0.0 !=1.5.0", &["1.4.0"], &["1.5.0"]),
            (
                ">=1.0.0-alpha <2.0.0",
                &["1.5.0-beta", "1.0.0-beta.2"],
                &["1.0.0-1", "2.0.0"],
            ),
            ("1.0.0-alpha.10", &["1.0.0-alpha.10"], &["1.0.0-alpha.9"]),
            (
                ">1.0.0-alpha.9",
                &["1.0.0-alpha.10", "1.0.0-alpha.9.1", "1.0.0"],
                &["1.0.0-alpha.1"],
            ),
            (">=2025.01", &["2025.02.03"], &["2024.12.31"]),
        ];
        for (constraint, taken, not_taken) in table {
            let parsed = Constraint::parse(constraint).expect(constraint);
            let version = |text: &str| Version::parse(text).expect("a version");
            for text in taken {
                assert!(parsed.matches(&version(text)), "{constraint} takes {text}");
            }
            for text in not_taken {
                assert!(
                    !parsed.matches(&version(text)),
                    "{constraint} leaves {text}"
                );
            }
        }
    }

    #[test]
    fn a_tag_that_is_no_version_is_passed_over() {
        for tag in [
            "",
            "main",
            "1.2",
            "v1",
            "1.2.3.4",
            "1.2.x",
            "1.2.3-01",
            "1.2.3-",
            "V1.2.3",
            "1.2.3 ",
            "99999999999999999999.0.0",
        ] {
            assert_eq!(Version::parse(tag), None, "{tag}");
        }
        assert_eq!(Version::parse("v01.2.3"), Version::parse("1.2.3"));
    }

    #[test]
    fn what_is_no_constraint_is_refused_with_the_reason() {
        let empty = "it is empty, or one side of a `||` is; `*` takes every release";
        for (text, reason) in [
            ("", empty),
            ("1 ||", empty),
            (
                "latest",
                "a version was expected at `latest`, as in `>=1.4`, `1.x` or `~2.0.1`",
            ),
            (
                ">=",
                "a version was expected at `>=`, as in `>=1.4`, `1.x` or `~2.0.1`",
            ),
            (
                "==1",
                "a version was expected at `==1`, as in `>=1.4`, `1.x` or `~2.0.1`",
            ),
            ("1.2.3.4", "`.4` makes no sense behind a version"),
            ("1.", "`.` makes no sense behind a version"),
            ("1.2,", "`,` makes no sense behind a version"),
            ("1.2;", "`;` makes no sense behind a version"),
            (
                "1 -",
                "a version was expected at `-`, as in `>=1.4`, `1.x` or `~2.0.1`",
            ),
            ("1xx", "`1xx` is no version"),
            ("1.2.3-01", "`1.2.3-01` is no version"),
        ] {
            assert_eq!(
                Constraint::parse(text).map(|_| ()),
                Err(reason.to_owned()),
                "{text}"
            );
        }
        assert_eq!(
            Constraint::parse(&"1".repeat(513)),
            Err("it has 513 bytes, of at most 512".to_owned())
        );
        assert_eq!(
            Constraint::parse(&["1"; 33].join("||")),
            Err("it has 33 alternatives, of at most 32".to_owned())
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9vxX*.<>=~^!|, +a-]{0,16}", tag in "\\PC{0,12}") {
            if let (Ok(constraint), Some(version)) = (Constraint::parse(&text), Version::parse(&tag)) {
                constraint.matches(&version);
            }
        }
    }
}
