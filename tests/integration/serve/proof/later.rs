//! Which of several pushes to one object is the last, and what is told of those before it.

use serde_json::json;

use crate::api_server::Target;

use super::*;

impl Scene<'_> {
    /// Delivers a push, whether anything follows it or not.
    fn deliver(&mut self, number: u64, body: &[u8]) {
        let mut hookshot = self.service().hookshot();
        let answer = hookshot
            .send("push", &guid(number), body)
            .expect("it answers");
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// Pushes a tag that leads to that commit, and waits for the token.
    fn tag(&mut self, number: u64, name: &str, commit: u64, other_than: Option<&str>) -> String {
        let body = push(&self.repository, "main", commit);
        let body = String::from_utf8(body).expect("it is JSON");
        let body = body.replace("refs/heads/main", &format!("refs/tags/{name}"));
        self.deliver(number, body.as_bytes());
        self.player
            .wait_for_token("GitRepository", "web", other_than)
    }

    /// The deliveries by which `web` was pushed last, where that is not applied.
    fn last_pushes(&self) -> Vec<String> {
        let service = self.service.as_ref().expect("it was started");
        let (_, told) = service.get("/api/v1/pushes").expect("it answers");
        let namespace = self.repository.split('/').nth(1);
        let pushes = told["pushes"].as_array().expect("a list").iter();
        let ours = pushes.filter(|push| push["object"]["namespace"].as_str() == namespace);
        let guids = ours.map(|push| push["guid"].as_str().expect("each has one").to_owned());
        guids.collect()
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_later_push_overtakes_however_many_deliveries_came_between() {
    let mut scene = Scene::new(shared(), "came-between");
    scene.player.kustomization("web", "web");
    scene.start();
    let first = scene.push(1, 2, None);
    let second = scene.push(2, 3, Some(&first));
    for number in 100..305 {
        let elsewhere = push(&scene.repository, "next", number);
        scene.deliver(number, &elsewhere);
    }
    scene.push(3, 4, Some(&second));
    scene.wait_followed(3);
    scene.player.fetch("web", &revision("main", 4));
    for number in [1, 2] {
        let proof = scene.wait(number, "overtaken", "acknowledged");
        assert_eq!(proof["by"]["guid"], guid(3));
    }
    scene.player.apply("web", &revision("main", 4));
    scene.wait(3, "proven", "healthy");
    assert_eq!(scene.last_pushes(), [""; 0]);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_push_under_the_new_name_of_a_repository_overtakes_one_under_its_old_name() {
    let mut scene = Scene::new(shared(), "renamed-between");
    scene.player.kustomization("web", "web");
    scene.start();
    let first = scene.push(1, 2, None);
    let body = String::from_utf8(push(&scene.repository, "main", 3)).unwrap();
    let body = body.replace(&scene.repository, "acme/has-another-name");
    scene.deliver(2, body.as_bytes());
    scene
        .player
        .wait_for_token("GitRepository", "web", Some(&first));
    scene.wait_followed(2);
    scene.player.fetch("web", &revision("main", 3));
    let proof = scene.wait(1, "overtaken", "acknowledged");
    assert_eq!(proof["by"]["guid"], guid(2));
    scene.player.apply("web", &revision("main", 3));
    scene.wait(2, "proven", "healthy");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_push_is_the_last_no_more_once_a_later_one_is_applied() {
    let mut scene = Scene::new(shared(), "taken-back");
    let git = Target {
        api_version: "source.toolkit.fluxcd.io/v1",
        kind: "GitRepository",
        namespace: "taken-back",
        name: "web",
    };
    let reference = json!({"branch": null, "semver": ">=1.0.0"});
    shared().patch(git, &json!({"spec": {"ref": reference}}));
    scene.player.fetch("web", &revision("v1.0.0", 1));
    scene.player.kustomization("web", "web");
    scene.start();
    // It is deleted again before anybody fetches it, and a lower one is there in its place.
    let first = scene.tag(1, "v1.3.0", 2, None);
    scene.tag(2, "v1.2.9", 3, Some(&first));
    assert_eq!(scene.last_pushes(), [guid(2)]);
    scene.player.fetch("web", &revision("v1.2.9", 3));
    scene.player.apply("web", &revision("v1.2.9", 3));
    scene.wait(2, "proven", "healthy");
    assert_eq!(scene.last_pushes(), [""; 0]);
    // Of the first one it goes on to be kept what it waits for.
    scene.player.acknowledge("web");
    let deadline = Instant::now() + SOON;
    while scene.proof(1)["waits"] != "until it has fetched what is new" {
        assert!(Instant::now() < deadline, "{:#}", scene.proof(1));
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(scene.last_pushes(), [""; 0]);
}
