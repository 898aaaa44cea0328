//! How an App proves who it is: a JSON Web Token, signed with its private key.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::fault::CredentialFault;

/// So much earlier is a token issued, as GitHub's documentation advises against clocks that differ.
const BACK: SignedDuration = SignedDuration::from_secs(60);
/// So long is it good from now; GitHub takes ten minutes at most.
const LIFE: SignedDuration = SignedDuration::from_secs(9 * 60);

/// The private key of an App.
pub(super) struct AppKey(RsaKeyPair);

impl AppKey {
    /// Reads PEM, PKCS#1 as GitHub gives it or PKCS#8.
    pub(super) fn read(pem: &[u8]) -> Result<Self, CredentialFault> {
        let fault = |reason| CredentialFault::PrivateKey { reason };
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
            let has = |part: &[u8]| pem.windows(part.len()).any(|window| window == part);
            fault(if has(b"ENCRYPTED") {
                "it is encrypted"
            } else if has(b"\\n") {
                "its line breaks are written as `\\n`"
            } else {
                "it is no PEM of a private key"
            })
        })?;
        let pair = match &key {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(fault("it is no RSA key")),
        };
        let pair = pair.map_err(|_| fault("it is no RSA key of 2048 bits or more"))?;
        Ok(Self(pair))
    }

    /// A token of the App; `now` is by GitHub's clock.
    pub(super) fn token(&self, app: u64, now: Timestamp) -> String {
        let header = json!({"alg": "RS256", "typ": "JWT"});
        let now = now.as_second();
        let claims = json!({
            "iat": now - BACK.as_secs(),
            "exp": now + LIFE.as_secs(),
            "iss": app.to_string(),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .0
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature);
        signed.expect("the signature is as long as the modulus, and the machine has randomness");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey(***)")
    }
}
