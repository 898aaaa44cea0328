//! URLs of repositories: what Flux takes, when two name one repository, and what must not be shown.

use std::fmt;
use std::ops::Range;

use super::names::shown;

/// The URL of a Git repository or of an OCI artifact, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryUrl {
    text: String,
    scheme: Scheme,
    host: Range<usize>,
    port: Option<u16>,
    path: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    Https,
    Http,
    Ssh,
    Oci,
}

/// A repository, however its URL is spelt: equal are `https://github.com/Acme/web` and
/// `git@github.com:acme/web.git`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryIdentity {
    host: String,
    path: String,
}

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
        let path = path.strip_suffix(".git").unwrap_or(&path);
        RepositoryIdentity {
            host,
            path: path.trim_end_matches('/').to_owned(),
        }
    }
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl RepositoryIdentity {
    /// The host in small letters, with its port where that is not the usual one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `acme/web`: in small letters, without slashes around it and without `.git`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for RepositoryIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl Scheme {
    fn read(name: &str) -> Result<Self, UrlFault> {
        let lower = name.to_ascii_lowercase();
        let scheme = match lower.as_str() {
            "https" => Self::Https,
            "http" => Self::Http,
            "ssh" => Self::Ssh,
            "oci" => Self::Oci,
            _ if name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')) =>
            {
                return Err(UrlFault::UnknownScheme(name.to_owned()));
            }
            _ => return Err(UrlFault::NoScheme),
        };
        if name == lower {
            Ok(scheme)
        } else {
            Err(UrlFault::SchemeCase(lower))
        }
    }

    /// As it stands before `://`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::Oci => "oci",
        }
    }

    fn default_port(self) -> Option<u16> {
        match self {
            Self::Https | Self::Oci => Some(443),
            Self::Http => Some(80),
            Self::Ssh => Some(22),
        }
    }
}

/// `git@host:owner/repository` as a URL.
fn from_scp(text: &str) -> Result<String, UrlFault> {
    let (user, rest) = text.split_once('@').ok_or(UrlFault::NoScheme)?;
    if user.contains(':') {
        return Err(UrlFault::Password);
    }
    let colon = if rest.starts_with('[') {
        rest.find("]:").map(|at| at + 1)
    } else {
        rest.find(':')
    };
    let colon = colon.ok_or(UrlFault::NoScheme)?;
    let (host, path) = (&rest[..colon], rest[colon + 1..].trim_start_matches('/'));
    if user.is_empty() || user.contains('/') || host.contains('/') {
        return Err(UrlFault::NoScheme);
    }
    Ok(format!("ssh://{user}@{host}/{path}"))
}

fn host_and_port(text: &str) -> Result<(&str, Option<u16>), UrlFault> {
    let (host, port) = match text.strip_prefix('[') {
        Some(_) => match text.find(']') {
            Some(end) => (&text[..=end], text[end + 1..].strip_prefix(':')),
            None => (text, None),
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err(UrlFault::NoHost);
    }
    let brackets = host.starts_with('[') && host.ends_with(']');
    let inner = if brackets {
        &host[1..host.len() - 1]
    } else {
        host
    };
    let allowed = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') || (brackets && c == ':')
    };
    if let Some(c) = inner.chars().find(|c| !allowed(*c)) {
        return Err(UrlFault::Host {
            host: host.to_owned(),
            character: shown(c),
        });
    }
    let port = match port {
        None => None,
        Some(port) => match port.parse::<u16>() {
            Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(number)
            }
            // What is no number may be half of a password.
            _ if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(UrlFault::Port(port.to_owned()));
            }
            _ => return Err(UrlFault::Port("***".to_owned())),
        },
    };
    Ok((host, port))
}

/// The path of an artifact, as registries take it: no tag, no digest.
fn artifact_name(path: &str) -> Result<(), UrlFault> {
    if path.contains('@') {
        return Err(UrlFault::Digest);
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.contains(':') {
        return Err(UrlFault::Tag);
    }
    let allowed = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '/')
    };
    match path.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(UrlFault::ArtifactName(shown(c))),
        None => Ok(()),
    }
}

