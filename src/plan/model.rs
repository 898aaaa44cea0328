//! The plan: objects, what they are made of, and what they poll.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{EnvironmentKind, Pattern};
use crate::flux::yaml::{Node, Span};

pub type ObjectName = Arc<str>;

/// Every object that should exist, in the order in which it is written: sources first, then by
/// environment, cluster, project and object as configured.
#[derive(Debug)]
pub struct Plan {
    pub objects: Vec<PlannedObject>,
    /// Where each project's objects of one environment and cluster lie in a folder.
    pub output: Pattern,
}

/// One object for one project, environment and cluster.
#[derive(Debug)]
pub struct PlannedObject {
    pub project: Arc<str>,
    pub environment: Arc<str>,
    pub environment_kind: EnvironmentKind,
    /// `None` where the environment names no cluster.
    pub cluster: Option<Arc<str>>,
    pub role: Role,
    /// `None` for an object whose kind only its template knows.
    pub kind: Option<&'static str>,
    pub name: Arc<str>,
    pub namespace: Arc<str>,
    /// The template's name, without folder and ending: `git-repository`.
    pub template: Arc<str>,
    /// Where the configuration asks for it.
    pub span: Span,
    pub poll: Option<Poll>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    Source,
    Object(ObjectName),
}

/// What a source asks its host for, again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Poll {
    /// As Flux is told it: `https://…`, `ssh://…`, `oci://…`.
    pub url: Arc<str>,
    pub reference: Reference,
    pub interval: Duration,
    /// `generic`, or what `provider` says.
    pub provider: Option<Arc<str>>,
    pub secret: Option<Arc<str>>,
}

/// Which commit or artifact a source follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    Branch(Arc<str>),
    Tag(Arc<str>),
    Semver(Arc<str>),
    Name(Arc<str>),
    Commit(Arc<str>),
    Digest(Arc<str>),
}

/// What a template is handed: names and values, in a fixed order. A value that was configured
/// carries the place where it was written.
pub type Values = Vec<(&'static str, Node)>;

impl PlannedObject {
    /// What its template is handed.
    pub fn values(&self) -> Values {
        Vec::new()
    }
}
