//! The JSON web tokens by which an App speaks as itself: RS256, and at most ten minutes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

/// How far ahead `exp` may lie.
const LIFE_SECONDS: i64 = 600;

pub const UNDECODABLE: &str = "A JSON web token could not be decoded";
pub const UNKNOWN_ISSUER: &str = "Integration not found";
pub const IAT: &str = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
pub const EXP: &str = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
pub const EXP_TOO_FAR: &str = "'Expiration time' claim ('exp') is too far in the future";

/// Three parts between dots; a token of another kind has none.
pub fn is_one(credential: &str) -> bool {
    credential.split('.').count() == 3 && credential.starts_with("ey")
}

/// Finds which App a token speaks for.
///
/// `public_key` gives an App's public key, as DER.
///
/// # Errors
/// The status and message with which GitHub refuses it.
pub fn issuer(
    token: &str,
    now: Timestamp,
    public_key: impl Fn(u64) -> Option<Vec<u8>>,
) -> Result<u64, (u16, &'static str)> {
    let bad = (401, UNDECODABLE);
    let (signed, signature) = token.rsplit_once('.').ok_or(bad)?;
    let (header, claims) = signed.split_once('.').ok_or(bad)?;
    let part = |text: &str| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    };
    let header = part(header).ok_or(bad)?;
    let claims = part(claims).ok_or(bad)?;
    if header["alg"] != "RS256" {
        return Err(bad);
    }
    let issuer = match &claims["iss"] {
        Value::Number(id) => id.as_u64(),
        Value::String(id) => id.parse().ok(),
        _ => None,
    };
    let issuer = issuer.ok_or(bad)?;
    let key = public_key(issuer).ok_or((404, UNKNOWN_ISSUER))?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| bad)?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| bad)?;
    let now = now.as_second();
    let issued = claims["iat"].as_i64();
    if issued.is_none_or(|issued| issued > now) {
        return Err((401, IAT));
    }
    let expires = claims["exp"].as_i64().filter(|expires| *expires > now);
    match expires {
        None => Err((401, EXP)),
        Some(expires) if expires > now + LIFE_SECONDS => Err((401, EXP_TOO_FAR)),
        Some(_) => Ok(issuer),
    }
}
