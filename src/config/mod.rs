//! What people asked for: typed, checked, with the position of every value kept.

mod finding;
mod model;
mod sources;

pub use finding::{Class, Finding, Severity};
pub use model::{
    BudgetSettings, Cluster, Configuration, Environment, EnvironmentCluster, EnvironmentKind,
    EnvironmentOverride, GithubHost, Identity, IdentityKind, KnownUse, Layer, Pattern, PatternPart,
    Project, ProjectObject, ProjectSource, Settings, Spanned,
};
pub use sources::{Position, Sources};
