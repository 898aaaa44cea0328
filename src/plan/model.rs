//! The plan: objects, what they come from, and what they poll.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{EnvironmentKind, Layers, Pattern, Reference};
use crate::flux::yaml::Span;

/// Every object that should exist, in the order in which it is written: sources first, then by
/// environment, cluster, project, and object as configured.
#[derive(Debug)]
pub struct Plan<'c> {
    pub objects: Vec<PlannedObject<'c>>,
    /// Where each project's objects of one environment and cluster lie in a folder.
    pub output: Pattern,
    /// `false` where a part of the configuration is faulty, so that what is missing may stand there.
    pub whole: bool,
}

/// One object for one project, environment and cluster.
#[derive(Debug, Clone)]
pub struct PlannedObject<'c> {
    pub project: Arc<str>,
    pub environment: Arc<str>,
    pub environment_kind: EnvironmentKind,
    /// `None` where the environment names no cluster.
    pub cluster: Option<Arc<str>>,
    pub role: Role,
    /// `None` for an object whose kind Flux refers to nowhere, or only its template knows.
    pub kind: Option<&'static str>,
    pub name: Arc<str>,
    pub namespace: Arc<str>,
    /// The template's name, without folder and ending: `git-repository`.
    pub template: Arc<str>,
    /// Whether that is a template of the user's own: what the object refers to only its text shows.
    pub users_template: bool,
    /// Where the configuration asks for it.
    pub span: Span,
    /// What it asks its host for; only of a source.
    pub poll: Option<Poll>,
    /// What an object's manifests come from: its own source for a source.
    pub source: Option<SourceReference>,
    /// The objects of its kind that it waits for.
    pub depends_on: Vec<Dependency>,
    /// `false` where what it is made of is faulty: its text proves nothing.
    pub complete: bool,
    /// What the configuration says of it.
    pub layers: Layers<'c>,
}

/// The templates that are there without the user's own.
pub(super) const TEMPLATES: [&str; 3] = ["git-repository", "oci-repository", "kustomization"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    Source,
    /// The object's name in the configuration.
    Object(Arc<str>),
}

/// What a source asks its host for, again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Poll {
    /// As Flux is told it: `https://…`, `ssh://…`, `oci://…`.
    pub url: Arc<str>,
    pub reference: Reference,
    pub interval: Duration,
    pub provider: Option<Arc<str>>,
    /// The name of the Secret that it logs in with.
    pub secret: Option<Arc<str>>,
}

/// An object that holds manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReference {
    pub kind: Arc<str>,
    pub name: Arc<str>,
    pub namespace: Arc<str>,
    pub span: Span,
}

/// An object that another waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    pub name: Arc<str>,
    pub namespace: Arc<str>,
    pub span: Span,
}

impl PlannedObject<'_> {
    /// The object's name in the configuration: of a source, its project's.
    pub fn object(&self) -> &Arc<str> {
        match &self.role {
            Role::Source => &self.project,
            Role::Object(name) => name,
        }
    }

    /// The name that people know it by: that of its project, and its own where that is another.
    pub fn label(&self) -> String {
        if *self.object() == self.project {
            self.project.to_string()
        } else {
            format!("{}/{}", self.project, self.object())
        }
    }

    /// Where it stands in the configuration.
    pub(super) fn location(&self) -> LocationKey<'_> {
        (&self.environment, self.cluster.as_deref(), &self.project)
    }

    /// What tells it apart in its cluster. An object whose kind only its template knows goes by the
    /// template.
    pub(super) fn identity(&self) -> Identity<'_> {
        (
            self.cluster.as_deref(),
            self.kind.unwrap_or(&self.template),
            &self.namespace,
            &self.name,
        )
    }
}

/// Environment, cluster and project: where a `dependsOn` looks for names.
pub(super) type LocationKey<'a> = (&'a str, Option<&'a str>, &'a str);

/// What tells objects of a cluster apart, the cluster included.
pub(super) type Identity<'a> = (Option<&'a str>, &'a str, &'a str, &'a str);
