//! Why a text is no URL of a repository.

/// Why a text is no URL of a repository. No message holds a part of it that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    #[error("the URL is empty")]
    Empty,
    #[error("the URL has {0}")]
    Character(String),
    #[error("the URL has no scheme")]
    NoScheme,
    #[error("the scheme `{0}://` is none that Flux takes")]
    UnknownScheme(String),
    /// The scheme as it should be.
    #[error("the scheme of the URL has capital letters")]
    SchemeCase(String),
    #[error("the URL holds a user or password")]
    Credentials,
    #[error("the URL holds a password")]
    Password,
    #[error("the URL has no host")]
    NoHost,
    #[error("the host `{host}` has {character}, which no host has")]
    Host { host: String, character: String },
    #[error("the port `{0}` is none between 1 and 65535")]
    Port(String),
    /// What stands before the path.
    #[error("the URL names no repository")]
    NoPath(String),
    #[error("the URL has a {0}, which no repository has")]
    Rest(&'static str),
    #[error("the URL holds a tag (`:…`)")]
    Tag,
    #[error("the URL holds a digest (`@…`)")]
    Digest,
    #[error("the name of an artifact has {0}")]
    ArtifactName(String),
}

impl UrlFault {
    /// How to mend it.
    pub fn hint(&self) -> String {
        match self {
            Self::Character(_) => "write it without, or as %-escape",
            Self::Empty | Self::NoScheme => {
                "write `https://host/owner/repository` or `git@host:owner/repository`"
            }
            Self::UnknownScheme(_) => "use https, http, ssh or oci",
            Self::SchemeCase(scheme) => return format!("write `{scheme}://`"),
            Self::Credentials | Self::Password => "remove it, and name a Secret by `secretRef`",
            Self::NoHost => "write it as `https://host/owner/repository`",
            Self::Host { .. } => "write the host's name alone, as `github.com`",
            Self::Port(_) => {
                "write the number of a port, or leave it out; a password does not belong here either"
            }
            Self::NoPath(before) => return format!("write it as `{before}/owner/repository`"),
            Self::Rest(_) => "remove it",
            Self::Tag => "put it under `ref: {tag: …}`",
            Self::Digest => "put it under `ref: {digest: …}`",
            Self::ArtifactName(_) => {
                "write it with small letters, digits, `.`, `_`, `-` and `/` alone"
            }
        }
        .to_owned()
    }
}
