//! What becomes of API servers, one after the other.

use std::fs;
use std::time::Duration;

use flux_setup::catalog::{Kind, Progress, ScopeState};
use flux_setup::cluster::{ClusterAccess, PatchFault};
use serde_json::json;

use crate::api_server::{ApiServer, Target, shared};
use crate::machine::Stopwatch;

use super::followed::{Followed, access, git_repository, key, until};

/// A server of its own with a namespace and one object in it.
fn server() -> ApiServer {
    let server = ApiServer::start();
    server.create_namespace("apps");
    server.create(&git_repository("apps", "web"));
    server
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server"]
async fn a_server_that_hangs_is_found_and_followed_again() {
    let server = server();
    let followed = Followed::start(access(&server));
    followed.until_listed().await;
    server.pause();
    followed.until_told("does not answer within 10 s").await;
    let PatchFault::Later { busy, .. } = followed
        .cluster
        .annotate(&key("apps", "web"), "t")
        .await
        .unwrap_err()
    else {
        panic!("it may work later");
    };
    assert!(busy);
    assert!(followed.has("apps", "web"));
    server.resume();
    followed.until_listed().await;
    server.create(&git_repository("apps", "new"));
    followed.until_there("apps", "new").await;
    followed.annotate("apps", "web", "t-2").await;
    followed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server"]
async fn a_server_that_was_killed_is_followed_from_where_it_is() {
    let server = server();
    let followed = Followed::start(access(&server));
    followed.until_listed().await;
    server.kill();
    followed.until_told("refuses connections; is it up").await;
    let refused = followed.cluster.annotate(&key("apps", "web"), "t").await;
    assert!(
        matches!(refused, Err(PatchFault::Later { busy: false, .. })),
        "{refused:?}"
    );
    server.revive();
    followed.annotate("apps", "web", "t-1").await;
    followed.until_listed().await;
    server.delete(&git_repository("apps", "web"));
    followed.until_gone("apps", "web").await;

    // A certificate that nobody vouches for.
    let config = fs::read_to_string(server.kubeconfig()).unwrap();
    let untrusted = server.kubeconfig().with_file_name("untrusted");
    fs::write(
        &untrusted,
        config.replace("certificate-authority", "x-authority"),
    )
    .unwrap();
    let stranger = Followed::start(ClusterAccess {
        kubeconfig: Some(untrusted),
        ..access(&server)
    });
    let reason = stranger.until_lost().await;
    assert!(
        reason.contains("no safe connection") && reason.contains("check `certificate-authority`"),
        "{reason}"
    );
    stranger.stop().await;

    // Its history is gone too.
    server.create(&git_repository("apps", "between"));
    server.compact();
    server.restart();
    server.create(&git_repository("apps", "later"));
    followed.until_there("apps", "later").await;
    followed.until_listed().await;
    followed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server"]
async fn a_server_that_came_back_empty_or_older_is_known_as_it_is() {
    let server = server();
    server.save();
    let followed = Followed::start(access(&server));
    followed.until_listed().await;
    for number in 0..30 {
        server.create(&git_repository("apps", &format!("r-{number}")));
    }
    server.delete(&git_repository("apps", "web"));
    followed.until_gone("apps", "web").await;
    followed.until_there("apps", "r-29").await;

    server.roll_back();
    followed.until_there("apps", "web").await;
    followed.until_gone("apps", "r-29").await;
    followed.until_listed().await;
    assert_eq!(followed.live.read().len(), 1);
    server.create(&git_repository("apps", "anew"));
    followed.until_there("apps", "anew").await;
    followed.annotate("apps", "web", "t-1").await;

    server.restart_empty();
    followed.until_gone("apps", "web").await;
    until("no kind is there", || {
        let cache = followed.live.read();
        let mut scopes = Kind::ALL.into_iter().map(|kind| cache.scope(kind));
        scopes.all(|scope| matches!(scope, ScopeState::Absent { .. }))
    })
    .await;
    assert_eq!(followed.live.progress(), Progress::Listed);
    let absent = followed.cluster.annotate(&key("apps", "web"), "t").await;
    assert!(
        matches!(absent, Err(PatchFault::Later { .. })),
        "{absent:?}"
    );
    // Kinds that are installed later are found.
    server.install_flux();
    server.create_namespace("apps");
    server.create(&git_repository("apps", "reborn"));
    followed.until_there("apps", "reborn").await;
    followed.annotate("apps", "reborn", "t-1").await;
    followed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server"]
async fn a_token_that_is_taken_back_is_replaced_by_the_next() {
    let server = server();
    server.allow("reader", &["get", "list", "watch", "patch"], &["*"]);
    let token = server.kubeconfig().with_file_name("token");
    fs::write(&token, server.token_of("reader")).unwrap();
    let kubeconfig = server.kubeconfig_with("token-file", &json!({"tokenFile": token}));
    // A plugin that says no expiry is never run again by kube alone.
    let plugin = r#"printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$(cat "$0")""#;
    let exec = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": "sh", "args": ["-c", plugin, token],
    }});
    let exec = server.kubeconfig_with("exec", &exec);
    let both = [kubeconfig, exec].map(|kubeconfig| {
        Followed::start(ClusterAccess {
            kubeconfig: Some(kubeconfig),
            ..access(&server)
        })
    });
    for followed in &both {
        followed.until_listed().await;
    }
    server.renew_token("reader", "another");
    for followed in &both {
        followed
            .until_told("credentials (401); renew the token or certificate")
            .await;
        assert!(followed.has("apps", "web"));
    }
    // kube alone would read the file again after a minute.
    fs::write(&token, "another").unwrap();
    let written = Stopwatch::start();
    for followed in both {
        followed.annotate("apps", "web", "t-1").await;
        followed.until_listed().await;
        written.assert_within(Duration::from_secs(45), "to read a token again");
        followed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server"]
async fn a_kind_that_is_forbidden_keeps_no_other_waiting() {
    let server = shared();
    server.create_namespace("limited");
    server.create(&git_repository("limited", "web"));
    let all_but = [
        "gitrepositories",
        "ocirepositories",
        "helmrepositories",
        "helmcharts",
        "kustomizations",
        "helmreleases",
    ];
    server.allow("limited", &["list", "watch", "patch"], &all_but);
    let limited = ClusterAccess {
        kubeconfig: Some(server.kubeconfig_of("limited")),
        ..access(server)
    };
    let followed = Followed::start(limited);
    followed.until_there("limited", "web").await;
    until("pushes need not wait", || followed.live.is_listed()).await;
    let Progress::Lost { reason } = followed.live.progress() else {
        panic!("not all of it is seen: {:?}", followed.live.progress());
    };
    assert!(
        reason.contains("may not list buckets.source.toolkit.fluxcd.io (403)"),
        "{reason}"
    );
    followed.annotate("limited", "web", "t-1").await;
    server.allow("limited", &["list", "watch", "patch"], &["*"]);
    followed.until_listed().await;
    followed.stop().await;

    // One that may see nothing is not taken for listed.
    let stranger = ClusterAccess {
        kubeconfig: Some(server.kubeconfig_of("stranger")),
        ..access(server)
    };
    let followed = Followed::start(stranger);
    until("every kind is forbidden", || {
        let cache = followed.live.read();
        let mut scopes = Kind::ALL.into_iter().map(|kind| cache.scope(kind));
        scopes.all(|scope| matches!(scope, ScopeState::Forbidden { .. }))
    })
    .await;
    assert!(!followed.live.is_listed());
    followed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server"]
async fn a_dead_cluster_harms_no_other_and_a_kubeconfig_may_come_later() {
    let server = shared();
    server.create_namespace("alive");
    server.create(&git_repository("alive", "web"));
    // It takes connections and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": format!("https://{}", listener.local_addr().unwrap())}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("silent");
    fs::write(&file, silent.to_string()).unwrap();
    let dead = Followed::start(ClusterAccess {
        name: "dead".into(),
        kubeconfig: Some(file),
        context: None,
    });
    let later = folder.path().join("later");
    let missing = Followed::start(ClusterAccess {
        name: "missing".into(),
        kubeconfig: Some(later.clone()),
        context: None,
    });
    let alive = Followed::start(access(server));
    let started = Stopwatch::start();
    alive.until_listed().await;
    alive.annotate("alive", "web", "t-1").await;
    // Who waited for the other would wait ten seconds for each kind.
    started.assert_within(Duration::from_secs(40), "to list beside a dead cluster");
    let reason = missing.until_lost().await;
    assert!(
        reason.contains("later") && reason.contains("No such file"),
        "{reason}"
    );
    let config: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(server.kubeconfig()).unwrap()).unwrap();
    let config = config.to_string().replace(
        "server.crt",
        &server
            .kubeconfig()
            .with_file_name("server.crt")
            .display()
            .to_string(),
    );
    fs::write(&later, config).unwrap();
    missing.until_there("alive", "web").await;
    missing.until_listed().await;
    let reason = dead.until_lost().await;
    assert!(reason.contains("does not answer within"), "{reason}");
    for followed in [dead, missing, alive] {
        followed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server"]
async fn an_object_that_cannot_be_read_harms_only_itself() {
    let server = ApiServer::start();
    server.create_namespace("apps");
    // Made before the kind asked for more: nothing keeps a number out of `spec.url` then.
    let loose = json!({"spec": {"versions": [{
        "name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        "subresources": {"status": {}},
    }]}});
    let crd = Target {
        api_version: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        namespace: "",
        name: "gitrepositories.source.toolkit.fluxcd.io",
    };
    server.patch(crd, &loose);
    let mut broken = git_repository("apps", "broken");
    broken["spec"]["url"] = json!(7);
    let deadline = std::time::Instant::now() + super::LIMIT;
    while !server.try_create(&broken).is_accepted() {
        assert!(
            std::time::Instant::now() < deadline,
            "the kind takes anything"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    server.create(&git_repository("apps", "web"));
    let followed = Followed::start(access(&server));
    followed.until_listed().await;
    assert!(followed.has("apps", "web") && !followed.has("apps", "broken"));
    let names = || {
        let cache = followed.live.read();
        let broken = cache.broken().map(|broken| broken.to_string());
        broken.collect::<Vec<_>>()
    };
    assert!(
        names()[0].contains("cannot read GitRepository `apps/broken` of cluster `prod`"),
        "{:?}",
        names()
    );
    let target = Target::of(&broken);
    server.patch(
        target,
        &json!({"spec": {"url": "https://github.com/acme/mended"}}),
    );
    followed.until_there("apps", "broken").await;
    assert!(names().is_empty());
    server.patch(target, &json!({"spec": {"url": [1]}}));
    until("it is broken again", || !names().is_empty()).await;
    server.create(&git_repository("apps", "after"));
    followed.until_there("apps", "after").await;
    server.delete(&broken);
    followed.until_gone("apps", "broken").await;
    followed.stop().await;
}
