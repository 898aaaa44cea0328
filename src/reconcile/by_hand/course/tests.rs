use std::time::Duration;

use serde_json::{Value, json};

use crate::catalog::HostNames;
use crate::delivery::{CommitName, Stage, Token};
use crate::reconcile::by_hand::scene::Scene;
use crate::reconcile::by_hand::{Target, Wanted};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn sha(letter: &str) -> String {
    letter.repeat(40)
}

/// By its first digits.
fn commit(letter: &str) -> CommitName {
    CommitName::read(&letter.repeat(8)).unwrap()
}

fn terms(wait: bool) -> Terms {
    Terms {
        wait,
        commit: None,
        force: false,
        reset: false,
        within: Duration::from_secs(300),
    }
}

/// A GitRepository `web` at commit `a` and the Kustomization `web` that has applied it, both well.
struct World {
    scene: Scene,
    objects: BTreeMap<String, Value>,
}

impl World {
    fn new() -> Self {
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let git = json!({"kind": "GitRepository",
            "metadata": {"name": "web", "namespace": "apps", "generation": 1, "annotations": {}},
            "spec": {"url": "https://github.com/acme/web", "ref": {"branch": "main"}},
            "status": {"observedGeneration": 1, "conditions": ready}});
        let source = json!({"kind": "GitRepository", "name": "web"});
        let kustomization = json!({"kind": "Kustomization",
            "metadata": {"name": "web", "namespace": "apps", "generation": 1, "annotations": {}},
            "spec": {"sourceRef": source},
            "status": {"observedGeneration": 1, "conditions": ready}});
        let mut world = Self {
            scene: Scene::new([]),
            objects: [("git", git), ("ks", kustomization)]
                .map(|(name, object)| (name.to_owned(), object))
                .into(),
        };
        world.fetches("a");
        world.applies("a");
        world.see_all();
        world
    }

    fn status(&mut self, name: &str, key: &str, value: Value) {
        self.objects.get_mut(name).unwrap()["status"][key] = value;
    }

    fn fetches(&mut self, letter: &str) {
        let revision = format!("main@sha1:{}", sha(letter));
        self.status("git", "artifact", json!({"revision": revision}));
    }

    fn applies(&mut self, letter: &str) {
        let revision = format!("main@sha1:{}", sha(letter));
        self.status("ks", "lastAppliedRevision", json!(revision));
        self.status("ks", "lastAttemptedRevision", json!(revision));
    }

    fn fails(&mut self, name: &str, message: &str) {
        let conditions =
            json!([{"type": "Ready", "status": "False", "reason": "Broken", "message": message}]);
        self.status(name, "conditions", conditions);
    }

    /// Takes the annotation as an API server does, and as the controller answers it.
    fn answers(&mut self, name: &str, token: &Token) {
        let object = self.objects.get_mut(name).unwrap();
        object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"] = json!(token);
        object["status"]["lastHandledReconcileAt"] = json!(token);
    }

    fn see_all(&mut self) {
        for kind in Kind::ALL {
            let listing = crate::catalog::Listing {
                kind,
                items: Vec::new(),
                broken: Vec::new(),
            };
            let now = std::time::SystemTime::UNIX_EPOCH;
            self.scene.cluster.replace(listing, now);
        }
        for object in self.objects.values() {
            self.scene.put(object.clone());
        }
    }

    fn course(&self, target: &str, wanted: Wanted, terms: Terms) -> Course {
        let target = Target::read(target, &HostNames::of([])).unwrap();
        let found = target.find(&self.scene.cluster);
        let round = Round::of(&[(&target, found)], &self.scene.cluster, wanted);
        Course::begin(round, terms)
    }

    /// What is to be sent, as `kind token`; it is taken by the API server at once.
    fn look(&mut self, course: &mut Course, second: i64) -> Vec<(String, Token)> {
        self.see_all();
        let orders = course.look(&self.scene.cluster, at(second));
        for order in &orders {
            course.answered(&order.key, Ok(None), at(second));
        }
        orders
            .into_iter()
            .map(|order| (order.key.kind.to_string(), order.token))
            .collect()
    }
}

const DEPENDANTS: Wanted = Wanted {
    with_dependants: true,
    with_sources: false,
    with_releases: false,
};

