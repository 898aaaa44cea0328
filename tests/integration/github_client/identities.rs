//! Who calls: tokens, Apps, nobody; and what becomes of secrets.

use std::process::Command;
use std::time::Duration;

use flux_setup::budget::live::Purpose;
use flux_setup::config::SecretRef;
use flux_setup::github::{Call, CallFault, IdentitySettings, Refusal};
use futures::future::join_all;
use jiff::SignedDuration;

use super::{REPOSITORY, World, refusal, soon, web};
use crate::github::app_key::AppKey;
use crate::github::faults::Fault;
use crate::github::who::Level;

const MINT: &str = "POST /app/installations/{installation_id}/access_tokens";
const SHOW: &str = "GET /repos/{owner}/{repo}";

/// An App that is installed, with its number.
async fn with_app() -> (World, u64) {
    let mut world = World::start().await;
    let app = world.fake.app(
        "robot",
        &[("metadata", Level::Read), ("contents", Level::Read)],
        &[],
    );
    let installation = world.fake.install(app.id, "acme", None);
    world.add_app("app", app.id, installation, &app.private_key);
    (world, installation)
}

#[tokio::test]
async fn a_token_that_changes_in_its_file_is_used_without_an_error() {
    let (world, client) = World::with_token().await;
    client.call(web()).await.unwrap();
    let old = std::fs::read_to_string(world.folder.path().join("bot")).unwrap();
    world.write("bot", &world.fake.personal_token("ann", &["repo"]));
    world.fake.revoke(&old);
    client.call(web()).await.unwrap();
    assert_eq!(world.fake.books().of(SHOW).refused, 1);
}

#[tokio::test]
async fn a_revoked_token_is_told_and_not_tried_by_the_next_call() {
    let (world, client) = World::with_token().await;
    client.call(web()).await.unwrap();
    let token = std::fs::read_to_string(world.folder.path().join("bot")).unwrap();
    world.fake.revoke(&token);
    let fault = client.call(web()).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "GitHub refused `GET /repos/acme/web` to `bot` (401: Bad credentials): the token is revoked, expired or wrong; make a new one and put it where the configuration points"
    );
    let calls = world.calls(SHOW);
    let other = Call::get("/repos/acme/other", REPOSITORY, Purpose::Other);
    let fault = client.call(other).await.unwrap_err();
    assert_eq!(refusal(&fault), &Refusal::Unauthorized);
    assert!(
        fault.to_string().contains("`GET /repos/acme/other`"),
        "{fault}"
    );
    assert_eq!(world.calls(SHOW), calls);
}

#[tokio::test]
async fn nobody_may_call_too() {
    let mut world = World::start().await;
    world
        .settings
        .identities
        .push(IdentitySettings::anonymous());
    let client = world.client();
    let answer = client.call(web()).await.unwrap();
    assert_eq!(answer.header("x-ratelimit-limit"), Some("60"));
    assert_eq!(client.identity(), "anonymous");
}

#[tokio::test]
async fn many_calls_at_once_share_one_token_of_the_installation() {
    let (world, _) = with_app().await;
    let client = world.client();
    let calls = join_all((0..30).map(|_| client.call(web()))).await;
    assert!(calls.iter().all(Result::is_ok), "{calls:?}");
    assert_eq!(world.calls(MINT), 1);
    world.assert_no_violations();
}

