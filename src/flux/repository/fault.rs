//! Why a text is no URL of a repository.

/// Why a text is no URL of a repository. No message holds a part of it that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    #[error("the URL is empty")]
    Empty,
    #[error("the URL has {0}; write it without, or as %-escape")]
    Character(String),
    #[error(
        "the URL has no scheme; write `https://host/owner/repository` or `git@host:owner/repository`"
    )]
    NoScheme,
    #[error("the scheme `{0}://` is none that Flux takes; use https, http, ssh or oci")]
    UnknownScheme(String),
    #[error("the scheme is written in small letters: `{0}://`")]
    SchemeCase(String),
    #[error("the URL holds a user or password; remove it, and name a Secret by `secretRef`")]
    Credentials,
    #[error("the URL holds a password; remove it, and name a Secret by `secretRef`")]
    Password,
    #[error("the URL has no host")]
    NoHost,
    #[error("the host `{host}` has {character}, which no host has")]
    Host { host: String, character: String },
    #[error("the port `{0}` is none between 1 and 65535; a password does not belong here either")]
    Port(String),
    #[error("the URL names no repository; write it as `{0}/owner/repository`")]
    NoPath(String),
    #[error("the URL has a {0}, which no repository has; remove it")]
    Rest(&'static str),
    #[error("the URL holds a tag (`:…`); put it under `ref: {{tag: …}}`")]
    Tag,
    #[error("the URL holds a digest (`@…`); put it under `ref: {{digest: …}}`")]
    Digest,
    #[error(
        "the name of an artifact has {0}, where only small letters, digits, `.`, `_`, `-` and `/` may stand"
    )]
    ArtifactName(String),
}
