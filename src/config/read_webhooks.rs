//! Reads what is said of the webhooks of a host.

use std::collections::HashSet;

use crate::flux::yaml::Node;

use super::decode::{Decoder, Fields};
use super::model::{Credential, GithubHost, GithubWebhook, Identity, IdentityKind, WebhookSubject};

impl Decoder {
    pub(super) fn webhooks(&mut self, node: &Node, identities: &[Identity]) -> Vec<GithubWebhook> {
        let items = self.list(node).unwrap_or_default().iter();
        items
            .filter_map(|item| self.hook(item, identities))
            .collect()
    }

    /// Their paths do not name the host, so no two of all hosts may have one name.
    pub(super) fn webhooks_listed_twice(&mut self, hosts: &[GithubHost]) {
        let mut names = HashSet::new();
        for webhook in hosts.iter().flat_map(|host| &host.webhooks) {
            let name = &webhook.name;
            if !names.insert(&*name.value) {
                self.error(
                    name.span,
                    format!("webhook `{}` is listed twice", name.value),
                    "give each its own name: its address ends with it",
                );
            }
        }
    }

    fn hook(&mut self, node: &Node, identities: &[Identity]) -> Option<GithubWebhook> {
        let known = [
            "name",
            "organization",
            "app",
            "repositories",
            "secrets",
            "identity",
        ];
        let fields = self.fields(node, &known)?;
        let name = self.name(&fields);
        let subject = self.subject(&fields, identities);
        let identity = self.string(&fields, "identity");
        if let Some(identity) = &identity {
            self.identity_exists(identity, &names(identities));
        }
        let mut secrets = Vec::new();
        if let Some(node) = fields.required("secrets", self) {
            let items = self.list(node);
            if items.is_some_and(<[Node]>::is_empty) {
                self.error(
                    node.span,
                    "an empty list of secrets",
                    "name the one that GitHub signs with, as `[{env: WEBHOOK_SECRET}]`",
                );
            }
            for item in items.unwrap_or_default() {
                secrets.extend(self.secret(item));
            }
        }
        Some(GithubWebhook {
            name: name?,
            subject: subject?,
            secrets,
            identity: identity.map(|identity| identity.value),
        })
    }

    fn subject(&mut self, fields: &Fields<'_>, identities: &[Identity]) -> Option<WebhookSubject> {
        let organization = self.string(fields, "organization");
        let app = self.string(fields, "app");
        let repositories = fields.flag("repositories", self);
        let said = ["organization", "app", "repositories"]
            .iter()
            .filter(|key| fields.get(key).is_some())
            .count();
        if said != 1 || repositories == Some(false) {
            self.error(
                fields.span,
                "a webhook speaks of exactly one: an organization, an app or repositories",
                "keep one of `organization: NAME`, `app: IDENTITY` and `repositories: true`",
            );
            return None;
        }
        if let Some(organization) = organization {
            return Some(WebhookSubject::Organization(organization.value));
        }
        let Some(app) = app else {
            return repositories.map(|_| WebhookSubject::Repositories);
        };
        self.identity_exists(&app, &names(identities));
        let identity = identities
            .iter()
            .find(|identity| identity.name.value == app.value)?;
        if identity.kind == IdentityKind::Token {
            self.error(
                app.span,
                format!("identity `{}` is no App", app.value),
                "name one that has an `app`, or say `organization: NAME`",
            );
        }
        let Some(Credential::App { installation, .. }) = identity.credential else {
            return None;
        };
        Some(WebhookSubject::App {
            installation,
            identity: app.value,
        })
    }
}

fn names(identities: &[Identity]) -> Vec<&str> {
    let identities = identities.iter();
    identities
        .map(|identity| identity.name.value.as_str())
        .collect()
}
