//! The configuration, typed and checked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::flux::yaml::{Entry, Node, Span};

use super::Sources;

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    pub span: Span,
    pub value: T,
}

/// One configuration folder, read whole.
#[derive(Debug)]
pub struct Configuration {
    pub sources: Sources,
    pub output: Pattern,
    pub names: Pattern,
    pub defaults: Settings,
    pub environments: Vec<Environment>,
    pub projects: Vec<Project>,
    pub clusters: Vec<Cluster>,
    /// Files and folders with CustomResourceDefinitions of one's own, below the folder.
    pub crds: Vec<Spanned<PathBuf>>,
    pub github: Vec<GithubHost>,
    pub budget: BudgetSettings,
}

/// A name made of `{project}`, `{object}`, `{environment}` and `{cluster}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    pub span: Span,
    pub parts: Vec<PatternPart>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PatternPart {
    Text(String),
    Project,
    Object,
    Environment,
    Cluster,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EnvironmentKind {
    Development,
    Staging,
    Production,
    /// Of no known kind: polled at 30s and 1m, with a warning.
    None,
}

#[derive(Debug)]
pub struct Environment {
    pub name: Spanned<Arc<str>>,
    pub kind: EnvironmentKind,
    pub settings: Settings,
    /// Empty: one cluster that has no name.
    pub clusters: Vec<EnvironmentCluster>,
}

#[derive(Debug)]
pub struct EnvironmentCluster {
    pub name: Spanned<Arc<str>>,
    pub settings: Settings,
}

#[derive(Debug)]
pub struct Project {
    pub name: Spanned<Arc<str>>,
    pub source: ProjectSource,
    pub settings: Settings,
    pub environments: Vec<EnvironmentOverride>,
    pub objects: Vec<ProjectObject>,
}

/// Where a project's manifests come from.
#[derive(Debug)]
pub enum ProjectSource {
    Git {
        url: Spanned<String>,
    },
    Oci {
        url: Spanned<String>,
    },
    /// The source of another project, within one cluster and namespace.
    Shared {
        project: Spanned<Arc<str>>,
    },
    /// An object that somebody else manages.
    External {
        name: Spanned<Arc<str>>,
        kind: Spanned<String>,
        namespace: Option<Spanned<Arc<str>>>,
    },
}

/// What a project or an object says of one environment.
#[derive(Debug)]
pub struct EnvironmentOverride {
    pub name: Spanned<Arc<str>>,
    /// `false`: it is left out there.
    pub included: bool,
    pub settings: Settings,
}

#[derive(Debug)]
pub struct ProjectObject {
    pub name: Spanned<Arc<str>>,
    /// `None`: a Kustomization by our own template.
    pub template: Option<Spanned<String>>,
    pub settings: Settings,
    pub environments: Vec<EnvironmentOverride>,
    /// Only in the environments that are listed, where the list form is used.
    pub only_listed: bool,
}

/// One layer of settings: what is `None` was not said here; `Some(None)` is `null` and takes away.
#[derive(Debug, Default, Clone)]
pub struct Settings {
    pub reference: Layer<Node>,
    pub source_interval: Layer<Duration>,
    pub kustomization_interval: Layer<Duration>,
    pub source_timeout: Layer<Duration>,
    pub kustomization_timeout: Layer<Duration>,
    pub retry_interval: Layer<Duration>,
    pub namespace: Layer<Arc<str>>,
    pub path: Layer<String>,
    pub prune: Layer<bool>,
    pub wait: Layer<bool>,
    pub suspend: Layer<bool>,
    pub target_namespace: Layer<String>,
    pub secret_ref: Layer<String>,
    pub provider: Layer<String>,
    pub maps: Vec<(&'static str, Vec<Entry>)>,
}

pub type Layer<T> = Option<Spanned<Option<T>>>;

#[derive(Debug)]
pub struct Cluster {
    pub name: Spanned<Arc<str>>,
    /// CustomResourceDefinitions as this cluster has them; empty: ours.
    pub crds: Vec<Spanned<PathBuf>>,
    /// `false`: Flux there refuses references to other namespaces.
    pub cross_namespace: bool,
}

#[derive(Debug)]
pub struct GithubHost {
    pub host: Spanned<String>,
    pub aliases: Vec<Spanned<String>>,
    pub identities: Vec<Identity>,
    /// Whose buckets the plan is priced against; the first identity where it is left out.
    pub budget_identity: Option<String>,
}

/// Somebody whom GitHub knows; secrets are only references and are not read here.
#[derive(Debug)]
pub struct Identity {
    pub name: Spanned<String>,
    pub kind: IdentityKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityKind {
    Token,
    App,
}

/// What `budget:` says.
#[derive(Debug, Default)]
pub struct BudgetSettings {
    /// A share from 0 to 1.
    pub fail_above: Option<Spanned<f64>>,
    /// A share from 0 to 1 that is left to the user's own tools; 0.2 where it is not said.
    pub reserve: Option<Spanned<f64>>,
    pub also: Vec<KnownUse>,
    /// Overrides of the cost table: operation, then resource (`core`, `graphql`, `appJwt`, `git`), then requests.
    pub costs: Vec<(Spanned<String>, Vec<(Spanned<String>, f64)>)>,
}

/// Use of GitHub by others, in requests an hour.
#[derive(Debug)]
pub struct KnownUse {
    pub name: Spanned<String>,
    pub identity: Option<Spanned<String>>,
    pub core: f64,
    pub graphql: f64,
}
