//! The webhooks that may be posted to, each with the secrets that are valid now.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tracing::{info, warn};

use crate::config::{News, Reading, SecretRef};
use crate::delivery::{HookScope, WebhookName};
use crate::github::signature::WebhookSecret;

use super::fault::ServerError;
use super::metrics::{Metrics, SecretLabels};

/// A webhook as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSettings {
    pub name: WebhookName,
    /// What it may speak of.
    pub scope: HookScope,
    /// Several are valid at once, so that a secret can be changed without losing a delivery.
    pub secrets: Vec<SecretRef>,
}

/// Every webhook by its name.
#[derive(Debug)]
pub struct Hooks {
    by_name: HashMap<String, Hook>,
    /// The configuration folder.
    folder: PathBuf,
}

#[derive(Debug)]
pub(super) struct Hook {
    pub(super) name: WebhookName,
    pub(super) scope: HookScope,
    /// By which the secrets are named, in their order.
    references: Vec<SecretRef>,
    secrets: RwLock<Arc<[WebhookSecret]>>,
    readings: Mutex<Vec<Reading>>,
}

impl Hooks {
    /// Reads every secret; `folder` is the configuration folder.
    ///
    /// # Errors
    /// A webhook without secrets, and the first secret that cannot be used.
    pub fn open(folder: PathBuf, webhooks: Vec<HookSettings>) -> Result<Self, ServerError> {
        let mut by_name = HashMap::new();
        for webhook in webhooks {
            let HookSettings {
                name,
                scope,
                secrets,
            } = webhook;
            if secrets.is_empty() {
                return Err(ServerError::NoSecret(name.0));
            }
            let mut readings = Vec::with_capacity(secrets.len());
            for reference in &secrets {
                let read = Reading::first(reference, &folder);
                readings.push(read.map_err(|source| ServerError::WebhookSecret {
                    webhook: name.0.clone(),
                    reference: reference.clone(),
                    source,
                })?);
            }
            let hook = Hook {
                name: name.clone(),
                scope,
                references: secrets,
                secrets: RwLock::new(valid(&readings)),
                readings: Mutex::new(readings),
            };
            by_name.insert(name.0, hook);
        }
        Ok(Self { by_name, folder })
    }

    pub(super) fn named(&self, name: &str) -> Option<&Hook> {
        self.by_name.get(name)
    }

    /// Reads again what may have changed. A file that cannot be read leaves the secret as it was.
    pub(super) fn refresh(&self, metrics: &Metrics) {
        for hook in self.by_name.values() {
            hook.refresh(&self.folder, metrics);
        }
    }

    /// Shows every secret with a count of zero, so that one that is never used is seen as well.
    pub(super) fn show(&self, metrics: &Metrics) {
        for hook in self.by_name.values() {
            for place in 0..hook.references.len() {
                let labels = hook.labels(place);
                drop(metrics.signatures.get_or_create(&labels));
            }
        }
    }
}

impl Hook {
    pub(super) fn secrets(&self) -> Arc<[WebhookSecret]> {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&secrets)
    }

    /// What names the secret at a place of the list.
    pub(super) fn labels(&self, place: usize) -> SecretLabels {
        SecretLabels {
            webhook: self.name.0.clone(),
            secret: self.references[place].to_string(),
        }
    }

    fn refresh(&self, folder: &Path, metrics: &Metrics) {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut has_changed = false;
        for (place, reading) in readings.iter_mut().enumerate() {
            let news = reading.again(folder);
            let (webhook, secret) = (&self.name, &reading.reference);
            match news {
                News::Same => {}
                News::Changed => {
                    has_changed = true;
                    info!(%webhook, %secret, "the secret {secret} of webhook {webhook} has changed");
                }
                News::Failed(fault) => {
                    let fault = anyhow::Error::new(fault);
                    warn!(%webhook, %secret, "the secret {secret} of webhook {webhook} stays as it was: {fault:#}");
                }
            }
            let unread = metrics
                .unread_secrets
                .get_or_create_owned(&self.labels(place));
            unread.set(i64::from(reading.failed));
        }
        if has_changed {
            *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = valid(&readings);
        }
    }
}

fn valid(readings: &[Reading]) -> Arc<[WebhookSecret]> {
    let secret = |reading: &Reading| WebhookSecret::new(reading.bytes().to_vec());
    let secrets = readings.iter().map(secret);
    secrets
        .map(|secret| secret.expect("what is empty is not read"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use crate::delivery::SpeaksFor;

    use super::*;

    fn refusal(secrets: Vec<SecretRef>) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        std::fs::write(folder.path().join("sound"), "s").unwrap();
        let webhook = HookSettings {
            name: WebhookName("acme".into()),
            scope: HookScope {
                host: "github.com".into(),
                aliases: Vec::new(),
                speaks_for: SpeaksFor::Organization("acme".into()),
            },
            secrets,
        };
        let fault = Hooks::open(folder.path().to_owned(), vec![webhook]).unwrap_err();
        let cause = fault.source().map(ToString::to_string).unwrap_or_default();
        let shown = folder.path().display().to_string();
        (fault.to_string(), cause.replace(&shown, "CONFIG"))
    }

    #[test]
    fn a_webhook_is_served_only_where_every_secret_of_it_can_be_used() {
        let file = |name: &str| SecretRef::File(name.into());
        assert_eq!(
            refusal(Vec::new()),
            (
                "webhook `acme` has no secret; list one under `secrets`".to_owned(),
                String::new()
            )
        );
        assert_eq!(
            refusal(vec![file("sound"), file("none")]),
            (
                "cannot use the secret file:none of webhook `acme`".to_owned(),
                "cannot read CONFIG/none".to_owned()
            )
        );
        assert_eq!(
            refusal(vec![file("empty"), file("sound")]),
            (
                "cannot use the secret file:empty of webhook `acme`".to_owned(),
                "file:empty is empty; put the secret there".to_owned()
            )
        );
    }
}
