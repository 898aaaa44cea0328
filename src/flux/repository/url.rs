//! The URL of a repository, in its parts.

use std::fmt;
use std::ops::Range;

use super::authority::{artifact_name, credentials, from_scp, host_and_port};
use super::fault::UrlFault;
use super::identity::RepositoryIdentity;
use super::scheme::Scheme;
use crate::flux::names::shown;

/// The URL of a Git repository or of an OCI artifact, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryUrl {
    text: String,
    scheme: Scheme,
    host: Range<usize>,
    port: Option<u16>,
    path: Range<usize>,
}

impl RepositoryUrl {
    /// Reads a URL: `https://`, `http://`, `ssh://`, `oci://`, or `user@host:path`, which becomes
    /// `ssh://user@host/path`. All else stays as it was written.
    ///
    /// # Errors
    /// What Flux would not take, or would take for something else; credentials other than the
    /// user of ssh.
    pub fn read(text: &str) -> Result<Self, UrlFault> {
        if text.is_empty() {
            return Err(UrlFault::Empty);
        }
        if let Some(c) = text
            .chars()
            .find(|c| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '"' | '<' | '>'))
        {
            return Err(UrlFault::Character(shown(c)));
        }
        let text = match text.find("://") {
            Some(_) => text.to_owned(),
            None => from_scp(text)?,
        };
        let (name, _) = text.split_once("://").ok_or(UrlFault::NoScheme)?;
        let scheme = Scheme::read(name)?;
        Self::parts(text, scheme)
    }

    fn parts(text: String, scheme: Scheme) -> Result<Self, UrlFault> {
        let start = scheme.name().len() + "://".len();
        let slash = text[start..]
            .find(['/', '?', '#'])
            .map_or(text.len(), |at| start + at);
        let authority = &text[start..slash];
        // What follows a password with a `/` in it would be shown as a path.
        if !authority.contains('@')
            && credentials(&text[start..]).is_some()
            && scheme != Scheme::Oci
        {
            return Err(if scheme == Scheme::Ssh {
                UrlFault::Password
            } else {
                UrlFault::Credentials
            });
        }
        let host_start = match authority.rfind('@') {
            None => start,
            Some(at) => {
                let user = &authority[..at];
                if scheme != Scheme::Ssh {
                    return Err(UrlFault::Credentials);
                }
                if user.contains(':') || user.contains('@') {
                    return Err(UrlFault::Password);
                }
                start + at + 1
            }
        };
        let (host, port) = host_and_port(&text[host_start..slash])?;
        let host = host_start..host_start + host.len();
        if let Some(rest) = text[slash..].find(['?', '#']).map(|at| &text[slash + at..]) {
            let what = if rest.starts_with('?') {
                "query (`?…`)"
            } else {
                "fragment (`#…`)"
            };
            return Err(UrlFault::Rest(what));
        }
        let path = slash..text.len();
        if text[path.clone()].trim_matches('/').is_empty() {
            return Err(UrlFault::NoPath(text[..slash].to_owned()));
        }
        if scheme == Scheme::Oci {
            artifact_name(&text[path.clone()])?;
        }
        Ok(Self {
            text,
            scheme,
            host,
            port,
            path,
        })
    }

    /// The URL as Flux is given it.
    pub fn flux_url(&self) -> &str {
        &self.text
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host as it was written, without user and port; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.text[self.host.clone()]
    }

    /// The port, where one was written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// All behind host and port, with its `/`: `/acme/web.git`.
    pub fn path(&self) -> &str {
        &self.text[self.path.clone()]
    }

    /// What repository it names.
    ///
    /// Scheme, user, the port of ssh, the scheme's default port, `.git` and slashes at the end
    /// and the case of letters make no difference; the case not even on hosts that tell it, as GitHub,
    /// GitLab, Gitea and Bitbucket do not and two repositories that differ in it alone are rarer
    /// than two spellings of one. Any other port of http or https is part of the host.
    ///
    /// `canonical` gives the name of a host that is known by several, from one in small letters
    /// (`ssh.github.com`, `git.acme.io:8443`); for others it gives `None`.
    pub fn identity<'host>(
        &self,
        canonical: impl Fn(&str) -> Option<&'host str>,
    ) -> RepositoryIdentity {
        let mut host = self.host().trim_end_matches('.').to_ascii_lowercase();
        if let (Scheme::Http | Scheme::Https | Scheme::Oci, Some(port)) = (self.scheme, self.port)
            && Some(port) != self.scheme.default_port()
        {
            host = format!("{host}:{port}");
        }
        if let Some(name) = canonical(&host) {
            host = name.to_ascii_lowercase();
        }
        let path = self.path().to_lowercase();
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let path = segments.join("/");
        let mut path = path.as_str();
        // As often as it stands there, so that an identity that is read as a URL is the same one.
        while let Some(shorter) = path.strip_suffix(".git").map(|it| it.trim_end_matches('/'))
            && !shorter.is_empty()
        {
            path = shorter;
        }
        RepositoryIdentity {
            host,
            path: path.to_owned(),
        }
    }
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
