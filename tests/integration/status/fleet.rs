//! A fleet of 200 objects: the figures of `status`, `reconcile --wait` and `delivery show` are those of the API server.

use std::collections::BTreeMap;
use std::thread;

use serde_json::{Value, json};

use crate::api_server::{ApiServer, Target, shared};
use crate::hookshot::{guid, push};
use crate::player::{Player, revision};
use crate::process::Home;

use super::{KUSTOMIZE, SOURCE, create_both, run, run_of, told};

/// A hundred GitRepositories of one repository and as many Kustomizations of them, by their number.
fn create_fleet(server: &ApiServer, namespace: &str) -> Vec<String> {
    server.create_namespace(namespace);
    let names = (0..100).map(|number| {
        let name = format!("app-{number:03}");
        let environment = ["development", "staging", "production"][number % 3];
        create_both(server, namespace, &name, namespace, environment);
        name
    });
    names.collect()
}

/// What the API server says of each object, as a person would read it with `kubectl get`.
fn truth(server: &ApiServer, namespace: &str) -> BTreeMap<String, Value> {
    let mut objects = BTreeMap::new();
    for (api_version, plural) in [(SOURCE, "gitrepositories"), (KUSTOMIZE, "kustomizations")] {
        let path = format!("/apis/{api_version}/namespaces/{namespace}/{plural}");
        let list = server.read(&path).unwrap_or_default();
        for item in list["items"].as_array().into_iter().flatten() {
            let kind = item["kind"].as_str().unwrap_or_default();
            let status = &item["status"];
            let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions.iter().find(|it| it["type"] == "Ready");
            let health = match ready.and_then(|ready| ready["status"].as_str()) {
                Some("True") => "ready",
                Some("False") => "failed",
                _ => "working",
            };
            let is_git = kind == "GitRepository";
            let revision = if is_git {
                status["artifact"]["revision"].clone()
            } else {
                status["lastAppliedRevision"].clone()
            };
            let message = match health {
                "failed" => ready.map_or(Value::Null, |ready| ready["message"].clone()),
                _ => Value::Null,
            };
            let key = format!(
                "{kind} {}",
                item["metadata"]["name"].as_str().unwrap_or_default()
            );
            let interval = if is_git { "1m30s" } else { "10m" };
            let figures = json!([
                revision,
                interval,
                health,
                item["spec"]["suspend"].as_bool().unwrap_or_default(),
                message,
                item["metadata"]["labels"]["flux-setup.dev/environment"],
            ]);
            objects.insert(key, figures);
        }
    }
    objects
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn the_figures_of_a_fleet_of_200_objects_are_those_of_the_api_server() {
    let server = shared();
    let namespace = "status-fleet";
    let player = Player::new(server, namespace);
    for (number, name) in create_fleet(server, namespace).into_iter().enumerate() {
        let commit = number as u64;
        if number % 10 != 9 {
            player.fetch(&name, &revision("main", commit));
        }
        match number % 7 {
            0 => player.fail(
                &name,
                &revision("main", commit),
                "BuildFailed",
                "it cannot be built",
            ),
            1 => {}
            _ => player.apply(&name, &revision("main", commit)),
        }
        if number % 25 == 3 {
            let target = Target {
                api_version: KUSTOMIZE,
                kind: "Kustomization",
                namespace,
                name: &name,
            };
            server.patch(target, &json!({"spec": {"suspend": true}}));
        }
    }
    let run = run(server, &["--project", "status-fleet", "--format", "json"]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{run:?}");
    let report = told(&run);
    let shown = report["objects"].as_array().unwrap().iter().map(|object| {
        let key = format!(
            "{} {}",
            object["object"]["kind"].as_str().unwrap(),
            object["object"]["name"].as_str().unwrap()
        );
        let message = match object["health"].as_str() {
            Some("failed") => object["message"].clone(),
            _ => Value::Null,
        };
        let figures = json!([
            object["revision"],
            object["interval"],
            object["health"],
            object["suspended"],
            message,
            object["environment"],
        ]);
        (key, figures)
    });
    let shown: BTreeMap<String, Value> = shown.collect();
    assert_eq!(shown.len(), 200);
    let truth = truth(server, namespace);
    // Their last change was to `spec.suspend`, which nobody has answered yet.
    let is_asleep = |figures: &Value| figures[3] == true;
    for (key, expected) in truth.iter().filter(|(_, it)| !is_asleep(it)) {
        assert_eq!(shown[key], *expected, "{key}");
    }
    let asleep = truth.values().filter(|it| is_asleep(it)).count();
    assert_eq!(shown.values().filter(|it| is_asleep(it)).count(), asleep);
    let fetched = &report["objects"].as_array().unwrap()[0]["revisionAt"];
    assert_eq!(fetched, "2026-01-02T03:04:05Z");
}

/// The health of each object, with its revision where it is well and else its message: as `delivery show` and
/// `reconcile` tell it, which say nothing of intervals.
fn ends(server: &ApiServer, namespace: &str) -> BTreeMap<String, Value> {
    let ends = truth(server, namespace).into_iter().map(|(key, figures)| {
        let failed = figures[2] == "failed";
        let end = json!([figures[2], figures[if failed { 4 } else { 0 }]]);
        (key, end)
    });
    ends.collect()
}

/// The one end of an object that is well, and the other of one that is not.
fn end(revision: &Value, failure: Option<&str>) -> Value {
    match failure {
        None => json!(["ready", revision]),
        Some(message) => json!(["failed", message]),
    }
}

/// Plays Flux: each source that is asked fetches the commit, which cannot be built where the number of the object ends
/// like this. Returns with which tokens they were asked, other ones than before.
fn play(
    player: &Player<'_>,
    names: &[String],
    commit: u64,
    failing: usize,
    before: &[String],
) -> Vec<String> {
    let revision = revision("main", commit);
    let asked = names.iter().enumerate().map(|(number, name)| {
        let before = before.get(number).map(String::as_str);
        let token = player.wait_for_token("GitRepository", name, before);
        player.fetch(name, &revision);
        if number % 10 == failing {
            let message = format!("{name} cannot be built from {commit}");
            player.fail(name, &revision, "BuildFailed", &message);
        } else {
            player.apply(name, &revision);
        }
        token
    });
    asked.collect()
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn what_became_of_a_reconcile_and_of_a_push_in_200_objects_is_told_as_the_api_server_has_it() {
    let server = shared();
    let namespace = "told-fleet";
    let player = Player::new(server, namespace);
    let names = create_fleet(server, namespace);

    let arguments = ["acme/told-fleet@main", "--wait", "--format", "json"];
    let running = thread::spawn(move || run_of("reconcile", server, &arguments));
    let tokens = play(&player, &names, 2, 7, &[]);
    let run = running.join().expect("it was run");
    assert_eq!((run.code, &*run.stderr), (Some(1), ""), "{run:?}");
    let report = told(&run);
    let shown = report["objects"].as_array().unwrap().iter().map(|object| {
        let (kind, name) = (
            text(&object["object"]["kind"]),
            text(&object["object"]["name"]),
        );
        let failure = (object["state"] == "failed").then(|| {
            let condition = format!("{kind} {namespace}/{name}: Ready: BuildFailed: ");
            let message = text(&object["reason"]).strip_prefix(&condition);
            message.unwrap_or_else(|| panic!("{object:#}"))
        });
        if kind == "GitRepository" {
            assert!(tokens.iter().any(|token| object["token"] == **token));
        }
        (format!("{kind} {name}"), end(&object["revision"], failure))
    });
    let shown: BTreeMap<String, Value> = shown.collect();
    assert_eq!(shown.len(), 200);
    assert_eq!(shown, ends(server, namespace));

    let home = Home::new(&[("default", &server.kubeconfig())]);
    let mut service = home.start();
    service.wait_until_ready();
    let body = push("acme/told-fleet", "main", 3);
    let answer = service.hookshot().send("push", &guid(1), &body).unwrap();
    assert_eq!(answer.status, 202);
    let tokens = play(&player, &names, 3, 4, &tokens);
    let url = format!("http://{}", home.api);
    let show = |format: &str| {
        let guid = guid(1);
        let arguments = ["show", &*guid, "--server", &*url, "--format", format];
        run_of("delivery", server, &arguments)
    };
    let mut work = Vec::new();
    service.wait_until("each is proven, or fails", |_| {
        let story = told(&show("json"))["deliveries"][0].clone();
        work = story["work"].as_array().cloned().unwrap_or_default();
        let is_told = |work: &Value| {
            let state = &work["proof"]["state"];
            state == "proven" || state == "failing"
        };
        work.len() == 100 && work.iter().all(is_told)
    });
    let mut shown = BTreeMap::new();
    for work in &work {
        let name = text(&work["object"]["name"]);
        assert!(tokens.iter().any(|token| work["token"] == **token));
        let (proof, users) = (&work["proof"], &work["proof"]["users"]);
        let key = format!("GitRepository {name}");
        shown.insert(key, end(&proof["fetched"]["revision"], None));
        let is_well = proof["state"] == "proven";
        for user in users.as_array().unwrap() {
            assert_eq!(user["state"] == "healthy", is_well, "{work:#}");
            let key = format!("{} {}", text(&user["kind"]), text(&user["name"]));
            let message = user["failure"]["message"].as_str();
            shown.insert(key, end(&user["revision"], message));
        }
    }
    assert_eq!(shown, ends(server, namespace));
    let run = show("text");
    let count = |words: &str| {
        run.stdout
            .lines()
            .filter(|line| line.contains(words))
            .count()
    };
    // Of each that fails, in the row of its source and in its own.
    assert_eq!(
        (
            count("  proven: main@sha1:"),
            count("  fails: Kustomization told-fleet/app-")
        ),
        (90, 20),
        "{run:?}"
    );
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
