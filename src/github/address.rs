//! Where the API of a host is, and which addresses are below it.

use std::sync::Arc;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use super::fault::GithubFault;

/// What the API of GitHub Enterprise Server is below.
const ENTERPRISE_ROOT: &str = "/api/v3";

/// The root of the API of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at its end; empty for github.com.
    root: String,
    graphql: String,
}

/// What an address of an answer points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// Path and query below the root of the API.
    Below(String),
    /// Another host, or on ours nothing of the API; as it may be shown.
    Elsewhere(String),
}

impl Address {
    /// `url` as of `apiUrl`; without it, where GitHub has the API of such a host.
    pub(super) fn of(host: &Arc<str>, url: Option<&str>) -> Result<Self, GithubFault> {
        let url = match url {
            Some(url) => url.to_owned(),
            None if &**host == "github.com" => "https://api.github.com".to_owned(),
            // Data residency, `acme.ghe.com`, has its API as github.com does.
            None if host.ends_with(".ghe.com") => format!("https://api.{host}"),
            None => format!("https://{host}{ENTERPRISE_ROOT}"),
        };
        let fault = |reason: &str| GithubFault::Address {
            host: host.clone(),
            reason: reason.to_owned(),
        };
        let uri: Uri = url.parse().map_err(|_| fault("it cannot be read"))?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.ok_or_else(|| fault("it has no scheme"))?;
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return Err(fault("its scheme is neither `https` nor `http`"));
        }
        let authority = parts.authority.ok_or_else(|| fault("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(fault("it has a user or a password"));
        }
        let path = parts.path_and_query.as_ref();
        if path.is_some_and(|path| path.query().is_some()) {
            return Err(fault("it has a query"));
        }
        let root = path
            .map_or("", PathAndQuery::path)
            .trim_end_matches('/')
            .to_owned();
        let graphql = match root.strip_suffix(ENTERPRISE_ROOT) {
            Some(above) => format!("{above}/api/graphql"),
            None => format!("{root}/graphql"),
        };
        Ok(Self {
            scheme,
            authority,
            root,
            graphql,
        })
    }

    /// The address of a path below the root; `None` where it is no such path.
    pub(super) fn rest(&self, path: &str) -> Option<Uri> {
        if !path.starts_with('/') || path.starts_with("//") || path.contains('\\') {
            return None;
        }
        // A path that climbs out of the root would ask something else of that host.
        let climbs = path.split(['?', '#']).next().is_some_and(|path| {
            path.split('/')
                .any(|part| matches!(part, "." | "..") || part.eq_ignore_ascii_case("%2e%2e"))
        });
        if climbs {
            return None;
        }
        self.uri(&format!("{}{path}", self.root))
    }

    /// The address of the host itself.
    pub(super) fn root(&self) -> Uri {
        self.uri("/")
            .expect("scheme and authority are of an address")
    }

    pub(super) fn graphql(&self) -> Uri {
        self.uri(&self.graphql)
            .expect("it is made of a path that was read")
    }

    /// The path of a next page. Its host is not looked at: a page is asked for on our own, which may
    /// be known to itself by another name.
    pub(super) fn page(&self, link: &str) -> Option<String> {
        let uri: Uri = link.parse().ok()?;
        match self.target(uri.path_and_query()?.as_str()) {
            Target::Below(path) => Some(path),
            Target::Elsewhere(_) => None,
        }
    }

    fn uri(&self, path_and_query: &str) -> Option<Uri> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path_and_query)
            .build()
            .ok()
    }

    /// What `location` of an answer points at, where it may also be relative to the root of the host.
    pub(super) fn target(&self, location: &str) -> Target {
        let Ok(uri) = location.parse::<Uri>() else {
            return Target::Elsewhere("an address that cannot be read".to_owned());
        };
        let is_ours = match (uri.scheme(), uri.authority()) {
            (None, None) => location.starts_with('/') && !location.starts_with("//"),
            (Some(scheme), Some(authority)) => {
                *scheme == self.scheme
                    && authority.host().eq_ignore_ascii_case(self.authority.host())
                    && !authority.as_str().contains('@')
                    && port(scheme, authority) == port(&self.scheme, &self.authority)
            }
            _ => false,
        };
        if !is_ours {
            let shown = uri.authority().map_or_else(
                || "an address without a host".to_owned(),
                |authority| {
                    let port = authority.port().map(|port| format!(":{port}"));
                    format!("{}{}", authority.host(), port.unwrap_or_default())
                },
            );
            return Target::Elsewhere(shown);
        }
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let below = path.strip_prefix(self.root.as_str());
        match below.filter(|below| below.starts_with('/') && self.rest(below).is_some()) {
            Some(below) => Target::Below(below.to_owned()),
            None => Target::Elsewhere(format!("{}{}", self.authority.host(), uri.path())),
        }
    }
}

