//! Version constraints, as the controllers read them.
//!
//! They use Masterminds/semver 3.4 through `fluxcd/pkg/version`: a tag is a version with all three
//! numbers, `v` before it or not, zeros in front of numbers allowed. Sources: `constraints.go` and
//! `version.go` there, `ParseVersion` here.

mod comparison;
mod version;
mod written;

use comparison::Comparison;
pub use version::Version;
use written::{Operator, Scanner};

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

/// The tag that Flux takes: that of the latest version which the constraint takes.
///
/// Of equal versions, which differ in build metadata alone, the first one given counts; Flux takes that of
/// the newest commit.
pub fn latest<'t>(
    constraint: &Constraint,
    tags: impl IntoIterator<Item = &'t str>,
) -> Option<&'t str> {
    let mut latest: Option<(&str, Version)> = None;
    for tag in tags {
        let Some(version) = Version::parse(tag).filter(|version| constraint.matches(version))
        else {
            continue;
        };
        if latest
            .as_ref()
            .is_none_or(|(_, known)| version.compare(known).is_gt())
        {
            latest = Some((tag, version));
        }
    }
    latest.map(|(tag, _)| tag)
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
        let first = Comparison::of(&version, operator.unwrap_or(Operator::Equal))?;
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
                found.push(Comparison::of(&upper, Operator::LessOrEqual)?);
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

    #[test]
    fn the_latest_version_is_taken_and_of_equal_ones_the_first() {
        let latest_of = |constraint: &str, tags: &[&'static str]| {
            latest(&Constraint::parse(constraint).unwrap(), tags.to_vec())
        };
        let tags = ["1.9.0", "v1.10.0", "2.0.0", "1.10.0-rc.1", "main"];
        assert_eq!(latest_of("1.x", &tags), Some("v1.10.0"));
        assert_eq!(latest_of(">=1", &tags), Some("2.0.0"));
        assert_eq!(latest_of(">=3", &tags), None);
        assert_eq!(latest_of("1.x", &["1.0.0+b", "1.0.0+a"]), Some("1.0.0+b"));
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
