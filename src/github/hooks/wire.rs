//! Hooks as GitHub's API writes them; what is unknown or missing is no fault.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Events of a hook that are kept; GitHub knows fewer than 80.
const EVENTS: usize = 200;
/// The longest text that is kept of a hook.
const TEXT_BYTES: usize = 4_096;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Hook {
    /// An App's has none: 0.
    #[serde(default)]
    pub id: u64,
    #[serde(default = "yes")]
    pub active: bool,
    #[serde(default, deserialize_with = "texts")]
    pub events: Vec<String>,
    #[serde(default)]
    pub config: HookConfig,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct HookConfig {
    #[serde(default, deserialize_with = "text")]
    pub url: Option<String>,
    /// `json` or `form`; where it says nothing, it is `form`.
    #[serde(default, deserialize_with = "text")]
    pub content_type: Option<String>,
    /// Whether the certificate of the URL goes unchecked.
    #[serde(default, deserialize_with = "is_set")]
    pub insecure_ssl: bool,
    /// GitHub shows stars in place of the secret, so it is only known that there is one.
    #[serde(default, rename = "secret", deserialize_with = "is_there")]
    pub has_secret: bool,
}

/// What an App says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct AppAbout {
    #[serde(default)]
    pub slug: Option<String>,
    #[serde(default)]
    pub owner: Option<Owner>,
    #[serde(default, deserialize_with = "texts")]
    pub events: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Owner {
    #[serde(default)]
    pub login: Option<String>,
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
}

impl AppAbout {
    /// The page on which people choose the App's events.
    pub fn page(&self, host: &str) -> String {
        let owner = self.owner.as_ref();
        let organization = owner
            .filter(|owner| owner.kind.as_deref() == Some("Organization"))
            .and_then(|owner| owner.login.as_deref());
        let of = match organization {
            Some(login) => format!("https://{host}/organizations/{login}/settings/apps"),
            None => format!("https://{host}/settings/apps"),
        };
        match &self.slug {
            Some(slug) => format!("{of}/{slug}/permissions"),
            None => of,
        }
    }
}

fn yes() -> bool {
    true
}

fn short(text: String) -> Option<String> {
    (text.len() <= TEXT_BYTES).then_some(text)
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => short(text),
        _ => None,
    })
}

fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let Value::Array(values) = Value::deserialize(from)? else {
        return Ok(Vec::new());
    };
    let texts = values.into_iter().filter_map(|value| match value {
        Value::String(text) => short(text),
        _ => None,
    });
    Ok(texts.take(EVENTS).collect())
}

/// GitHub writes `"0"`, `"1"`, and numbers in older hooks.
fn is_set<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => text == "1" || text.eq_ignore_ascii_case("true"),
        Value::Number(number) => number.as_u64() == Some(1),
        Value::Bool(is_set) => is_set,
        _ => false,
    })
}

fn is_there<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(!matches!(Value::deserialize(from)?, Value::Null))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hook(value: Value) -> Hook {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_hook_is_read_however_much_of_it_is_there() {
        let whole = hook(json!({
            "id": 7, "type": "Organization", "active": false, "events": ["push", 3, "release"],
            "config": {"url": "https://a.b/hooks/github/acme", "content_type": "json",
                "insecure_ssl": "1", "secret": "********"},
            "last_response": {"code": null}
        }));
        assert_eq!(whole.events, ["push", "release"]);
        assert!(!whole.active && whole.config.insecure_ssl && whole.config.has_secret);
        let bare = hook(json!({"id": 7}));
        assert!(bare.active && !bare.config.insecure_ssl && !bare.config.has_secret);
        assert_eq!(bare.config.url, None);
        for (written, insecure) in [
            (json!("0"), false),
            (json!(0), false),
            (json!(1), true),
            (json!(null), false),
            (json!([]), false),
        ] {
            let read = hook(json!({"config": {"insecure_ssl": written, "secret": null}}));
            assert_eq!(read.config.insecure_ssl, insecure);
            assert!(!read.config.has_secret);
        }
    }

    #[test]
    fn what_would_take_memory_is_left_out() {
        let long = "x".repeat(TEXT_BYTES + 1);
        let events: Vec<_> = (0..500).map(|number| number.to_string()).collect();
        let read = hook(json!({"events": events, "config": {"url": long}}));
        assert_eq!(read.events.len(), EVENTS);
        assert_eq!(read.config.url, None);
    }

    #[test]
    fn an_app_has_its_page_below_its_owner() {
        let page = |value: Value| {
            let about: AppAbout = serde_json::from_value(value).unwrap();
            about.page("github.com")
        };
        let owner = json!({"login": "acme", "type": "Organization"});
        assert_eq!(
            page(json!({"slug": "flux", "owner": owner})),
            "https://github.com/organizations/acme/settings/apps/flux/permissions"
        );
        assert_eq!(
            page(json!({"slug": "flux", "owner": {"login": "me", "type": "User"}})),
            "https://github.com/settings/apps/flux/permissions"
        );
        assert_eq!(page(json!({})), "https://github.com/settings/apps");
    }
}
