//! Where a source's URL leads: transport, host and repository.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Http,
    Ssh,
    /// Asks a registry, not git.
    Oci,
}

#[derive(Debug, PartialEq)]
pub(super) struct Place {
    pub(super) transport: Transport,
    /// In small letters, without user and port.
    pub(super) host: String,
    /// Without slashes around it and without `.git`.
    pub(super) path: String,
}

impl Place {
    /// Reads `https://`, `http://`, `ssh://`, `oci://` and `user@host:path`, as a checked
    /// configuration holds them.
    pub(super) fn of(url: &str) -> Self {
        let (transport, rest) = match url.split_once("://") {
            Some(("oci", rest)) => (Transport::Oci, rest.to_owned()),
            Some(("ssh", rest)) => (Transport::Ssh, rest.to_owned()),
            Some((_, rest)) => (Transport::Http, rest.to_owned()),
            None => (Transport::Ssh, url.replacen(':', "/", 1)),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((&rest, ""));
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let host = match host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => host,
        };
        let path = path.trim_matches('/');
        Self {
            transport,
            host: host.to_lowercase(),
            path: path.strip_suffix(".git").unwrap_or(path).to_owned(),
        }
    }

    /// As people read it: `github.com/acme/web`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }

    /// The same for every spelling of one repository.
    pub(super) fn identity(&self) -> String {
        let kind = if self.transport == Transport::Oci {
            "oci"
        } else {
            "git"
        };
        format!("{kind} {}/{}", self.host, self.path.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_is_the_same_in_any_spelling() {
        for spelling in [
            "https://github.com/acme/web",
            "https://github.com/acme/web.git",
            "https://github.com/acme/web/",
            "http://GitHub.com/Acme/Web",
            "ssh://git@github.com/acme/web.git",
            "ssh://git@github.com:22/acme/web",
            "git@github.com:acme/web.git",
        ] {
            assert_eq!(Place::of(spelling).identity(), "git github.com/acme/web");
        }
        let other = Place::of("https://github.com/acme/web2").identity();
        assert_ne!(other, "git github.com/acme/web");
    }

    #[test]
    fn an_artifact_is_no_repository_even_with_the_same_path() {
        let artifact = Place::of("oci://github.com/acme/web");
        assert_eq!(artifact.transport, Transport::Oci);
        assert_ne!(artifact.identity(), "git github.com/acme/web");
    }

    #[test]
    fn the_transport_is_that_of_the_url() {
        let of = |url| Place::of(url).transport;
        assert_eq!(of("https://github.com/acme/web"), Transport::Http);
        assert_eq!(of("ssh://git@github.com/acme/web"), Transport::Ssh);
        assert_eq!(of("git@github.com:acme/web"), Transport::Ssh);
    }
}
