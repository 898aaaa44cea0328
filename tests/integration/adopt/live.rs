//! `init --context`: what a live cluster holds becomes a configuration, and nothing in it changes.

use crate::api_server::ApiServer;
use crate::binary::{command, ended};

use super::style;

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_live_cluster_is_read_and_not_touched() {
    let server = ApiServer::start();
    server.create_namespace("flux-system");
    for file in ["platform.yaml", "kustomizations.yaml"] {
        let path = style("monorepo").join(file);
        let applied = server.kubectl().arg("apply").arg("-f").arg(path).output();
        let applied = applied.unwrap();
        assert!(applied.status.success(), "{applied:?}");
    }
    let versions = || {
        let kinds = "gitrepositories,kustomizations";
        let arguments = [
            "get",
            kinds,
            "-A",
            "-o",
            "jsonpath={.items[*].metadata.resourceVersion}",
        ];
        server.kubectl().args(arguments).output().unwrap().stdout
    };
    let before = versions();
    let folder = tempfile::tempdir().unwrap();
    let output = command(&["init", "fleet", "--context", "tests"])
        .env("KUBECONFIG", server.kubeconfig())
        .current_dir(folder.path())
        .output();
    let run = ended(&output.unwrap());
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("11 the same"), "{}", run.stdout);
    let fleet = std::fs::read_to_string(folder.path().join("fleet/flux-setup.yaml")).unwrap();
    assert!(fleet.contains("- {name: tests, context: tests}"), "{fleet}");
    let renamed = folder.path().join("kubeconfig");
    std::fs::copy(server.kubeconfig(), &renamed).unwrap();
    let certificate = server.kubeconfig().with_file_name("server.crt");
    std::fs::copy(certificate, folder.path().join("server.crt")).unwrap();
    let rename = ["config", "rename-context", "tests", "admin@prod.example"];
    let mut kubectl = server.kubectl();
    kubectl.env("KUBECONFIG", &renamed).args(rename);
    assert!(kubectl.output().unwrap().status.success());
    let arguments = ["init", "none", "--context", "admin@prod.example", "--plan"];
    let output = command(&arguments).env("KUBECONFIG", &renamed).output();
    let plan = ended(&output.unwrap());
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    let suspend = "flux suspend kustomization flux-system --context admin@prod.example\n";
    assert!(plan.stdout.contains(suspend), "{}", plan.stdout);
    assert!(!plan.stdout.contains("admin-prod-example"));
    assert_eq!(versions(), before);
    let output = command(&["init", "other", "--context", "nowhere"])
        .env("KUBECONFIG", server.kubeconfig())
        .current_dir(folder.path())
        .output();
    let refused = ended(&output.unwrap());
    assert_eq!(refused.code, Some(2));
    assert!(
        refused
            .stderr
            .contains("cannot reach the cluster of context `nowhere`"),
        "{}",
        refused.stderr
    );
}
