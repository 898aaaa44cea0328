//! Hooks of repositories, organisations and Apps, and what was delivered to them.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::clock::written;
use super::world::World;

/// Whose hook it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Repository(u64),
    Organization(String),
    App(u64),
}

#[derive(Clone, Debug)]
pub struct Hook {
    pub id: u64,
    pub scope: Scope,
    /// Empty for an App that has none.
    pub url: String,
    pub content_type: String,
    pub secret: Option<String>,
    pub insecure_ssl: String,
    pub events: Vec<String>,
    pub active: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Oldest first.
    pub deliveries: VecDeque<Delivery>,
}

/// One attempt to deliver.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: u64,
    pub guid: String,
    pub delivered_at: Timestamp,
    pub redelivery: bool,
    pub duration: f64,
    pub status: String,
    /// 0 where no answer came.
    pub status_code: u16,
    pub event: String,
    pub action: Option<String>,
    pub installation_id: Option<u64>,
    pub repository_id: Option<u64>,
    pub throttled_at: Option<Timestamp>,
    pub url: String,
    pub request_headers: Vec<(String, String)>,
    pub payload: Arc<str>,
    pub response_headers: Vec<(String, String)>,
    pub response_body: Option<String>,
}

impl Delivery {
    /// As lists show it.
    pub fn summary(&self) -> Value {
        json!({
            "id": self.id, "guid": self.guid, "delivered_at": written(self.delivered_at),
            "redelivery": self.redelivery, "duration": self.duration, "status": self.status,
            "status_code": self.status_code, "event": self.event, "action": self.action,
            "installation_id": self.installation_id, "repository_id": self.repository_id,
            "throttled_at": self.throttled_at.map(written),
        })
    }

    /// As it is shown alone, with its request and the answer.
    pub fn whole(&self) -> Value {
        let mut whole = self.summary();
        let headers = |pairs: &[(String, String)]| -> Value {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let payload: Value = serde_json::from_str(&self.payload).unwrap_or_default();
        whole["url"] = self.url.clone().into();
        whole["request"] = json!({"headers": headers(&self.request_headers), "payload": payload});
        whole["response"] = json!({
            "headers": (self.status_code != 0).then(|| headers(&self.response_headers)),
            "payload": self.response_body,
        });
        whole
    }

    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

impl Hook {
    /// A hook as GitHub makes it where nothing is said: active, a form, no secret, and here no URL.
    pub fn new(id: u64, scope: Scope, events: Vec<String>, now: Timestamp) -> Self {
        Self {
            id,
            scope,
            url: String::new(),
            content_type: "form".to_owned(),
            secret: None,
            insecure_ssl: "0".to_owned(),
            events,
            active: true,
            created_at: now,
            updated_at: now,
            deliveries: VecDeque::new(),
        }
    }

    pub fn hears(&self, event: &str) -> bool {
        let mut events = self.events.iter();
        self.active && !self.url.is_empty() && events.any(|it| it == event || it == "*")
    }

    /// GitHub never shows a secret.
    pub fn config(&self) -> Value {
        let mut config = json!({
            "content_type": self.content_type, "insecure_ssl": self.insecure_ssl, "url": self.url,
        });
        if self.secret.is_some() {
            config["secret"] = "********".into();
        }
        config
    }

    fn last_response(&self) -> Value {
        match self.deliveries.back() {
            None => json!({"code": null, "status": "unused", "message": null}),
            Some(last) => {
                let status = if last.succeeded() {
                    "active"
                } else {
                    "misconfigured"
                };
                let code = (last.status_code != 0).then_some(last.status_code);
                json!({"code": code, "status": status, "message": last.status})
            }
        }
    }
}

impl World {
    pub fn hook_json(&self, hook: &Hook) -> Value {
        let (kind, at) = match &hook.scope {
            Scope::Repository(id) => {
                let full_name = self.repositories[id].full_name();
                ("Repository", format!("repos/{full_name}"))
            }
            Scope::Organization(login) => ("Organization", format!("orgs/{login}")),
            Scope::App(_) => ("App", "app".to_owned()),
        };
        let url = format!("{}/{at}/hooks/{}", self.api(), hook.id);
        let mut json = json!({
            "type": kind, "id": hook.id, "name": "web", "active": hook.active, "events": hook.events,
            "config": hook.config(), "updated_at": written(hook.updated_at),
            "created_at": written(hook.created_at), "url": url, "ping_url": format!("{url}/pings"),
            "deliveries_url": format!("{url}/deliveries"),
        });
        if matches!(hook.scope, Scope::Repository(_)) {
            json["test_url"] = format!("{url}/test").into();
            json["last_response"] = hook.last_response();
        }
        json
    }

    /// The hooks that hear of an event of a repository, with the installation of each that is an App's.
    pub fn hearers(&self, repository: u64, event: &str) -> Vec<(u64, Option<u64>)> {
        let owner = &self.repositories[&repository].owner;
        let hooks = self.hooks.values().filter(|hook| hook.hears(event));
        let heard = hooks.filter_map(|hook| match &hook.scope {
            Scope::Repository(id) => (*id == repository).then_some((hook.id, None)),
            Scope::Organization(login) => {
                login.eq_ignore_ascii_case(owner).then_some((hook.id, None))
            }
            Scope::App(app) => {
                let mut installations = self.credentials.installations.iter();
                let found = installations.find(|(_, it)| {
                    it.app == *app
                        && it.suspended_at.is_none()
                        && it.account.eq_ignore_ascii_case(owner)
                        && it
                            .repositories
                            .as_ref()
                            .is_none_or(|chosen| chosen.contains(&repository))
                });
                found.map(|(id, _)| (hook.id, Some(*id)))
            }
        });
        heard.collect()
    }

    /// Writes an attempt down; the list's newest has the highest id.
    pub fn record(&mut self, hook: u64, mut delivery: Delivery) {
        delivery.id = self.new_id();
        delivery.delivered_at = self.now();
        let oldest = self.now() - self.history();
        if let Some(hook) = self.hooks.get_mut(&hook) {
            while let Some(first) = hook.deliveries.front()
                && first.delivered_at < oldest
            {
                hook.deliveries.pop_front();
            }
            hook.deliveries.push_back(delivery);
        }
    }
}
