//! The GitHub hosts of a fleet, whose buckets count there, and what each bucket's limit is.

use std::collections::HashMap;

use crate::config::{GithubHost, IdentityKind};
use crate::flux::{GITHUB, OTHER_NAMES_OF_GITHUB, is_github_cloud};

use super::costs::Basis;
use super::report::Resource;

/// Requests an hour that a token may make.
pub(super) const LIMIT_OF_A_TOKEN: u32 = 5000;

/// Requests an hour and address without any token.
const LIMIT_OF_NOBODY: u32 = 60;

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Token,
    App,
    /// Nobody's: counted by address.
    Anonymous,
    /// Somebody whom the configuration does not describe; taken for a token.
    Unknown,
}

/// Who spends the requests of a host where nothing else is said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spender {
    pub(super) name: String,
    pub(super) owner: Owner,
}

#[derive(Debug)]
struct Host {
    name: String,
    spender: Spender,
    identities: Vec<Spender>,
}

/// Every host that is GitHub: github.com, what is configured, and what a plan shows to be one.
#[derive(Debug)]
pub(super) struct Hosts {
    hosts: Vec<Host>,
    by_name: HashMap<String, usize>,
}

impl Hosts {
    pub(super) fn new(github: &[GithubHost]) -> Self {
        let mut hosts = Self {
            hosts: Vec::new(),
            by_name: HashMap::new(),
        };
        for configured in github {
            let identities: Vec<_> = configured
                .identities
                .iter()
                .map(|identity| Spender {
                    name: identity.name.value.clone(),
                    owner: match identity.kind {
                        IdentityKind::Token => Owner::Token,
                        IdentityKind::App => Owner::App,
                    },
                })
                .collect();
            let spender = configured
                .budget_identity
                .as_ref()
                .and_then(|name| identities.iter().find(|spender| spender.name == name.value))
                .or(identities.first())
                .cloned();
            let index = hosts.add(&configured.host.value, spender, identities);
            for alias in &configured.aliases {
                hosts.by_name.insert(alias.value.to_lowercase(), index);
            }
        }
        hosts
    }

    fn add(&mut self, name: &str, spender: Option<Spender>, identities: Vec<Spender>) -> usize {
        let name = name.to_lowercase();
        let index = self.hosts.len();
        self.by_name.insert(name.clone(), index);
        if name == GITHUB {
            for alias in OTHER_NAMES_OF_GITHUB {
                self.by_name.entry(alias.to_owned()).or_insert(index);
            }
        }
        let spender = spender.unwrap_or_else(|| Spender {
            name: "anonymous".to_owned(),
            owner: Owner::Anonymous,
        });
        self.hosts.push(Host {
            name,
            spender,
            identities,
        });
        index
    }

    /// The host's number where it is GitHub. `by_provider`: a source there says `provider: github`.
    pub(super) fn learn(&mut self, host: &str, by_provider: bool) -> Option<usize> {
        let host = host.to_lowercase();
        if let Some(index) = self.by_name.get(&host) {
            return Some(*index);
        }
        if OTHER_NAMES_OF_GITHUB.contains(&host.as_str()) {
            return Some(self.add(GITHUB, None, Vec::new()));
        }
        (is_github_cloud(&host) || by_provider).then(|| self.add(&host, None, Vec::new()))
    }

    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn name(&self, host: usize) -> &str {
        &self.hosts[host].name
    }

    pub(super) fn spender(&self, host: usize) -> &Spender {
        &self.hosts[host].spender
    }

    /// Where use by `identity` is counted; without one, by the spender of the first host that has
    /// an identity. Use by somebody whom the configuration does not know is taken for use of a
    /// token, for nobody makes known use of an API without one.
    pub(super) fn of_identity(&self, identity: Option<&str>) -> (String, Spender) {
        let known = self.hosts.iter().find_map(|host| {
            let spender = match identity {
                None => Some(&host.spender),
                Some(name) => host.identities.iter().find(|spender| spender.name == name),
            }?;
            (spender.owner != Owner::Anonymous).then(|| (host.name.clone(), spender.clone()))
        });
        known.unwrap_or_else(|| {
            let host = self.hosts.first().map_or(GITHUB, |host| &host.name);
            let spender = Spender {
                name: identity.unwrap_or("unnamed").to_owned(),
                owner: Owner::Unknown,
            };
            (host.to_owned(), spender)
        })
    }
}

/// How many requests an hour a bucket allows, and who says so.
///
/// Source: GitHub's pages on the rate limits of the REST and the GraphQL API. An installation gets
/// at least 5,000 and more with its repositories and users. No page gives a limit for what an App
/// asks as itself. GitHub Enterprise Server has its limits switched off by default.
pub(super) fn limit(host: &str, owner: Owner, resource: Resource) -> (Option<u32>, Basis) {
    // Limits are on at GitHub's own service.
    if !is_github_cloud(host) {
        return (None, Basis::Documented);
    }
    match (owner, resource) {
        (_, Resource::AppJwt) => (None, Basis::Assumed),
        (Owner::Anonymous, _) => (Some(LIMIT_OF_NOBODY), Basis::Documented),
        (Owner::Token, _) if host == GITHUB => (Some(LIMIT_OF_A_TOKEN), Basis::Documented),
        (Owner::Token | Owner::App | Owner::Unknown, _) => (Some(LIMIT_OF_A_TOKEN), Basis::Assumed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_one_who_asks() {
        use Resource::{AppJwt, Core, Graphql};
        let of = |owner, resource| limit(GITHUB, owner, resource);
        assert_eq!(of(Owner::Token, Core), (Some(5000), Basis::Documented));
        assert_eq!(of(Owner::Token, Graphql), (Some(5000), Basis::Documented));
        assert_eq!(of(Owner::App, Core), (Some(5000), Basis::Assumed));
        assert_eq!(of(Owner::Unknown, Core), (Some(5000), Basis::Assumed));
        assert_eq!(of(Owner::Anonymous, Core), (Some(60), Basis::Documented));
        assert_eq!(of(Owner::App, AppJwt), (None, Basis::Assumed));
    }

    #[test]
    fn a_server_of_ones_own_has_no_limit_and_the_cloud_with_data_residency_has() {
        let core = |host| limit(host, Owner::Token, Resource::Core);
        assert_eq!(core("ghe.acme.io"), (None, Basis::Documented));
        assert_eq!(core("acme.ghe.com"), (Some(5000), Basis::Assumed));
    }

    #[test]
    fn a_host_is_github_by_name_by_configuration_or_by_provider() {
        let mut hosts = Hosts::new(&[]);
        assert_eq!(hosts.learn("gitlab.com", false), None);
        assert_eq!(hosts.learn("ghe.acme.io", false), None);
        let github = hosts.learn("GitHub.com", false);
        assert_eq!(github, Some(0));
        assert_eq!(hosts.learn("ssh.github.com", false), github);
        assert_eq!(hosts.learn("ghe.acme.io", true), Some(1));
        assert_eq!(hosts.learn("ghe.acme.io", false), Some(1));
        assert_eq!(hosts.learn("acme.ghe.com", false), Some(2));
    }

    #[test]
    fn an_alias_alone_leads_to_github() {
        let mut hosts = Hosts::new(&[]);
        let index = hosts.learn("ssh.github.com", false).unwrap();
        assert_eq!(hosts.name(index), "github.com");
    }
}
