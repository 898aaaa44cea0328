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
use super::fault::CredentialFault;

/// A file is looked at this often, where somebody needs it.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A secret and what was made of it.
pub(super) struct Credential<T> {
    identity: Arc<str>,
    folder: PathBuf,
    make: fn(&[u8]) -> Result<T, CredentialFault>,
    state: Mutex<State<T>>,
}

struct State<T> {
    reading: Reading,
    made: Made<T>,
    looked: Instant,
}

/// What was made of a secret, and by what it is told from the next one.
pub(super) struct Made<T> {
    pub(super) value: Arc<T>,
    pub(super) generation: Generation,
}

impl<T> Credential<T> {
    /// Reads it; `folder` is the configuration folder.
    pub(super) fn open(
        identity: &Arc<str>,
        reference: &SecretRef,
        folder: &Path,
        make: fn(&[u8]) -> Result<T, CredentialFault>,
    ) -> Result<Self, CredentialFault> {
        let reading = Reading::first(reference, folder)?;
        let made = Made::of(reading.bytes(), make)?;
        Ok(Self {
            identity: identity.clone(),
            folder: folder.to_owned(),
            make,
            state: Mutex::new(State {
                reading,
                made,
                looked: Instant::now(),
            }),
        })
    }

    /// As it is now, as far as was looked lately.
    pub(super) fn current(&self) -> Made<T> {
        self.read(LOOK_EVERY)
    }

    /// As it is now.
    pub(super) fn now(&self) -> Made<T> {
        self.read(Duration::ZERO)
    }

    fn read(&self, every: Duration) -> Made<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= every {
            state.looked = Instant::now();
            self.look(&mut state);
        }
        state.made.clone()
    }

    /// What is there now takes the place of what was, if it is of use.
    fn look(&self, state: &mut State<T>) {
        let identity = &self.identity;
        let reference = state.reading.reference.clone();
        let fault = match state.reading.again(&self.folder) {
            News::Same => return,
            News::Changed => match Made::of(state.reading.bytes(), self.make) {
                Ok(made) => {
                    state.made = made;
                    info!(%identity, "the credential {reference} of identity `{identity}` has changed");
                    return;
                }
                Err(fault) => fault,
            },
            News::Failed(fault) => fault.into(),
        };
        let fault = anyhow::Error::new(fault);
        warn!(%identity, "the credential {reference} of identity `{identity}` stays as it was: {fault:#}");
    }
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
