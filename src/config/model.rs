//! The configuration, typed: what is here was read and is sound by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::flux::schema::FluxVersion;
use crate::flux::yaml::Span;

use super::secret::SecretRef;
use super::serving::ServerSettings;
use super::settings::{Layers, Settings};
use super::{Pattern, Sources};

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    pub span: Span,
    pub value: T,
}

/// One configuration folder, read whole.
///
/// What was faulty is left out here and told in the findings; relations between the parts (a
/// cluster that an environment names, a project that another depends on) are the plan's.
#[derive(Debug)]
pub struct Configuration {
    pub sources: Sources,
    pub output: Pattern,
    /// The fleet's `defaults`, `names` among them.
    pub defaults: Settings,
    /// By name.
    pub environments: Vec<Environment>,
    /// By name.
    pub projects: Vec<Project>,
    /// Projects whose name is missing, none or taken: nothing is planned of them, but what they
    /// name must be there too.
    pub unnamed: Vec<Project>,
    pub clusters: Vec<Cluster>,
    /// Which Flux the clusters have that say nothing of it; `None`: the usual one.
    pub flux_version: Option<FluxVersion>,
    /// CustomResourceDefinitions of one's own, as numbers of texts in `sources`.
    pub crds: Vec<u32>,
    pub templates: Vec<UserTemplate>,
    pub unread: Unread,
    pub github: Vec<GithubHost>,
    pub budget: BudgetSettings,
    pub server: ServerSettings,
}

/// What is there but could not be read: that a name is missing says nothing while it may stand here.
#[derive(Debug, Default)]
pub struct Unread {
    /// Names of environments, from their files.
    pub environments: Vec<String>,
    pub templates: Vec<String>,
    /// The folder `environments`.
    pub every_environment: bool,
    /// The folder `templates`.
    pub every_template: bool,
    /// A file with projects and clusters.
    pub fleet: bool,
}

/// A template of the user's own, or one that stands in for ours.
#[derive(Debug)]
pub struct UserTemplate {
    /// Without folder and ending: `helm-release`.
    pub name: String,
    /// The number of its text.
    pub source: u32,
}

/// What an environment is for; it decides how often it is polled unless that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EnvironmentKind {
    Development,
    Staging,
    Production,
    /// Of no known kind: polled at 30s and 1m, with a warning.
    None,
}

impl EnvironmentKind {
    pub const ALL: [Self; 4] = [
        Self::Development,
        Self::Staging,
        Self::Production,
        Self::None,
    ];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
            Self::None => "none",
        }
    }
}

#[derive(Debug)]
pub struct Environment {
    pub name: Spanned<Arc<str>>,
    pub kind: EnvironmentKind,
    pub settings: Settings,
    /// Empty: one cluster that has no name.
    pub clusters: Vec<EnvironmentCluster>,
}

/// One cluster of an environment, with what is different there.
#[derive(Debug)]
pub struct EnvironmentCluster {
    pub name: Spanned<Arc<str>>,
    pub settings: Settings,
}

#[derive(Debug)]
pub struct Project {
    /// Empty where it is missing or none.
    pub name: Spanned<Arc<str>>,
    pub source: ProjectSource,
    pub settings: Settings,
    pub environments: Vec<EnvironmentOverride>,
    /// `None`: one Kustomization that has the project's name.
    pub objects: Option<Vec<ProjectObject>>,
    /// Objects whose name is missing or none, as with projects.
    pub unnamed: Vec<ProjectObject>,
}

/// Where a project's manifests come from.
#[derive(Debug)]
pub enum ProjectSource {
    /// A repository that Flux is told as `url`.
    Git {
        url: Spanned<Arc<str>>,
    },
    Oci {
        url: Spanned<Arc<str>>,
    },
    /// The source of another project, within one cluster and namespace.
    Shared {
        project: Spanned<Arc<str>>,
    },
    /// An object that somebody else manages.
    External {
        name: Spanned<Arc<str>>,
        kind: Spanned<Arc<str>>,
        namespace: Option<Spanned<Arc<str>>>,
    },
    /// It was said, and is faulty.
    Faulty,
}

/// What a project or an object says of one environment.
#[derive(Debug)]
pub struct EnvironmentOverride {
    pub name: Spanned<Arc<str>>,
    /// `false`: it is left out there.
    pub included: bool,
    pub settings: Settings,
    /// `Some`: only in these clusters of the environment.
    pub clusters: Option<Vec<EnvironmentCluster>>,
}

