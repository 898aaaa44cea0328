//! Objects that are followed beside each other, as one cluster shows them.

use serde_json::{Value, json};

use crate::catalog::Kind;
use crate::delivery::{
    ChangedPaths, CommitId, Delivery, DeliveryState, Event, Guid, PushedRef, RefChange, WebhookName,
};
use crate::reconcile::by_hand::scene::Scene;
use crate::store::{DeliveryId, StoredDelivery, StoredWork};

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn commit(letter: &str) -> CommitId {
    CommitId::read(&letter.repeat(40)).unwrap().unwrap()
}

fn main_at(letter: &str) -> String {
    format!("main@sha1:{}", commit(letter))
}

/// The delivery of that number.
fn by(number: i64) -> DeliveryKey {
    DeliveryKey {
        webhook: WebhookName("acme".into()),
        guid: Guid::read(&format!("a-{number}")).unwrap(),
    }
}

/// A push to `main`.
fn told(number: i64, letter: &str) -> Arc<Told> {
    let event = Event::Push(RefChange {
        reference: PushedRef::branch("main").unwrap(),
        before: None,
        after: Some(commit(letter)),
        head_commit: Some(commit(letter)),
        created: false,
        deleted: false,
        forced: false,
        paths: ChangedPaths::All([].into()),
        pushed_at: None,
    });
    Told::by(StoredDelivery {
        id: DeliveryId(number),
        delivery: Delivery {
            key: by(number),
            received_at: at(0),
            repository: None,
            organization: None,
            installation: None,
            event,
        },
        state: DeliveryState::Accepted,
    })
}

fn object() -> ItemKey {
    ItemKey {
        kind: Kind::GitRepository,
        namespace: "apps".into(),
        name: "web".into(),
    }
}

fn annotated(number: i64) -> StoredWork {
    StoredWork {
        id: WorkId(number),
        delivery: DeliveryId(number),
        key: by(number),
        cluster: "prod".into(),
        object: Some(object()),
        state: WorkState::Annotated {
            token: Token("t".into()),
            at: at(0),
            version: None,
        },
        proof: None,
    }
}

/// `apps/web` in production, which has answered `t`, with that commit.
fn git(letter: &str) -> Value {
    json!({"kind": "GitRepository",
        "metadata": {"name": "web", "namespace": "apps",
            "labels": {"flux-setup.dev/environment": "production"},
            "annotations": {"reconcile.fluxcd.io/requestedAt": "t"}},
        "spec": {"url": "https://github.com/acme/web", "ref": {"branch": "main"}},
        "status": {"lastHandledReconcileAt": "t", "artifact": {"revision": main_at(letter)},
            "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn state(follows: &Follows, number: i64) -> Option<String> {
    let follow = follows.by_id.get(&WorkId(number))?;
    Some(follow.proof.state.name().to_owned())
}

#[test]
fn a_later_push_that_woke_nothing_here_overtakes_nothing() {
    let scene = Scene::new([git("c")]);
    let cluster = &scene.cluster;
    let mut follows = Follows::new(HOUR);
    follows.add(annotated(1), told(1, "b"), true, cluster, at(0));
    let ids = BTreeSet::from([WorkId(1)]);
    let seen = follows.look(&ids, cluster, true, at(1));
    assert!(
        matches!(&seen.todo[..], [Todo::AgeOf { commit, .. }] if *commit == self::commit("c").to_string())
    );
    follows.told_age(
        WorkId(1),
        Some((commit("c").to_string(), Age::Later(by(2)))),
    );
    follows.look(&ids, cluster, true, at(2));
    // That is followed beside it.
    let mut beside = Follows::new(HOUR);
    beside.add(annotated(1), told(1, "b"), true, cluster, at(0));
    beside.add(annotated(2), told(2, "c"), true, cluster, at(0));
    beside.told_age(
        WorkId(1),
        Some((commit("c").to_string(), Age::Later(by(2)))),
    );
    let seen = beside.look(&ids, cluster, true, at(2));
    assert!(
        matches!(&seen.ended[..], [Ended { proof: Proof { state: ProofState::Overtaken { by: Some(key), .. }, .. }, .. }] if *key == by(2))
    );
    let follow = &follows.by_id[&WorkId(1)];
    assert_eq!(state(&follows, 1).as_deref(), Some("following"));
    let fetched = follow.proof.fetched.as_ref().unwrap();
    assert!(fetched.taken_as_newer && fetched.revision == main_at("c"));
}

#[test]
fn what_is_followed_before_its_cluster_was_listed_has_its_environment_afterwards() {
    let mut follows = Follows::new(HOUR);
    let ids = BTreeSet::from([WorkId(1)]);
    follows.add(annotated(1), told(1, "b"), false, &Cache::default(), at(0));
    assert_eq!(follows.unapplied_since(), [(None, at(0))].into());
    follows.look(&ids, &Scene::new([git("a")]).cluster, true, at(1));
    let environment = Some(Arc::from("production"));
    assert_eq!(follows.unapplied_since(), [(environment, at(0))].into());
}

#[test]
fn a_clock_that_was_set_back_lets_nobody_wait_longer() {
    let scene = Scene::new([git("a")]);
    let mut follows = Follows::new(HOUR);
    follows.add(annotated(1), told(1, "b"), true, &scene.cluster, at(2_000));
    follows.look(&follows.all(), &scene.cluster, true, at(2_000));
    assert!(follows.due(at(2_001)).is_empty());
    assert_eq!(follows.due(at(5)).len(), 1);
}

#[test]
fn asking_again_counts_where_it_was_taken_and_makes_ages_be_looked_up_anew() {
    let scene = Scene::new([git("a")]);
    let mut follows = Follows::new(HOUR);
    let ids = BTreeSet::from([WorkId(1)]);
    follows.add(annotated(1), told(1, "b"), true, &scene.cluster, at(0));
    follows.told_age(WorkId(1), Some((commit("a").to_string(), Age::Older)));
    follows.look(&ids, &scene.cluster, true, at(1));
    let seen = follows.look(&ids, &scene.cluster, true, at(100));
    assert!(matches!(&seen.todo[..], [Todo::Again { .. }]));
    follows.asked_again(WorkId(1), false);
    let again = |follows: &Follows| {
        follows.by_id[&WorkId(1)]
            .proof
            .again
            .as_ref()
            .unwrap()
            .times
    };
    assert_eq!(again(&follows), 0);
    let seen = follows.look(&ids, &scene.cluster, true, at(200));
    assert!(matches!(&seen.todo[..], [Todo::AgeOf { .. }]));
    follows.told_age(WorkId(1), Some((commit("a").to_string(), Age::Older)));
    let seen = follows.look(&ids, &scene.cluster, true, at(300));
    assert!(matches!(&seen.todo[..], [Todo::Again { .. }]));
    follows.asked_again(WorkId(1), true);
    assert_eq!(again(&follows), 1);
}