fn ends(course: &Course) -> Vec<String> {
    let ends = course.lines().iter().map(|line| match &line.end {
        None => format!("{}: waits {}", line.item.key.kind, line.waits()),
        Some(End::Done(remark)) => {
            let remark = remark.as_deref().unwrap_or("done");
            format!("{}: {remark}", line.item.key.kind)
        }
        Some(End::Failed(reason)) => format!("{}: failed: {reason}", line.item.key.kind),
        Some(End::NotWaitedFor(waits)) => format!("{}: waited {waits}", line.item.key.kind),
    });
    ends.collect()
}

#[test]
fn a_source_is_asked_and_what_follows_it_is_waited_for_until_it_is_healthy() {
    let mut world = World::new();
    let mut course = world.course("acme/web@main", Wanted::default(), terms(true));
    let asked = world.look(&mut course, 1);
    assert_eq!((asked.len(), &*asked[0].0), (1, "GitRepository"));
    world.look(&mut course, 2);
    assert_eq!(
        ends(&course),
        [
            "GitRepository: waits for its controller to answer",
            "Kustomization: waits until it has applied what is new"
        ]
    );
    world.answers("git", &asked[0].1);
    world.fetches("b");
    world.look(&mut course, 3);
    assert_eq!(ends(&course)[0], "GitRepository: done");
    assert!(!course.is_over());
    world.applies("b");
    world.look(&mut course, 4);
    assert_eq!(
        ends(&course),
        ["GitRepository: done", "Kustomization: done"]
    );
    assert!(course.is_over() && course.is_reached());
    let reached: Vec<Stage> = course.lines()[1].reached().into_keys().collect();
    assert_eq!(reached, [Stage::Applied, Stage::Healthy]);
    assert_eq!(course.lines()[0].reached()[&Stage::Fetched], at(3));
}

#[test]
fn without_waiting_all_is_asked_and_nothing_is_followed() {
    let mut world = World::new();
    let mut course = world.course("acme/web@main", DEPENDANTS, terms(false));
    let kinds = |asked: Vec<(String, Token)>| -> Vec<String> {
        asked.into_iter().map(|(kind, _)| kind).collect()
    };
    assert_eq!(kinds(world.look(&mut course, 1)), ["GitRepository"]);
    assert_eq!(kinds(world.look(&mut course, 1)), ["Kustomization"]);
    world.look(&mut course, 1);
    assert!(course.is_over() && course.is_reached());
    let alone = world.course("acme/web@main", Wanted::default(), terms(false));
    assert_eq!(alone.lines().len(), 1);
}

#[test]
fn what_is_made_from_a_source_is_asked_once_that_has_fetched_and_not_where_it_failed() {
    let mut world = World::new();
    let mut course = world.course("acme/web@main", DEPENDANTS, terms(true));
    let asked = world.look(&mut course, 1);
    assert!(world.look(&mut course, 2).is_empty());
    assert_eq!(
        ends(&course)[1],
        "Kustomization: waits for GitRepository apps/web"
    );
    world.answers("git", &asked[0].1);
    let asked = world.look(&mut course, 3);
    assert_eq!(asked[0].0, "Kustomization");
    world.answers("ks", &asked[0].1);
    world.look(&mut course, 4);
    assert_eq!(
        ends(&course),
        ["GitRepository: done", "Kustomization: done"]
    );

    let mut course = world.course("acme/web@main", DEPENDANTS, terms(true));
    let asked = world.look(&mut course, 5);
    world.answers("git", &asked[0].1);
    world.fails("git", "no such branch");
    world.look(&mut course, 6);
    world.look(&mut course, 6);
    assert_eq!(
        ends(&course),
        [
            "GitRepository: failed: GitRepository apps/web: Ready: Broken: no such branch",
            "Kustomization: failed: it was not asked, as GitRepository apps/web failed"
        ]
    );
    assert!(course.is_over() && !course.is_reached());
}

#[test]
fn what_follows_a_source_that_failed_has_nothing_to_apply() {
    let mut world = World::new();
    let mut course = world.course("acme/web@main", Wanted::default(), terms(true));
    let asked = world.look(&mut course, 1);
    world.answers("git", &asked[0].1);
    world.fails("git", "no such branch");
    world.look(&mut course, 2);
    assert_eq!(
        ends(&course)[1],
        "Kustomization: failed: it has nothing to apply, as GitRepository apps/web failed"
    );
}