fn port(scheme: &Scheme, authority: &Authority) -> u16 {
    let standard = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    authority.port_u16().unwrap_or(standard)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, url: Option<&str>) -> Address {
        Address::of(&Arc::from(host), url).unwrap()
    }

    fn shown(host: &str, url: Option<&str>) -> [String; 2] {
        let address = address(host, url);
        let rest = address.rest("/rate_limit").unwrap();
        [rest, address.graphql()].map(|uri| uri.to_string())
    }

    #[test]
    fn each_kind_of_host_has_its_paths() {
        assert_eq!(
            shown("github.com", None),
            [
                "https://api.github.com/rate_limit",
                "https://api.github.com/graphql"
            ]
        );
        let enterprise = [
            "https://ghe.acme.io/api/v3/rate_limit",
            "https://ghe.acme.io/api/graphql",
        ];
        assert_eq!(shown("ghe.acme.io", None), enterprise);
        assert_eq!(shown("x", Some("https://ghe.acme.io/api/v3/")), enterprise);
        assert_eq!(
            shown("x", Some("http://proxy:8080/github/api/v3")),
            [
                "http://proxy:8080/github/api/v3/rate_limit",
                "http://proxy:8080/github/api/graphql"
            ]
        );
        assert_eq!(
            shown("acme.ghe.com", None),
            [
                "https://api.acme.ghe.com/rate_limit",
                "https://api.acme.ghe.com/graphql"
            ]
        );
    }

    #[test]
    fn what_is_no_address_of_an_api_is_refused() {
        for (url, reason) in [
            ("ghe.acme.io", "it has no scheme"),
            (
                "ftp://ghe.acme.io",
                "its scheme is neither `https` nor `http`",
            ),
            ("https://u:p@ghe.acme.io", "it has a user or a password"),
            ("https://ghe.acme.io/?a=b", "it has a query"),
            ("https://", "it cannot be read"),
        ] {
            let fault = Address::of(&Arc::from("x"), Some(url)).unwrap_err();
            assert_eq!(
                fault.to_string(),
                format!(
                    "`apiUrl` of `x` is no address of an API: {reason}; write it as `https://ghe.acme.io/api/v3`"
                ),
                "{url}"
            );
        }
    }

    #[test]
    fn a_path_stays_below_the_root() {
        let address = address("ghe.acme.io", None);
        for path in [
            "",
            "rate_limit",
            "//evil",
            "/../x",
            "/a/../../x",
            "/a/%2E%2e/x",
            "/a\\b",
            "/a b",
        ] {
            assert_eq!(address.rest(path), None, "{path}");
        }
        assert!(address.rest("/a?b=../c").is_some());
        assert!(address.rest("/repos/a/..b").is_some());
    }

    #[test]
    fn a_next_page_is_asked_for_on_our_own_host() {
        let address = address("ghe.acme.io", None);
        let page = |link: &str| address.page(link);
        let path = Some("/a?page=2".to_owned());
        assert_eq!(page("https://ghe.acme.io/api/v3/a?page=2"), path);
        assert_eq!(page("https://internal.name:8443/api/v3/a?page=2"), path);
        assert_eq!(page("/api/v3/a?page=2"), path);
        assert_eq!(page("/a?page=2"), None);
        assert_eq!(page("https://ghe.acme.io"), None);
    }

    #[test]
    fn a_target_is_below_the_root_of_our_own_host_or_elsewhere() {
        let address = address("ghe.acme.io", None);
        let below = |path: &str| Target::Below(path.to_owned());
        for location in [
            "https://ghe.acme.io/api/v3/repositories/1?page=2",
            "https://GHE.acme.io:443/api/v3/repositories/1?page=2",
            "/api/v3/repositories/1?page=2",
        ] {
            assert_eq!(
                address.target(location),
                below("/repositories/1?page=2"),
                "{location}"
            );
        }
        for (location, shown) in [
            ("https://evil.example/api/v3/x", "evil.example"),
            ("https://evil.example:8443/api/v3/x", "evil.example:8443"),
            ("http://ghe.acme.io/api/v3/x", "ghe.acme.io"),
            ("https://ghe.acme.io:444/api/v3/x", "ghe.acme.io:444"),
            ("https://ghe.acme.io@evil.example/api/v3/x", "evil.example"),
            ("https://u:p@ghe.acme.io/api/v3/x", "ghe.acme.io"),
            (
                "//evil.example/api/v3/x",
                "ghe.acme.io//evil.example/api/v3/x",
            ),
            ("https://ghe.acme.io/login", "ghe.acme.io/login"),
            ("/api/v34/x", "ghe.acme.io/api/v34/x"),
            ("/api/v3/../../x", "ghe.acme.io/api/v3/../../x"),
            ("a b", "an address that cannot be read"),
        ] {
            let target = address.target(location);
            let Target::Elsewhere(seen) = &target else {
                panic!("{location}: {target:?}");
            };
            if location.starts_with("//") {
                continue;
            }
            assert_eq!(seen, shown, "{location}");
        }
    }
}
