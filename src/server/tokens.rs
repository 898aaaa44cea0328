//! Who may use the API: whoever knows a token, or, where none is configured, this machine alone.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hmac::{Hmac, Mac};
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName};
use sha2::Sha256;
use tracing::{info, warn};

use crate::config::{News, Reading, SecretRef, is_this_machine};

use super::fault::ServerError;

/// A token as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSettings {
    pub name: String,
    pub token: SecretRef,
}

/// The tokens that are valid now.
#[derive(Debug)]
pub struct Tokens {
    names: Vec<String>,
    digests: RwLock<Arc<[Digest]>>,
    readings: Mutex<Vec<Reading>>,
    folder: PathBuf,
}

/// What a token is compared by.
#[derive(Clone)]
struct Digest([u8; 32]);

/// Why a request to the API is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAllowed {
    #[error("a token is needed; send it as `Authorization: Bearer TOKEN`")]
    NoToken,
    #[error("the token is none of those that are configured under `server.api.tokens`")]
    WrongToken,
    #[error(
        "without tokens the API answers only to this machine's own names, and the header `Host` has another; use `localhost`, or configure `server.api.tokens`"
    )]
    Host,
    #[error(
        "without tokens the API answers no page of another origin; configure `server.api.tokens`"
    )]
    Origin,
}

impl Tokens {
    /// Reads every token; `folder` is the configuration folder.
    ///
    /// # Errors
    /// The first token that cannot be used.
    pub fn open(folder: &Path, settings: Vec<TokenSettings>) -> Result<Self, ServerError> {
        let mut readings = Vec::with_capacity(settings.len());
        for token in &settings {
            let read = Reading::first(&token.token, folder);
            readings.push(read.map_err(|source| ServerError::ApiToken {
                name: token.name.clone(),
                reference: token.token.clone(),
                source,
            })?);
        }
        Ok(Self {
            names: settings.into_iter().map(|token| token.name).collect(),
            digests: RwLock::new(readings.iter().map(digest).collect()),
            readings: Mutex::new(readings),
            folder: folder.to_owned(),
        })
    }

    /// Checks where the API listens: without a token nobody else may reach it.
    ///
    /// # Errors
    /// An API that others can reach and nobody guards.
    pub fn check_listener(&self, api: SocketAddr) -> Result<(), ServerError> {
        match self.is_empty() && !api.ip().is_loopback() {
            true => Err(ServerError::OpenApi(api)),
            false => Ok(()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Reads again what may have changed; a file that cannot be read leaves the token as it was.
    pub(super) fn refresh(&self) {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut has_changed = false;
        for (reading, token) in readings.iter_mut().zip(&self.names) {
            match reading.again(&self.folder) {
                News::Same => {}
                News::Changed => {
                    has_changed = true;
                    info!(%token, "the token `{token}` of the API has changed");
                }
                News::Failed(fault) => {
                    let fault = anyhow::Error::new(fault);
                    warn!(%token, "the token `{token}` of the API stays as it was: {fault:#}");
                }
            }
        }
        if has_changed {
            let mut digests = self.digests.write().unwrap_or_else(PoisonError::into_inner);
            *digests = readings.iter().map(digest).collect();
        }
    }

    /// Checks a request to the API.
    ///
    /// # Errors
    /// Why it is not answered.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), NotAllowed> {
        if self.is_empty() {
            return check_origin(headers);
        }
        let header = headers.get(AUTHORIZATION).ok_or(NotAllowed::NoToken)?;
        let header = header.as_bytes();
        let (scheme, token) = header.split_at_checked(7).ok_or(NotAllowed::NoToken)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return Err(NotAllowed::NoToken);
        }
        let mut fits = false;
        // Each is compared, in constant time: how long it takes tells nothing of any of them.
        for digest in self.digests().iter() {
            fits |= mac(token).verify_slice(&digest.0).is_ok();
        }
        fits.then_some(()).ok_or(NotAllowed::WrongToken)
    }

    fn digests(&self) -> Arc<[Digest]> {
        let digests = self.digests.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&digests)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(***)")
    }
}

fn digest(token: &Reading) -> Digest {
    Digest(mac(token.bytes()).finalize().into_bytes().into())
}

fn mac(token: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(token).expect("HMAC takes keys of any length");
    mac.update(b"flux-setup API token");
    mac
}