#[test]
fn a_failed_kustomization_is_judged_by_its_answer_and_not_by_what_it_said_before() {
    let mut world = World::new();
    world.fails("ks", "no secret");
    world.see_all();
    let mut course = world.course("ks/apps/web", Wanted::default(), terms(true));
    let asked = world.look(&mut course, 1);
    world.look(&mut course, 2);
    assert_eq!(
        ends(&course),
        ["Kustomization: waits for its controller to answer"]
    );
    world.answers("ks", &asked[0].1);
    world.look(&mut course, 3);
    assert_eq!(
        ends(&course),
        ["Kustomization: failed: Kustomization apps/web: Ready: Broken: no secret"]
    );
    let mut course = world.course("ks/apps/web", Wanted::default(), terms(true));
    let asked = world.look(&mut course, 4);
    world.answers("ks", &asked[0].1);
    world.status(
        "ks",
        "conditions",
        json!([{"type": "Ready", "status": "True"}]),
    );
    world.look(&mut course, 5);
    assert_eq!(ends(&course), ["Kustomization: done"]);
}

#[test]
fn what_is_seen_late_is_not_taken_for_an_answer() {
    let mut world = World::new();
    world.fails("ks", "no secret");
    world.answers("ks", &Token("of somebody".into()));
    world.see_all();
    let mut course = world.course("ks/apps/web", Wanted::default(), terms(true));
    let orders = course.look(&world.scene.cluster, at(1));
    let later = ResourceVersion::Number(1_000_000);
    course.answered(&orders[0].key, Ok(Some(later)), at(1));
    course.look(&world.scene.cluster, at(2));
    assert_eq!(
        ends(&course),
        ["Kustomization: waits for its controller to answer"]
    );
}

#[test]
fn what_nobody_looks_at_any_more_keeps_nobody_waiting() {
    // The commit takes it away.
    let mut world = World::new();
    let mut course = world.course("acme/web@main", Wanted::default(), terms(true));
    let asked = world.look(&mut course, 1);
    world.answers("git", &asked[0].1);
    world.fetches("b");
    world.objects.remove("ks");
    world.look(&mut course, 2);
    assert_eq!(
        ends(&course),
        ["GitRepository: done", "Kustomization: it is gone"]
    );
    assert!(course.is_reached());
    // It is made from another source by now.
    let mut world = World::new();
    let mut course = world.course("acme/web@main", Wanted::default(), terms(true));
    let asked = world.look(&mut course, 1);
    world.answers("git", &asked[0].1);
    world.fetches("b");
    let other = json!({"kind": "GitRepository", "name": "other"});
    world.objects.get_mut("ks").unwrap()["spec"]["sourceRef"] = other;
    world.look(&mut course, 2);
    assert_eq!(
        ends(&course)[1],
        "Kustomization: it is made from something else by now"
    );
    // A registry of charts has nothing to say.
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let source = json!({"kind": "HelmRepository", "name": "charts"});
    let objects = [
        json!({"kind": "HelmRepository", "metadata": {"name": "charts", "namespace": "apps"},
            "spec": {"url": "oci://ghcr.io/acme", "type": "oci"}}),
        json!({"kind": "HelmChart", "metadata": {"name": "apps-shop", "namespace": "apps"},
            "spec": {"sourceRef": source}, "status": {"conditions": ready}}),
        json!({"kind": "HelmRelease", "metadata": {"name": "shop", "namespace": "apps"},
            "spec": {"chart": {}}, "status": {"helmChart": "apps/apps-shop", "conditions": ready}}),
    ];
    let names = ["charts", "chart", "release"].map(str::to_owned);
    let mut world = World {
        scene: Scene::new([]),
        objects: names.into_iter().zip(objects).collect(),
    };
    world.see_all();
    let mut course = world.course("helmrepo/apps/charts", Wanted::default(), terms(true));
    world.look(&mut course, 1);
    world.look(&mut course, 2);
    world.look(&mut course, 3);
    assert_eq!(ends(&course)[1], "HelmRelease: it fetches by itself");
}

