//! Clusters, policies and the work itself, while the configuration changes.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::api_server::shared;
use crate::hookshot::{Hookshot, guid, push};
use crate::process::{Home, SECRET, Service};
use crate::serve::objects::Objects;

use super::{change, reasons};

const SOON: Duration = Duration::from_secs(120);

fn state(service: &Service, number: u64) -> String {
    let story = service.get(&format!("/api/v1/deliveries/{}", guid(number)));
    let story = story.map(|(_, story)| story["deliveries"][0]["state"].clone());
    story
        .and_then(|state| state.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn deliver(service: &Service, number: u64, repository: &str) -> u16 {
    let sent = Hookshot::connect(service.hooks, "acme", SECRET).and_then(|mut hookshot| {
        hookshot.send("push", &guid(number), &push(repository, "main", number))
    });
    sent.map_or(0, |answer| answer.status)
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_cluster_that_is_added_is_watched_and_its_objects_are_woken() {
    let server = shared();
    let objects = Objects::new(server, "reload-added");
    objects.git("web", "https://github.com/acme/reload-added", "main");
    let kubeconfig = server.kubeconfig();
    let nowhere = std::path::Path::new("/nowhere/kubeconfig");
    let home = Home::new(&[("away", nowhere)]);
    let mut service = home.start();
    service.wait_until_ready();
    let away = format!("{{name: away, kubeconfig: {}}}", nowhere.display());
    let added = format!(
        "{away}\n  - {{name: prod-eu, kubeconfig: {}}}",
        kubeconfig.display()
    );
    change(&home, &away, &added);
    service.wait_until("the cluster is listed", |service| {
        let (status, _) = service.get("/health/ready").expect("it answers");
        assert_eq!(status, 200, "an added cluster takes no readiness away");
        let clusters = service.get("/api/v1/clusters").expect("it answers").1;
        clusters["clusters"][1]["progress"] == "listed"
    });
    assert_eq!(deliver(&service, 1, "acme/reload-added"), 202);
    objects.wait_for(&["web"], SOON);
    change(&home, &added, &away);
    service.wait_until("the cluster is gone", |service| {
        let clusters = service.get("/api/v1/clusters").expect("it answers").1;
        clusters["clusters"]
            .as_array()
            .is_some_and(|clusters| clusters.len() == 1)
    });
    service.is_running();
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn an_environment_that_is_not_to_be_woken_any_more_is_not() {
    let server = shared();
    let objects = Objects::new(server, "reload-policy");
    let spec = json!({"url": "https://github.com/acme/reload-policy", "interval": "1h", "ref": {"branch": "main"}});
    objects.create_labelled("web", &spec, "dev");
    let home = Home::new(&[("prod-eu", &server.kubeconfig())]);
    home.write("environments/dev.yaml", "ref: {branch: main}\n");
    let mut service = home.start();
    service.wait_until_ready();
    assert_eq!(deliver(&service, 1, "acme/reload-policy"), 202);
    objects.wait_for(&["web"], SOON);
    let token = objects.token("web");
    home.write(
        "environments/dev.yaml",
        "ref: {branch: main}\nwebhook: false\n",
    );
    service.wait_until("the change holds", |service| {
        service.log().contains("the changed configuration holds")
    });
    assert_eq!(deliver(&service, 2, "acme/reload-policy"), 202);
    service.wait_until("it is over", |service| {
        ["done", "nothing"].contains(&state(service, 2).as_str())
    });
    assert_eq!(objects.token("web"), token);
}

/// Changes come one after the other while pushes come too: each is taken, and each is worked.
#[test]
#[ignore = "needs a Kubernetes API server"]
fn no_push_is_lost_while_the_configuration_changes_again_and_again() {
    const PUSHES: u64 = 300;
    const MOST_PUSHES: u64 = 3_000;
    const CHANGES: usize = 3;
    let server = shared();
    let objects = Objects::new(server, "reload-load");
    objects.git("web", "https://github.com/acme/reload-load", "main");
    let home = Home::new(&[("prod-eu", &server.kubeconfig())]);
    let mut service = home.start();
    service.wait_until_ready();
    let text = fs::read_to_string(home.path().join("flux-setup.yaml")).unwrap();
    let changes = || {
        service
            .log()
            .matches("the changed configuration holds")
            .count()
    };
    let sent = thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut number = 0;
            // As long as it takes until some changes have come to hold.
            while number < PUSHES || (changes() < CHANGES && number < MOST_PUSHES) {
                number += 1;
                let status = deliver(&service, number, "acme/reload-load");
                assert_eq!(status, 202, "{number}\n{}", service.log());
                thread::sleep(Duration::from_millis(40));
            }
            number
        });
        let mut changed = 0;
        while !sending.is_finished() {
            let before = changes();
            changed += 1;
            home.write("flux-setup.yaml", &format!("{text}# {changed}\n"));
            while changes() == before && !sending.is_finished() {
                thread::sleep(Duration::from_millis(20));
            }
        }
        sending.join().unwrap()
    });
    assert!(changes() >= CHANGES, "{}", changes());
    service.wait_until("all are done", |service| {
        (1..=sent).all(|number| state(service, number) == "done")
    });
    assert_eq!(reasons(&service), [""; 0]);
    // Whose access stays the same is not listed again.
    let log = service.log();
    assert!(!log.contains("lost "), "{log}");
}