/// The length of the credentials with which an authority begins, without their `@`.
///
/// A password may hold what ends an authority, so behind one all up to the last `@` counts: of the
/// word, or of the line where what seems the authority has no `@` and is no host with a port. `user:12/34@host` is a host with a port to every
/// reader, and stays one here.
pub(super) fn credentials(authority: &str) -> Option<usize> {
    let end = authority
        .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#'))
        .unwrap_or(authority.len());
    if let Some(at) = authority[..end].rfind('@') {
        if !authority[..at].contains(':') {
            return Some(at);
        }
        let word = authority
            .find(char::is_whitespace)
            .unwrap_or(authority.len());
        return authority[..word].rfind('@');
    }
    let (host, port) = authority[..end].split_once(':')?;
    if host.starts_with('[') || port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty() {
        return None;
    }
    let line = authority.find('\n').unwrap_or(authority.len());
    authority[..line].rfind('@')
}

#[cfg(test)]
mod tests {
    use proptest::proptest;

    use super::*;

    fn message(text: &str) -> String {
        match RepositoryUrl::read(text) {
            Ok(url) => format!("taken: {url:?}"),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn only_the_scp_like_form_is_rewritten() {
        for (text, url, host, port, path) in [
            (
                "git@github.com:acme/web.git",
                "ssh://git@github.com/acme/web.git",
                "github.com",
                None,
                "/acme/web.git",
            ),
            (
                "git@host:/srv/web",
                "ssh://git@host/srv/web",
                "host",
                None,
                "/srv/web",
            ),
            (
                "git@[::1]:web",
                "ssh://git@[::1]/web",
                "[::1]",
                None,
                "/web",
            ),
            (
                "https://GitHub.com/Acme/web",
                "https://GitHub.com/Acme/web",
                "GitHub.com",
                None,
                "/Acme/web",
            ),
            (
                "http://h:8080/a/b/",
                "http://h:8080/a/b/",
                "h",
                Some(8080),
                "/a/b/",
            ),
            ("ssh://git@h:22/a", "ssh://git@h:22/a", "h", Some(22), "/a"),
            ("ssh://h/~me/a", "ssh://h/~me/a", "h", None, "/~me/a"),
            (
                "oci://ghcr.io/acme/platform",
                "oci://ghcr.io/acme/platform",
                "ghcr.io",
                None,
                "/acme/platform",
            ),
            (
                "oci://localhost:5000/a",
                "oci://localhost:5000/a",
                "localhost",
                Some(5000),
                "/a",
            ),
            ("https://h/a@b:c", "https://h/a@b:c", "h", None, "/a@b:c"),
        ] {
            let read = RepositoryUrl::read(text).expect(text);
            assert_eq!(
                (read.flux_url(), read.host(), read.port(), read.path()),
                (url, host, port, path)
            );
        }
    }

    #[test]
    fn what_flux_does_not_take_is_refused_and_no_secret_is_told() {
        let credentials =
            "the URL holds a user or password; remove it, and name a Secret by `secretRef`";
        let password = "the URL holds a password; remove it, and name a Secret by `secretRef`";
        let no_scheme = "the URL has no scheme; write `https://host/owner/repository` or `git@host:owner/repository`";
        for (text, expected) in [
            ("", "the URL is empty"),
            (
                "https://h/a b",
                "the URL has a space; write it without, or as %-escape",
            ),
            (
                "https://h/a\n",
                "the URL has the control character \\u{a}; write it without, or as %-escape",
            ),
            ("github.com/acme/web", no_scheme),
            ("github.com:acme/web", no_scheme),
            ("acme/web", no_scheme),
            ("./x@y/z:a", no_scheme),
            ("git@host", no_scheme),
            (
                "git://h/a",
                "the scheme `git://` is none that Flux takes; use https, http, ssh or oci",
            ),
            (
                "file:///a",
                "the scheme `file://` is none that Flux takes; use https, http, ssh or oci",
            ),
            (
                "ftp://h/a",
                "the scheme `ftp://` is none that Flux takes; use https, http, ssh or oci",
            ),
            (
                "HTTPS://h/a",
                "the scheme is written in small letters: `https://`",
            ),
            ("https://bot:secret@h/a", credentials),
            ("https://secret@h/a", credentials),
            ("https://bot:sec/ret@h/a", credentials),
            ("http://bot:secret@h/a", credentials),
            ("oci://bot:secret@h/a", credentials),
            ("ssh://git:secret@h/a", password),
            ("ssh://git:sec/ret@h/a", password),
            ("git:secret@h:a", password),
            ("https:///a", "the URL has no host"),
            ("https://:80/a", "the URL has no host"),
            ("https://h_*/a", "the host `h_*` has `*`, which no host has"),
            ("https://ü/a", "the host `ü` has `ü`, which no host has"),
            (
                "https://h:0/a",
                "the port `0` is none between 1 and 65535; a password does not belong here either",
            ),
            (
                "https://h:70000/a",
                "the port `70000` is none between 1 and 65535; a password does not belong here either",
            ),
            (
                "https://h:secret/a",
                "the port `***` is none between 1 and 65535; a password does not belong here either",
            ),
            (
                "https://h",
                "the URL names no repository; write it as `https://h/owner/repository`",
            ),
            (
                "https://h//",
                "the URL names no repository; write it as `https://h/owner/repository`",
            ),
            (
                "git@h:",
                "the URL names no repository; write it as `ssh://git@h/owner/repository`",
            ),
            (
                "https://h/a?x=1",
                "the URL has a query (`?…`), which no repository has; remove it",
            ),
            (
                "https://h/a#main",
                "the URL has a fragment (`#…`), which no repository has; remove it",
            ),
            (
                "oci://ghcr.io/a:1.2",
                "the URL holds a tag (`:…`); put it under `ref: {tag: …}`",
            ),
            (
                "oci://ghcr.io/a@sha256:1",
                "the URL holds a digest (`@…`); put it under `ref: {digest: …}`",
            ),
            (
                "oci://ghcr.io/Acme/a",
                "the name of an artifact has `A`, where only small letters, digits, `.`, `_`, `-` and `/` may stand",
            ),
        ] {
            assert_eq!(message(text), expected, "{text}");
        }
    }

    #[test]
    fn one_repository_in_any_spelling_is_one() {
        let aliases = |host: &str| match host {
            "ssh.github.com" | "git.acme.io:8443" => Some("github.com"),
            _ => None,
        };
        let identity = |text: &str| RepositoryUrl::read(text).expect(text).identity(aliases);
        let web = identity("https://github.com/acme/web");
        assert_eq!((web.host(), web.path()), ("github.com", "acme/web"));
        for same in [
            "https://GitHub.com/Acme/Web.git",
            "http://github.com:80/acme/web/",
            "https://github.com:443//acme/web",
            "git@github.com:acme/web.git",
            "ssh://git@github.com:22/acme/web",
            "ssh://me@ssh.github.com:443/acme/web.git/",
            "https://github.com./acme/web",
            "https://git.acme.io:8443/acme/web",
        ] {
            assert_eq!(identity(same), web, "{same}");
        }
        for other in [
            "https://github.com/acme/web2",
            "https://gitlab.com/acme/web",
            "https://github.com:8443/acme/web",
            "https://github.com/acme/web.github",
        ] {
            assert_ne!(identity(other), web, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(https://|ssh://|oci://|git@|:|/|@|\\[|\\]|é|[a-zA-Z0-9.]|\\PC){0,12}") {
            if let Ok(url) = RepositoryUrl::read(&text) {
                url.identity(|_| None);
            }
        }
    }
}
