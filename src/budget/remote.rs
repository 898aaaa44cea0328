//! Where a source's URL leads: transport, host and repository.

use crate::flux::RepositoryUrl;
use crate::flux::repository::Scheme;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Http,
    Ssh,
    /// Asks a registry, not git.
    Oci,
}

#[derive(Debug, PartialEq)]
pub(super) struct Remote {
    pub(super) transport: Transport,
    /// As `flux` tells repositories apart: in small letters.
    pub(super) host: String,
    pub(super) path: String,
}

impl Remote {
    /// `None` for a text that is no URL of a repository, which no checked configuration holds.
    pub(super) fn of(url: &str) -> Option<Self> {
        let url = RepositoryUrl::read(url).ok()?;
        let identity = url.identity(|_| None);
        Some(Self {
            transport: match url.scheme() {
                Scheme::Https | Scheme::Http => Transport::Http,
                Scheme::Ssh => Transport::Ssh,
                Scheme::Oci => Transport::Oci,
            },
            host: identity.host().to_owned(),
            path: identity.path().to_owned(),
        })
    }

    /// As people read it: `github.com/acme/web`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transport_is_that_of_the_url() {
        let of = |url| Remote::of(url).map(|remote| (remote.transport, remote.name()));
        let web = || "github.com/acme/web".to_owned();
        assert_eq!(
            of("https://github.com/Acme/web.git"),
            Some((Transport::Http, web()))
        );
        assert_eq!(
            of("ssh://git@github.com/acme/web"),
            Some((Transport::Ssh, web()))
        );
        assert_eq!(of("git@github.com:acme/web"), Some((Transport::Ssh, web())));
        assert_eq!(
            of("oci://ghcr.io/acme/web"),
            Some((Transport::Oci, "ghcr.io/acme/web".to_owned()))
        );
        assert_eq!(of("acme/web"), None);
    }
}