impl EnvironmentOverride {
    /// Puts what is said here on top: of the environment, then of the cluster where it says that.
    pub fn on<'c>(
        &'c self,
        layers: Layers<'c>,
        cluster: Option<&EnvironmentCluster>,
    ) -> Layers<'c> {
        let layers = layers.with(&self.settings);
        let in_cluster = self
            .clusters
            .iter()
            .flatten()
            .find(|one| cluster.is_some_and(|cluster| cluster.name.value == one.name.value));
        in_cluster.map_or(layers, |cluster| layers.with(&cluster.settings))
    }
}

#[derive(Debug)]
pub struct ProjectObject {
    /// Empty where it is missing or none.
    pub name: Spanned<Arc<str>>,
    /// `None`: a Kustomization by our own template.
    pub template: Option<Spanned<Arc<str>>>,
    pub settings: Settings,
    pub environments: Vec<EnvironmentOverride>,
    /// `environments` was a list: the object is in those alone.
    pub only_listed: bool,
}

#[derive(Debug)]
pub struct Cluster {
    pub name: Spanned<Arc<str>>,
    pub kubeconfig: Option<Spanned<PathBuf>>,
    pub context: Option<Spanned<String>>,
    /// `None`: the fleet's.
    pub flux_version: Option<FluxVersion>,
    /// CustomResourceDefinitions as this cluster has them, as numbers of texts; empty: ours.
    pub crds: Vec<u32>,
    /// `false`: Flux there refuses references to other namespaces.
    pub cross_namespace: bool,
}

#[derive(Debug)]
pub struct GithubHost {
    pub host: Spanned<String>,
    pub api_url: Option<Spanned<String>>,
    /// Who vouches for the host's certificate, as PEM; `None`: those whom this machine trusts.
    pub ca: Option<SecretRef>,
    /// Other host names of the same repositories.
    pub aliases: Vec<Spanned<String>>,
    pub identities: Vec<Identity>,
    /// Whose buckets the plan is priced against; the first identity where it is left out.
    pub budget_identity: Option<Spanned<String>>,
    pub webhooks: Vec<GithubWebhook>,
    /// The lists of what the webhooks delivered are read so often; `None`: never.
    pub audit: Option<Duration>,
    /// `None`: nobody asks where refs point.
    pub heads: Option<HeadsSettings>,
}

/// How often it is asked where refs point.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadsSettings {
    /// Where no webhook comes; at least a second.
    pub every: Duration,
    /// Where a webhook comes, in case it does not.
    pub sweep: Duration,
    /// Organisations and users that are asked which of their repositories were pushed to last.
    pub owners: Vec<Spanned<String>>,
}

impl Default for HeadsSettings {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(30),
            sweep: Duration::from_secs(15 * 60),
            owners: Vec::new(),
        }
    }
}

/// A webhook of a host, posted to `/hooks/github/NAME`.
#[derive(Debug, Clone, PartialEq)]
pub struct GithubWebhook {
    pub name: Spanned<Arc<str>>,
    pub subject: WebhookSubject,
    /// Each is valid; at least one.
    pub secrets: Vec<SecretRef>,
    /// Who asks GitHub about it; `None`: the App of which it is, else the identity for its owner.
    pub identity: Option<String>,
}

/// What a webhook may speak of.
#[derive(Debug, Clone, PartialEq)]
pub enum WebhookSubject {
    /// All that belongs to an organisation or a user.
    Organization(String),
    /// The App's name among the identities.
    App { identity: String, installation: u64 },
    /// The repositories that a source names.
    Repositories,
}

/// Somebody whom GitHub knows. Secrets are references and are not read here.
#[derive(Debug)]
pub struct Identity {
    pub name: Spanned<String>,
    pub kind: IdentityKind,
    /// `None` where what was written of it is faulty.
    pub credential: Option<Credential>,
    /// The organisations and users that it is for; empty: all for which no other identity is named.
    pub owners: Vec<Spanned<String>>,
}

/// By what GitHub knows somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    Token(SecretRef),
    App {
        id: u64,
        installation: u64,
        private_key: SecretRef,
    },
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
    /// Overrides of the cost table: operation, then its amounts.
    pub costs: Vec<(Spanned<String>, Amounts)>,
}

/// Amounts by resource; `None` where one is faulty.
pub type Amounts = Vec<(Spanned<String>, Option<f64>)>;

/// Use of GitHub by others, in requests (or points) an hour.
#[derive(Debug)]
pub struct KnownUse {
    pub name: Spanned<String>,
    pub identity: Option<Spanned<String>>,
    pub core: f64,
    pub graphql: f64,
}
