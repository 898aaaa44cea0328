//! Reads what is said of GitHub: hosts, identities, webhooks.

use std::time::Duration;

use crate::flux::yaml::{Node, Value};

use super::decode::{Decoder, Fields, Wanted};
use super::hidden::is_reference;
use super::model::{Credential, GithubHost, HeadsSettings, Identity, IdentityKind, Spanned};
use super::secret::SecretRef;

/// How often the lists of deliveries are read where nothing else is said.
const AUDIT_EVERY: Duration = Duration::from_secs(60);
/// Between two questions of one kind; GitHub asks people not to poll faster.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

impl Decoder {
    pub(super) fn string(
        &mut self,
        fields: &Fields<'_>,
        key: &'static str,
    ) -> Option<Spanned<String>> {
        fields.text(key, self).map(|text| Spanned {
            span: text.span,
            value: text.value.to_string(),
        })
    }

    pub(super) fn github(&mut self, node: &Node) -> Vec<GithubHost> {
        let mut hosts: Vec<GithubHost> = Vec::new();
        for item in self.list(node).unwrap_or_default() {
            let Some(host) = self.github_host(item) else {
                continue;
            };
            if hosts
                .iter()
                .any(|other| other.host.value == host.host.value)
            {
                self.error(
                    host.host.span,
                    format!("host `{}` is listed twice", host.host.value),
                    "keep one entry a host",
                );
            }
            hosts.push(host);
        }
        self.webhooks_listed_twice(&hosts);
        hosts
    }

    fn github_host(&mut self, node: &Node) -> Option<GithubHost> {
        let known = [
            "host",
            "apiUrl",
            "ca",
            "aliases",
            "identities",
            "budgetIdentity",
            "webhooks",
            "audit",
            "heads",
        ];
        let fields = self.fields(node, &known)?;
        let api_url = self.http_url(&fields, "apiUrl");
        let ca = fields.get("ca").and_then(|node| self.secret(node));
        let aliases = self.paths(&fields, "aliases");
        let identities = fields
            .get("identities")
            .map_or_else(Vec::new, |node| self.identities(node));
        let names: Vec<&str> = identities
            .iter()
            .map(|identity| identity.name.value.as_str())
            .collect();
        let budget_identity = self.string(&fields, "budgetIdentity");
        if let Some(name) = &budget_identity {
            self.identity_exists(name, &names);
        }
        let webhooks = fields
            .get("webhooks")
            .map_or_else(Vec::new, |node| self.webhooks(node, &identities));
        let audit = self.audit(&fields);
        let heads = self.heads(&fields);
        let host = fields.required("host", self)?;
        let name = self.filled_text(host)?;
        if name.contains('/') || name.contains(char::is_whitespace) {
            self.error(
                host.span,
                format!("`{name}` is no name of a host"),
                "write it as `github.com`, without scheme and path",
            );
            return None;
        }
        Some(GithubHost {
            host: Spanned {
                span: host.span,
                value: name.to_ascii_lowercase(),
            },
            api_url,
            ca,
            aliases,
            identities,
            budget_identity,
            webhooks,
            audit,
            heads,
        })
    }

    fn audit(&mut self, fields: &Fields<'_>) -> Option<Duration> {
        let Some(node) = fields.get("audit") else {
            return Some(AUDIT_EVERY);
        };
        if is_off(node) {
            return None;
        }
        let fields = self.fields(node, &["every"])?;
        self.pause(&fields, "every").or(Some(AUDIT_EVERY))
    }

    fn heads(&mut self, fields: &Fields<'_>) -> Option<HeadsSettings> {
        let Some(node) = fields.get("heads") else {
            return Some(HeadsSettings::default());
        };
        if is_off(node) {
            return None;
        }
        let fields = self.fields(node, &["every", "sweep", "owners"])?;
        let other = HeadsSettings::default();
        Some(HeadsSettings {
            every: self.pause(&fields, "every").unwrap_or(other.every),
            sweep: self.pause(&fields, "sweep").unwrap_or(other.sweep),
            owners: self.paths(&fields, "owners"),
        })
    }

