//! Over which proxy of the environment a host is reached.

use std::sync::Arc;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;

use crate::config::is_this_machine;

use super::fault::GithubFault;

/// A proxy that is to be used.
#[derive(Debug, Clone)]
pub(super) struct Proxy {
    pub(super) uri: Uri,
    pub(super) kind: ProxyKind,
}

#[derive(Debug, Clone)]
pub(super) enum ProxyKind {
    /// It takes `CONNECT`, over TLS itself or not.
    Tunnel { authorization: Option<HeaderValue> },
    /// Its user and password.
    Socks5 { login: Option<(String, String)> },
}

/// What the environment says of proxies, as curl reads it.
#[derive(Debug, Clone, Default)]
pub(super) struct ProxyVariables {
    pub(super) all: String,
    pub(super) http: String,
    pub(super) https: String,
    pub(super) no: String,
}

impl ProxyVariables {
    pub(super) fn of_environment() -> Self {
        let variable = |name: &str| {
            let text = std::env::var(name).or_else(|_| std::env::var(name.to_ascii_lowercase()));
            text.unwrap_or_default()
        };
        Self {
            all: variable("ALL_PROXY"),
            http: variable("HTTP_PROXY"),
            https: variable("HTTPS_PROXY"),
            no: variable("NO_PROXY"),
        }
    }

    /// The proxy for an address; this machine is never reached over one.
    ///
    /// # Errors
    /// A proxy is named that cannot be used. No message has its password.
    pub(super) fn of(self, host: &Arc<str>, target: &Uri) -> Result<Option<Proxy>, GithubFault> {
        if target.host().is_none_or(is_this_machine) {
            return Ok(None);
        }
        let own = match target.scheme_str() {
            Some("http") => ("HTTP_PROXY", &self.http),
            _ => ("HTTPS_PROXY", &self.https),
        };
        let named = [own, ("ALL_PROXY", &self.all)];
        let named = named.into_iter().find(|(_, text)| !text.trim().is_empty());
        let Some((variable, _)) = named else {
            return Ok(None);
        };
        let fault = |reason: &str| GithubFault::Proxy {
            host: host.clone(),
            variable,
            reason: reason.to_owned(),
        };
        // A list that excepts everything names no proxy, whatever the proxy is.
        let probe = Matcher::builder()
            .all("http://probe")
            .no(self.no.clone())
            .build();
        if probe.intercept(target).is_none() {
            return Ok(None);
        }
        let matcher = Matcher::builder()
            .all(self.all)
            .http(self.http)
            .https(self.https);
        let Some(found) = matcher.build().intercept(target) else {
            return Err(fault(
                "it is no address; write it as `http://proxy.acme.io:3128`",
            ));
        };
        let kind = match found.uri().scheme_str() {
            Some("http" | "https") => ProxyKind::Tunnel {
                authorization: found.basic_auth().cloned(),
            },
            Some("socks5" | "socks5h") => ProxyKind::Socks5 {
                login: found
                    .raw_auth()
                    .map(|(user, pass)| (user.to_owned(), pass.to_owned())),
            },
            _ => return Err(fault("its scheme is none of `http`, `https` and `socks5`")),
        };
        Ok(Some(Proxy {
            uri: found.uri().clone(),
            kind,
        }))
    }
}
