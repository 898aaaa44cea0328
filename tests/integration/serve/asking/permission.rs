//! A permission that is missing: GitHub's header names it, for the hooks of repositories and for heads.

use crate::api_server::ApiServer;
use crate::github::hooks::Scope;
use crate::github::sender::Delivering;
use crate::github::who::Level;
use crate::github::{FakeGithub, Options};

use super::scene::{Scene, TOKEN, metrics, notes, told, webhook};

#[test]
#[ignore = "needs a Kubernetes API server"]
fn what_is_missing_for_the_hooks_of_repositories_and_for_heads_is_named() {
    let github = FakeGithub::launch(Options::default());
    let repository = github.private_repository("acme/lacking-0");
    let token = github.fine_grained_token("bot", &[("metadata", Level::Read)]);
    let host = format!(
        "audit: {{every: 1s}}, heads: {{every: 1s}}, \
         identities: [{{name: bot, token: {{file: {TOKEN}}}}}], \
         webhooks: [{{name: acme, repositories: true, secrets: [{{file: secret}}]}}]"
    );
    // All repositories of a cluster are asked about, so that it is one of its own.
    let server = ApiServer::start();
    let scope = Scope::Repository(repository);
    let scene = Scene::configured(&server, "lacking", github, scope, &host);
    scene.home.write(TOKEN, &token);
    let url = "https://github.com/acme/lacking-0";
    scene.objects.git("app-0", url, "main");
    let mut service = scene.home.start();
    service.wait_until_ready();
    service.wait_until("the hook's permission is named", |service| {
        webhook(service)["findings"][0]["kind"] == "unasked"
    });
    let finding = webhook(&service)["findings"][0].to_string();
    for part in [
        "grant `repository_hooks=read` to identity `bot`",
        "403",
        "/repos/acme/lacking-0/hooks",
        "`Webhooks: read-only`",
    ] {
        assert!(finding.contains(part), "no {part} in {finding}");
    }
    let heads = |service: &_| told(service, "/api/v1/heads")["identities"][0]["faults"][0].clone();
    service.wait_until("the permission for heads is named", |service| {
        heads(service)["kind"] == "forbidden"
    });
    let fault = heads(&service);
    let reason = fault["reason"].as_str().unwrap();
    assert_eq!(fault["repository"], "acme/lacking-0", "{fault}");
    for part in [
        "`bot`",
        "it needs `contents=read`",
        "grant its token or App `Contents: read`",
    ] {
        assert!(reason.contains(part), "no {part} in {reason}");
    }
    // The identity itself is taken.
    assert_eq!(notes(&service), "[]");
    service.wait_until("the metrics tell", |service| {
        metrics(service).contains("flux_setup_webhook_healthy{webhook=\"acme\"} 0\n")
    });
    let metrics = metrics(&service);
    assert!(!metrics.contains("flux_setup_github_trouble{"), "{metrics}");
    service.wait_until("the log tells", |service| {
        service.log().contains("repository_hooks=read")
    });
    scene.push(0, Delivering::Deliver);
    scene.wait_for(&service, [0]);
    assert_eq!(scene.github.violations(), []);
}
