//! What is to change of a hook so that it is as it should be.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::wanted::WantedHook;
use super::wire::Hook;

/// One field that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    pub field: &'static str,
    pub from: String,
    pub to: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.field, self.from, self.to)
    }
}

/// What differs of a hook from what is wanted. The secret is not among it: GitHub does not show it.
///
/// `events` is whether its events can be set, which those of an App cannot. Events that the hook is told
/// of beside the wanted ones stay.
pub fn changes(wanted: &WantedHook, hook: &Hook, events: bool) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut differs = |field, from: String, to: String| {
        if from != to {
            changes.push(Change { field, from, to });
        }
    };
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    if let Some(url) = &wanted.url {
        differs("url", said(&hook.config.url), url.clone());
    }
    let content_type = hook.config.content_type.as_deref().unwrap_or("form");
    differs("content_type", content_type.to_owned(), "json".to_owned());
    let insecure = u8::from(hook.config.insecure_ssl).to_string();
    differs("insecure_ssl", insecure, "0".to_owned());
    if events {
        differs("active", hook.active.to_string(), "true".to_owned());
        let told = wanted_events(wanted, &hook.events);
        differs("events", listed(&hook.events), listed(&told));
    }
    changes
}

fn listed(events: &[String]) -> String {
    match events {
        [] => "none".to_owned(),
        events => events.join(", "),
    }
}

/// The events of a hook, with those that lack.
fn wanted_events(wanted: &WantedHook, told: &[String]) -> Vec<String> {
    let untold = wanted.untold(told);
    let added = untold.into_iter().map(str::to_owned);
    told.iter().cloned().chain(added).collect()
}

/// The body that makes or changes a hook. It holds the secret, so it has no `Debug`.
pub struct HookPatch {
    url: Option<String>,
    secret: String,
    events: Option<Vec<String>>,
}

impl HookPatch {
    /// `hook` is what is there, `None` where nothing is.
    pub fn new(wanted: &WantedHook, hook: Option<&Hook>, events: bool, secret: String) -> Self {
        let told = hook.map_or(&[][..], |hook| hook.events.as_slice());
        Self {
            url: wanted.url.clone(),
            secret,
            events: events.then(|| wanted_events(wanted, told)),
        }
    }

    /// Of a hook of a repository or an organisation.
    pub fn hook(&self) -> Value {
        let mut body = Map::new();
        body.insert("name".into(), "web".into());
        body.insert("active".into(), true.into());
        if let Some(events) = &self.events {
            body.insert("events".into(), json!(events));
        }
        body.insert("config".into(), self.config());
        body.into()
    }

    /// Of the hook of an App.
    pub fn config(&self) -> Value {
        let mut config =
            json!({"content_type": "json", "insecure_ssl": "0", "secret": self.secret});
        if let Some(url) = &self.url {
            config["url"] = url.as_str().into();
        }
        config
    }
}

impl fmt::Debug for HookPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookPatch")
            .field("url", &self.url)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(value: Value) -> Hook {
        serde_json::from_value(value).unwrap()
    }

    fn wanted() -> WantedHook {
        WantedHook::new("acme", Some("https://a.io"), false)
    }

    fn told(hook: &Hook, events: bool) -> Vec<String> {
        let changes = changes(&wanted(), hook, events);
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_what_differs_is_changed_and_other_events_stay() {
        let sound = json!({"id": 1, "events": ["push", "star", "package", "release", "repository"],
            "config": {"url": "https://a.io/hooks/github/acme", "content_type": "json",
                "insecure_ssl": "0", "secret": "***"}});
        assert_eq!(told(&hook(sound.clone()), true), [""; 0]);
        let mut other = sound;
        other["active"] = false.into();
        other["events"] = json!(["star"]);
        other["config"] = json!({"url": "http://b.io/hooks/github/acme", "insecure_ssl": "1"});
        let other = hook(other);
        assert_eq!(
            told(&other, true),
            [
                "url: http://b.io/hooks/github/acme -> https://a.io/hooks/github/acme",
                "content_type: form -> json",
                "insecure_ssl: 1 -> 0",
                "active: false -> true",
                "events: star -> star, push, package, release, repository",
            ]
        );
        assert_eq!(told(&other, false).len(), 3);
        let patch = HookPatch::new(&wanted(), Some(&other), true, "s".into());
        assert_eq!(
            patch.hook(),
            json!({"name": "web", "active": true,
                "events": ["star", "push", "package", "release", "repository"],
                "config": {"content_type": "json", "insecure_ssl": "0", "secret": "s",
                    "url": "https://a.io/hooks/github/acme"}})
        );
    }

    #[test]
    fn a_secret_is_not_shown() {
        let patch = HookPatch::new(&wanted(), None, true, "hush".into());
        assert!(!format!("{patch:?}").contains("hush"));
    }
}