#[test]
fn what_waits_for_what_it_depends_on_has_not_failed() {
    let mut world = World::new();
    let mut course = world.course("ks/apps/web", Wanted::default(), terms(true));
    let asked = world.look(&mut course, 1);
    world.answers("ks", &asked[0].1);
    let waits = json!([{"type": "Ready", "status": "False", "reason": "DependencyNotReady",
        "message": "dependency 'apps/crds' is not ready"}]);
    world.status("ks", "conditions", waits);
    world.look(&mut course, 2);
    assert_eq!(
        ends(&course),
        ["Kustomization: waits for what it depends on: dependency 'apps/crds' is not ready"]
    );
    let ready = json!([{"type": "Ready", "status": "True"}]);
    world.status("ks", "conditions", ready);
    world.look(&mut course, 3);
    assert_eq!(ends(&course), ["Kustomization: done"]);
}

#[test]
fn what_depends_on_another_is_asked_once_that_is_healthy() {
    let mut world = World::new();
    let mut shop = world.objects["ks"].clone();
    shop["metadata"]["name"] = json!("a-shop");
    shop["spec"]["dependsOn"] = json!([{"name": "web"}]);
    world.objects.insert("shop".to_owned(), shop);
    world.see_all();
    let mut course = world.course("acme/web@main", DEPENDANTS, terms(true));
    let git = world.look(&mut course, 1);
    world.answers("git", &git[0].1);
    let web = world.look(&mut course, 2);
    assert_eq!(web.len(), 1);
    assert!(world.look(&mut course, 3).is_empty());
    assert_eq!(
        ends(&course)[2],
        "Kustomization: waits for Kustomization apps/web"
    );
    world.answers("ks", &web[0].1);
    world.look(&mut course, 4);
    let shop = world.look(&mut course, 5);
    assert_eq!(shop.len(), 1);
    world.answers("shop", &shop[0].1);
    world.look(&mut course, 6);
    assert!(course.is_reached(), "{:?}", ends(&course));
}

#[test]
fn a_commit_that_is_not_there_yet_is_asked_for_again_and_in_the_end_given_up() {
    let mut world = World::new();
    let for_commit = |letter| Terms {
        commit: Some(commit(letter)),
        ..terms(true)
    };
    let wanted = Wanted {
        with_sources: true,
        ..Wanted::default()
    };
    let mut course = world.course("ks/apps/web", wanted, for_commit("b"));
    let mut asks = 0;
    let mut second = 0;
    while !course.is_over() && second < 300 {
        second += 1;
        for (kind, token) in world.look(&mut course, second) {
            if kind == "GitRepository" {
                asks += 1;
                world.answers("git", &token);
            }
        }
    }
    assert_eq!(asks, 4);
    let ends = ends(&course);
    let expected = format!(
        "GitRepository: failed: it has fetched `main@sha1:{}`, also when it was asked 4 times, \
         and not {}; is that what its ref points to?",
        sha("a"),
        commit("b")
    );
    assert_eq!(ends[0], expected);
    assert_eq!(
        ends[1],
        "Kustomization: failed: it was not asked, as GitRepository apps/web failed"
    );
}

#[test]
fn a_commit_that_comes_after_all_is_applied() {
    let mut world = World::new();
    let terms = Terms {
        commit: Some(commit("b")),
        ..terms(true)
    };
    let mut course = world.course("acme/web@main", Wanted::default(), terms);
    let asked = world.look(&mut course, 1);
    world.answers("git", &asked[0].1);
    world.look(&mut course, 2);
    let asked = world.look(&mut course, 5);
    assert_eq!(asked.len(), 1, "it is asked again");
    world.answers("git", &asked[0].1);
    world.fetches("b");
    world.applies("b");
    world.look(&mut course, 6);
    assert_eq!(
        ends(&course),
        ["GitRepository: done", "Kustomization: done"]
    );
    assert!(course.is_reached());
}

