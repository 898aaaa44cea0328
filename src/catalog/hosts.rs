//! Hosts that are known by several names.

use std::collections::HashMap;

use crate::config::GithubHost;
use crate::flux::{GITHUB, OTHER_NAMES_OF_GITHUB};

/// The name under which the repositories of a host are compared, by its other names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostNames(HashMap<String, String>);

impl HostNames {
    /// Those of the configuration, and those of github.com.
    pub fn new(github: &[GithubHost]) -> Self {
        let configured = github.iter().flat_map(|host| {
            let aliases = host.aliases.iter().map(|alias| alias.value.as_str());
            aliases.map(|alias| (alias, host.host.value.as_str()))
        });
        Self::of(configured)
    }

    /// Pairs of another name and the host it stands for; what is said of a name first holds.
    pub fn of<'h>(pairs: impl IntoIterator<Item = (&'h str, &'h str)>) -> Self {
        let mut names = HashMap::new();
        let github = OTHER_NAMES_OF_GITHUB.map(|alias| (alias, GITHUB));
        for (alias, host) in pairs.into_iter().chain(github) {
            names
                .entry(alias.to_ascii_lowercase())
                .or_insert_with(|| host.to_ascii_lowercase());
        }
        Self(names)
    }

    /// The host that a name in small letters stands for; `None`: for itself.
    pub fn canonical(&self, host: &str) -> Option<&str> {
        self.0.get(host).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_github_are_known_and_others_are_configured() {
        let names = HostNames::of([("git.acme.io", "GHE.acme.io")]);
        assert_eq!(names.canonical("ssh.github.com"), Some("github.com"));
        assert_eq!(names.canonical("git.acme.io"), Some("ghe.acme.io"));
        assert_eq!(names.canonical("github.com"), None);
    }

    #[test]
    fn what_is_configured_comes_before_what_we_know() {
        let names = HostNames::of([("ssh.github.com", "mirror.acme.io")]);
        assert_eq!(names.canonical("ssh.github.com"), Some("mirror.acme.io"));
    }
}
