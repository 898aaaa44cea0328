//! From a push to the proof that it is applied: what is ours of that time, and what is the API server's.
//!
//! ```text
//! push -> ours -> patch (API server) -> played: fetched, applied -> watch (API server) -> ours: kept as applied
//! ```
//! A watch beside ours hears of each change when we can hear of it; a bare patch of the same object says what is
//! the API server's share of ours.

use std::io::{self, BufRead, BufReader, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::api_server::{ApiServer, Target};
use crate::hookshot::{guid, push};
use crate::player::{Player, revision};
use crate::process::{Home, Service};

const PUSHES: u64 = 300;
const PATIENCE: Duration = Duration::from_secs(30);

/// Prints the shares of so many pushes, one after the other.
pub fn run(out: &mut impl Write) -> io::Result<()> {
    let server = ApiServer::start();
    server.create_namespace("bench");
    let player = Player::new(&server, "bench");
    for number in 0..PUSHES {
        let name = format!("app-{number}");
        let url = format!("https://github.com/acme/{name}");
        server.create(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": name, "namespace": "bench"},
            "spec": {"url": url, "interval": "1h", "ref": {"branch": "main"}},
        }));
        player.fetch(&name, &revision("main", 1));
        player.kustomization(&name, &name);
    }
    let bare = quantiles(
        (0..PUSHES)
            .map(|number| bare_patch(&server, number))
            .collect(),
    );
    let (told, events) = channel();
    for (group, plural) in [
        ("source", "gitrepositories"),
        ("kustomize", "kustomizations"),
    ] {
        watch(&server, group, plural, told.clone());
    }
    let home = Home::new(&[("prod-eu", &server.kubeconfig())]);
    let mut service = home.start();
    service.wait_until_ready();
    let mut hookshot = service.hookshot();
    let (mut before, mut after, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..PUSHES {
        let name = format!("app-{number}");
        let body = push(&format!("acme/{name}"), "main", 2);
        let sent = Timestamp::now();
        hookshot.send("push", &guid(number), &body)?;
        let asked = heard(&events, &name, |object| {
            object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].is_string()
        });
        player.fetch(&name, &revision("main", 2));
        player.apply(&name, &revision("main", 2));
        let applied = heard(&events, &name, |object| {
            object["status"]["lastAppliedRevision"] == revision("main", 2)
        });
        let kept = applied_at(&service, number);
        let first = (asked.duration_since(sent) - bare.0).max(SignedDuration::ZERO);
        let last = kept.duration_since(applied).max(SignedDuration::ZERO);
        before.push(first);
        after.push(last);
        own.push(first + last);
    }
    service.kill();
    for (what, (half, most)) in [
        ("a bare patch", bare),
        ("ours until the patch is there", quantiles(before)),
        (
            "ours from the last status until it is seen as applied",
            quantiles(after),
        ),
        ("ours in all", quantiles(own)),
    ] {
        writeln!(
            out,
            "{what}: half within {}, 99 % within {}",
            shown(half),
            shown(most)
        )?;
    }
    Ok(())
}

fn bare_patch(server: &ApiServer, number: u64) -> SignedDuration {
    let target = Target {
        api_version: "source.toolkit.fluxcd.io/v1",
        kind: "GitRepository",
        namespace: "bench",
        name: &format!("app-{number}"),
    };
    let started = Instant::now();
    server.patch(
        target,
        &json!({"metadata": {"annotations": {"bench": "1"}}}),
    );
    SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::MAX)
}

type Heard = (Timestamp, Value);

fn watch(server: &ApiServer, group: &str, plural: &str, told: Sender<Heard>) {
    let path = format!("/apis/{group}.toolkit.fluxcd.io/v1/namespaces/bench/{plural}");
    let list = server.read(&path).unwrap_or_default();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap_or("0");
    let stream = server.stream(&format!("{path}?watch=1&resourceVersion={version}"));
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let now = Timestamp::now();
            let mut event: Value = serde_json::from_str(&line).unwrap_or_default();
            if told.send((now, event["object"].take())).is_err() {
                break;
            }
        }
    });
}

fn heard(events: &Receiver<Heard>, name: &str, is_it: impl Fn(&Value) -> bool) -> Timestamp {
    loop {
        let (at, object) = events
            .recv_timeout(PATIENCE)
            .expect("it is heard of in time");
        if object["metadata"]["name"] == *name && is_it(&object) {
            return at;
        }
    }
}

/// When the service saw that the delivery of this number is applied.
fn applied_at(service: &Service, number: u64) -> Timestamp {
    let path = format!("/api/v1/deliveries/{}", guid(number));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = service.get(&path).map(|(_, told)| told).unwrap_or_default();
        let at = &told["deliveries"][0]["work"][0]["proof"]["appliedAt"];
        if let Some(at) = at.as_str().and_then(|at| at.parse().ok()) {
            return at;
        }
        assert!(Instant::now() < deadline, "not applied: {told:#}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Half of them, and 99 %, are within these.
fn quantiles(mut times: Vec<SignedDuration>) -> (SignedDuration, SignedDuration) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    (at(50), at(99))
}

fn shown(time: SignedDuration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}