#[test]
fn what_an_api_server_answers_is_told_or_tried_again_with_the_same_token() {
    let world = World::new();
    let course = || world.course("git/apps/web", Wanted::default(), terms(false));
    let send = |course: &mut Course, outcome| {
        let orders = course.look(&world.scene.cluster, at(1));
        course.answered(&orders[0].key, outcome, at(1));
        orders[0].token.clone()
    };
    let mut gone = course();
    send(&mut gone, Err(PatchFault::Gone));
    assert_eq!(ends(&gone), ["GitRepository: failed: it is gone"]);
    let mut refused = course();
    send(&mut refused, Err(PatchFault::Refused("denied".to_owned())));
    assert_eq!(
        ends(&refused),
        ["GitRepository: failed: the API server refuses the annotation: denied"]
    );
    let mut forbidden = course();
    send(
        &mut forbidden,
        Err(PatchFault::Forbidden("may not patch".to_owned())),
    );
    assert_eq!(ends(&forbidden), ["GitRepository: failed: may not patch"]);
    let mut later = course();
    let first = send(
        &mut later,
        Err(PatchFault::Later {
            reason: "away".to_owned(),
            retry_after: None,
            busy: false,
        }),
    );
    assert_eq!(
        ends(&later),
        ["GitRepository: waits for its API server: away"]
    );
    assert!(later.look(&world.scene.cluster, at(1)).is_empty());
    let again = later.look(&world.scene.cluster, at(9));
    assert_eq!(again[0].token, first);
}

#[test]
fn what_is_left_alone_is_no_success_and_what_takes_too_long_says_what_it_waited_for() {
    let mut world = World::new();
    world.objects.get_mut("git").unwrap()["spec"]["suspend"] = json!(true);
    world.see_all();
    let left = world.course("git/apps/web", Wanted::default(), terms(false));
    assert!(left.is_over() && !left.is_reached());
    let mut late = world.course("ks/apps/web", Wanted::default(), terms(true));
    world.look(&mut late, 1);
    world.look(&mut late, 2);
    late.give_up("not reached within 1m");
    assert_eq!(
        ends(&late),
        [
            "Kustomization: failed: not reached within 1m; last it waited for its controller to answer"
        ]
    );
}

#[test]
fn when_somebody_stops_what_was_asked_goes_on_and_what_was_not_is_never_asked() {
    let mut world = World::new();
    let mut course = world.course("git/apps/web", DEPENDANTS, terms(true));
    world.look(&mut course, 1);
    course.stop();
    assert_eq!(
        ends(&course),
        [
            "GitRepository: waited for its controller to answer",
            "Kustomization: failed: it was not asked: it waited for GitRepository apps/web",
        ]
    );
    assert!(course.is_over() && !course.is_reached());
    let mut on_its_way = world.course("git/apps/web", Wanted::default(), terms(false));
    let orders = on_its_way.look(&world.scene.cluster, at(1));
    on_its_way.stop();
    let waited = "GitRepository: waited for its API server";
    assert_eq!(ends(&on_its_way), [waited]);
    let mut to_be_tried_again = world.course("git/apps/web", Wanted::default(), terms(false));
    to_be_tried_again.look(&world.scene.cluster, at(1));
    let away = PatchFault::Later {
        reason: "away".to_owned(),
        retry_after: None,
        busy: false,
    };
    to_be_tried_again.answered(&orders[0].key, Err(away), at(1));
    to_be_tried_again.stop();
    let failed = "GitRepository: failed: it was not asked: it waited for its API server: away";
    assert_eq!(ends(&to_be_tried_again), [failed]);
}

#[test]
fn only_releases_are_forced() {
    let mut world = World::new();
    let release = json!({"kind": "HelmRelease", "metadata": {"name": "shop", "namespace": "apps"},
        "spec": {"chartRef": {"kind": "GitRepository", "name": "web"}}});
    world.objects.insert("hr".to_owned(), release);
    world.see_all();
    let terms = Terms {
        force: true,
        ..terms(false)
    };
    let wanted = Wanted {
        with_releases: true,
        ..Wanted::default()
    };
    let mut course = world.course("git/apps/web", wanted, terms);
    let first = course.look(&world.scene.cluster, at(1));
    course.answered(&first[0].key, Ok(None), at(1));
    let second = course.look(&world.scene.cluster, at(1));
    let shown = |orders: &[Order]| -> Vec<(Kind, bool, bool)> {
        let orders = orders.iter();
        orders
            .map(|order| (order.key.kind, order.force, order.reset))
            .collect()
    };
    assert_eq!(shown(&first), [(Kind::GitRepository, false, false)]);
    assert_eq!(shown(&second), [(Kind::HelmRelease, true, false)]);
}
