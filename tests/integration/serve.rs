//! Pushes become annotations: `flux-setup serve` between a sender of webhooks and a real API server.

mod again;
mod asking;
mod faults;
pub mod kills;
mod log;
mod lost;
pub mod objects;
mod proof;
mod returned;
mod store;
mod workflow;

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api_server::{ApiServer, shared};
use crate::hookshot::{guid, push};
use crate::machine::Stopwatch;
use crate::process::Home;
use objects::{Objects, Tokens};

/// For what one push sets off; a debug build on a busy machine takes a second.
const SOON: Duration = Duration::from_secs(120);

fn home(server: &ApiServer) -> Home {
    Home::new(&[("prod-eu", &server.kubeconfig())])
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_push_wakes_exactly_the_objects_that_follow_its_branch() {
    let server = shared();
    let objects = Objects::new(server, "exactly");
    objects.git("web", "https://github.com/acme/exactly", "main");
    objects.git("web-ssh", "ssh://git@github.com/Acme/Exactly.git", "main");
    objects.git("web-next", "https://github.com/acme/exactly", "next");
    objects.git("docs", "https://github.com/acme/docs-of-exactly", "main");
    let home = home(server);
    let mut service = home.start();
    service.wait_until_ready();
    let mut hookshot = service.hookshot();
    let answer = hookshot
        .send("push", &guid(1), &push("Acme/Exactly", "main", 1))
        .unwrap();
    assert_eq!(
        (answer.status, &answer.json()["delivery"]),
        (202, &json!(guid(1))),
        "{answer:?}"
    );
    objects.wait_for(&["web", "web-ssh"], SOON);
    service.wait_until("the delivery is done", |service| {
        story(service, 1)["state"] == "done"
    });
    assert_eq!(
        objects.annotated(),
        HashSet::from(["web".to_owned(), "web-ssh".to_owned()])
    );
    // Whoever looks for the GUID finds all of it, once it is logged.
    let mut told: Vec<String> = Vec::new();
    service.wait_until("four lines tell of it", |service| {
        let log = service.log();
        let lines = log.lines();
        let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let lines = lines.filter(|line| line["delivery"] == json!(guid(1)));
        let lines = lines.map(|line| {
            let fields = ["message", "cluster", "object", "webhook"];
            let fields = fields.map(|name| line[name].as_str().unwrap_or("-").to_owned());
            fields.join(" | ").replace(&guid(1), "GUID")
        });
        told = lines.collect();
        told.len() >= 4
    });
    told.sort();
    let annotated = |name: &str| {
        let object = format!("GitRepository exactly/{name}");
        format!("{object} of cluster prod-eu: annotated | prod-eu | {object} | acme")
    };
    assert_eq!(
        told,
        [
            annotated("web"),
            annotated("web-ssh"),
            "matched the delivery acme/GUID: working, 2 objects | - | - | acme".to_owned(),
            "took the delivery acme/GUID | - | - | acme".to_owned(),
        ]
    );

    let story = story(&service, 1);
    assert_eq!(
        (&story["repository"], &story["reference"]),
        (&json!("Acme/Exactly"), &json!("refs/heads/main"))
    );
    let mut woken: Vec<_> = story["work"]
        .as_array()
        .unwrap()
        .iter()
        .map(|work| {
            let token = objects.token(work["object"]["name"].as_str().unwrap());
            assert_eq!(work["token"].as_str(), token.as_deref());
            (
                work["cluster"].as_str().unwrap(),
                work["state"].as_str().unwrap(),
            )
        })
        .collect();
    woken.dedup();
    assert_eq!(woken, [("prod-eu", "annotated")]);

    let (status, explained) = service
        .get(&format!("/api/v1/deliveries/{}/candidates", guid(1)))
        .unwrap();
    assert_eq!(status, 200, "{explained}");
    let candidates = explained["explanations"][0]["candidates"]
        .as_array()
        .unwrap();
    let why: Vec<(&str, bool, &str)> = candidates
        .iter()
        .map(|candidate| {
            (
                candidate["object"]["name"].as_str().unwrap(),
                candidate["woken"].as_bool().unwrap(),
                candidate["why"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        why,
        [
            ("web", true, "it follows branch `main`"),
            ("web-ssh", true, "it follows branch `main`"),
            (
                "web-next",
                false,
                "it follows branch `next`; pushed was `refs/heads/main`"
            ),
        ]
    );
    // The same delivery again is known, and wakes nothing.
    let again = hookshot
        .send("push", &guid(1), &push("Acme/Exactly", "main", 1))
        .unwrap();
    assert_eq!(again.status, 200, "{again:?}");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_burst_of_pushes_is_one_annotation_at_once_and_one_more_after_it() {
    let server = shared();
    let objects = Objects::new(server, "burst");
    objects.git("web", "https://github.com/acme/burst", "main");
    let tokens = Tokens::watch(server, "burst");
    let home = home(server);
    let mut service = home.start();
    service.wait_until_ready();
    let mut hookshot = service.hookshot();
    let started = Instant::now();
    for number in 1..=100 {
        let body = push("acme/burst", "main", number);
        let answer = hookshot.send("push", &guid(number), &body).unwrap();
        assert_eq!(answer.status, 202);
    }
    service.wait_until("all are done", |service| done(service) == 100);
    // On a machine that is busy the burst itself outlasts the rest of its object.
    let rests = started.elapsed().as_secs() / 3;
    thread::sleep(Duration::from_secs(4));
    let last = objects.token("web");
    service.wait_until("the watch has told of the last", |_| {
        last.is_some() && tokens.of("web").last() == last.as_ref()
    });
    let tokens = tokens.of("web").len() as u64;
    assert!(
        (1..=2 + rests).contains(&tokens),
        "{tokens} in {rests} rests"
    );
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn suspended_objects_and_those_that_opted_out_are_reported_and_not_touched() {
    let server = shared();
    let objects = Objects::new(server, "asleep");
    let spec = |suspend: bool| json!({"url": "https://github.com/acme/asleep", "interval": "1h", "ref": {"branch": "main"}, "suspend": suspend});
    objects.create("asleep", &spec(true), &json!({}));
    objects.create(
        "out",
        &spec(false),
        &json!({"flux-setup.dev/webhook": "disabled"}),
    );
    let home = home(server);
    let mut service = home.start();
    service.wait_until_ready();
    let mut hookshot = service.hookshot();
    hookshot
        .send("push", &guid(1), &push("acme/asleep", "main", 1))
        .unwrap();
    service.wait_until("the delivery is done", |service| {
        story(service, 1)["state"] == "done"
    });
    let mut states: Vec<_> = story(&service, 1)["work"]
        .as_array()
        .unwrap()
        .iter()
        .map(|work| (work["object"]["name"].clone(), work["state"].clone()))
        .map(|(name, state)| format!("{} {}", name.as_str().unwrap(), state.as_str().unwrap()))
        .collect();
    states.sort();
    assert_eq!(states, ["asleep suspended", "out optedOut"]);
    assert_eq!(objects.annotated(), HashSet::new());
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn in_the_shadow_all_is_recorded_and_nothing_touched() {
    let server = shared();
    let objects = Objects::new(server, "shadow");
    objects.git("web", "https://github.com/acme/shadow", "main");
    let home = home(server);
    let mut service = home.start_with(&["--shadow"]);
    service.wait_until_ready();
    let mut hookshot = service.hookshot();
    hookshot
        .send("push", &guid(1), &push("acme/shadow", "main", 1))
        .unwrap();
    service.wait_until("the delivery is done", |service| {
        story(service, 1)["state"] == "done"
    });
    assert_eq!(story(&service, 1)["work"][0]["state"], "shadowed");
    assert_eq!(objects.annotated(), HashSet::new());
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn an_orderly_stop_ends_with_zero_and_a_second_process_is_refused() {
    let home = home(shared());
    let service = home.start();
    let mode = fs::metadata(home.store()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = Home::new(&[("away", Path::new("/nowhere/kubeconfig"))]);
    let text = fs::read_to_string(second.path().join("flux-setup.yaml")).unwrap();
    let store = format!("sqlite:{}", home.store().display());
    second.write("flux-setup.yaml", &text.replace("sqlite:inbox.db", &store));
    let refused = second.command(&[]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.contains("another process has this store open; give each a store of its own"),
        "{told}"
    );
    let stopping = Stopwatch::start();
    let (status, _, log) = service.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    stopping.assert_within(Duration::from_secs(10), "an orderly stop");
}

/// What `serve` says of a configuration with which it cannot start.
fn refused(text: &str) -> String {
    let home = Home::new(&[("away", Path::new("/nowhere/kubeconfig"))]);
    home.write("flux-setup.yaml", text);
    let ended = home.command(&[]).output().expect("the binary was built");
    assert_eq!(ended.status.code(), Some(2));
    String::from_utf8(ended.stderr).expect("it writes text")
}

#[test]
fn what_serve_cannot_start_with_is_told_with_the_way_to_mend_it() {
    let webhook = |secret: &str| {
        format!(
            "github: [{{host: github.com, webhooks: [{{name: acme, organization: acme, secrets: [{secret}]}}]}}]\n"
        )
    };
    let told = refused("budget: {}\n");
    assert!(
        told.contains("no webhook is configured; list one under `github[].webhooks`"),
        "{told}"
    );
    let told = refused(&webhook("{file: nope}"));
    assert!(
        told.contains("cannot use the secret file:nope of webhook `acme`"),
        "{told}"
    );
    let told = refused(&webhook("{env: FLUX_SETUP_NOT_SET}"));
    assert!(
        told.contains("the environment variable `FLUX_SETUP_NOT_SET` is not set"),
        "{told}"
    );
    let sound = webhook("{file: secret}");
    let told = refused(&format!(
        "{sound}server: {{hooks: {{listen: 127.0.0.1:0}}, api: {{listen: 127.0.0.1:0}}, store: sqlite:none/inbox.db}}\n"
    ));
    assert!(
        told.contains("its folder is not there; make it, or name another file"),
        "{told}"
    );
    let told = refused(&format!(
        "{sound}server: {{hooks: {{listen: 127.0.0.1:0}}, api: {{listen: 0.0.0.0:0}}}}\n"
    ));
    assert!(
        told.contains("which others can reach, and `server.api.tokens` is empty"),
        "{told}"
    );
    let told = refused(&format!(
        "{sound}server: {{hooks: {{listen: 192.0.2.1:1}}}}\n"
    ));
    assert!(
        told.contains("cannot listen on 192.0.2.1:1 for hooks"),
        "{told}"
    );
}

/// Every delivery that is answered 202 is on disk: whenever the process dies, its object is woken
/// once, and never twice.
#[test]
#[ignore = "needs a Kubernetes API server"]
fn kill_9_at_any_moment_loses_nothing_and_doubles_nothing() {
    let outcome = kills::run(shared(), 20);
    println!("{outcome}");
    assert!(outcome.accepted > 20, "too few to say anything: {outcome}");
    assert_eq!((outcome.lost, outcome.doubled), (0, 0), "{outcome}");
}

/// What is told of the one delivery of this number.
pub fn story(service: &crate::process::Service, number: u64) -> Value {
    let path = format!("/api/v1/deliveries/{}", guid(number));
    let answer = service.get(&path).map(|(_, answer)| answer);
    answer.map_or(Value::Null, |answer| answer["deliveries"][0].clone())
}

fn in_state(service: &crate::process::Service, state: &str) -> usize {
    let path = format!("/api/v1/deliveries?limit=500&state={state}");
    let answer = service.get(&path).map(|(_, answer)| answer);
    let deliveries = answer.and_then(|answer| Some(answer["deliveries"].as_array()?.len()));
    deliveries.unwrap_or(usize::MAX)
}

fn wait_annotated(service: &mut crate::process::Service) {
    service.wait_until("the delivery is done", |service| done(service) == 1);
}

fn done(service: &crate::process::Service) -> usize {
    in_state(service, "done")
}

/// Deliveries that are not over.
fn open(service: &crate::process::Service) -> usize {
    in_state(service, "accepted").saturating_add(in_state(service, "working"))
}
