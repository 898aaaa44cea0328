//! What a JSON web token must be.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::caller::{Answer, Call};
use crate::github::FakeGithub;
use crate::github::app_key::AppKey;
use crate::github::identities::RegisteredApp;

/// Signs claims with a key in PEM.
fn sign(private_pem: &str, header: &Value, claims: &Value) -> String {
    let lines = private_pem.lines().filter(|line| !line.starts_with('-'));
    let der = STANDARD
        .decode(lines.collect::<String>())
        .expect("PEM is base64");
    let key = RsaKeyPair::from_der(&der).expect("PKCS#1");
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .expect("it signs");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn rs256() -> Value {
    json!({"alg": "RS256", "typ": "JWT"})
}

/// A token of five minutes, made now by GitHub's clock.
pub fn app_token(github: &FakeGithub, app: &RegisteredApp) -> String {
    let now = github.now().as_second();
    let claims = json!({"iss": app.id.to_string(), "iat": now, "exp": now + 300});
    sign(&app.private_key, &rs256(), &claims)
}

async fn ask(github: &FakeGithub, token: &str) -> Answer {
    Call::get("/app").by(token).send(github).await
}

#[tokio::test]
async fn a_json_web_token_is_good_for_ten_minutes_and_never_from_the_future() {
    let github = FakeGithub::start().await;
    let app = github.app("flux-setup", &[], &[]);
    let now = github.now().as_second();
    let with = |iat: i64, exp: i64| {
        let claims = json!({"iss": app.id, "iat": iat, "exp": exp});
        sign(&app.private_key, &rs256(), &claims)
    };
    for (iat, exp) in [
        (now, now + 600),
        (now - 60, now + 30),
        (now - 60, now + 540),
    ] {
        assert_eq!(
            ask(&github, &with(iat, exp)).await.status,
            200,
            "{iat} {exp}"
        );
    }
    let iat = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
    let exp = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
    for (token, message) in [
        (with(now + 30, now + 60), iat),
        (with(now - 60, now - 1), exp),
        (
            with(now, now + 630),
            "'Expiration time' claim ('exp') is too far in the future",
        ),
    ] {
        let refused = ask(&github, &token).await;
        assert_eq!((refused.status, refused.message().as_str()), (401, message));
    }
}

#[tokio::test]
async fn a_json_web_token_of_another_key_or_kind_is_refused() {
    let github = FakeGithub::start().await;
    let app = github.app("flux-setup", &[], &[]);
    let now = github.now().as_second();
    let claims = json!({"iss": app.id, "iat": now, "exp": now + 60});
    let undecodable = "A JSON web token could not be decoded";
    let good = sign(&app.private_key, &rs256(), &claims);
    let changed = json!({"iss": app.id, "iat": now, "exp": now + 61}).to_string();
    let signature = good.rsplit('.').next().unwrap_or_default();
    let header = good.split('.').next().unwrap_or_default();
    for token in [
        sign(&AppKey::second().private_pem, &rs256(), &claims),
        sign(&app.private_key, &json!({"alg": "none"}), &claims),
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(changed)),
    ] {
        let refused = ask(&github, &token).await;
        assert_eq!(
            (refused.status, refused.message().as_str()),
            (401, undecodable)
        );
    }
    let stranger = json!({"iss": 1, "iat": now, "exp": now + 60});
    let refused = ask(&github, &sign(&app.private_key, &rs256(), &stranger)).await;
    assert_eq!(
        (refused.status, refused.message().as_str()),
        (404, "Integration not found")
    );
    // A token of somebody else is no token of an App.
    let token = github.personal_token("ann", &["repo"]);
    let refused = ask(&github, &token).await;
    assert_eq!(
        (refused.status, refused.message().as_str()),
        (401, undecodable)
    );
}

#[tokio::test]
async fn a_clock_that_is_ten_minutes_behind_has_its_tokens_refused() {
    let github = FakeGithub::start().await;
    let app = github.app("flux-setup", &[], &[]);
    let token = app_token(&github, &app);
    assert_eq!(ask(&github, &token).await.status, 200);
    github.skew(jiff::SignedDuration::from_mins(10));
    let refused = ask(&github, &token).await;
    assert_eq!(refused.status, 401);
    let date = refused.header("date");
    let date = jiff::fmt::rfc2822::parse(date).expect("a date").timestamp();
    let ahead = date.duration_since(github.clock().now());
    assert!((595..=605).contains(&ahead.as_secs()), "{ahead}");
}
