//! With exactly the exported rights the whole flow passes, with one less it does not, and nothing else can be done.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api_server::{ApiServer, Target, Verdict};
use crate::binary::repository;
use crate::hookshot::guid;
use crate::process::{Home, Service};

use super::{exported, fleet, of_kind};

const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
const ALONE: &str = "flux-setup may change the annotation reconcile.fluxcd.io/requestedAt alone";
const PATIENCE: Duration = Duration::from_secs(60);

/// Kind, plural, and what an object of it must have.
fn kinds() -> [(&'static str, &'static str, &'static str, Value); 7] {
    const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
    let reference = json!({"kind": "GitRepository", "name": "none"});
    [
        (
            SOURCE,
            "GitRepository",
            "gitrepositories",
            json!({"url": "https://github.com/acme/rights", "ref": {"branch": "main"}}),
        ),
        (
            SOURCE,
            "OCIRepository",
            "ocirepositories",
            json!({"url": "oci://registry.acme.io/web"}),
        ),
        (
            SOURCE,
            "HelmRepository",
            "helmrepositories",
            json!({"url": "https://charts.acme.io"}),
        ),
        (
            SOURCE,
            "Bucket",
            "buckets",
            json!({"endpoint": "s3.acme.io", "bucketName": "web"}),
        ),
        (
            SOURCE,
            "HelmChart",
            "helmcharts",
            json!({"chart": "./chart", "sourceRef": reference}),
        ),
        (
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "kustomizations",
            json!({"prune": true, "sourceRef": reference}),
        ),
        (
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            "helmreleases",
            json!({"chart": {"spec": {"chart": "web", "sourceRef": reference}}}),
        ),
    ]
}

/// One object of every kind; each source waits for the same workflow.
fn create_all(server: &ApiServer, name: &str) {
    server.create_namespace("rights");
    for (version, kind, _, mut spec) in kinds() {
        spec["interval"] = json!("1h");
        server.create(&json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": name, "namespace": "rights", "labels": {"a": "b"},
                "annotations": {"flux-setup.dev/workflow": "acme/rights/build.yaml"}},
            "spec": spec,
        }));
    }
}

fn delete_all(server: &ApiServer, name: &str) {
    for (version, kind, _, _) in kinds() {
        let metadata = json!({"name": name, "namespace": "rights"});
        server.delete(&json!({"apiVersion": version, "kind": kind, "metadata": metadata}));
    }
}

fn workflow_has_succeeded() -> Vec<u8> {
    let path = ".github/workflows/build.yaml";
    let payload = json!({
        "action": "completed",
        "workflow_run": {"path": path, "conclusion": "success", "head_branch": "main",
            "head_sha": "ab".repeat(20)},
        "workflow": {"name": "Build", "path": path},
        "repository": {"id": 77, "full_name": "acme/rights", "html_url": "https://github.com/acme/rights"},
        "organization": {"login": "acme"},
    });
    payload.to_string().into_bytes()
}

/// A server that has all kinds, and what is exported of rights applied to it.
fn server_with_rights() -> (ApiServer, Vec<Value>) {
    let server = ApiServer::start();
    let folder = tempfile::tempdir().expect("a folder");
    let crd = repository().join("tests/fleets/everything/crds/helmreleases.yaml");
    let crd: Value =
        serde_saphyr::from_str(&fs::read_to_string(crd).expect("a CRD")).expect("a CRD");
    fs::write(folder.path().join("helmreleases.json"), crd.to_string())
        .expect("the folder is ours");
    server.install_crds(folder.path());
    let documents = exported(fleet().path(), &["--rights", "--with-namespace"]);
    for document in &documents {
        server.create(document);
    }
    (server, documents)
}

fn home(server: &ApiServer, token: &str) -> Home {
    let kubeconfig = server.kubeconfig_with("flux-setup", &json!({"token": token}));
    Home::new(&[("prod-eu", &kubeconfig)])
}

/// How many objects of a kind the service knows.
fn known(service: &Service, kind: &str) -> u64 {
    let answer = service.get("/api/v1/clusters");
    answer.map_or(0, |(_, clusters)| {
        clusters["clusters"][0]["objects"][kind]
            .as_u64()
            .unwrap_or(0)
    })
}

fn token_of(server: &ApiServer, plural: &str, version: &str, name: &str) -> Option<String> {
    let path = format!("/apis/{version}/namespaces/rights/{plural}/{name}");
    let object = server.read(&path)?;
    object["metadata"]["annotations"][REQUESTED_AT]
        .as_str()
        .map(str::to_owned)
}

/// Whether all that `serve` does has been done: what is made after it was ready is known, and every
/// source is annotated.
fn is_through(server: &ApiServer, service: &Service) -> bool {
    let all = kinds();
    let is_known = all.iter().all(|(_, kind, _, _)| known(service, kind) == 2);
    is_known
        && all
            .iter()
            .take(5)
            .all(|(version, _, plural, _)| token_of(server, plural, version, "before").is_some())
}

