//! What people asked for: typed, checked, with the position of every value kept.

mod decode;
mod edit;
mod finding;
mod folder;
mod hidden;
mod key_path;
mod load;
mod load_texts;
mod model;
mod pattern;
mod read_budget;
mod read_fleet;
mod read_github;
mod read_map;
mod read_override;
mod read_project;
mod read_reference;
mod read_server;
mod read_settings;
mod read_source;
mod read_webhooks;
mod reading;
mod schema;
mod secret;
mod serving;
mod settings;
mod sources;
mod this_machine;
mod twice;

pub use decode::parse_share;
pub use edit::{Edit, replace_entry, set_value};
pub use finding::{Class, Finding, Severity};
pub use folder::{FILE_LIMIT_BYTES, Folder, Listing, Unreadable};
pub use key_path::KeyPaths;
pub use load::load;
pub use model::{
    Amounts, BudgetSettings, Cluster, Configuration, Credential, Environment, EnvironmentCluster,
    EnvironmentKind, EnvironmentOverride, GithubHost, GithubWebhook, HeadsSettings, Identity,
    IdentityKind, KnownUse, Project, ProjectObject, ProjectSource, Spanned, Unread, UserTemplate,
    WebhookSubject,
};
pub use pattern::{Filling, Gap, Pattern};
pub use read_map::{
    ENVIRONMENT_LABEL, KUSTOMIZATION_TAKEN, MANAGED_BY_LABEL, OUR_LABELS, PROJECT_LABEL,
    SOURCE_TAKEN,
};
pub use read_reference::check_reference;
pub use reading::{News, Reading};
pub use schema::{SchemaOf, json_schema_text};
pub use secret::{SECRET_LIMIT_BYTES, SecretFault, SecretRef, file_path};
pub use serving::{ApiListener, ApiToken, HooksListener, ServerSettings, StoreAddress, TokenScope};
pub use settings::{
    Dependency, DependsOn, Field, Layers, Reference, Said, Setting, Settings, Webhook,
};
pub use sources::{Position, Sources};
pub use this_machine::is_this_machine;