#[tokio::test]
async fn a_token_of_the_installation_is_kept_for_four_fifths_of_its_hour() {
    let (world, _) = with_app().await;
    let client = world.client();
    client.call(web()).await.unwrap();
    world.fake.advance(SignedDuration::from_mins(47));
    client.call(web()).await.unwrap();
    assert_eq!(world.calls(MINT), 1);
    world.fake.advance(SignedDuration::from_mins(2));
    client.call(web()).await.unwrap();
    assert_eq!(world.calls(MINT), 2);
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_made_anew_once() {
    let (world, _) = with_app().await;
    let client = world.client();
    client.call(web()).await.unwrap();
    world
        .fake
        .fail_where("GET /repos/acme/web", Some(1), Fault::Status(401));
    client.call(web()).await.unwrap();
    assert_eq!(world.calls(MINT), 2);
    world
        .fake
        .fail_where("GET /repos/acme/web", None, Fault::Status(401));
    let fault = client.call(web()).await.unwrap_err();
    assert_eq!(refusal(&fault), &Refusal::Unauthorized);
    assert_eq!(world.calls(MINT), 3);
}

#[tokio::test]
async fn a_clock_that_is_ten_minutes_off_is_corrected_by_githubs() {
    for minutes in [10, -10] {
        let (world, _) = with_app().await;
        world.fake.skew(SignedDuration::from_mins(minutes));
        let client = world.client();
        client.call(web()).await.unwrap();
        let app = Call::get("/app", "/app", Purpose::Other).as_app();
        assert_eq!(client.call(app).await.unwrap().status, 200);
        let mints = world.fake.books().of(MINT);
        assert_eq!((mints.calls, mints.refused), (2, 1), "{minutes}");
        world.fake.advance(SignedDuration::from_mins(47));
        client.call(web()).await.unwrap();
        assert_eq!(world.calls(MINT), 2, "{minutes}");
    }
}

#[tokio::test]
async fn the_first_call_of_an_app_as_itself_finds_githubs_clock_too() {
    let (world, _) = with_app().await;
    world.fake.skew(SignedDuration::from_mins(-10));
    let app = Call::get("/app", "/app", Purpose::Other).as_app();
    assert_eq!(world.client().call(app).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_suspended_installation_is_told_and_not_asked_again_at_once() {
    let (world, installation) = with_app().await;
    let client = world.client();
    client.call(web()).await.unwrap();
    world.fake.suspend(installation, true);
    for _ in 0..2 {
        let fault = client.call(web()).await.unwrap_err();
        assert_eq!(refusal(&fault), &Refusal::Suspended, "{fault}");
    }
    let fault = world.client().call(web()).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        format!(
            "GitHub refused `POST /app/installations/{installation}/access_tokens` to `app` (403: This installation has been suspended): it is suspended; the installation of an App: an owner of the organisation can lift that under `Installed GitHub Apps`; an account: GitHub's support can"
        )
    );
}

#[tokio::test]
async fn what_is_refused_whatever_it_is_rests_and_who_waits_hears_when_it_is_lifted() {
    let (world, installation) = with_app().await;
    let client = world.client();
    client.call(web()).await.unwrap();
    let mark = client.credential();
    let hasty = tokio::time::timeout(Duration::from_millis(100), client.mended(&mark));
    assert!(hasty.await.is_err(), "nothing is to be mended");
    world.fake.suspend(installation, true);
    client.call(web()).await.unwrap_err();
    let calls = world.calls(SHOW);
    let fault = client.call(web()).await.unwrap_err();
    assert_eq!(
        (refusal(&fault), world.calls(SHOW)),
        (&Refusal::Suspended, calls)
    );
    assert_eq!(client.trouble().map(|it| it.name()), Some("suspended"));
    // The App itself is taken, which hides nothing.
    let app = Call::get("/app", "/app", Purpose::Other).as_app();
    client.call(app).await.unwrap();
    assert_eq!(client.trouble().map(|it| it.name()), Some("suspended"));
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.mended(&mark).await }
    });
    world.fake.suspend(installation, false);
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    assert!(!waiting.is_finished());
    client.call(web()).await.unwrap();
    soon(waiting).await.unwrap();
    assert_eq!(client.trouble(), None);
    assert_eq!(world.calls(MINT), 1);
}

#[tokio::test]
async fn a_removed_installation_is_told() {
    let (world, installation) = with_app().await;
    let client = world.client();
    client.call(web()).await.unwrap();
    world.fake.uninstall(installation);
    let fault = client.call(web()).await.unwrap_err();
    assert_eq!(refusal(&fault), &Refusal::InstallationRemoved, "{fault}");
    assert!(fault.to_string().ends_with("(404: Not Found): the App has no such installation; install it again and correct `installation`"), "{fault}");
    let mints = world.calls(MINT);
    client.call(web()).await.unwrap_err();
    assert_eq!(world.calls(MINT), mints);
}

