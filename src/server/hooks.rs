//! The webhooks that may be posted to, each with the secrets that are valid now.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tracing::{info, warn};

use crate::config::{GithubWebhook, SecretFault, SecretRef};
use crate::delivery::WebhookName;
use crate::github::signature::WebhookSecret;

use super::fault::ServerError;
use super::metrics::{Metrics, SecretLabels};

/// A webhook as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSettings {
    pub name: WebhookName,
    /// Several are valid at once, so that a secret can be changed without losing a delivery.
    pub secrets: Vec<SecretRef>,
}

impl From<&GithubWebhook> for HookSettings {
    fn from(webhook: &GithubWebhook) -> Self {
        Self {
            name: WebhookName(webhook.name.value.to_string()),
            secrets: webhook.secrets.clone(),
        }
    }
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
    references: Vec<SecretRef>,
    /// In the order of the references.
    secrets: RwLock<Arc<[WebhookSecret]>>,
    /// How each was read the last time; also held while they are read again.
    readings: Mutex<Vec<Reading>>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    fingerprint: [u8; 32],
    failed: bool,
}

impl Hooks {
    /// Reads every secret; `folder` is the configuration folder.
    ///
    /// # Errors
    /// A webhook without secrets, and the first secret that cannot be used.
    pub fn open(folder: PathBuf, webhooks: Vec<HookSettings>) -> Result<Self, ServerError> {
        let mut by_name = HashMap::new();
        for webhook in webhooks {
            let HookSettings { name, secrets } = webhook;
            if secrets.is_empty() {
                return Err(ServerError::NoSecret(name.0));
            }
            let mut known = Vec::with_capacity(secrets.len());
            let mut readings = Vec::with_capacity(secrets.len());
            for reference in &secrets {
                let read = read(reference, &folder);
                let (secret, reading) = read.map_err(|source| ServerError::WebhookSecret {
                    webhook: name.0.clone(),
                    reference: reference.clone(),
                    source,
                })?;
                known.push(secret);
                readings.push(reading);
            }
            let hook = Hook {
                name: name.clone(),
                references: secrets,
                secrets: RwLock::new(known.into()),
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
    ///
    /// Whole files are compared, not their times: two writes may have the same one.
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
        let mut secrets = self.secrets().to_vec();
        for (place, reference) in self.references.iter().enumerate() {
            if !reference.can_change() {
                continue;
            }
            let last = &mut readings[place];
            match read(reference, folder) {
                Ok((secret, reading)) => {
                    if reading.fingerprint != last.fingerprint {
                        secrets[place] = secret;
                        info!(webhook = %self.name, secret = %reference, "the secret {reference} of webhook {} has changed", self.name);
                    }
                    *last = reading;
                }
                Err(fault) => {
                    if !last.failed {
                        let fault = anyhow::Error::new(fault);
                        warn!(webhook = %self.name, secret = %reference, "the secret {reference} of webhook {} stays as it was: {fault:#}", self.name);
                    }
                    last.failed = true;
                }
            }
            let failed = i64::from(last.failed);
            let labels = self.labels(place);
            metrics.unread_secrets.get_or_create(&labels).set(failed);
        }
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = secrets.into();
    }
}

fn read(reference: &SecretRef, folder: &Path) -> Result<(WebhookSecret, Reading), SecretFault> {
    let secret = reference.read(folder)?;
    let bytes = secret.expose_secret();
    let reading = Reading {
        fingerprint: Sha256::digest(bytes).into(),
        failed: false,
    };
    let secret =
        WebhookSecret::new(bytes.to_vec()).ok_or_else(|| SecretFault::Empty(reference.clone()))?;
    Ok((secret, reading))
}
