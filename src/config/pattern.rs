//! Names made of `{project}`, `{object}`, `{environment}` and `{cluster}`.

use std::fmt;

use crate::flux::nearest;

/// A name with gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Gap(Gap),
}

/// What a pattern can be filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    Project,
    Object,
    Environment,
    Cluster,
}

/// What the gaps of a pattern are filled with.
#[derive(Debug, Clone, Copy)]
pub struct Filling<'a> {
    pub project: &'a str,
    pub object: &'a str,
    pub environment: &'a str,
    /// Empty where the environment names no cluster.
    pub cluster: &'a str,
}

impl Filling<'_> {
    /// The shortest names that there are, to see what is around them.
    pub(super) const EXAMPLE: Self = Self {
        project: "x",
        object: "x",
        environment: "x",
        cluster: "x",
    };
}

impl Gap {
    const ALL: [Self; 4] = [
        Self::Project,
        Self::Object,
        Self::Environment,
        Self::Cluster,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Object => "object",
            Self::Environment => "environment",
            Self::Cluster => "cluster",
        }
    }
}

impl Pattern {
    /// Reads `{object}-{environment}`.
    ///
    /// # Errors
    ///
    /// What is wrong with it and how to mend it: a brace that is not closed, or a gap of another
    /// name.
    pub fn read(text: &str) -> Result<Self, (String, String)> {
        Self::read_among(text, |_| None)
    }

    /// Reads `./apps/{project}`, where a variable that Flux substitutes, as `${REGION}`, is text.
    ///
    /// # Errors
    ///
    /// As of [`Pattern::read`].
    pub fn read_path(text: &str) -> Result<Self, (String, String)> {
        Self::read_among(text, |rest| {
            let inner = rest.strip_prefix("${")?;
            let close = inner.find(['{', '}'])?;
            inner[close..].starts_with('}').then_some(close + 3)
        })
    }

    /// `variable` gives the length of what is text in spite of its braces.
    fn read_among(
        text: &str,
        variable: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, (String, String)> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            if let Some(length) = open.checked_sub(1).and_then(|at| variable(&rest[at..])) {
                parts.push(Part::Text(rest[..open - 1 + length].to_owned()));
                rest = &rest[open - 1 + length..];
                continue;
            }
            let inner = rest[open..].strip_prefix('{').and_then(|inner| {
                let close = inner.find(['{', '}'])?;
                inner[close..].starts_with('}').then(|| &inner[..close])
            });
            let Some(name) = inner else {
                return Err((
                    format!("`{text}` has a brace without its partner"),
                    "write each gap as `{project}`, `{object}`, `{environment}` or `{cluster}`"
                        .into(),
                ));
            };
            let Some(gap) = Gap::ALL.into_iter().find(|gap| gap.name() == name) else {
                let near = nearest(name, Gap::ALL.map(Gap::name)).unwrap_or("project");
                return Err((
                    format!("`{{{name}}}` is nothing that a name can be made of"),
                    format!("did you mean `{{{near}}}`?"),
                ));
            };
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            parts.push(Part::Gap(gap));
            rest = &rest[open + name.len() + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    pub fn has_gaps(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Gap(_)))
    }

    pub fn has(&self, gap: Gap) -> bool {
        self.parts.contains(&Part::Gap(gap))
    }

    pub fn fill(&self, filling: Filling<'_>) -> String {
        let mut name = String::new();
        for part in &self.parts {
            name.push_str(match part {
                Part::Text(text) => text,
                Part::Gap(Gap::Project) => filling.project,
                Part::Gap(Gap::Object) => filling.object,
                Part::Gap(Gap::Environment) => filling.environment,
                Part::Gap(Gap::Cluster) => filling.cluster,
            });
        }
        name
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Gap(gap) => write!(f, "{{{}}}", gap.name())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILLING: Filling<'_> = Filling {
        project: "web",
        object: "web",
        environment: "staging",
        cluster: "eu",
    };

    #[test]
    fn fills_each_gap_and_keeps_the_text_between() {
        let pattern = Pattern::read("clusters/{cluster}/{project}-{environment}.yaml").unwrap();
        assert_eq!(pattern.fill(FILLING), "clusters/eu/web-staging.yaml");
        assert_eq!(
            pattern.to_string(),
            "clusters/{cluster}/{project}-{environment}.yaml"
        );
    }

    #[test]
    fn in_a_path_a_variable_is_text() {
        for (text, filled) in [
            ("./${REGION}/{project}", "./${REGION}/web"),
            ("$${X:=a}", "$${X:=a}"),
            ("{project}/a$", "web/a$"),
            ("é${é}{cluster}", "é${é}eu"),
        ] {
            let pattern = Pattern::read_path(text).unwrap();
            assert_eq!(pattern.fill(FILLING), filled);
            assert_eq!(pattern.to_string(), text);
        }
        assert!(!Pattern::read_path("a${X}").unwrap().has_gaps());
        for text in ["${X", "$ {X}", "{X}", "${{X}}"] {
            assert!(Pattern::read_path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_an_unknown_gap_and_names_the_nearest() {
        let (message, hint) = Pattern::read("{objekt}-x").unwrap_err();
        assert_eq!(message, "`{objekt}` is nothing that a name can be made of");
        assert_eq!(hint, "did you mean `{object}`?");
    }

    #[test]
    fn refuses_braces_that_do_not_pair() {
        for text in ["{project", "project}", "{{project}}", "{}{"] {
            let (message, _) = Pattern::read(text).unwrap_err();
            assert!(
                message.contains("brace without its partner") || message.starts_with("`{}`"),
                "{text}: {message}"
            );
        }
    }
}