#[tokio::test]
async fn a_key_that_is_not_the_apps_is_told() {
    let mut world = World::start().await;
    let app = world.fake.app("robot", &[], &[]);
    let installation = world.fake.install(app.id, "acme", None);
    world.add_app("app", app.id, installation, &AppKey::second().private_pem);
    let fault = world.client().call(web()).await.unwrap_err();
    assert_eq!(refusal(&fault), &Refusal::AppUnknown, "{fault}");
    assert!(
        fault
            .to_string()
            .contains("the App's `id` or `privateKey` is wrong"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_key_may_be_pkcs8_too() {
    let (mut world, installation) = with_app().await;
    let pkcs1 = world.folder.path().join("app.pem");
    let made = Command::new("openssl")
        .args(["pkcs8", "-topk8", "-nocrypt", "-in"])
        .arg(&pkcs1)
        .output()
        .unwrap();
    let key = String::from_utf8(made.stdout).unwrap();
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"), "{key}");
    let id = world.settings.identities.remove(0).credential;
    let Some(flux_setup::config::Credential::App { id, .. }) = id else {
        panic!("it is an App");
    };
    world.add_app("app", id, installation, &key);
    world.client().call(web()).await.unwrap();
}

#[tokio::test]
async fn what_permission_is_missing_is_told() {
    let (world, _) = with_app().await;
    let hooks = Call::get(
        "/repos/acme/web/hooks",
        "/repos/{owner}/{repo}/hooks",
        Purpose::Other,
    );
    let fault = world.client().call(hooks.clone()).await.unwrap_err();
    let Refusal::Forbidden { needs: Some(needs) } = refusal(&fault) else {
        panic!("{fault:?}");
    };
    assert!(needs.contains("hooks=read"), "{fault}");
    assert!(
        fault
            .to_string()
            .contains(&format!("it needs `{needs}`; grant that")),
        "{fault}"
    );
    let mut world = World::start().await;
    let token = world.fake.personal_token("ann", &["repo:status"]);
    world.add_token("bot", &token);
    let fault = world.client().call(hooks).await.unwrap_err();
    let Refusal::NotFound { needs: Some(needs) } = refusal(&fault) else {
        panic!("{fault:?}");
    };
    assert!(
        fault
            .to_string()
            .contains(&format!("lacks the scope `{needs}`")),
        "{fault}"
    );
}

#[tokio::test]
async fn no_secret_is_shown() {
    let (mut world, _) = with_app().await;
    let token = world.fake.personal_token("ann", &["repo"]);
    world.add_token("bot", &token);
    let github = world.open();
    for client in github.clients() {
        client.call(web()).await.unwrap();
    }
    let call = web();
    let answer = github
        .client("bot")
        .unwrap()
        .call(call.conditional())
        .await
        .unwrap();
    github.client("bot").unwrap().keep(&answer);
    let state = github.clients().iter().map(|client| {
        let now = world.fake.clock().now();
        let state = client.ledger(|ledger| ledger.state(now));
        serde_json::to_string(&state).unwrap()
    });
    let state: Vec<String> = state.collect();
    let rows = serde_json::to_string(&github.etags_kept()).unwrap();
    let shown = format!(
        "{github:#?} {:?} {answer:?} {state:?} {rows}",
        github.clients()
    );
    for secret in [&token[..], &token[..8], "ghp_", "ghs_", "eyJ", "PRIVATE"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    assert!(rows.contains("\"generation\""), "{rows}");
}

#[tokio::test]
async fn a_credential_that_cannot_be_used_is_told_before_and_by_each_call_and_no_call_is_made() {
    let mut world = World::start().await;
    let fault = async |world: &World| {
        let client = world.client();
        let trouble = client.trouble().unwrap();
        let fault = client.call(web()).await.unwrap_err();
        assert!(matches!(fault, CallFault::Unusable { .. }), "{fault:?}");
        let trouble = trouble.to_string();
        assert_eq!(fault.to_string(), trouble);
        trouble.replace(&world.folder.path().display().to_string(), "CONFIG")
    };
    let missing = SecretRef::Env("FLUX_SETUP_TEST_UNSET".into());
    world.settings.identities = vec![IdentitySettings::token("bot", missing)];
    assert_eq!(
        fault(&world).await,
        "cannot use the credential of identity `bot`: the environment variable `FLUX_SETUP_TEST_UNSET` is not set; set `FLUX_SETUP_TEST_UNSET` right and start again"
    );
    let missing = SecretRef::File("none".into());
    world.settings.identities = vec![IdentitySettings::token("bot", missing)];
    assert_eq!(
        fault(&world).await,
        "cannot use the credential of identity `bot`: cannot read CONFIG/none: No such file or directory (os error 2); put file:none right, so that this program can read it; it is looked at again by itself"
    );
    let mend =
        "put file:bot right, so that this program can read it; it is looked at again by itself";
    for (token, reason) in [
        ("", "file:bot is empty; put the secret there"),
        (
            "ghp_a b",
            "the token has a letter that no token has; look for spaces and line breaks in it",
        ),
    ] {
        world.settings.identities.clear();
        world.add_token("bot", token);
        assert_eq!(
            fault(&world).await,
            format!("cannot use the credential of identity `bot`: {reason}; {mend}")
        );
    }
    let key = AppKey::first().private_pem;
    let encrypted = key.replace("RSA PRIVATE", "ENCRYPTED PRIVATE");
    for (key, reason) in [
        ("hello", "it is no PEM of a private key"),
        (
            &*key.replace('\n', "\\n"),
            "its line breaks are written as `\\n`",
        ),
        (&*encrypted, "it is encrypted"),
        (
            &*key.replace("RSA PRIVATE", "EC PRIVATE"),
            "it is no RSA key",
        ),
        (
            &*key.replace("RSA PRIVATE", "PRIVATE"),
            "it is no RSA key of 2048 bits or more",
        ),
    ] {
        world.settings.identities.clear();
        world.add_app("app", 1, 2, key);
        assert_eq!(
            fault(&world).await,
            format!(
                "cannot use the credential of identity `app`: the private key cannot be used: {reason}; download one from the settings of the App and leave it as it is; put file:app.pem right, so that this program can read it; it is looked at again by itself"
            )
        );
    }
    assert_eq!(world.fake.books().count(|_| true).calls, 0);
}

#[tokio::test]
async fn an_owner_has_the_identity_that_names_it_else_the_main_one() {
    let mut world = World::start().await;
    for name in ["first", "second", "third"] {
        world.add_token(name, "x");
    }
    world.settings.identities[0].owners = vec!["umbrella".to_owned()];
    let of =
        |world: &World, owner: &str| world.open().for_owner(owner).unwrap().identity().to_owned();
    assert_eq!(of(&world, "Umbrella"), "first");
    assert_eq!(of(&world, "acme"), "first");
    world.settings.main = Some("second".to_owned());
    assert_eq!(of(&world, "acme"), "second");
    assert_eq!(of(&world, "umbrella"), "first");
    world.settings.identities.clear();
    assert!(world.open().for_owner("acme").is_none());
}

#[tokio::test]
async fn whoever_waits_for_a_token_gives_up_when_patience_ends() {
    let (world, _) = with_app().await;
    world.fake.fail_where(
        "access_tokens",
        Some(1),
        Fault::Slow(Duration::from_secs(8)),
    );
    let client = world.client();
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.call(web()).await }
    });
    while client.ledger(|ledger| ledger.running()) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let hasty = client.patient_for(Duration::from_millis(100));
    let fault = soon(hasty.call(web())).await.unwrap_err();
    assert!(matches!(fault, CallFault::Held(_)), "{fault}");
    soon(first).await.unwrap().unwrap();
    assert_eq!(world.calls(MINT), 1);
}
