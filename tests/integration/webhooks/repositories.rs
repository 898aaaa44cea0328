//! A webhook that has a hook on each repository.

use std::time::Duration;

use flux_setup::delivery::SpeaksFor;
use flux_setup::flux::{RepositoryIdentity, RepositoryUrl};
use flux_setup::github::hooks::FindingKind;
use flux_setup::reconcile::AuditSubject;

use crate::github::hooks::Scope;
use crate::github::repositories::Target;
use crate::github::sender::Delivering;
use crate::service::SECRET;

use super::scene::Scene;

fn identity(path: &str) -> RepositoryIdentity {
    let url = RepositoryUrl::read(&format!("https://github.com/{path}")).expect("it is a URL");
    url.identity(|_| None)
}

/// Sound hooks on repositories, in place of the organisation's.
fn hooks_on(scene: &Scene, names: &[&str]) {
    scene
        .github
        .change_hook(scene.hook, |hook| hook.active = false);
    let url = format!("http://{}/hooks/github/acme", scene.service.at.hooks);
    for name in names {
        let repository = scene.github.repository(&format!("acme/{name}"));
        let hook = scene
            .github
            .add_hook(Scope::Repository(repository), &url, Some(SECRET));
        scene.github.change_hook(hook, |hook| {
            hook.events
                .extend(["package", "release", "repository"].map(str::to_owned));
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_repository_is_not_relied_on_and_makes_nothing_unhealthy() {
    let scene = Scene::start().await;
    let names = ["api", "quiet", "shop"];
    hooks_on(&scene, &names);
    for name in ["acme/api", "acme/shop"] {
        let commit = Target::Commit(format!("{:040x}", 77));
        scene
            .github
            .push_as(name, "refs/heads/main", Some(commit), Delivering::Deliver);
    }
    scene.github.quiet().await;
    let planned = names.map(|name| identity(&format!("acme/{name}")));
    let subject = AuditSubject::Repositories(planned.to_vec());
    let every = Duration::from_millis(100);
    let audit = scene.audit_of(subject, SpeaksFor::KnownRepositories, Vec::new(), every);
    let report = audit
        .until("all asked", |it| {
            it.repositories
                .is_some_and(|all| (all.all, all.pending) == (3, 0))
        })
        .await;
    assert_eq!(report.healthy, Some(true), "{:?}", report.findings);
    assert_eq!(report.repositories.map(|it| it.healthy), Some(3));
    let kinds: Vec<_> = report.findings.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [FindingKind::Silent]);
    assert!(audit.board.is_healthy(&planned[0]));
    assert!(!audit.board.is_healthy(&planned[1]));
    assert!(audit.board.is_healthy(&planned[2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_repository_has_its_turn_and_is_judged_alone() {
    let scene = Scene::start().await;
    hooks_on(&scene, &["api", "shop"]);
    let planned = ["acme/api", "acme/shop", "acme/web", "acme/gone"].map(identity);
    let subject = AuditSubject::Repositories(planned.to_vec());
    let every = Duration::from_millis(100);
    let audit = scene.audit_of(subject, SpeaksFor::KnownRepositories, Vec::new(), every);
    audit.until("begun", |it| it.repositories.is_some()).await;
    let push = |name: &str, delivering| {
        let commit = Target::Commit(format!("{:040x}", 77));
        scene
            .github
            .push_as(name, "refs/heads/main", Some(commit), delivering);
    };
    push("acme/api", Delivering::Deliver);
    push("acme/shop", Delivering::UNREACHABLE);
    scene.github.quiet().await;
    scene.until_taken(2).await;
    let report = audit
        .until("all asked", |it| {
            it.repositories
                .is_some_and(|all| all.pending == 0 && all.healthy == 1)
                && audit.board.is_healthy(&identity("acme/api"))
        })
        .await;
    assert_eq!(report.missed, 1);
    assert_eq!(report.healthy, Some(false));
    let whats: Vec<_> = report.findings.iter().map(|it| it.what.as_str()).collect();
    assert!(
        whats.iter().any(|it| it.starts_with(
            "repository acme/web has no hook whose address ends with `/hooks/github/acme`"
        )),
        "{whats:?}"
    );
    assert!(
        whats.iter().any(|it| it.contains("/repos/acme/gone/hooks")),
        "{whats:?}"
    );
    assert!(!audit.board.is_healthy(&identity("acme/web")));
    assert!(!audit.board.is_healthy(&identity("acme/gone")));
    assert!(
        report.calls_an_hour <= 600.0 * 1.01,
        "{}",
        report.calls_an_hour
    );
}
