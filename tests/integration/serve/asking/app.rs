//! An App that is suspended, or is installed no more, while the service runs: it is named with what mends it, GitHub is
//! not stormed, what comes is worked, and afterwards all goes on.

use std::time::{Duration, Instant};

use crate::api_server::shared;
use crate::github::hooks::Scope;
use crate::github::identities::RegisteredApp;
use crate::github::sender::Delivering;
use crate::github::who::{Level, Who};
use crate::github::{FakeGithub, Options};
use crate::process::Service;

use super::scene::{Scene, metrics, notes, told, webhook};

const MINT: &str = "POST /app/installations/{installation_id}/access_tokens";
const EVENTS: [&str; 4] = ["push", "package", "release", "repository"];
/// Well below the quarter of an hour to which pauses grow.
const BOUND: Duration = Duration::from_secs(120);

fn registered(github: &FakeGithub) -> RegisteredApp {
    let granted = [
        "contents",
        "metadata",
        "organization_hooks",
        "repository_hooks",
    ];
    let granted = granted.map(|name| (name, Level::Read));
    github.app("robot", &granted, &EVENTS)
}

fn configured(app: &RegisteredApp, installation: u64, heads: &str, whose: &str) -> String {
    let id = app.id;
    format!(
        "audit: {{every: 1s}}, heads: {heads}, \
         identities: [{{name: app, app: {{id: {id}, installation: {installation}, privateKey: {{file: app.pem}}}}}}], \
         webhooks: [{{name: acme, {whose}, secrets: [{{file: secret}}]}}]"
    )
}

const ORGANIZATION: &str = "organization: acme";

/// The App reads the hooks of `acme`.
fn scene(namespace: &str) -> (Scene<'static>, RegisteredApp, u64) {
    let github = FakeGithub::launch(Options::default());
    let app = registered(&github);
    let installation = github.install(app.id, "acme", None);
    let host = configured(&app, installation, "false", ORGANIZATION);
    let scope = Scope::Organization("acme".into());
    let scene = Scene::configured(shared(), namespace, github, scope, &host);
    scene.home.write("app.pem", &app.private_key);
    scene.fleet(2);
    (scene, app, installation)
}

/// That the report, the metrics and the log say of `app` what is wrong and what mends it.
fn is_named(service: &mut Service, why: &str, parts: &[&str]) {
    service.wait_until("the report of the webhook names it", |service| {
        let told = webhook(service);
        let finding = told["findings"].to_string();
        told["healthy"] == false && parts.iter().all(|part| finding.contains(part))
    });
    service.wait_until("the report of limits names it", |service| {
        let notes = notes(service);
        notes.contains("github.com cannot be asked as `app`")
            && parts.iter().all(|part| notes.contains(part))
    });
    let trouble = format!(
        "flux_setup_github_trouble{{host=\"github.com\",identity=\"app\",why=\"{why}\"}} 1\n"
    );
    let unhealthy = "flux_setup_webhook_healthy{webhook=\"acme\"} 0\n";
    service.wait_until("the metrics name it", |service| {
        let metrics = metrics(service);
        metrics.contains(&trouble) && metrics.contains(unhealthy)
    });
    service.wait_until("the log names it", |service| {
        let log = service.log();
        let mut lines = log.lines();
        lines.any(|line| {
            line.contains("cannot be asked as `app`") && parts.iter().all(|it| line.contains(it))
        })
    });
}

/// That nothing is told of it any more.
fn is_over(service: &mut Service) {
    service.wait_until("nothing is wrong any more", |service| {
        notes(service) == "[]" && webhook(service)["healthy"] == true
    });
    service.wait_until("no metric names it any more", |service| {
        let metrics = metrics(service);
        !metrics.is_empty() && !metrics.contains("flux_setup_github_trouble{")
    });
}