    /// Between two questions to GitHub.
    fn pause(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<Duration> {
        let node = fields.get(key)?;
        let pause = self.positive_duration(node)?;
        if pause < SHORTEST_PAUSE {
            self.error(
                node.span,
                "GitHub is asked at most once a second",
                "write `1s` or more",
            );
            return None;
        }
        Some(pause)
    }

    fn identities(&mut self, node: &Node) -> Vec<Identity> {
        let mut identities: Vec<Identity> = Vec::new();
        for item in self.list(node).unwrap_or_default() {
            let Some(fields) = self.fields(item, &["name", "token", "app", "owners"]) else {
                continue;
            };
            let (kind, credential) = match (fields.get("token"), fields.get("app")) {
                (Some(token), None) => {
                    let token = self.secret(token).map(Credential::Token);
                    (IdentityKind::Token, token)
                }
                (None, Some(app)) => (IdentityKind::App, self.app(app)),
                _ => {
                    self.error(
                        item.span,
                        "an identity has either a `token` or an `app`",
                        "write `token: {env: NAME}`, or `app: {id: …, installation: …, privateKey: {file: PATH}}`",
                    );
                    continue;
                }
            };
            if fields.required("name", self).is_none() {
                continue;
            }
            let Some(name) = self.string(&fields, "name") else {
                continue;
            };
            if identities
                .iter()
                .any(|other| other.name.value == name.value)
            {
                self.error(
                    name.span,
                    format!("identity `{}` is listed twice", name.value),
                    "give each its own name",
                );
            }
            identities.push(Identity {
                name,
                kind,
                credential,
                owners: self.paths(&fields, "owners"),
            });
        }
        identities
    }

    fn app(&mut self, node: &Node) -> Option<Credential> {
        let fields = self.fields(node, &["id", "installation", "privateKey"])?;
        let id = self.id(&fields, "id");
        let installation = self.id(&fields, "installation");
        let key = fields.required("privateKey", self);
        let private_key = key.and_then(|node| self.secret(node));
        Some(Credential::App {
            id: id?,
            installation: installation?,
            private_key: private_key?,
        })
    }

    fn id(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<u64> {
        let node = fields.required(key, self)?;
        let number = match &node.value {
            Value::Scalar(scalar) => scalar.text.parse().ok().filter(|id| *id > 0),
            _ => None,
        };
        if number.is_none() {
            self.wrong_type(node, Wanted::Id);
        }
        number
    }

    /// A reference to a secret; what stands there instead is shown nowhere.
    pub(super) fn secret(&mut self, node: &Node) -> Option<SecretRef> {
        const HINT: &str = "write `{env: NAME}` or `{file: PATH}`";
        let Some(entries) = node.as_mapping() else {
            self.hide(node);
            self.error(
                node.span,
                "a secret stands here by value; it is only ever referred to",
                HINT,
            );
            return None;
        };
        if let [entry] = entries
            && is_reference(entry)
        {
            let named = self.filled_text(&entry.node)?;
            return Some(match &*entry.key {
                "env" => SecretRef::Env(named.to_owned()),
                _ => SecretRef::File(named.into()),
            });
        }
        for entry in entries {
            self.secrets.insert(entry.key_span);
            self.hide(&entry.node);
        }
        self.error(node.span, "a secret is one reference", HINT);
        None
    }

    pub(super) fn identity_exists(&mut self, name: &Spanned<String>, identities: &[&str]) {
        if identities.contains(&name.value.as_str()) {
            return;
        }
        let hint = match crate::flux::nearest(&name.value, identities.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if identities.is_empty() => "list it under `identities`".into(),
            None => format!("known: {}", identities.join(", ")),
        };
        let message = if self.is_hidden(name.span) {
            "an identity that this host has not".to_owned()
        } else {
            format!("unknown identity `{}`", name.value)
        };
        self.error(name.span, message, hint);
    }

    pub(super) fn http_url(
        &mut self,
        fields: &Fields<'_>,
        key: &'static str,
    ) -> Option<Spanned<String>> {
        let url = self.string(fields, key)?;
        let rest = url
            .value
            .strip_prefix("https://")
            .or_else(|| url.value.strip_prefix("http://"));
        let sound = rest.is_some_and(|rest| {
            let authority = rest.split('/').next().unwrap_or_default();
            !authority.is_empty()
                && !authority.contains('@')
                && !rest.contains(|letter: char| letter.is_whitespace() || letter.is_control())
        });
        if sound {
            return Some(url);
        }
        self.error(
            url.span,
            "expected a web address without user and password",
            "write it as `https://api.github.com`",
        );
        None
    }
}

/// Whether `false` stands where a mapping could.
fn is_off(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.plain && &*scalar.text == "false")
}
