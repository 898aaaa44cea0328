//! What a cluster has by the time that its watch is back follows the pushes that came while it was lost.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api_server::{Target, shared};
use crate::hookshot::{guid, push};
use crate::process::{Home, Service};
use crate::replicas::fleet::way;

use super::objects::{Objects, Tokens};
use super::{SOON, in_state, story};

fn waits(service: &Service, number: u64) -> bool {
    let story = story(service, number);
    let work = story["work"].as_array().cloned().unwrap_or_default();
    work.iter()
        .any(|work| work["object"] == Value::Null && work["state"] == "waiting")
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn objects_that_came_to_follow_a_branch_unseen_are_woken_for_what_was_pushed_meanwhile() {
    let server = shared();
    let objects = Objects::new(server, "unseen");
    let url = "https://github.com/acme/unseen";
    objects.git("web", url, "main");
    objects.git("moved", url, "next");
    objects.git("docs", url, "docs");
    let (proxy, kubeconfig) = way(server, "unseen");
    let home = Home::new(&[("prod-eu", &kubeconfig)]);
    let mut service = home.start();
    service.wait_until_ready();
    proxy.shut();
    service.wait_until("the cluster is lost", |service| {
        service.log().contains("of cluster prod-eu: ")
    });
    objects.git("late", url, "main");
    objects.git("new", "https://github.com/acme/unseen-new", "main");
    let moved = Target {
        api_version: "source.toolkit.fluxcd.io/v1",
        kind: "GitRepository",
        namespace: "unseen",
        name: "moved",
    };
    server.patch(moved, &json!({"spec": {"ref": {"branch": "main"}}}));
    let tokens = Tokens::watch(server, "unseen");
    let mut hookshot = service.hookshot();
    for (number, repository) in [(1, "acme/unseen"), (2, "acme/unseen-new")] {
        let body = push(repository, "main", number);
        let answer = hookshot.send("push", &guid(number), &body).unwrap();
        assert_eq!(answer.status, 202, "{answer:?}");
        service.wait_until("it waits for the cluster", |service| waits(service, number));
    }
    proxy.open();
    let woken = ["web", "moved", "late", "new"];
    objects.wait_for(&woken, SOON);
    service.wait_until("both are done", |service| in_state(service, "done") == 2);
    // As long as a second annotation of the same object waits.
    thread::sleep(Duration::from_secs(4));
    assert_eq!(objects.annotated(), HashSet::from(woken.map(str::to_owned)));
    for name in woken {
        assert_eq!(tokens.of(name).len(), 1, "{name}");
    }
}
