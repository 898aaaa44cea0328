//! Deliveries that failed and come again, as when somebody redelivers them at GitHub.

use serde_json::json;

use crate::api_server::ApiServer;
use crate::hookshot::{guid, push};
use crate::process::Home;

use super::objects::Objects;
use super::{SOON, in_state, story};

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_delivery_whose_object_was_given_up_has_failed_and_is_worked_when_it_comes_again() {
    let server = ApiServer::start();
    let objects = Objects::new(&server, "again");
    objects.git("web", "https://github.com/acme/again", "main");
    server.allow("reader", &["list", "watch"], &["*"]);
    let clusters = [("prod-eu", &*server.kubeconfig_of("reader"))];
    let home = Home::with(&clusters, "  giveUpAfter: 10s\n");
    let mut service = home.start();
    service.wait_until_ready();
    let mut hookshot = service.hookshot();
    let mut send = || {
        let body = push("acme/again", "main", 1);
        hookshot.send("push", &guid(1), &body).unwrap()
    };
    assert_eq!(send().status, 202);
    service.wait_until("it has failed", |service| in_state(service, "failed") == 1);
    let told = story(&service, 1);
    assert_eq!(told["reason"], "the object could not be woken");
    assert_eq!(told["work"][0]["state"], "failed");
    let reason = told["work"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("may not patch gitrepositories"), "{reason}");

    server.allow("reader", &["list", "watch", "patch"], &["*"]);
    let answer = send();
    assert_eq!(
        (answer.status, answer.json()),
        (202, json!({"delivery": guid(1)}))
    );
    objects.wait_for(&["web"], SOON);
    service.wait_until("it is done", |service| in_state(service, "done") == 1);
    assert_eq!(story(&service, 1)["work"].as_array().unwrap().len(), 1);
    let answer = send();
    let reason = answer.json()["reason"].clone();
    assert_eq!(
        (answer.status, reason),
        (
            200,
            json!("this delivery came before, and its work is done")
        )
    );
}
