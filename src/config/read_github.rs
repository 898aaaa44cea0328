//! Reads what is said of GitHub: hosts, identities, webhooks.

use crate::flux::yaml::{Node, Value};

use super::decode::{Decoder, Fields, Wanted};
use super::hidden::is_reference;
use super::model::{GithubHost, Identity, IdentityKind, Spanned};

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
        if let Some(ca) = fields.get("ca") {
            self.secret(ca);
        }
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
        if let Some(webhooks) = fields.get("webhooks") {
            self.webhooks(webhooks, &names);
        }
        self.every(&fields, "audit", &["every"]);
        self.every(&fields, "heads", &["every", "sweep", "owners"]);
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
            aliases,
            identities,
            budget_identity,
        })
    }

    fn every(&mut self, fields: &Fields<'_>, key: &'static str, known: &[&'static str]) {
        let Some(node) = fields.get(key) else { return };
        let Some(inner) = self.fields(node, known) else {
            return;
        };
        for key in ["every", "sweep"] {
            if let Some(node) = inner.get(key) {
                self.positive_duration(node);
            }
        }
        self.paths(&inner, "owners");
    }

    fn identities(&mut self, node: &Node) -> Vec<Identity> {
        let mut identities: Vec<Identity> = Vec::new();
        for item in self.list(node).unwrap_or_default() {
            let Some(fields) = self.fields(item, &["name", "token", "app"]) else {
                continue;
            };
            let kind = match (fields.get("token"), fields.get("app")) {
                (Some(token), None) => {
                    self.secret(token);
                    IdentityKind::Token
                }
                (None, Some(app)) => {
                    self.app(app);
                    IdentityKind::App
                }
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
            identities.push(Identity { name, kind });
        }
        identities
    }

    fn app(&mut self, node: &Node) {
        let Some(fields) = self.fields(node, &["id", "installation", "privateKey"]) else {
            return;
        };
        for key in ["id", "installation"] {
            if let Some(node) = fields.required(key, self) {
                let number = matches!(
                    &node.value,
                    Value::Scalar(scalar) if scalar.text.parse::<u64>().is_ok_and(|id| id > 0)
                );
                if !number {
                    self.wrong_type(node, Wanted::Id);
                }
            }
        }
        if let Some(node) = fields.required("privateKey", self) {
            self.secret(node);
        }
    }

    /// A reference to a secret; what stands there instead is shown nowhere.
    pub(super) fn secret(&mut self, node: &Node) {
        const HINT: &str = "write `{env: NAME}` or `{file: PATH}`";
        let Some(entries) = node.as_mapping() else {
            self.hide(node);
            self.error(
                node.span,
                "a secret stands here by value; it is only ever referred to",
                HINT,
            );
            return;
        };
        if let [entry] = entries
            && is_reference(entry)
        {
            self.filled_text(&entry.node);
            return;
        }
        for entry in entries {
            self.secrets.insert(entry.key_span);
            self.hide(&entry.node);
        }
        self.error(node.span, "a secret is one reference", HINT);
    }

    fn webhooks(&mut self, node: &Node, identities: &[&str]) {
        let mut names: Vec<String> = Vec::new();
        for item in self.list(node).unwrap_or_default() {
            let known = ["name", "organization", "app", "repositories", "secrets"];
            let Some(fields) = self.fields(item, &known) else {
                continue;
            };
            if let Some(name) = self.name(&fields) {
                if names.iter().any(|other| **other == *name.value) {
                    self.error(
                        name.span,
                        format!("webhook `{}` is listed twice", name.value),
                        "give each its own name: its address ends with it",
                    );
                }
                names.push(name.value.to_string());
            }
            let scopes = ["organization", "app", "repositories"];
            let said = scopes
                .iter()
                .filter(|key| fields.get(key).is_some())
                .count();
            if said != 1 {
                self.error(
                    item.span,
                    "a webhook speaks of exactly one: an organization, an app or repositories",
                    "keep one of `organization: NAME`, `app: IDENTITY` and `repositories: true`",
                );
            }
            self.string(&fields, "organization");
            if let Some(app) = self.string(&fields, "app") {
                self.identity_exists(&app, identities);
            }
            fields.flag("repositories", self);
            if let Some(secrets) = fields.required("secrets", self) {
                let items = self.list(secrets);
                if items.is_some_and(<[Node]>::is_empty) {
                    self.error(
                        secrets.span,
                        "an empty list of secrets",
                        "name the one that GitHub signs with, as `[{env: WEBHOOK_SECRET}]`",
                    );
                }
                for secret in items.unwrap_or_default() {
                    self.secret(secret);
                }
            }
        }
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
