//! What a webhook's hook at GitHub should be like, and which of GitHub's hooks it is.

use http::Uri;

use super::wire::Hook;

/// Below the public address, followed by the webhook's name.
const PATH: &str = "/hooks/github/";

/// A hook as the configuration wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedHook {
    /// Of the webhook: the last part of the URL's path.
    pub name: String,
    /// Where GitHub is to post to; `None` where no public address is configured.
    pub url: Option<String>,
    /// Each must be told; the first without which nothing works.
    pub events: Vec<&'static str>,
}

impl WantedHook {
    /// `address` is the public one of the receiver; `workflows` whether objects follow runs of workflows.
    pub fn new(name: &str, address: Option<&str>, workflows: bool) -> Self {
        let url = address.map(|address| format!("{}{PATH}{name}", address.trim_end_matches('/')));
        let mut events = vec!["push", "package", "release", "repository"];
        if workflows {
            events.push("workflow_run");
        }
        Self {
            name: name.to_owned(),
            url,
            events,
        }
    }

    /// The wanted events that a hook is not told of.
    pub fn untold<'e>(&self, told: &'e [String]) -> Vec<&'static str>
    where
        Self: 'e,
    {
        let is_told = |wanted: &str| {
            told.iter().any(|event| {
                // The older name of the same.
                event == wanted
                    || event == "*"
                    || (wanted == "package" && event == "registry_package")
            })
        };
        let wanted = self.events.iter().copied();
        wanted.filter(|event| !is_told(event)).collect()
    }
}

/// Whether a hook with this URL is that of our webhook of this name.
pub fn is_ours(url: &str, name: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else {
        return false;
    };
    let path = url.path().trim_end_matches('/');
    path.strip_suffix(name)
        .is_some_and(|rest| rest.ends_with(PATH))
}

/// Our hooks among all of a place: the one that counts first, then others that post the same once more.
pub fn ours<'h>(hooks: &'h [Hook], wanted: &WantedHook) -> Vec<&'h Hook> {
    let is_ours = |hook: &&Hook| {
        let url = hook.config.url.as_deref();
        url.is_some_and(|url| is_ours(url, &wanted.name))
    };
    let mut found: Vec<&Hook> = hooks.iter().filter(is_ours).collect();
    let is_exact = |hook: &Hook| hook.config.url == wanted.url;
    found.sort_by_key(|hook| (!hook.active, !is_exact(hook), hook.id));
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hook(id: u64, url: &str, active: bool) -> Hook {
        let hook = json!({"id": id, "active": active, "config": {"url": url}});
        serde_json::from_value(hook).unwrap()
    }

    #[test]
    fn our_hook_is_the_one_whose_path_ends_with_our_name() {
        for (url, expected) in [
            ("https://hooks.acme.io/hooks/github/acme", true),
            ("http://10.0.0.1:9292/below/hooks/github/acme?x=1", true),
            ("https://hooks.acme.io/hooks/github/acme/", true),
            ("https://hooks.acme.io/hooks/github/acmes", false),
            ("https://hooks.acme.io/hooks/github/b/acme", false),
            ("https://hooks.acme.io/my-hooks/github/acme", false),
            ("https://hooks.acme.io/?/hooks/github/acme", false),
            ("/hooks/github/acme", true),
            ("nonsense here", false),
        ] {
            assert_eq!(is_ours(url, "acme"), expected, "{url}");
        }
    }

    #[test]
    fn of_several_hooks_the_active_one_at_our_address_counts() {
        let wanted = WantedHook::new("acme", Some("https://new.io/"), false);
        assert_eq!(
            wanted.url.as_deref(),
            Some("https://new.io/hooks/github/acme")
        );
        let hooks = [
            hook(1, "https://new.io/hooks/github/acme", false),
            hook(2, "https://old.io/hooks/github/acme", true),
            hook(3, "https://new.io/hooks/github/acme", true),
            hook(4, "https://new.io/hooks/github/other", true),
        ];
        let found: Vec<_> = ours(&hooks, &wanted).iter().map(|hook| hook.id).collect();
        assert_eq!(found, [3, 2, 1]);
    }

    #[test]
    fn all_events_and_the_older_name_of_packages_are_told() {
        let wanted = WantedHook::new("acme", None, true);
        let untold = |told: &[&str]| {
            let told: Vec<String> = told.iter().map(ToString::to_string).collect();
            wanted.untold(&told)
        };
        assert_eq!(untold(&["*"]), [""; 0]);
        assert_eq!(
            untold(&["push", "registry_package", "release", "repository"]),
            ["workflow_run"]
        );
        assert_eq!(WantedHook::new("a", None, false).events.len(), 4);
        assert_eq!(
            untold(&[]),
            ["push", "package", "release", "repository", "workflow_run"]
        );
    }
}