/// Starts `serve`, has it do everything, and waits until it is through or was refused what `refused` says.
fn flow(server: &ApiServer, token: &str, refused: Option<&str>) {
    create_all(server, "before");
    let home = home(server, token);
    let mut service = home.start();
    service.wait_until_ready();
    create_all(server, "after");
    let sent = service
        .hookshot()
        .send("workflow_run", &guid(1), &workflow_has_succeeded());
    assert_eq!(sent.expect("the service listens").status, 202);
    match refused {
        None => {
            service.wait_until("everything was done", |service| is_through(server, service));
            assert!(!service.log().contains("(403)"), "{}", service.log());
        }
        Some(reason) => {
            service.wait_until(reason, |service| {
                let story = service.get(&format!("/api/v1/deliveries/{}", guid(1)));
                let story = story.map_or(String::new(), |(_, story)| story.to_string());
                service.log().contains(reason) || story.contains(reason)
            });
            assert!(
                !is_through(server, &service),
                "{reason}, and still all was done"
            );
        }
    }
    service.kill();
    delete_all(server, "before");
    delete_all(server, "after");
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(
            Instant::now() < deadline,
            "not true in {PATIENCE:?}: {what}"
        );
        sleep(Duration::from_millis(20));
    }
}

/// Whether the account may do something now.
fn is_allowed(server: &ApiServer, group: &str, resource: &str, verb: &str) -> bool {
    let account = "system:serviceaccount:flux-setup:flux-setup";
    server.is_allowed(account, group, resource, verb)
}

