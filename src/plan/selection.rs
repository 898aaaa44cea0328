//! The part of a plan that somebody asks for.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};

use crate::config::Configuration;
use crate::flux::nearest;

use super::PlannedObject;

/// How many known names an error lists.
const SHOWN: usize = 30;

/// Which environments, projects and clusters are wanted; everything where nothing is said.
#[derive(Debug, Default)]
pub struct Selection {
    environments: Vec<GlobMatcher>,
    projects: Vec<GlobMatcher>,
    clusters: Vec<GlobMatcher>,
}

#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    #[error("unknown {what} `{name}`; {hint}")]
    Unknown {
        what: &'static str,
        name: String,
        hint: String,
    },
    #[error("`{pattern}` matches no {what}; {hint}")]
    MatchesNothing {
        what: &'static str,
        pattern: String,
        hint: String,
    },
    #[error("`{pattern}` is no pattern")]
    Pattern {
        pattern: String,
        source: globset::Error,
    },
}

/// The names that can be selected.
#[derive(Debug, Default)]
pub struct Names {
    environments: BTreeSet<String>,
    projects: BTreeSet<String>,
    clusters: BTreeSet<String>,
}

impl Names {
    /// Those of a configuration.
    pub fn of(configuration: &Configuration) -> Self {
        let environments = configuration.environments.iter();
        let clusters = environments.clone().flat_map(|it| &it.clusters);
        Self {
            environments: environments.map(|it| it.name.value.to_string()).collect(),
            projects: configuration
                .projects
                .iter()
                .map(|project| project.name.value.to_string())
                .collect(),
            clusters: clusters.map(|it| it.name.value.to_string()).collect(),
        }
    }

    /// Adds those of a place that may be there without being planned.
    pub fn add(&mut self, environment: &str, cluster: Option<&str>, project: &str) {
        self.environments.insert(environment.to_owned());
        self.clusters.extend(cluster.map(str::to_owned));
        self.projects.insert(project.to_owned());
    }
}

impl Selection {
    /// Reads names and patterns (`prod-*`), as they were typed.
    ///
    /// # Errors
    ///
    /// A name that nothing has, with the nearest one; a pattern that is none or matches nothing.
    pub fn new(
        names: &Names,
        environments: &[String],
        projects: &[String],
        clusters: &[String],
    ) -> Result<Self, SelectionError> {
        Ok(Self {
            environments: matchers("environment", environments, &names.environments)?,
            projects: matchers("project", projects, &names.projects)?,
            clusters: matchers("cluster", clusters, &names.clusters)?,
        })
    }

    pub fn has(&self, object: &PlannedObject<'_>) -> bool {
        self.has_place(
            &object.environment,
            object.cluster.as_deref(),
            &object.project,
        )
    }

    /// Whether what lies at this place is wanted, whether it is planned or not.
    pub fn has_place(&self, environment: &str, cluster: Option<&str>, project: &str) -> bool {
        self.has_site(environment, cluster) && is_wanted(&self.projects, project)
    }

    /// Whether any project is wanted in this environment of this cluster.
    pub fn has_site(&self, environment: &str, cluster: Option<&str>) -> bool {
        is_wanted(&self.environments, environment)
            && (self.clusters.is_empty()
                || cluster.is_some_and(|cluster| is_wanted(&self.clusters, cluster)))
    }

    /// Whether what lies at a place of which not all is known may be wanted.
    pub fn may_have(
        &self,
        environment: Option<&str>,
        cluster: Option<&str>,
        project: Option<&str>,
    ) -> bool {
        let may = |matchers: &[GlobMatcher], name: Option<&str>| {
            name.is_none_or(|name| is_wanted(matchers, name))
        };
        may(&self.environments, environment)
            && may(&self.clusters, cluster)
            && may(&self.projects, project)
    }
}

fn is_wanted(matchers: &[GlobMatcher], name: &str) -> bool {
    matchers.is_empty() || matchers.iter().any(|matcher| matcher.is_match(name))
}

fn matchers(
    what: &'static str,
    patterns: &[String],
    names: &BTreeSet<String>,
) -> Result<Vec<GlobMatcher>, SelectionError> {
    patterns
        .iter()
        .map(|pattern| {
            let matcher = GlobBuilder::new(pattern)
                .build()
                .map_err(|source| SelectionError::Pattern {
                    pattern: pattern.clone(),
                    source,
                })?
                .compile_matcher();
            if names.iter().any(|name| matcher.is_match(name)) {
                return Ok(matcher);
            }
            let known = || {
                let shown: Vec<_> = names.iter().take(SHOWN).map(String::as_str).collect();
                match names.len().saturating_sub(SHOWN) {
                    0 if names.is_empty() => format!("the configuration names no {what}"),
                    0 => format!("known: {}", shown.join(", ")),
                    more => format!("known: {} and {more} more", shown.join(", ")),
                }
            };
            if pattern.contains(['*', '?', '[', '{']) {
                return Err(SelectionError::MatchesNothing {
                    what,
                    pattern: pattern.clone(),
                    hint: known(),
                });
            }
            Err(SelectionError::Unknown {
                what,
                name: pattern.clone(),
                hint: nearest(pattern, names.iter().map(String::as_str))
                    .map_or_else(known, |near| format!("did you mean `{near}`?")),
            })
        })
        .collect()
}
