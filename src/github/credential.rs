//! What an identity proves itself by, read again when its file changes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, Mac};
use http::HeaderValue;
use sha2::Sha256;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::config::{News, Reading, SecretRef};

use super::etag::Generation;
use super::fault::{CallFault, CredentialFault, unusable};

/// A file is looked at this often, where somebody needs it.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A secret and what was made of it.
pub(super) struct Credential<T> {
    identity: Arc<str>,
    reference: SecretRef,
    folder: PathBuf,
    make: fn(&[u8]) -> Result<T, CredentialFault>,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// `None`: it could not be read yet.
    reading: Option<Reading>,
    /// What is wrong where there was none that is of use yet. Later, what was stays.
    made: Result<Made<T>, CallFault>,
    looked: Instant,
}

/// What was made of a secret, and by what it is told from the next one.
pub(super) struct Made<T> {
    pub(super) value: Arc<T>,
    pub(super) generation: Generation,
}

impl<T> Credential<T> {
    /// Reads it; `folder` is the configuration folder. One that is of no use now may be later.
    pub(super) fn open(
        identity: &Arc<str>,
        reference: &SecretRef,
        folder: &Path,
        make: fn(&[u8]) -> Result<T, CredentialFault>,
    ) -> Self {
        let (reading, made) = first(reference, folder, make);
        let made = made.map_err(|fault| of_no_use(identity, reference, fault));
        if let Err(fault) = &made {
            warn!(%identity, "{fault}");
        }
        Self {
            identity: identity.clone(),
            reference: reference.clone(),
            folder: folder.to_owned(),
            make,
            state: Mutex::new(State {
                reading,
                made,
                looked: Instant::now(),
            }),
        }
    }

    /// As it is now, as far as was looked lately.
    ///
    /// # Errors
    /// There was none yet that is of use.
    pub(super) fn current(&self) -> Result<Made<T>, CallFault> {
        self.read(LOOK_EVERY)
    }

    /// As it is now.
    pub(super) fn now(&self) -> Result<Made<T>, CallFault> {
        self.read(Duration::ZERO)
    }

    fn read(&self, every: Duration) -> Result<Made<T>, CallFault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= every {
            state.looked = Instant::now();
            self.look(&mut state);
        }
        state.made.clone()
    }

    /// What is there now takes the place of what was, if it is of use.
    fn look(&self, state: &mut State<T>) {
        let made = match &mut state.reading {
            Some(reading) => match reading.again(&self.folder) {
                News::Same => return,
                News::Changed => Made::of(reading.bytes(), self.make),
                News::Failed(fault) => Err(fault.into()),
            },
            None => {
                let (reading, made) = first(&self.reference, &self.folder, self.make);
                state.reading = reading;
                made
            }
        };
        let (identity, reference) = (&self.identity, &self.reference);
        match (made, &state.made) {
            (Ok(made), before) => {
                let news = if before.is_ok() {
                    "has changed"
                } else {
                    "can be used now"
                };
                info!(%identity, "the credential {reference} of identity `{identity}` {news}");
                state.made = Ok(made);
            }
            (Err(fault), Ok(_)) => {
                let fault = anyhow::Error::new(fault);
                warn!(%identity, "the credential {reference} of identity `{identity}` stays as it was: {fault:#}");
            }
            (Err(fault), Err(before)) => {
                let fault = of_no_use(identity, reference, fault);
                if fault != *before {
                    warn!(%identity, "{fault}");
                }
                state.made = Err(fault);
            }
        }
    }
}

/// What is read the first time, and what is made of it.
fn first<T>(
    reference: &SecretRef,
    folder: &Path,
    make: fn(&[u8]) -> Result<T, CredentialFault>,
) -> (Option<Reading>, Result<Made<T>, CredentialFault>) {
    match Reading::first(reference, folder) {
        Ok(reading) => {
            let made = Made::of(reading.bytes(), make);
            (Some(reading), made)
        }
        Err(fault) => (None, Err(fault.into())),
    }
}

fn of_no_use(identity: &str, reference: &SecretRef, fault: CredentialFault) -> CallFault {
    let fault = anyhow::Error::new(fault);
    let reason = format!("cannot use the credential of identity `{identity}`: {fault:#}");
    unusable(reason, reference)
}

impl<T> Made<T> {
    fn of(
        secret: &[u8],
        make: fn(&[u8]) -> Result<T, CredentialFault>,
    ) -> Result<Self, CredentialFault> {
        Ok(Self {
            value: Arc::new(make(secret)?),
            generation: generation(secret),
        })
    }
}

impl<T> Clone for Made<T> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            generation: self.generation.clone(),
        }
    }
}

impl<T> fmt::Debug for Credential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(***)")
    }
}

/// Tells secrets apart and says nothing of them: half a digest, of which the secret is the key.
fn generation(secret: &[u8]) -> Generation {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(b"flux-setup etag");
    let digest = mac.finalize().into_bytes();
    Generation {
        name: hex::encode(&digest[..8]).into(),
        lasts: true,
    }
}

/// The header that proves a token.
pub(super) fn bearer(token: &[u8]) -> Result<HeaderValue, CredentialFault> {
    if token.iter().any(|letter| !letter.is_ascii_graphic()) {
        return Err(CredentialFault::Letters);
    }
    let value = [b"Bearer ", token].concat();
    let mut value = HeaderValue::from_bytes(&value).map_err(|_| CredentialFault::Letters)?;
    value.set_sensitive(true);
    Ok(value)
}
