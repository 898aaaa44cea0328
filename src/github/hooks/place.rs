//! Whose hook it is: where GitHub's API has it, and on which page people find it.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in a path as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HookPlace {
    Repository {
        owner: String,
        name: String,
    },
    Organization(String),
    /// The one hook of a GitHub App; it has no number.
    App,
}

impl HookPlace {
    /// Of `owner/name`; `None` where it is none.
    pub fn repository(full_name: &str) -> Option<Self> {
        let (owner, name) = full_name.split_once('/')?;
        let is_one = !owner.is_empty() && !name.is_empty() && !name.contains('/');
        is_one.then(|| Self::Repository {
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Where the API has its hooks: `/repos/acme/web/hooks`.
    pub fn hooks(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, PATH).to_string();
        match self {
            Self::Repository { owner, name } => {
                format!("/repos/{}/{}/hooks", encoded(owner), encoded(name))
            }
            Self::Organization(name) => format!("/orgs/{}/hooks", encoded(name)),
            Self::App => "/app/hook".to_owned(),
        }
    }

    /// Where the API has what one of its hooks delivered; that of an App has no number.
    pub fn deliveries(&self, hook: u64) -> String {
        match self {
            Self::App => "/app/hook/deliveries".to_owned(),
            _ => format!("{}/{hook}/deliveries", self.hooks()),
        }
    }

    /// Where people see the hook at GitHub; an App's page is known only by asking GitHub for it.
    pub fn page(&self, host: &str, hook: Option<u64>) -> String {
        let of = match self {
            Self::Repository { owner, name } => format!("{owner}/{name}"),
            Self::Organization(name) => format!("organizations/{name}"),
            Self::App => return format!("https://{host}/settings/apps"),
        };
        match hook {
            Some(hook) => format!("https://{host}/{of}/settings/hooks/{hook}"),
            None => format!("https://{host}/{of}/settings/hooks"),
        }
    }
}

impl fmt::Display for HookPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { owner, name } => write!(f, "repository {owner}/{name}"),
            Self::Organization(name) => write!(f, "organisation {name}"),
            Self::App => f.write_str("the App"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_path_and_its_page() {
        let web = HookPlace::repository("acme/web").unwrap();
        let acme = HookPlace::Organization("acme".into());
        let told = |place: &HookPlace| {
            [
                place.to_string(),
                place.hooks(),
                place.deliveries(7),
                place.page("github.com", Some(7)),
            ]
        };
        assert_eq!(
            told(&web),
            [
                "repository acme/web",
                "/repos/acme/web/hooks",
                "/repos/acme/web/hooks/7/deliveries",
                "https://github.com/acme/web/settings/hooks/7"
            ]
        );
        assert_eq!(
            told(&acme),
            [
                "organisation acme",
                "/orgs/acme/hooks",
                "/orgs/acme/hooks/7/deliveries",
                "https://github.com/organizations/acme/settings/hooks/7"
            ]
        );
        assert_eq!(
            told(&HookPlace::App),
            [
                "the App",
                "/app/hook",
                "/app/hook/deliveries",
                "https://github.com/settings/apps"
            ]
        );
    }

    #[test]
    fn a_name_leads_to_no_other_path() {
        let odd = HookPlace::repository("../a?b=c#d").unwrap();
        assert_eq!(odd.hooks(), "/repos/../a%3Fb%3Dc%23d/hooks");
        for text in ["web", "/web", "acme/", "a/b/c"] {
            assert_eq!(HookPlace::repository(text), None, "{text}");
        }
    }
}
