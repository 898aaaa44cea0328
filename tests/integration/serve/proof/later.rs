//! Which of several pushes to one object is the last, and what is told of those before it.

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
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_later_push_overtakes_however_many_deliveries_came_between() {
    let mut scene = Scene::new(shared(), "between");
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
