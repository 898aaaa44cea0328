//! Pushes are followed to their end: status is played as Flux's controllers write it.

mod later;
mod unapplied;

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api_server::{ApiServer, shared};
use crate::hookshot::{guid, push};
use crate::player::{Player, helm_crds, revision};
use crate::process::{Home, Service};

use super::objects::Objects;
use super::{SOON, story};

/// A GitRepository `web` that follows `main`, at commit 1, and a service that was pushed commit `pushed`.
struct Scene<'s> {
    player: Player<'s>,
    home: Home,
    service: Option<Service>,
    repository: String,
}

impl<'s> Scene<'s> {
    fn new(server: &'s ApiServer, namespace: &str) -> Self {
        Self::with(server, namespace, "")
    }

    fn with(server: &'s ApiServer, namespace: &str, settings: &str) -> Self {
        let objects = Objects::new(server, namespace);
        let repository = format!("acme/{namespace}");
        objects.git("web", &format!("https://github.com/{repository}"), "main");
        let player = Player::new(server, namespace);
        player.fetch("web", &revision("main", 1));
        let home = Home::with(&[("prod-eu", &server.kubeconfig())], settings);
        Self {
            player,
            home,
            service: None,
            repository,
        }
    }

    fn start(&mut self) {
        let mut service = self.home.start();
        service.wait_until_ready();
        self.service = Some(service);
    }

    fn service(&mut self) -> &mut Service {
        self.service.as_mut().expect("it was started")
    }

    /// Pushes a commit and waits for the token of another wake than this one.
    fn push(&mut self, number: u64, commit: u64, other_than: Option<&str>) -> String {
        let body = push(&self.repository, "main", commit);
        let mut hookshot = self.service().hookshot();
        let answer = hookshot
            .send("push", &guid(number), &body)
            .expect("it answers");
        assert_eq!(answer.status, 202, "{answer:?}");
        self.player
            .wait_for_token("GitRepository", "web", other_than)
    }

    /// Waits until what a delivery brought is followed: what comes before that is taken for something that nobody pushed.
    fn wait_followed(&self, number: u64) {
        let service = self.service.as_ref().expect("it was started");
        let deadline = Instant::now() + SOON;
        while story(service, number)["work"][0]["state"] != "annotated" {
            assert!(Instant::now() < deadline, "{:#}", story(service, number));
            thread::sleep(Duration::from_millis(20));
        }
        thread::sleep(Duration::from_millis(500));
    }

    /// What became of the object of this delivery.
    fn proof(&self, number: u64) -> Value {
        let service = self.service.as_ref().expect("it was started");
        story(service, number)["work"][0]["proof"].clone()
    }

