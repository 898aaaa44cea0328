//! The signature of a webhook's delivery: HMAC-SHA256 over the body as it came.

use std::fmt;

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

const PREFIX: &[u8] = b"sha256=";
const DIGEST_BYTES: usize = 32;

/// The secret of a webhook; it is never shown, and its memory is cleared when it is dropped.
#[derive(Clone)]
pub struct WebhookSecret(SecretSlice<u8>);

impl WebhookSecret {
    /// `None` for an empty one, with which anybody could sign.
    pub fn new(secret: Vec<u8>) -> Option<Self> {
        (!secret.is_empty()).then(|| Self(SecretSlice::from(secret)))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(***)")
    }
}

/// What the header `X-Hub-Signature-256` says; read before the body is.
#[derive(Debug, Clone, Copy)]
pub struct Signature([u8; DIGEST_BYTES]);

/// Why a delivery is not taken for GitHub's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SignatureFault {
    #[error(
        "the header `X-Hub-Signature-256` is missing; give the webhook a secret at GitHub, and the same one here"
    )]
    Missing,
    #[error("the header `X-Hub-Signature-256` is not `sha256=` and 64 hexadecimal digits")]
    Malformed,
    #[error(
        "the signature fits none of the webhook's secrets; its secret at GitHub must be one of those here"
    )]
    Wrong,
}

impl Signature {
    /// Reads the header; `None` where it is missing.
    ///
    /// # Errors
    /// [`SignatureFault::Missing`] and [`SignatureFault::Malformed`].
    pub fn read(header: Option<&[u8]>) -> Result<Self, SignatureFault> {
        let header = header.ok_or(SignatureFault::Missing)?;
        let digits = header
            .strip_prefix(PREFIX)
            .ok_or(SignatureFault::Malformed)?;
        let mut digest = [0; DIGEST_BYTES];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| SignatureFault::Malformed)?;
        Ok(Self(digest))
    }

    /// Finds the secret with which a body was signed, as its place in the list.
    ///
    /// Every secret is tried, also after one fitted, and compared in constant time: how long it takes tells
    /// neither how much of a signature was right nor which secret it was.
    ///
    /// # Errors
    /// [`SignatureFault::Wrong`].
    pub fn verify(&self, body: &[u8], secrets: &[WebhookSecret]) -> Result<usize, SignatureFault> {
        let mut found = None;
        for (place, secret) in secrets.iter().enumerate() {
            let fits = hmac(secret, body).verify_slice(&self.0).is_ok();
            if fits && found.is_none() {
                found = Some(place);
            }
        }
        found.ok_or(SignatureFault::Wrong)
    }
}

fn hmac(secret: &WebhookSecret, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.0.expose_secret())
        .expect("HMAC takes keys of any length");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const HEADER: &[u8] =
        b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::new(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_example_of_githubs_documentation_is_right() {
        let signature = Signature::read(Some(HEADER)).unwrap();
        assert_eq!(signature.verify(BODY, &[secret(SECRET)]), Ok(0));
    }

    #[test]
    fn the_secret_that_fits_is_named_wherever_it_stands() {
        let signature = Signature::read(Some(HEADER)).unwrap();
        let others = || [secret("old"), secret("older")].to_vec();
        for place in 0..=2 {
            let mut secrets = others();
            secrets.insert(place, secret(SECRET));
            assert_eq!(signature.verify(BODY, &secrets), Ok(place));
        }
        let twice = [secret(SECRET), secret(SECRET)];
        assert_eq!(signature.verify(BODY, &twice), Ok(0));
    }

    #[test]
    fn another_body_another_secret_or_none_at_all_is_wrong() {
        let signature = Signature::read(Some(HEADER)).unwrap();
        let wrong = Err(SignatureFault::Wrong);
        assert_eq!(signature.verify(b"Hello, World?", &[secret(SECRET)]), wrong);
        assert_eq!(signature.verify(b"", &[secret(SECRET)]), wrong);
        assert_eq!(signature.verify(BODY, &[secret("it's a secret")]), wrong);
        assert_eq!(signature.verify(BODY, &[]), wrong);
        for place in 0..64 {
            let mut header = HEADER.to_vec();
            let digit = &mut header[PREFIX.len() + place];
            *digit = if *digit == b'0' { b'1' } else { b'0' };
            let signature = Signature::read(Some(&header)).unwrap();
            assert_eq!(signature.verify(BODY, &[secret(SECRET)]), wrong);
        }
    }

    #[test]
    fn what_is_no_signature_is_refused_before_the_body_is_read() {
        assert_eq!(Signature::read(None).unwrap_err(), SignatureFault::Missing);
        let digits = "ab".repeat(32);
        for header in [
            String::new(),
            "sha256=".to_owned(),
            digits.clone(),
            format!("sha1={digits}"),
            format!("SHA256={digits}"),
            format!("sha256={}", &digits[1..]),
            format!("sha256={digits}0"),
            format!("sha256={digits}00"),
            format!("sha256= {}", &digits[1..]),
            format!("sha256={}", digits.replace('a', "g")),
        ] {
            let fault = Signature::read(Some(header.as_bytes())).unwrap_err();
            assert_eq!(fault, SignatureFault::Malformed, "{header}");
        }
        let capital = format!("sha256={}", digits.to_uppercase());
        assert!(Signature::read(Some(capital.as_bytes())).is_ok());
    }

    #[test]
    fn faults_say_what_to_do_and_nothing_of_the_secret() {
        assert_eq!(
            SignatureFault::Missing.to_string(),
            "the header `X-Hub-Signature-256` is missing; give the webhook a secret at GitHub, and the same one here"
        );
        assert_eq!(
            SignatureFault::Malformed.to_string(),
            "the header `X-Hub-Signature-256` is not `sha256=` and 64 hexadecimal digits"
        );
        assert_eq!(
            SignatureFault::Wrong.to_string(),
            "the signature fits none of the webhook's secrets; its secret at GitHub must be one of those here"
        );
        assert_eq!(format!("{:?}", secret(SECRET)), "WebhookSecret(***)");
        assert!(WebhookSecret::new(Vec::new()).is_none());
    }
}
