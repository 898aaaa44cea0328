//! What stands between the scheme of a URL and its path, and the shape of that path.

use super::fault::UrlFault;
use crate::flux::names::shown;

/// `git@host:owner/repository` as a URL.
pub(super) fn from_scp(text: &str) -> Result<String, UrlFault> {
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

pub(super) fn host_and_port(text: &str) -> Result<(&str, Option<u16>), UrlFault> {
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
    // Dots end a name, and brackets hold an address: neither is one.
    if host.trim_matches(['.', '[', ']']).is_empty() {
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
pub(super) fn artifact_name(path: &str) -> Result<(), UrlFault> {
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
pub fn credentials(authority: &str) -> Option<usize> {
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
