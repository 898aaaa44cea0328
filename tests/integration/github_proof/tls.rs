//! HTTPS with a CA of its own, and several fakes at once.

use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::github::{FakeGithub, Options};

/// Asks over TLS, trusting one CA.
fn get(url: String, ca: &str) -> Result<Value, ureq::Error> {
    let ca = Certificate::from_pem(ca.as_bytes())?;
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::from(vec![ca]))
        .build();
    let agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .build()
        .new_agent();
    let mut answer = agent.get(&url).header("user-agent", "tests").call()?;
    Ok(serde_json::from_str(&answer.body_mut().read_to_string()?).unwrap_or_default())
}

#[test]
fn a_fake_with_tls_is_trusted_by_those_who_have_its_ca() {
    let tls = || {
        FakeGithub::launch(Options {
            tls: true,
            ..Options::default()
        })
    };
    let (github, other) = (tls(), tls());
    github.repository("acme/shop");
    let url = format!("{}/repos/acme/shop", github.api_url());
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let ca = github.ca().expect("it has one").to_owned();
    let shop = get(url.clone(), &ca).expect("it is trusted");
    assert_eq!(shop["full_name"], "acme/shop");
    let stranger = other.ca().expect("it has one").to_owned();
    let refused = get(url, &stranger)
        .expect_err("it is not trusted")
        .to_string();
    assert!(
        refused.contains("UnknownIssuer") || refused.contains("BadSignature"),
        "{refused}"
    );
}

#[test]
fn several_fakes_know_nothing_of_each_other_and_end_with_their_last_handle() {
    let (one, two) = (
        FakeGithub::launch(Options::default()),
        FakeGithub::launch(Options::default()),
    );
    one.repository("acme/shop");
    let get = |github: &FakeGithub| {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build();
        let url = format!("{}/repos/acme/shop", github.api_url());
        let answer = agent
            .new_agent()
            .get(url)
            .header("user-agent", "tests")
            .call();
        answer.map(|it| it.status().as_u16())
    };
    assert_eq!((get(&one).ok(), get(&two).ok()), (Some(200), Some(404)));
    let url = one.api_url();
    let kept = one.clone();
    drop(one);
    assert_eq!(get(&kept).ok(), Some(200));
    drop(kept);
    for _ in 0..3_000 {
        if ureq::get(&url)
            .call()
            .is_err_and(|it| matches!(it, ureq::Error::Io(_) | ureq::Error::ConnectionFailed))
        {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("it still listens");
}
