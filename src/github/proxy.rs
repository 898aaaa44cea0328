//! Over which proxy of the environment a host is reached.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;

use crate::config::is_this_machine;

use super::fault::GithubFault;

const NO_PROXY: &str = "it is no address of a proxy; write it as `http://proxy.acme.io:3128`, with `https` or `socks5`";

/// A proxy that is to be used.
#[derive(Debug, Clone)]
pub(super) struct Proxy {
    pub(super) uri: Uri,
    pub(super) kind: ProxyKind,
}

#[derive(Clone)]
pub(super) enum ProxyKind {
    /// It takes `CONNECT`, over TLS itself or not.
    Tunnel { authorization: Option<HeaderValue> },
    /// Its user and password.
    Socks5 { login: Option<(String, String)> },
}

/// Without user and password.
impl fmt::Debug for ProxyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tunnel { .. } => "Tunnel",
            Self::Socks5 { .. } => "Socks5",
        })
    }
}

/// What the environment says of proxies, as curl reads it.
#[derive(Clone, Default)]
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
            return Err(fault(NO_PROXY));
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
            _ => return Err(fault(NO_PROXY)),
        };
        Ok(Some(Proxy {
            uri: found.uri().clone(),
            kind,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(all: &str, http: &str, https: &str, no: &str) -> ProxyVariables {
        ProxyVariables {
            all: all.to_owned(),
            http: http.to_owned(),
            https: https.to_owned(),
            no: no.to_owned(),
        }
    }

    fn found(variables: ProxyVariables, target: &str) -> Result<Option<Proxy>, String> {
        let target = target.parse().unwrap();
        let found = variables.of(&Arc::from("ghe.acme.io"), &target);
        found.map_err(|fault| fault.to_string())
    }

    fn uri(variables: ProxyVariables, target: &str) -> Option<String> {
        let found = found(variables, target).unwrap();
        found.map(|proxy| proxy.uri.to_string())
    }

    const TARGET: &str = "https://ghe.acme.io/api/v3";

    #[test]
    fn each_scheme_has_its_proxy_and_the_rest_have_that_of_all() {
        let each = variables("http://all:1", "http://plain:2", "http://tls:3", "");
        assert_eq!(uri(each.clone(), TARGET).unwrap(), "http://tls:3/");
        assert_eq!(uri(each, "http://ghe.acme.io").unwrap(), "http://plain:2/");
        let all = variables("http://all:1", "", "", "");
        assert_eq!(uri(all, TARGET).unwrap(), "http://all:1/");
        assert_eq!(uri(variables("", "http://plain:2", "", ""), TARGET), None);
        assert_eq!(uri(ProxyVariables::default(), TARGET), None);
    }

    #[test]
    fn hosts_that_are_excepted_and_this_machine_have_none() {
        for no in ["*", "ghe.acme.io", "acme.io", ".acme.io", "x, acme.io"] {
            assert_eq!(
                uri(variables("", "", "http://p:3", no), TARGET),
                None,
                "{no}"
            );
        }
        assert!(uri(variables("", "", "http://p:3", "me.io"), TARGET).is_some());
        let network = variables("", "", "http://p:3", "10.0.0.0/8");
        assert_eq!(uri(network.clone(), "https://10.1.2.3"), None);
        assert!(uri(network, "https://11.1.2.3").is_some());
        for own in ["https://localhost", "https://127.0.0.1:1", "https://[::1]"] {
            assert_eq!(uri(variables("", "", "http://p:3", ""), own), None, "{own}");
        }
    }

    #[test]
    fn user_and_password_are_taken_and_not_shown() {
        let proxy = found(variables("", "", "http://ann:s%40cret@p:3", ""), TARGET);
        let proxy = proxy.unwrap().unwrap();
        let shown = format!("{proxy:?}");
        assert!(
            !shown.contains("cret") && !shown.contains("YW5u"),
            "{shown}"
        );
        let ProxyKind::Tunnel { authorization } = proxy.kind else {
            panic!("{shown}");
        };
        assert_eq!(authorization.unwrap(), "Basic YW5uOnNAY3JldA==");
        let proxy = found(variables("", "", "socks5://ann:secret@p:3", ""), TARGET);
        let proxy = proxy.unwrap().unwrap();
        let shown = format!("{proxy:?}");
        assert!(!shown.contains("secret"), "{shown}");
        let ProxyKind::Socks5 { login } = proxy.kind else {
            panic!("{shown}");
        };
        assert_eq!(login.unwrap(), ("ann".to_owned(), "secret".to_owned()));
    }

    #[test]
    fn what_is_no_proxy_is_told_without_its_password() {
        let fault = |text: &str| found(variables("", "", text, ""), TARGET).unwrap_err();
        for text in ["ftp://ann:secret@p:3", "http://a b"] {
            assert_eq!(
                fault(text),
                "the proxy of `HTTPS_PROXY` cannot be used for `ghe.acme.io`: it is no address of a proxy; write it as `http://proxy.acme.io:3128`, with `https` or `socks5`"
            );
        }
        let excepted = variables("", "", "http://a b", "acme.io");
        assert!(found(excepted, TARGET).unwrap().is_none());
    }
}
