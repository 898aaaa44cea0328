//! A webhook that has a hook on each repository.

use std::time::Duration;

use flux_setup::delivery::SpeaksFor;
use flux_setup::flux::{RepositoryIdentity, RepositoryUrl};
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

#[tokio::test(flavor = "multi_thread")]
async fn each_repository_has_its_turn_and_is_judged_alone() {
    let scene = Scene::start().await;
    scene
        .github
        .change_hook(scene.hook, |hook| hook.active = false);
    let url = format!("http://{}/hooks/github/acme", scene.service.at.hooks);
    for name in ["api", "shop"] {
        let repository = scene.github.repository(&format!("acme/{name}"));
        let hook = scene
            .github
            .add_hook(Scope::Repository(repository), &url, Some(SECRET));
        scene.github.change_hook(hook, |hook| {
            hook.events
                .extend(["package", "release", "repository"].map(str::to_owned));
        });
    }
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
    assert!(audit.board.is_healthy(&identity("acme/api")));
    assert!(!audit.board.is_healthy(&identity("acme/web")));
    assert!(!audit.board.is_healthy(&identity("acme/gone")));
    assert!(
        report.calls_an_hour <= 600.0 * 1.01,
        "{}",
        report.calls_an_hour
    );
}
