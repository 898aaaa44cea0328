//! The description of the routes: it has each of them, and what each answers is what it says.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use flux_setup::server::{FleetAnswer, FleetQuestion, fleet_routes};
use regex::Regex;
use serde_json::Value;

use crate::binary::repository;
use crate::github::description::Description;
use crate::github::exchange::Exchange;
use crate::process::Home;
use crate::service::{Answer, Sent, Service, Wanted, ask, get};

use super::clusters;

/// Paths of the API in the sources, with their methods.
fn routes_of(folder: &Path, routes: &mut BTreeSet<(String, String)>) {
    let route = Regex::new(r#"\.route\(\s*"([^"]+)",\s*(get|post|put|patch|delete)\("#)
        .expect("the folder is there");
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the file can be read").path();
        if path.is_dir() {
            routes_of(&path, routes);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("the pattern is one");
            let found = route.captures_iter(&text);
            routes.extend(found.map(|found| (found[1].to_owned(), found[2].to_owned())));
        }
    }
}

fn described() -> Value {
    let text = include_str!("../../../src/server/api/openapi.json");
    serde_json::from_str(text).expect("it is JSON")
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let mut routes = BTreeSet::new();
    routes_of(&repository().join("src/server"), &mut routes);
    assert!(routes.len() > 12, "{routes:?}");
    routes.insert(("/hooks/github/{name}".to_owned(), "post".to_owned()));
    let document = described();
    let paths = document["paths"].as_object().unwrap().iter();
    let described: BTreeSet<(String, String)> = paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(|method| (path.clone(), method.clone()))
        })
        .collect();
    assert_eq!(described, routes);
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(
                    fields
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = described();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

/// Answers of a running service, judged by its description.
struct Judge {
    description: Description,
    /// Endpoints with the statuses that they were seen to answer.
    seen: BTreeSet<(String, u16)>,
    faults: Vec<String>,
}

impl Judge {
    fn new() -> Self {
        Self {
            description: Description::of(described()),
            seen: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    /// `path` as it is described, without what fills it.
    fn judge(&mut self, method: &str, path: &str, query: &str, answer: &Answer) {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let endpoint: &'static str = format!("{method} {path}").leak();
        let query = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        // What is refused for a parameter may have one that is not described.
        let query = query.filter(|_| answer.status < 400);
        let exchange = Exchange {
            endpoint,
            query: query.collect(),
            asked: Value::Null,
            status: answer.status,
            answered: serde_json::from_str(&answer.body).unwrap_or_default(),
        };
        let document = described();
        let operation = &document["paths"][path][method.to_ascii_lowercase()];
        let mut response = &operation["responses"][answer.status.to_string()];
        if let Some(reference) = response["$ref"].as_str() {
            response = document
                .pointer(&reference[1..])
                .expect("it leads somewhere");
        }
        let kinds = response["content"].as_object();
        let is_kind = |kind: &String| answer.head.contains(&format!("content-type: {kind}"));
        if !kinds.is_some_and(|kinds| kinds.keys().any(is_kind)) {
            let fault = format!(
                "{endpoint} {}: content type or status unknown: {answer:?}",
                answer.status
            );
            self.faults.push(fault);
        }
        if answer.head.contains("application/json") {
            self.faults.extend(self.description.faults(&exchange));
        }
        self.seen.insert((endpoint.to_owned(), answer.status));
    }
}

async fn call(
    judge: &mut Judge,
    at: SocketAddr,
    path: &str,
    filled: &str,
    query: &str,
    headers: &str,
) {
    let mark = if query.is_empty() { "" } else { "?" };
    let answer = get(at, &format!("{filled}{mark}{query}"), headers).await;
    judge.judge("GET", path, query, &answer);
}

fn fleet(question: &FleetQuestion) -> FleetAnswer {
    match question {
        FleetQuestion::Budget => FleetAnswer::Faulty(br#"{"findings": []}"#.to_vec()),
        FleetQuestion::Manifests { of, .. } if of.environment.is_none() => {
            FleetAnswer::Printed(b"{}".to_vec())
        }
        _ => FleetAnswer::Refused("the selection is empty".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_doors_answer_is_as_it_is_described() {
    let service = Service::with(Wanted {
        clusters: clusters(),
        more: fleet_routes(Arc::new(|question: &FleetQuestion| Ok(fleet(question)))),
        ..Wanted::default()
    })
    .await;
    let guarded = Service::with(Wanted {
        tokens: vec!["token"],
        clusters: clusters(),
        ..Wanted::default()
    })
    .await;
    let mut judge = Judge::new();
    let hook = "/hooks/github/{name}";
    let ping = Sent::new("ping", "p1", "{\"zen\":\"x\"}");
    let mut elsewhere = Sent::push(9);
    elsewhere.path = "/hooks/github/none".to_owned();
    let mut got = Sent::push(9);
    got.method = "GET";
    for sent in [
        Sent::push(1),
        Sent::push(1),
        ping,
        elsewhere,
        got,
        Sent::push(2).header("x-hub-signature-256", None),
        Sent::push(2).header("x-github-event", None),
        Sent::push(2).header("content-type", Some("text/plain")),
        Sent::push(2).header("content-length", Some("99999999999")),
    ] {
        judge.judge("POST", hook, "", &service.deliver(&sent).await);
    }
    let api = service.at.api;
    let guid = "00000000-0000-0000-0000-000000000001";
    let one = format!("/api/v1/deliveries/{guid}");
    for (path, filled, query) in [
        ("/api/v1/deliveries", "/api/v1/deliveries", "limit=1"),
        ("/api/v1/deliveries", "/api/v1/deliveries", "state=unknown"),
        ("/api/v1/deliveries/{guid}", one.as_str(), ""),
        ("/api/v1/deliveries/{guid}", "/api/v1/deliveries/none", ""),
        ("/api/v1/deliveries/{guid}", "/api/v1/deliveries/a%20b", ""),
        ("/api/v1/pushes", "/api/v1/pushes", ""),
        ("/api/v1/pushes", "/api/v1/pushes", "x"),
        ("/api/v1/clusters", "/api/v1/clusters", ""),
        ("/api/v1/clusters", "/api/v1/clusters", "x"),
        ("/api/v1/rate-limit", "/api/v1/rate-limit", ""),
        ("/api/v1/rate-limit", "/api/v1/rate-limit", "x"),
        (
            "/api/v1/rate-limit/history",
            "/api/v1/rate-limit/history",
            "since=2026-01-01T00:00:00Z",
        ),
        (
            "/api/v1/rate-limit/history",
            "/api/v1/rate-limit/history",
            "since=yesterday",
        ),
        ("/api/v1/webhooks", "/api/v1/webhooks", ""),
        ("/api/v1/webhooks", "/api/v1/webhooks", "x"),
        ("/api/v1/heads", "/api/v1/heads", ""),
        ("/api/v1/heads", "/api/v1/heads", "x"),
        ("/api/v1/manifests", "/api/v1/manifests", "environment=none"),
        ("/api/v1/manifests", "/api/v1/manifests", "output=x"),
        ("/api/v1/budget", "/api/v1/budget", ""),
        ("/api/v1/budget", "/api/v1/budget", "profile=x"),
        ("/api/v1/openapi.json", "/api/v1/openapi.json", ""),
        ("/api/v1/openapi.json", "/api/v1/openapi.json", "x"),
        ("/metrics", "/metrics", ""),
        ("/health/live", "/health/live", ""),
        ("/health/ready", "/health/ready", ""),
    ] {
        call(&mut judge, api, path, filled, query, "").await;
    }
    for (query, kind) in [
        ("", "application/yaml"),
        ("?format=json", "application/json"),
    ] {
        let answer = get(api, &format!("/api/v1/manifests{query}"), "").await;
        let kind = format!("content-type: {kind}");
        assert!(
            answer.status == 200 && answer.head.contains(&kind),
            "{answer:?}"
        );
    }
    let paths = described();
    let paths = paths["paths"].as_object().unwrap();
    for path in paths
        .keys()
        .filter(|path| !path.starts_with("/hooks") && !path.starts_with("/health"))
    {
        if paths[path].get("get").is_none() {
            continue;
        }
        let filled = path.replace("{guid}", guid);
        call(&mut judge, guarded.at.api, path, &filled, "", "").await;
        let foreign = "GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
        let foreign = foreign.replace("GET /", &format!("GET {filled}"));
        judge.judge("GET", path, "", &ask(api, foreign.as_bytes()).await);
    }
    service.state.store.clone().close().await.unwrap();
    for (path, filled) in [
        ("/api/v1/deliveries", "/api/v1/deliveries"),
        ("/api/v1/deliveries/{guid}", one.as_str()),
        ("/health/ready", "/health/ready"),
    ] {
        call(&mut judge, api, path, filled, "", "").await;
    }
    judge.judge("POST", hook, "", &service.deliver(&Sent::push(3)).await);
    assert!(judge.faults.is_empty(), "{}", judge.faults.join("\n"));
    for status in [200, 202, 400, 401, 404, 405, 413, 415, 503] {
        assert!(
            judge.seen.contains(&(format!("POST {hook}"), status)),
            "{status}: {:?}",
            judge.seen
        );
    }
    for status in [200, 400, 401, 403, 404, 503] {
        let endpoint = "GET /api/v1/deliveries/{guid}".to_owned();
        assert!(
            judge.seen.contains(&(endpoint, status)),
            "{status}: {:?}",
            judge.seen
        );
    }
}

const FLEET: &str = "\
projects:
  - {name: web, repository: https://github.com/acme/web}
  - name: platform
    source: {kind: OCIRepository, url: oci://ghcr.io/acme/platform, ref: {semver: '>=1.4'}}
    dependsOn: [web]
";

/// A service with a fleet, and the commands over the same folder.
#[test]
fn the_fleet_is_told_in_the_bytes_of_the_commands() {
    let home = Home::new(&[("away", Path::new("/nowhere/kubeconfig"))]);
    let said = fs::read_to_string(home.path().join("flux-setup.yaml")).unwrap();
    home.write("flux-setup.yaml", &format!("{FLEET}{said}"));
    home.write("environments/dev.yaml", "ref: {branch: main}\n");
    home.write(
        "environments/production.yaml",
        "ref: {branch: production}\ncluster: away\n",
    );
    let mut service = home.start();
    service.wait_until_ready();
    let printed = |arguments: &[&str]| {
        let run = crate::binary::run_in(home.path(), arguments);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout
    };
    let asked = |path: &str| {
        let answer = service.get_text(path).unwrap();
        assert_eq!(answer.0, 200, "{path}: {}", answer.1);
        answer.1
    };
    for (path, arguments) in [
        ("/api/v1/manifests", &["render"][..]),
        (
            "/api/v1/manifests?format=json",
            &["render", "--format", "json"],
        ),
        (
            "/api/v1/manifests?project=we*&environment=dev",
            &["render", "--project", "we*", "--environment", "dev"],
        ),
        ("/api/v1/plan", &["plan", "--format", "json"]),
        (
            "/api/v1/plan?environment=production",
            &["plan", "--format", "json", "--environment", "production"],
        ),
        (
            "/api/v1/manifests?cluster=away",
            &["render", "--cluster", "away"],
        ),
        ("/api/v1/budget", &["budget", "--format", "json"]),
    ] {
        assert_eq!(asked(path), printed(arguments), "{path}");
    }
    let mut judge = Judge::new();
    for (path, query) in [
        ("/api/v1/manifests", "format=json"),
        ("/api/v1/plan", ""),
        ("/api/v1/budget", ""),
    ] {
        let body = asked(&format!("{path}?{query}"));
        let head = "content-type: application/json".to_owned();
        judge.judge(
            "GET",
            path,
            query,
            &Answer {
                status: 200,
                head,
                body,
            },
        );
    }
    assert!(judge.faults.is_empty(), "{}", judge.faults.join("\n"));
    for (query, reason) in [
        (
            "plan?project=wob",
            "unknown project `wob`; did you mean `web`?",
        ),
        (
            "manifests?environment=dev&cluster=away",
            "the selection is empty",
        ),
        ("budget?profile=flux-git", "unknown field `profile`"),
    ] {
        let (status, refused) = service.get(&format!("/api/v1/{query}")).unwrap();
        let told = refused["reason"].as_str().unwrap_or_default();
        assert!(status == 400 && told.contains(reason), "{query}: {refused}");
    }
}

#[test]
fn what_the_configuration_of_a_fleet_lacks_is_told_with_its_place() {
    let home = Home::new(&[("away", Path::new("/nowhere/kubeconfig"))]);
    let said = fs::read_to_string(home.path().join("flux-setup.yaml")).unwrap();
    let fleet = FLEET.replace("dependsOn: [web]", "dependsOn: [wob]");
    home.write("flux-setup.yaml", &format!("{fleet}{said}"));
    home.write("environments/dev.yaml", "ref: {branch: main}\n");
    let service = home.start();
    let mut judge = Judge::new();
    for path in ["/api/v1/manifests", "/api/v1/plan", "/api/v1/budget"] {
        let (status, body) = service.get_text(path).unwrap();
        assert_eq!(status, 422, "{body}");
        let findings: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(findings["findings"][0]["line"], 5, "{findings}");
        let head = "content-type: application/json".to_owned();
        judge.judge("GET", path, "", &Answer { status, head, body });
    }
    assert!(judge.faults.is_empty(), "{}", judge.faults.join("\n"));
}