    /// Waits until a proof is in this state and stage.
    fn wait(&self, number: u64, state: &str, stage: &str) -> Value {
        let deadline = Instant::now() + SOON;
        loop {
            let proof = self.proof(number);
            if proof["state"] == state && proof["stage"] == stage {
                return proof;
            }
            assert!(Instant::now() < deadline, "not {stage} {state}: {proof:#}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn metric(&self, start: &str) -> Option<f64> {
        let Some((200, Value::String(text))) = self.service.as_ref()?.get("/metrics") else {
            return None;
        };
        let line = text.lines().find(|line| line.starts_with(start))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_push_is_proven_once_each_kustomization_has_applied_it() {
    let mut scene = Scene::new(shared(), "proven");
    scene.player.kustomization("web", "web");
    scene.player.kustomization("docs", "web");
    scene.start();
    scene.push(1, 2, None);
    scene.player.acknowledge("web");
    scene.wait(1, "following", "acknowledged");
    let unapplied = "flux_setup_pushed_unapplied_seconds{cluster=\"prod-eu\"";
    scene.player.fetch("web", &revision("main", 2));
    let proof = scene.wait(1, "following", "fetched");
    assert_eq!(proof["fetched"]["revision"], revision("main", 2));
    scene.player.apply("web", &revision("main", 2));
    let deadline = Instant::now() + SOON;
    while !scene.metric(unapplied).is_some_and(|age| age > 0.0) {
        assert!(Instant::now() < deadline, "it is not counted");
        thread::sleep(Duration::from_millis(100));
    }
    scene.player.apply("docs", &revision("main", 2));
    let proof = scene.wait(1, "proven", "healthy");
    let users: Vec<_> = proof["users"].as_array().unwrap().iter().collect();
    assert_eq!(users.len(), 2);
    assert!(
        users.iter().all(|user| user["state"] == "healthy"),
        "{proof:#}"
    );
    let deadline = Instant::now() + SOON;
    while scene.metric(unapplied) != Some(0.0) {
        assert!(Instant::now() < deadline, "it is still counted");
        thread::sleep(Duration::from_millis(100));
    }
    let healthy = "flux_setup_push_stage_seconds_count{stage=\"healthy\",environment=\"\"}";
    while scene.metric(healthy) != Some(1.0) {
        assert!(Instant::now() < deadline, "{:?}", scene.metric(healthy));
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_release_is_followed_through_its_chart_and_no_new_version_is_an_end() {
    let server = ApiServer::start();
    server.install_crds(&helm_crds());
    let mut scene = Scene::new(&server, "charts");
    scene.player.release("shop", "web");
    scene.player.build("shop", &revision("main", 1), "1.0.0");
    scene.player.install("shop", "1.0.0");
    scene.start();
    let token = scene.push(1, 2, None);
    scene.player.fetch("web", &revision("main", 2));
    scene.wait(1, "following", "fetched");
    scene.player.build("shop", &revision("main", 2), "1.1.0");
    scene.player.install("shop", "1.1.0");
    let proof = scene.wait(1, "proven", "healthy");
    assert_eq!(proof["users"][0]["revision"], "1.1.0");
    scene.push(2, 3, Some(&token));
    scene.player.fetch("web", &revision("main", 3));
    scene.wait(2, "following", "fetched");
    scene.player.build("shop", &revision("main", 3), "1.1.0");
    let proof = scene.wait(2, "proven", "healthy");
    assert_eq!(proof["users"][0]["state"], "noNewVersion", "{proof:#}");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_failure_is_told_in_the_object_s_own_words_until_it_is_mended() {
    let mut scene = Scene::new(shared(), "failing");
    scene.player.kustomization("web", "web");
    scene.start();
    scene.push(1, 2, None);
    scene
        .player
        .fail_to_fetch("web", "GitOperationFailed", "authentication required");
    let proof = scene.wait(1, "failing", "acknowledged");
    assert_eq!(proof["failure"]["reason"], "GitOperationFailed");
    scene.player.fetch("web", &revision("main", 2));
    let message = "kustomize build failed: no such file";
    scene
        .player
        .fail("web", &revision("main", 2), "BuildFailed", message);
    let proof = scene.wait(1, "failing", "fetched");
    assert_eq!(proof["failure"]["object"], "Kustomization failing/web");
    assert_eq!(proof["failure"]["message"], message);
    scene.player.apply("web", &revision("main", 2));
    scene.wait(1, "proven", "healthy");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_commit_is_overtaken_by_a_later_one_whichever_comes_first() {
    let mut scene = Scene::new(shared(), "overtaken");
    scene.player.kustomization("web", "web");
    scene.start();
    let token = scene.push(1, 2, None);
    scene.push(2, 3, Some(&token));
    // Both are answered with the later commit alone.
    scene.player.fetch("web", &revision("main", 3));
    let proof = scene.wait(1, "overtaken", "acknowledged");
    assert_eq!(proof["by"]["guid"], guid(2));
    scene.player.apply("web", &revision("main", 3));
    scene.wait(2, "proven", "healthy");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn an_older_commit_is_asked_for_again() {
    let mut scene = Scene::new(shared(), "older");
    scene.start();
    let token = scene.push(1, 2, None);
    scene.player.fetch("web", &revision("main", 1));
    let again = scene
        .player
        .wait_for_token("GitRepository", "web", Some(&token));
    assert_eq!(scene.proof(1)["again"]["token"], *again);
    scene.player.fetch("web", &revision("main", 2));
    let proof = scene.wait(1, "proven", "fetched");
    assert_eq!(proof["again"]["times"], 1);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn what_never_comes_or_speaks_of_another_generation_ends_unproven() {
    let mut scene = Scene::with(shared(), "never", "  proveWithin: 20s\n");
    scene.player.kustomization("web", "web");
    scene.start();
    scene.push(1, 2, None);
    scene.player.fetch("web", &revision("main", 2));
    scene.wait(1, "following", "fetched");
    let object = shared()
        .read("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/never/kustomizations/web")
        .unwrap();
    let target = crate::api_server::Target::of(&object);
    scene.player.apply("web", &revision("main", 1));
    shared().patch(target, &serde_json::json!({"spec": {"interval": "11m"}}));
    let late = serde_json::json!({
        "lastAppliedRevision": revision("main", 2), "lastAttemptedRevision": revision("main", 2),
    });
    shared().patch_status(target, &late);
    let proof = scene.wait(1, "unproven", "applied");
    assert_eq!(
        proof["reason"],
        "not proven within 20s; last it waited for Kustomization never/web to be ready"
    );
    // Too late: what is over stays as it is.
    scene.player.apply("web", &revision("main", 2));
    thread::sleep(Duration::from_millis(500));
    assert_eq!(scene.proof(1)["state"], "unproven");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn statuses_out_of_order_come_to_the_same_end() {
    let mut scene = Scene::new(shared(), "order");
    scene.player.kustomization("web", "web");
    scene.start();
    scene.push(1, 2, None);
    scene.player.apply("web", &revision("main", 2));
    thread::sleep(Duration::from_millis(300));
    scene.player.fetch("web", &revision("main", 2));
    scene.wait(1, "proven", "healthy");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn kill_9_in_each_stage_forgets_nothing() {
    let mut scene = Scene::new(shared(), "kill-stages");
    scene.player.kustomization("web", "web");
    scene.start();
    scene.push(1, 2, None);
    super::wait_annotated(scene.service());
    let again = |scene: &mut Scene| {
        scene.service.take().unwrap().kill();
        scene.start();
    };
    again(&mut scene);
    scene.player.acknowledge("web");
    let acknowledged = scene.wait(1, "following", "acknowledged")["acknowledgedAt"].clone();
    again(&mut scene);
    scene.player.fetch("web", &revision("main", 2));
    let fetched = scene.wait(1, "following", "fetched")["fetched"].clone();
    // What happens while nobody looks is seen afterwards.
    scene.service.take().unwrap().kill();
    scene.player.apply("web", &revision("main", 2));
    scene.start();
    let proof = scene.wait(1, "proven", "healthy");
    assert_eq!(proof["acknowledgedAt"], acknowledged);
    assert_eq!(proof["fetched"], fetched);
    again(&mut scene);
    assert_eq!(scene.proof(1), proof);
}
