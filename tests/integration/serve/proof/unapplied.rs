//! Since when environments lack what was pushed, as `pushed_unapplied_seconds` tells it.

use serde_json::json;

use crate::api_server::Target;
use crate::serve::objects::Objects;

use super::*;

/// What the gauge may lag behind: it is set once a second.
const LAG: Duration = Duration::from_secs(5);
/// Between two pushes, so that it can be told by which of them is counted.
const APART: Duration = Duration::from_secs(10);

impl Scene<'_> {
    fn unapplied(&self) -> Option<f64> {
        self.metric("flux_setup_pushed_unapplied_seconds{cluster=\"prod-eu\"")
    }

    /// Waits until the gauge says that something is unapplied since then.
    fn wait_unapplied_since(&self, since: Instant) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let age = self.unapplied();
            let least = since.elapsed().saturating_sub(LAG).as_secs_f64();
            let most = since.elapsed().as_secs_f64();
            if age.is_some_and(|age| (least..=most).contains(&age)) {
                return;
            }
            assert!(Instant::now() < deadline, "{age:?}, not {least}..{most}");
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn wait_all_applied(&self) {
        let deadline = Instant::now() + SOON;
        while self.unapplied().is_some_and(|age| age > 0.0) {
            assert!(Instant::now() < deadline, "{:?}", self.unapplied());
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn stays_applied(&self) {
        let until = Instant::now() + LAG;
        while Instant::now() < until {
            assert!(self.unapplied().is_none_or(|age| age == 0.0));
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn restart(&mut self) {
        self.service.take().expect("it was started").kill();
        self.start();
    }

    /// Its controllers fetch a commit, and cannot build it.
    fn fail(&self, commit: u64) {
        let revision = revision("main", commit);
        self.player.fetch("web", &revision);
        self.player
            .fail("web", &revision, "BuildFailed", "it cannot be built");
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn what_is_pushed_in_vain_again_and_again_is_unapplied_since_the_first_of_it() {
    let mut scene = Scene::new(shared(), "in-vain");
    scene.player.kustomization("web", "web");
    scene.player.apply("web", &revision("main", 1));
    scene.start();
    let since = Instant::now();
    let first = scene.push(1, 2, None);
    scene.fail(2);
    scene.wait(1, "failing", "fetched");
    thread::sleep(APART);
    let second = scene.push(2, 3, Some(&first));
    scene.wait_followed(2);
    scene.fail(3);
    scene.wait(1, "overtaken", "fetched");
    scene.wait(2, "failing", "fetched");
    thread::sleep(LAG);
    scene.wait_unapplied_since(since);
    scene.restart();
    scene.wait_unapplied_since(since);
    scene.push(3, 4, Some(&second));
    scene.player.fetch("web", &revision("main", 4));
    scene.player.apply("web", &revision("main", 4));
    scene.wait(3, "proven", "healthy");
    scene.wait_all_applied();
    scene.restart();
    scene.stays_applied();
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn what_was_given_up_is_unapplied_until_it_is_mended_suspended_or_gone() {
    let mut scene = Scene::with(shared(), "given-up", "  proveWithin: 10s\n");
    let git = Target {
        api_version: "source.toolkit.fluxcd.io/v1",
        kind: "GitRepository",
        namespace: "given-up",
        name: "web",
    };
    scene.player.kustomization("web", "web");
    scene.start();
    let since = Instant::now();
    let mut token = scene.push(1, 2, None);
    scene.fail(2);
    scene.wait(1, "failed", "fetched");
    thread::sleep(LAG);
    scene.wait_unapplied_since(since);
    scene.restart();
    scene.wait_unapplied_since(since);
    // By a secret, say, and no push.
    scene.player.apply("web", &revision("main", 2));
    scene.wait_all_applied();
    assert_eq!(scene.proof(1)["state"], "failed");
    scene.restart();
    scene.stays_applied();
    for number in [2, 3] {
        let since = Instant::now();
        token = scene.push(number, number + 1, Some(&token));
        scene.fail(number + 1);
        scene.wait(number, "failed", "fetched");
        thread::sleep(LAG);
        scene.wait_unapplied_since(since);
        match number {
            2 => {
                shared().patch(git, &json!({"spec": {"suspend": true}}));
                scene.wait_all_applied();
                shared().patch(git, &json!({"spec": {"suspend": false}}));
            }
            _ => Objects::delete_in(shared(), "given-up", "web"),
        }
        scene.wait_all_applied();
        scene.stays_applied();
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn before_its_cluster_is_listed_nobody_knows_of_which_environment_it_is() {
    let server = ApiServer::start();
    let mut scene = Scene::new(&server, "unseen");
    let git = Target {
        api_version: "source.toolkit.fluxcd.io/v1",
        kind: "GitRepository",
        namespace: "unseen",
        name: "web",
    };
    let labels = json!({"flux-setup.dev/environment": "production"});
    server.patch(git, &json!({"metadata": {"labels": labels}}));
    scene.player.kustomization("web", "web");
    scene.start();
    let since = Instant::now();
    scene.push(1, 2, None);
    scene.fail(2);
    scene.wait(1, "failing", "fetched");
    scene.service.take().unwrap().kill();
    server.pause();
    scene.service = Some(scene.home.start());
    scene.wait_unapplied_since(since);
    server.resume();
    let of = |scene: &Scene<'_>, environment: &str| {
        scene.metric(&format!(
            "flux_setup_pushed_unapplied_seconds{{cluster=\"prod-eu\",environment=\"{environment}\"}}"
        ))
    };
    let deadline = Instant::now() + SOON;
    while of(&scene, "production").is_none() {
        assert!(Instant::now() < deadline, "it is not listed");
        thread::sleep(Duration::from_millis(100));
    }
    scene.wait_unapplied_since(since);
    assert_eq!((of(&scene, ""), of(&scene, "(unknown)")), (None, None));
}