/// A page in a browser on this machine must not reach the API by a name that its owner lets point here.
fn check_origin(headers: &HeaderMap) -> Result<(), NotAllowed> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(HOST).ok_or(NotAllowed::Host)?;
    let authority: Authority = host.parse().map_err(|_| NotAllowed::Host)?;
    if !is_this_machine(authority.host()) {
        return Err(NotAllowed::Host);
    }
    if headers.contains_key(ORIGIN) {
        let origin = text(ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
        if !origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host)) {
            return Err(NotAllowed::Origin);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn tokens(secrets: &[&str]) -> Tokens {
        let folder = tempfile::tempdir().unwrap();
        let settings = secrets.iter().map(|secret| {
            std::fs::write(folder.path().join(secret), format!("{secret}\n")).unwrap();
            TokenSettings {
                name: (*secret).to_owned(),
                token: SecretRef::File((*secret).into()),
            }
        });
        let settings = settings.collect();
        Tokens::open(folder.path(), settings).unwrap()
    }

    #[test]
    fn whoever_has_a_token_may_ask() {
        let tokens = tokens(&["first", "second"]);
        let check = |value: &str| tokens.check(&headers(&[(AUTHORIZATION, value)]));
        assert_eq!(check("Bearer first"), Ok(()));
        assert_eq!(check("bearer second"), Ok(()));
        for wrong in [
            "Bearer firs",
            "Bearer firstt",
            "Bearer ",
            "Bearer  first",
            "Bearer first second",
        ] {
            assert_eq!(check(wrong), Err(NotAllowed::WrongToken), "{wrong}");
        }
        for none in ["", "first", "Basic first", "Bearer"] {
            assert_eq!(check(none), Err(NotAllowed::NoToken), "{none}");
        }
        assert_eq!(tokens.check(&HeaderMap::new()), Err(NotAllowed::NoToken));
        let shown = format!("{tokens:?}");
        assert!(
            shown.contains("Digest(***)") && shown.contains("REDACTED"),
            "{shown}"
        );
    }

    #[test]
    fn a_token_that_cannot_be_used_is_told_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let token = TokenSettings {
            name: "ci".to_owned(),
            token: SecretRef::File("none".into()),
        };
        let fault = Tokens::open(folder.path(), vec![token]).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "cannot use the token file:none of `ci` in `server.api.tokens`"
        );
    }

    #[test]
    fn a_token_that_changes_in_its_file_takes_the_place_of_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t");
        std::fs::write(&file, "first").unwrap();
        let token = TokenSettings {
            name: "ci".to_owned(),
            token: SecretRef::File("t".into()),
        };
        let tokens = Tokens::open(folder.path(), vec![token]).unwrap();
        let check = |value: &str| tokens.check(&headers(&[(AUTHORIZATION, value)]));
        std::fs::write(&file, "second\n").unwrap();
        assert_eq!(check("Bearer first"), Ok(()));
        tokens.refresh();
        assert_eq!(check("Bearer first"), Err(NotAllowed::WrongToken));
        assert_eq!(check("Bearer second"), Ok(()));
        std::fs::remove_file(&file).unwrap();
        tokens.refresh();
        assert_eq!(check("Bearer second"), Ok(()));
    }

    #[test]
    fn without_tokens_only_this_machine_is_answered_by_its_own_names() {
        let tokens = tokens(&[]);
        let check = |pairs: &[(HeaderName, &str)]| tokens.check(&headers(pairs));
        for host in [
            "localhost",
            "LOCALHOST:9293",
            "127.0.0.1:9293",
            "127.1.2.3",
            "[::1]:9293",
            "[::1]",
        ] {
            assert_eq!(check(&[(HOST, host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:9293",
            "192.0.2.1",
            "127.0.0.1.evil.example",
            "a b",
            "0.0.0.0:9293",
        ] {
            assert_eq!(check(&[(HOST, host)]), Err(NotAllowed::Host), "{host}");
        }
        assert_eq!(check(&[]), Err(NotAllowed::Host));
        let own = [(HOST, "localhost:9293"), (ORIGIN, "http://localhost:9293")];
        assert_eq!(check(&own), Ok(()));
        for origin in [
            "http://evil.example",
            "https://localhost:9293",
            "http://localhost:80",
            "null",
        ] {
            let other = [(HOST, "localhost:9293"), (ORIGIN, origin)];
            assert_eq!(check(&other), Err(NotAllowed::Origin), "{origin}");
        }
    }
}