fn refused(scene: &Scene<'_>) -> u64 {
    scene.github.books().count(|_| true).refused
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_suspended_app_is_named_with_what_mends_it_and_goes_on_by_itself() {
    let (scene, _, installation) = scene("suspended");
    let mut service = scene.start();
    scene.github.suspend(installation, true);
    let began = Instant::now();
    let parts = [
        "403",
        "This installation has been suspended",
        "Installed GitHub Apps",
    ];
    is_named(&mut service, "suspended", &parts);
    // What comes is worked as ever.
    scene.push(0, Delivering::Deliver);
    scene.wait_for(&service, [0]);
    scene.push(1, Delivering::UNREACHABLE);
    std::thread::sleep(Duration::from_secs(6).saturating_sub(began.elapsed()));
    // It waits 5 s, then 10, 20, 40, and from then on 60.
    let asked = refused(&scene);
    let most = 2 + began.elapsed().as_secs() / 5;
    assert!(asked <= most, "{asked} refusals in {:?}", began.elapsed());
    assert_eq!(
        scene.github.books().of(MINT).calls,
        1,
        "the token is good still"
    );
    assert_eq!(scene.annotations(1), 0);
    scene.github.suspend(installation, false);
    let lifted = Instant::now();
    scene.wait_for(&service, [1]);
    assert!(lifted.elapsed() < BOUND, "{:?}", lifted.elapsed());
    println!("caught up {:?} after it was lifted", lifted.elapsed());
    // GitHub's last attempt failed, so that the webhook is not relied on until one comes in.
    scene.github.event(
        "acme/suspended-0",
        "release",
        serde_json::json!({"action": "edited"}),
    );
    is_over(&mut service);
    service.wait_until("the log says that it is over", |service| {
        service.log().contains("can be asked as `app` again")
    });
    assert_eq!(scene.not_once(0..2), []);
    assert_eq!(scene.github.violations(), []);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn an_app_that_is_installed_no_more_is_named_and_goes_on_as_its_new_installation() {
    let (scene, app, installation) = scene("removed");
    let mut service = scene.start();
    scene.github.uninstall(installation);
    let began = Instant::now();
    let parts = [
        "404",
        &format!("/app/installations/{installation}/access_tokens"),
        "the App has no such installation; install it again and correct `installation`",
    ];
    is_named(&mut service, "installationRemoved", &parts);
    scene.push(0, Delivering::Deliver);
    scene.wait_for(&service, [0]);
    scene.push(1, Delivering::UNREACHABLE);
    std::thread::sleep(Duration::from_secs(6).saturating_sub(began.elapsed()));
    let mints = scene.github.books().of(MINT).calls - 1;
    let most = 1 + began.elapsed().as_secs() / 5;
    assert!(
        (1..=most).contains(&mints),
        "{mints} mints in {:?}",
        began.elapsed()
    );
    service.terminate();
    // GitHub gives it another number, which only people can write down.
    let installation = scene.github.install(app.id, "acme", None);
    scene.configure(&configured(&app, installation, "false", ORGANIZATION));
    let mut service = scene.home.start();
    scene.wait_for(&service, [1]);
    scene.github.event(
        "acme/removed-0",
        "release",
        serde_json::json!({"action": "edited"}),
    );
    is_over(&mut service);
    assert_eq!(scene.not_once(0..2), []);
    assert_eq!(scene.github.violations(), []);
}

/// The App's own hook is asked about by the App itself, which GitHub takes also where the installation is suspended.
#[test]
#[ignore = "needs a Kubernetes API server"]
fn the_webhook_of_an_app_is_not_relied_on_while_its_installation_is_suspended() {
    let github = FakeGithub::launch(Options::default());
    let app = registered(&github);
    let installation = github.install(app.id, "acme", None);
    let host = configured(&app, installation, "{every: 1s}", "app: app");
    let scope = Scope::App(app.id);
    let scene = Scene::configured(shared(), "apphook", github, scope, &host);
    scene.home.write("app.pem", &app.private_key);
    scene.fleet(1);
    let mut service = scene.start();
    scene.push(0, Delivering::Deliver);
    scene.wait_for(&service, [0]);
    service.wait_until("it is sound", |service| webhook(service)["healthy"] == true);
    scene.github.suspend(installation, true);
    is_named(&mut service, "suspended", &["403", "Installed GitHub Apps"]);
    let findings = webhook(&service)["findings"].clone();
    let mut kinds = findings.as_array().into_iter().flatten();
    assert!(kinds.any(|it| it["kind"] == "disabled"), "{findings}");
    let audited = || {
        scene
            .github
            .books()
            .count(|key| key.who == Who::App(app.id))
    };
    let before = audited();
    service.wait_until("the App itself is asked on", |_| {
        audited().calls > before.calls + 2
    });
    assert_eq!(audited().refused, 0);
    assert!(
        notes(&service).contains("suspended"),
        "the App's own calls hide it"
    );
    scene.github.suspend(installation, false);
    is_over(&mut service);
    let heads = told(&service, "/api/v1/heads");
    assert_eq!(
        heads["identities"][0]["trouble"],
        serde_json::Value::Null,
        "{heads}"
    );
    assert_eq!(scene.not_once(0..1), []);
    assert_eq!(scene.github.violations(), []);
}
