//! The API server that judges our manifests is real: it takes what is right and refuses what is wrong.

use crate::api_server::{ApiServer, Target, Verdict, shared};

const GIT_REPOSITORY: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: web
  namespace: flux-system
spec:
  interval: 1m
  ref:
    branch: main
  timeout: 60s
  url: https://github.com/acme/web
";

const KUSTOMIZATION: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: web
  namespace: flux-system
spec:
  interval: 1m
  path: ./deploy
  prune: true
  sourceRef:
    kind: GitRepository
    name: web
";

fn apply_git_repository(manifest: &str) -> Verdict {
    let server = server();
    let target = Target {
        api_version: "source.toolkit.fluxcd.io/v1",
        kind: "GitRepository",
        namespace: "flux-system",
        name: "web",
    };
    server.strict_apply(target, manifest)
}

fn apply_kustomization(manifest: &str) -> Verdict {
    let server = server();
    let target = Target {
        api_version: "kustomize.toolkit.fluxcd.io/v1",
        kind: "Kustomization",
        namespace: "flux-system",
        name: "web",
    };
    server.strict_apply(target, manifest)
}

fn server() -> &'static ApiServer {
    shared().create_namespace("flux-system");
    shared()
}

#[track_caller]
fn assert_refused(verdict: &Verdict, status: u16, message: &str) {
    assert!(
        verdict.status == status && verdict.message.contains(message),
        "{verdict:?}"
    );
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn takes_good_objects_and_stores_nothing() {
    for verdict in [
        apply_git_repository(GIT_REPOSITORY),
        apply_kustomization(KUSTOMIZATION),
    ] {
        assert!(verdict.is_accepted(), "{verdict:?}");
    }
    let list = server()
        .read("/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories")
        .expect("the kind is served");
    assert_eq!(list["items"], serde_json::json!([]));
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn refuses_what_the_schema_forbids() {
    let hours = apply_git_repository(&GIT_REPOSITORY.replace("timeout: 60s", "timeout: 2h"));
    assert_refused(&hours, 422, "spec.timeout");
    let text = apply_kustomization(&KUSTOMIZATION.replace("prune: true", "prune: \"yes\""));
    assert_refused(&text, 500, "spec.prune");
    let unknown =
        apply_kustomization(&KUSTOMIZATION.replace("prune: true", "prune: true\n  prunee: true"));
    assert_refused(&unknown, 500, "prunee");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn refuses_a_key_that_is_written_twice() {
    let twice = apply_git_repository(
        &GIT_REPOSITORY.replace("interval: 1m", "interval: 1m\n  interval: 2m"),
    );
    assert_refused(&twice, 400, "interval");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn judges_on_many_threads_at_once() {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    assert!(apply_git_repository(GIT_REPOSITORY).is_accepted());
                }
            });
        }
    });
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn is_the_release_that_it_says_for_kubectl_too() {
    let output = server()
        .kubectl()
        .args(["version", "-o", "json"])
        .output()
        .expect("kubectl is there");
    let version: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("kubectl prints JSON");
    let release = version["serverVersion"]["gitVersion"]
        .as_str()
        .expect("the server says its version");
    assert!(release.starts_with("v1."), "{release}");
}