/// Every right of a role: group, resource, verb.
fn rights(role: &Value) -> Vec<(String, String, String)> {
    let texts = |value: &Value| -> Vec<String> {
        let texts = value.as_array().expect("a list").iter();
        texts
            .map(|text| text.as_str().expect("a text").to_owned())
            .collect()
    };
    let mut rights = Vec::new();
    for rule in role["rules"].as_array().expect("it has rules") {
        for resource in texts(&rule["resources"]) {
            for verb in texts(&rule["verbs"]) {
                rights.push((texts(&rule["apiGroups"])[0].clone(), resource.clone(), verb));
            }
        }
    }
    rights
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn the_flow_passes_with_the_exported_rights_and_with_none_of_them_less() {
    let (server, documents) = server_with_rights();
    let token = server.account_token("flux-setup", "flux-setup");
    let role = of_kind(&documents, "ClusterRole").unwrap();
    let all = rights(role);
    assert_eq!(all.len(), 5 * 3 + 2 * 2);
    wait_until("all rights are there", || {
        all.iter()
            .all(|(group, resource, verb)| is_allowed(&server, group, resource, verb))
    });
    flow(&server, &token, None);
    for missing in &all {
        let others = all.iter().filter(|right| *right != missing);
        let rules: Vec<Value> = others
            .map(|(group, resource, verb)| {
                json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]})
            })
            .collect();
        server.patch(Target::of(role), &json!({"rules": rules}));
        let (group, resource, verb) = missing;
        wait_until("the right is gone", || {
            !is_allowed(&server, group, resource, verb)
        });
        let refused = format!("may not {verb} {resource}.{group} (403)");
        flow(&server, &token, Some(&refused));
        server.patch(Target::of(role), &json!({"rules": role["rules"]}));
        wait_until("the right is back", || {
            is_allowed(&server, group, resource, verb)
        });
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_stolen_token_can_only_ask_for_a_reconcile() {
    let (server, documents) = server_with_rights();
    let token = server.account_token("flux-setup", "flux-setup");
    create_all(&server, "web");
    let git = "/apis/source.toolkit.fluxcd.io/v1/namespaces/rights/gitrepositories/web";
    let merge = "application/merge-patch+json";
    let send = |method: &str, path: &str, kind: &str, body: &Value| -> Verdict {
        server
            .send_as(&token, method, path, kind, &body.to_string())
            .0
    };
    let patch = |body: Value| send("PATCH", git, merge, &body);
    // A policy holds a moment after it was made.
    wait_until("the policy holds", || {
        patch(json!({"spec": {"suspend": true}})).status == 403
    });
    server.patch(
        Target {
            api_version: "source.toolkit.fluxcd.io/v1",
            kind: "GitRepository",
            namespace: "rights",
            name: "web",
        },
        &json!({"spec": {"suspend": false}}),
    );
    let refused = |verdict: Verdict, says: &str| {
        assert!(
            verdict.status == 403 && verdict.message.contains(says),
            "{says}: {verdict:?}"
        );
    };
    let annotations =
        |name: &str, value: Value| json!({"metadata": {"annotations": {name: value}}});
    for (body, not) in [
        (
            json!({"spec": {"url": "https://evil.example/x"}}),
            "not spec",
        ),
        (json!({"spec": {"suspend": true}}), "not spec"),
        (
            json!({"metadata": {"labels": {"a": "c"}}}),
            "not labels, finalizers or owners",
        ),
        (
            json!({"metadata": {"labels": null}}),
            "not labels, finalizers or owners",
        ),
        (
            json!({"metadata": {"finalizers": ["a.b/c"]}}),
            "not labels, finalizers or owners",
        ),
        (
            annotations("reconcile.fluxcd.io/forceAt", json!("1")),
            "not another one",
        ),
        (
            annotations("flux-setup.dev/workflow", json!("evil/a/b.yaml")),
            "not another one",
        ),
        (
            annotations("flux-setup.dev/workflow", Value::Null),
            "not another one",
        ),
        (
            annotations(REQUESTED_AT, json!("x".repeat(65))),
            "by a short token",
        ),
    ] {
        refused(patch(body), &format!("{ALONE}, {not}"));
    }
    // By what it once applied Flux knows what it is to take away.
    let managed = |fields: Value| json!({"metadata": {"managedFields": fields}});
    let kept = server.read(git).expect("it is there")["metadata"]["managedFields"].take();
    let mut taken = kept.clone();
    taken[0]["manager"] = json!("evil");
    let mut more = kept.clone();
    let owned = json!({"manager": "evil", "operation": "Apply", "apiVersion": "source.toolkit.fluxcd.io/v1",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels": {"f:a": {}}}}});
    more.as_array_mut().expect("it has owners").push(owned);
    for fields in [json!([{}]), taken, more] {
        let not_owners = format!("{ALONE}, not who owns its fields");
        refused(patch(managed(fields)), &not_owners);
    }
    assert_eq!(
        server.read(git).expect("it is there")["metadata"]["managedFields"],
        kept
    );
    let both = json!({"metadata": {"annotations": {REQUESTED_AT: "1"}}, "spec": {"url": "https://evil.example/x"}});
    refused(patch(both), &format!("{ALONE}, not spec"));
    let apply = "application/apply-patch+yaml";
    let whole = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": "web"}, "spec": {"url": "https://evil.example/x", "interval": "1h"}});
    let forced = format!("{git}?fieldManager=evil&force=true");
    refused(
        send("PATCH", &forced, apply, &whole),
        &format!("{ALONE}, not spec"),
    );

    let none = Value::Null;
    let json = "application/json";
    for (method, path, kind, body, says) in [
        (
            "DELETE",
            git.to_owned(),
            json,
            &none,
            "cannot delete resource \"gitrepositories\"",
        ),
        (
            "PUT",
            git.to_owned(),
            json,
            &whole,
            "cannot update resource \"gitrepositories\"",
        ),
        (
            "GET",
            git.to_owned(),
            json,
            &none,
            "cannot get resource \"gitrepositories\"",
        ),
        (
            "PATCH",
            format!("{git}/status"),
            merge,
            &none,
            "cannot patch resource \"gitrepositories/status\"",
        ),
        (
            "GET",
            "/api/v1/secrets".to_owned(),
            json,
            &none,
            "cannot list resource \"secrets\"",
        ),
        (
            "PATCH",
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/rights/kustomizations/web".to_owned(),
            merge,
            &none,
            "cannot patch resource \"kustomizations\"",
        ),
    ] {
        refused(send(method, &path, kind, body), says);
    }
    // What it may, also in place of who asked before.
    let web = Target {
        api_version: "source.toolkit.fluxcd.io/v1",
        kind: "GitRepository",
        namespace: "rights",
        name: "web",
    };
    server.patch(web, &annotations(REQUESTED_AT, json!("by hand")));
    let asked = patch(annotations(REQUESTED_AT, json!("2026-01-01T00:00:00Z")));
    assert!(asked.is_accepted(), "{asked:?}");
    assert_eq!(
        token_of(
            &server,
            "gitrepositories",
            "source.toolkit.fluxcd.io/v1",
            "web"
        )
        .as_deref(),
        Some("2026-01-01T00:00:00Z")
    );

    // Whatever rights it is given, the policy stays.
    let role = of_kind(&documents, "ClusterRole").unwrap();
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    server.patch(Target::of(role), &json!({"rules": everything}));
    wait_until("it may do everything", || {
        is_allowed(
            &server,
            "source.toolkit.fluxcd.io",
            "gitrepositories",
            "delete",
        )
    });
    let neither = format!("{ALONE}, and neither make, delete nor report on an object");
    refused(send("DELETE", git, json, &none), &neither);
    let mut other = whole.clone();
    other["metadata"]["name"] = json!("other");
    let collection = Path::new(git).parent().unwrap().display().to_string();
    refused(send("POST", &collection, json, &other), &neither);
    let report = json!({"status": {"observedGeneration": 7}});
    refused(
        send("PATCH", &format!("{git}/status"), merge, &report),
        &neither,
    );
    refused(
        patch(json!({"spec": {"url": "https://evil.example/x"}})),
        &format!("{ALONE}, not spec"),
    );
}
