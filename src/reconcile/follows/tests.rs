//! Objects that are followed beside each other, as one cluster shows them.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::catalog::{Kind, Listing};
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
    told_at(number, letter, 0)
}

/// A push to `main` that was accepted then.
fn told_at(number: i64, letter: &str, second: i64) -> Arc<Told> {
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
    told_by(number, event, second)
}

fn told_by(number: i64, event: Event, second: i64) -> Arc<Told> {
    Told::by(StoredDelivery {
        id: DeliveryId(number),
        delivery: Delivery {
            key: by(number),
            received_at: at(second),
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
    assert_eq!(
        since(&follows, &Cache::default()),
        [("(unknown)".to_owned(), 0)]
    );
    let listed = Scene::new([git("a")]).cluster;
    follows.look(&ids, &listed, true, at(1));
    assert_eq!(since(&follows, &listed), lacking(0));
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

/// A Kustomization of `apps/web` that has applied one commit, and could not apply another where that is another.
fn kustomization(applied: &str, attempted: &str) -> Value {
    let ready = match applied == attempted {
        true => json!({"type": "Ready", "status": "True"}),
        false => {
            json!({"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "no"})
        }
    };
    json!({"kind": "Kustomization", "metadata": {"name": "web", "namespace": "apps"},
        "spec": {"sourceRef": {"kind": "GitRepository", "name": "web"}},
        "status": {"lastAppliedRevision": main_at(applied), "lastAttemptedRevision": main_at(attempted),
            "conditions": [ready]}})
}

/// A cluster that has these and nothing else.
fn listed(objects: impl IntoIterator<Item = Value>) -> Cache {
    let shown = Scene::new(objects).cluster;
    let mut cluster = Cache::default();
    for kind in Kind::ALL {
        let items = shown.items().filter(|item| item.key.kind == kind);
        let listing = Listing {
            kind,
            items: items.cloned().collect(),
            broken: Vec::new(),
        };
        cluster.replace(listing, SystemTime::UNIX_EPOCH);
    }
    cluster
}

/// `apps/web` has fetched a commit, and it cannot be applied.
fn broken(letter: &str) -> Cache {
    listed([git(letter), kustomization("a", letter)])
}

fn well(letter: &str) -> Cache {
    listed([git(letter), kustomization(letter, letter)])
}

/// Since which second something is lacking, by environment.
fn since(follows: &Follows, cluster: &Cache) -> Vec<(String, i64)> {
    let since = follows.unapplied_since(cluster).into_iter();
    let since = since.map(|(environment, at)| (environment.to_string(), at.as_second()));
    since.collect()
}

fn lacking(second: i64) -> Vec<(String, i64)> {
    vec![("production".to_owned(), second)]
}

fn carried(since: i64, late: Option<i64>) -> Vec<(ItemKey, Option<Carried>)> {
    let carried = Carried {
        since: at(since),
        late: late.map(WorkId),
    };
    vec![(object(), Some(carried))]
}

/// All of it is looked at.
fn look(follows: &mut Follows, cluster: &Cache, second: i64) -> Seen {
    follows.look(&follows.all(), cluster, true, at(second))
}

/// One that was pushed at 5 s, and given up.
fn given_up() -> (Follows, Proof) {
    let mut follows = Follows::new(HOUR);
    let cluster = broken("b");
    follows.add(annotated(1), told_at(1, "b", 5), true, &cluster, at(6));
    look(&mut follows, &cluster, 10);
    assert_eq!(follows.take_carried(), []);
    let seen = look(&mut follows, &cluster, 3_600);
    let [ended] = &seen.ended[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(ended.proof.state.name(), "failed");
    (follows, ended.proof.clone())
}

#[test]
fn what_is_overtaken_in_vain_is_lacking_since_the_first_until_a_later_one_is_proven() {
    let mut follows = Follows::new(HOUR);
    follows.add(annotated(1), told_at(1, "b", 5), true, &broken("b"), at(6));
    look(&mut follows, &broken("b"), 10);
    assert_eq!(since(&follows, &broken("b")), lacking(5));
    follows.add(
        annotated(2),
        told_at(2, "c", 20),
        true,
        &broken("b"),
        at(21),
    );
    let age = Age::Later(by(2));
    follows.told_age(WorkId(1), Some((commit("c").to_string(), age)));
    assert_eq!(follows.take_carried(), []);
    let seen = look(&mut follows, &broken("c"), 30);
    assert_eq!(seen.ended[0].proof.state.name(), "overtaken");
    assert_eq!(follows.take_carried(), carried(5, None));
    assert_eq!(follows.take_carried(), []);
    assert_eq!(since(&follows, &broken("c")), lacking(5));
    look(&mut follows, &well("c"), 40);
    assert_eq!(since(&follows, &well("c")), []);
    assert_eq!(follows.take_carried(), [(object(), None)]);
    assert!(follows.is_empty() && follows.by_object.is_empty() && follows.noted.is_empty());
}

#[test]
fn what_was_overtaken_because_too_many_came_is_lacking_all_the_same() {
    let mut follows = Follows::new(HOUR);
    for number in 1..=9 {
        let told = told_at(number, "b", 10 * number);
        follows.add(annotated(number), told, true, &broken("a"), at(100));
    }
    assert_eq!(follows.len(), 8);
    assert_eq!(since(&follows, &broken("a")), lacking(10));
}

#[test]
fn what_was_given_up_is_lacking_until_it_is_mended() {
    let (mut follows, proof) = given_up();
    assert_eq!((follows.len(), follows.is_empty()), (0, false));
    assert_eq!(follows.take_carried(), carried(5, Some(1)));
    let kept = follows.take_news(9);
    assert!(
        matches!(&kept[..], [Write::Proof { proof, .. }] if proof.state.name() == "failed"),
        "{kept:?}"
    );
    // Who takes over reads it as it was kept.
    let mut heir = Follows::new(HOUR);
    let mut read = annotated(1);
    read.proof = Some(Box::new(proof));
    heir.add(
        read,
        told_at(1, "b", 5),
        false,
        &Cache::default(),
        at(9_000),
    );
    let noted = carried(5, Some(1))[0].1.unwrap();
    heir.restore(object(), noted);
    for follows in [&mut follows, &mut heir] {
        look(follows, &broken("b"), 9_001);
        assert_eq!(follows.take_carried(), []);
        assert_eq!(since(follows, &broken("b")), lacking(5));
        assert!(follows.due(at(9_002)).is_empty());
        let seen = look(follows, &well("b"), 9_010);
        assert!(seen.ended.is_empty() && seen.reached.is_empty());
        assert_eq!(since(follows, &well("b")), []);
        assert_eq!(follows.take_carried(), [(object(), None)]);
        assert!(follows.is_empty() && follows.take_news(9).is_empty());
    }
}

#[test]
fn what_was_given_up_is_lacking_until_it_is_suspended_or_gone() {
    let mut asleep = git("b");
    asleep["spec"]["suspend"] = json!(true);
    let asleep = listed([asleep, kustomization("a", "b")]);
    for cluster in [asleep, listed([])] {
        let (mut follows, _) = given_up();
        look(&mut follows, &cluster, 4_000);
        assert_eq!(since(&follows, &cluster), []);
        assert!(follows.is_empty());
    }
}

#[test]
fn what_is_pushed_after_one_that_was_given_up_carries_it_on() {
    let (mut follows, _) = given_up();
    let told = told_at(2, "c", 4_000);
    let mut second = annotated(2);
    second.state = WorkState::Annotated {
        token: Token("t".into()),
        at: at(4_001),
        version: None,
    };
    follows.add(second, told, true, &broken("b"), at(4_001));
    let age = Age::Later(by(2));
    follows.told_age(WorkId(1), Some((commit("c").to_string(), age)));
    look(&mut follows, &broken("c"), 4_010);
    assert_eq!((follows.len(), follows.all().len()), (1, 1));
    assert_eq!(follows.take_carried(), carried(5, None));
    look(&mut follows, &broken("c"), 9_000);
    assert_eq!((follows.len(), follows.all().len()), (0, 1));
    assert_eq!(follows.take_carried(), carried(5, Some(2)));
    assert_eq!(since(&follows, &broken("c")), lacking(5));
}

#[test]
fn what_came_before_one_that_is_proven_is_lacking_no_more_though_it_is_followed() {
    let mut follows = Follows::new(HOUR);
    follows.add(annotated(1), told_at(1, "d", 5), true, &well("a"), at(6));
    follows.add(annotated(2), told_at(2, "b", 20), true, &well("a"), at(21));
    assert_eq!(since(&follows, &well("a")), lacking(5));
    look(&mut follows, &well("b"), 30);
    assert_eq!(state(&follows, 1).as_deref(), Some("following"));
    assert_eq!(state(&follows, 2), None);
    assert_eq!(since(&follows, &well("b")), []);
}

#[test]
fn what_nobody_pushed_is_not_lacking() {
    let mut follows = Follows::new(HOUR);
    let event = Event::Gap {
        since: at(0),
        until: at(1),
    };
    follows.add(
        annotated(1),
        told_by(1, event, 5),
        true,
        &broken("b"),
        at(6),
    );
    look(&mut follows, &broken("b"), 10);
    assert_eq!(state(&follows, 1).as_deref(), Some("failing"));
    assert_eq!(since(&follows, &broken("b")), []);
    look(&mut follows, &broken("b"), 3_600);
    assert!(follows.is_empty());
}

#[test]
fn what_was_noted_of_an_object_that_nobody_can_look_at_is_forgotten() {
    let mut follows = Follows::new(HOUR);
    let noted = carried(5, Some(1))[0].1.unwrap();
    follows.restore(object(), noted);
    assert_eq!(since(&follows, &broken("b")), []);
    assert_eq!(follows.take_carried(), [(object(), None)]);
}
