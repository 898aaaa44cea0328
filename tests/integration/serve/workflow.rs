//! A workflow that has succeeded wakes the sources that name it, of whatever kind.

use serde_json::{Value, json};

use crate::api_server::{ApiServer, shared};
use crate::hookshot::guid;

use super::{home, story};

const NAMESPACE: &str = "workflows";

fn source(server: &ApiServer, kind: &str, name: &str, spec: Value, workflow: &str) {
    server.create(&json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE,
            "annotations": {"flux-setup.dev/workflow": workflow}},
        "spec": spec,
    }));
}

/// What GitHub sends of a run of `.github/workflows/build.yaml` in `acme/workflows`.
fn run(conclusion: &str) -> Vec<u8> {
    let path = ".github/workflows/build.yaml";
    let payload = json!({
        "action": "completed",
        "workflow_run": {"path": path, "conclusion": conclusion, "head_branch": "main",
            "head_sha": "ab".repeat(20)},
        "workflow": {"name": "Build", "path": path},
        "repository": {"id": 77, "full_name": "Acme/Workflows",
            "html_url": "https://github.com/Acme/Workflows"},
        "organization": {"login": "Acme"},
    });
    payload.to_string().into_bytes()
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_workflow_that_succeeds_wakes_what_names_it_and_one_that_fails_nothing() {
    let server = shared();
    server.create_namespace(NAMESPACE);
    let named = "acme/workflows/build.yaml";
    let image = json!({"url": "oci://registry.acme.io/web", "interval": "1h"});
    source(server, "OCIRepository", "image", image, named);
    let bucket = json!({"endpoint": "s3.acme.io", "bucketName": "web", "interval": "1h"});
    source(server, "Bucket", "bucket", bucket.clone(), named);
    source(
        server,
        "Bucket",
        "other",
        bucket,
        "acme/workflows/test.yaml",
    );
    let home = home(server);
    let mut service = home.start();
    service.wait_until_ready();
    let mut hookshot = service.hookshot();
    for (number, conclusion) in [(1, "failure"), (2, "success")] {
        let answer = hookshot.send("workflow_run", &guid(number), &run(conclusion));
        assert_eq!(answer.unwrap().status, 202);
    }
    service.wait_until("the delivery is done", |service| {
        story(service, 2)["state"] == "done"
    });
    service.wait_until("the failed one is done", |service| {
        story(service, 1)["state"] == "nothing"
    });
    assert_eq!(
        story(&service, 1)["reason"],
        "nothing follows events of this kind"
    );
    let told = story(&service, 2);
    let mut woken: Vec<_> = told["work"].as_array().unwrap().iter().collect();
    woken.sort_by_key(|work| work["object"]["kind"].to_string());
    let objects: Vec<_> = woken.iter().map(|work| &work["object"]["name"]).collect();
    assert_eq!(objects, ["bucket", "image"]);
    for (work, path) in woken
        .iter()
        .zip(["buckets/bucket", "ocirepositories/image"])
    {
        assert_eq!(work["state"], "annotated");
        let path = format!("/apis/source.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/{path}");
        let object = server.read(&path).unwrap();
        let token = &object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"];
        assert_eq!(token, &work["token"]);
    }
}
