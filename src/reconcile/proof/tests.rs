//! What is said of objects as a cluster shows them, one look after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::catalog::{Cache, HostNames, ItemKey, Kind, Listing, Projector, ResourceVersion};
use crate::delivery::{
    CommitId, DeliveryKey, Guid, Proof, ProofState, Token, UserState, Wanted, WebhookName,
};

use super::{Age, Ask, MOST_AGAIN, Wake, begin, judge};

const HOUR: Duration = Duration::from_secs(3_600);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn id(letter: &str) -> CommitId {
    CommitId::read(&letter.repeat(40)).unwrap().unwrap()
}

fn main_at(letter: &str) -> String {
    format!("main@sha1:{}", id(letter))
}

fn by() -> DeliveryKey {
    DeliveryKey {
        webhook: WebhookName("acme".into()),
        guid: Guid::read("later").unwrap(),
    }
}

/// A condition `Ready` of generation 1.
fn ready(status: &str, reason: &str, message: &str) -> Value {
    json!([{"type": "Ready", "status": status, "reason": reason, "message": message, "observedGeneration": 1}])
}

fn well(more: Value) -> Value {
    with(ready("True", "Succeeded", ""), more)
}

fn with(conditions: Value, more: Value) -> Value {
    let mut status = json!({"observedGeneration": 1, "conditions": conditions});
    status
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    status
}

/// One push to `main` that brings commit `b` to the GitRepository `apps/web`, and what is seen of it.
struct Scene {
    objects: BTreeMap<(Kind, String), Value>,
    proof: Proof,
    wanted: Wanted,
    token: Token,
    version: Option<ResourceVersion>,
    object: ItemKey,
    ages: fn(&str) -> Option<Age>,
    /// Kinds that were not listed.
    unlisted: Vec<Kind>,
    ask: Option<Ask>,
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self {
            objects: BTreeMap::new(),
            proof: Proof::begin(at(0)),
            wanted: Wanted::Commit {
                commit: id("b"),
                tag: None,
            },
            token: Token("t".into()),
            version: None,
            object: ItemKey {
                kind: Kind::GitRepository,
                namespace: "apps".into(),
                name: "web".into(),
            },
            ages: |_| Some(Age::Unknown),
            unlisted: Vec::new(),
            ask: None,
        };
        scene.source(well(json!({"artifact": {"revision": main_at("a")}})));
        scene
    }

    fn put(&mut self, kind: Kind, name: &str, spec: &Value, status: &Value) {
        let asked = json!({"reconcile.fluxcd.io/requestedAt": self.asked()});
        let object = json!({
            "metadata": {"name": name, "namespace": "apps", "generation": 1, "annotations": asked},
            "spec": spec,
            "status": status,
        });
        self.objects.insert((kind, name.to_owned()), object);
    }

    fn asked(&self) -> String {
        let last = self.proof.again.as_ref().map(|again| &again.token);
        last.unwrap_or(&self.token).0.clone()
    }

    fn source(&mut self, status: Value) {
        let spec = json!({"url": "https://github.com/acme/web", "ref": {"branch": "main"}});
        self.put(Kind::GitRepository, "web", &spec, &status);
    }

    /// It has answered, and has fetched this commit.
    fn fetched(&mut self, letter: &str) {
        let handled = self.asked();
        self.source(well(
            json!({"lastHandledReconcileAt": handled, "artifact": {"revision": main_at(letter)}}),
        ));
    }

    fn kustomization(&mut self, name: &str, status: Value) {
        let spec = json!({"sourceRef": {"kind": "GitRepository", "name": "web"}});
        self.put(Kind::Kustomization, name, &spec, &status);
    }

    /// A HelmRelease by way of its HelmChart, which was built from a commit and has a version.
    fn release(&mut self, built_from: &str, version: &str, status: Value) {
        let chart = json!({"sourceRef": {"kind": "GitRepository", "name": "web"}});
        let built = well(json!({
            "observedSourceArtifactRevision": main_at(built_from), "artifact": {"revision": version},
        }));
        self.put(Kind::HelmChart, "apps-shop", &chart, &built);
        let mut status = status;
        status["helmChart"] = json!("apps/apps-shop");
        self.put(Kind::HelmRelease, "shop", &json!({"chart": {}}), &status);
    }

    fn begin(&mut self) {
        self.proof = begin(&self.cluster(), &self.object, &self.wanted, at(0));
    }

    fn change(&mut self, kind: Kind, name: &str, pointer: &str, value: Value) {
        let object = self.objects.get_mut(&(kind, name.to_owned())).unwrap();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[field] = value;
    }

    fn cluster(&self) -> Cache {
        let mut projector = Projector::new("prod".into(), Arc::new(HostNames::of([])));
        let mut cache = Cache::default();
        for kind in Kind::ALL
            .into_iter()
            .filter(|kind| !self.unlisted.contains(kind))
        {
            let objects = self.objects.iter().filter(|((of, _), _)| *of == kind);
            let items = objects.map(|(_, object)| {
                let item = projector.project(kind, object.to_string().as_bytes());
                Arc::new(item.unwrap())
            });
            let listing = Listing {
                kind,
                items: items.collect(),
                broken: Vec::new(),
            };
            cache.replace(listing, SystemTime::UNIX_EPOCH);
        }
        cache
    }

    /// Looks, and says the stage, the state and that of each user: `fetched following: web waiting`.
    fn look(&mut self, second: i64) -> String {
        let wake = Wake {
            object: &self.object,
            token: &self.token,
            version: self.version.as_ref(),
            wanted: &self.wanted,
            within: HOUR,
        };
        let judged = judge(&self.proof, &wake, &self.cluster(), self.ages, at(second));
        (self.proof, self.ask) = (judged.proof, judged.ask);
        let users = self.proof.users.iter();
        let users = users.map(|user| format!(" {} {}", user.name, user.state.name()));
        let (stage, state) = (self.proof.stage().name(), self.proof.state.name());
        format!("{stage} {state}{}", users.collect::<String>())
    }

    fn waits(&self) -> &str {
        match &self.proof.state {
            ProofState::Following { waits } => waits,
            other => panic!("{other:?}"),
        }
    }

    fn failure(&self) -> String {
        match &self.proof.state {
            ProofState::Failing { failure, .. } | ProofState::Failed { failure, .. } => {
                format!(
                    "{} {} {}: {}",
                    failure.object, failure.condition, failure.reason, failure.message
                )
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_push_is_followed_from_the_answer_to_each_kustomization_that_is_healthy() {
    let mut scene = Scene::new();
    scene.kustomization("web", well(json!({"lastAppliedRevision": main_at("a")})));
    scene.kustomization("docs", well(json!({"lastAppliedRevision": main_at("a")})));
    assert_eq!(scene.look(1), "annotated following");
    assert_eq!(scene.waits(), "for its controller to answer");
    let answered = json!({"lastHandledReconcileAt": "t", "artifact": {"revision": main_at("a")}});
    scene.source(with(ready("Unknown", "Progressing", ""), answered));
    assert_eq!(scene.look(2), "acknowledged following");
    scene.fetched("b");
    assert_eq!(scene.look(3), "fetched following docs waiting web waiting");
    assert_eq!(scene.waits(), "for Kustomization apps/docs, and for 1 more");
    scene.kustomization("web", well(json!({"lastAppliedRevision": main_at("b")})));
    assert_eq!(scene.look(4), "fetched following docs waiting web healthy");
    let applied =
        json!({"lastAppliedRevision": main_at("b"), "lastAttemptedRevision": main_at("b")});
    scene.kustomization(
        "docs",
        with(ready("Unknown", "Progressing", ""), applied.clone()),
    );
    assert_eq!(scene.look(5), "applied following docs applied web healthy");
    assert_eq!(scene.waits(), "for Kustomization apps/docs to be ready");
    scene.kustomization("docs", well(applied));
    assert_eq!(scene.look(6), "healthy proven docs healthy web healthy");
    let times = [
        scene.proof.acknowledged_at,
        scene.proof.fetched.as_ref().map(|fetched| fetched.at),
        scene.proof.applied_at,
        scene.proof.healthy_at,
        scene.proof.ended_at(),
    ];
    assert_eq!(times, [2, 3, 5, 6, 6].map(|second| Some(at(second))));
    let UserState::Healthy {
        applied_at,
        at: healthy,
        ..
    } = scene.proof.users[0].state
    else {
        panic!()
    };
    assert_eq!((applied_at, healthy), (at(5), at(6)));
    // What is over stays as it is.
    scene.fetched("c");
    assert_eq!(scene.look(7), "healthy proven docs healthy web healthy");
}

#[test]
fn with_nothing_that_uses_it_a_source_is_done_once_it_has_fetched() {
    let mut scene = Scene::new();
    scene.fetched("b");
    assert_eq!(scene.look(1), "fetched proven");
    let mut scene = Scene::new();
    scene.fetched("b");
    scene.unlisted = vec![Kind::HelmRelease];
    assert_eq!(scene.look(1), "fetched following");
    assert_eq!(
        scene.waits(),
        "until each HelmRelease of its cluster was listed"
    );
}

#[test]
fn what_is_there_before_anybody_answers_counts_once_somebody_has() {
    let mut scene = Scene::new();
    // Forced back to it, its controller may still be fetching the one between.
    scene.source(well(json!({"artifact": {"revision": main_at("b")}})));
    assert_eq!(scene.look(1), "annotated following");
    assert_eq!(scene.waits(), "for its controller to answer");
    scene.fetched("b");
    assert_eq!(scene.look(2), "fetched proven");
    // What is suspended answers nobody.
    let mut scene = Scene::new();
    let artifact = well(json!({"artifact": {"revision": main_at("b")}}));
    let spec = json!({"url": "https://github.com/acme/web", "suspend": true});
    scene.put(Kind::GitRepository, "web", &spec, &artifact);
    assert_eq!(scene.look(1), "fetched proven");
}

#[test]
fn what_fails_before_it_notes_what_it_attempts_fails() {
    let mut scene = Scene::new();
    scene.fetched("b");
    let before =
        json!({"lastAppliedRevision": main_at("a"), "lastAttemptedRevision": main_at("a")});
    let reason = |reason| ready("False", reason, "kustomization path not found");
    scene.kustomization("web", with(reason("BuildFailed"), before.clone()));
    assert_eq!(scene.look(1), "fetched following web waiting");
    scene.kustomization("web", with(reason("ArtifactFailed"), before));
    assert_eq!(scene.look(2), "fetched failing web failing");
    assert_eq!(
        scene.failure(),
        "Kustomization apps/web Ready ArtifactFailed: kustomization path not found"
    );
    let history = json!([{"chartVersion": "1.0.0", "status": "deployed"}]);
    scene.release(
        "b",
        "1.1.0",
        with(reason("ValuesError"), json!({"history": history})),
    );
    scene.kustomization("web", well(json!({"lastAppliedRevision": main_at("b")})));
    assert_eq!(scene.look(3), "fetched failing web healthy shop failing");
}

#[test]
fn what_is_put_back_to_what_it_had_before_has_not_applied_it_again_yet() {
    let mut scene = Scene::new();
    scene.fetched("b");
    let between =
        json!({"lastAppliedRevision": main_at("b"), "lastAttemptedRevision": main_at("c")});
    scene.kustomization("web", with(ready("False", "BuildFailed", "of c"), between));
    assert_eq!(scene.look(1), "fetched following web waiting");
    let back = json!({"lastAppliedRevision": main_at("b"), "lastAttemptedRevision": main_at("b")});
    scene.kustomization("web", well(back));
    assert_eq!(scene.look(2), "healthy proven web healthy");
}

#[test]
fn the_answer_to_a_later_token_is_one_to_this_and_that_to_an_earlier_is_not() {
    let mut scene = Scene::new();
    scene.fetched("a");
    let status = "/status/lastHandledReconcileAt";
    scene.change(Kind::GitRepository, "web", status, json!("earlier"));
    assert_eq!(scene.look(1), "annotated following");
    let annotations = json!({"reconcile.fluxcd.io/requestedAt": "later"});
    scene.change(
        Kind::GitRepository,
        "web",
        "/metadata/annotations",
        annotations,
    );
    assert_eq!(scene.look(2), "annotated following");
    scene.change(Kind::GitRepository, "web", status, json!("later"));
    assert_eq!(scene.look(3), "fetched proven");
}

#[test]
fn while_the_watch_shows_an_object_as_it_was_before_it_was_asked_nobody_has_answered() {
    let mut scene = Scene::new();
    scene.version = Some(ResourceVersion::Number(10));
    let git = Kind::GitRepository;
    scene.fetched("a");
    let status = "/status/lastHandledReconcileAt";
    scene.change(git, "web", status, json!("another"));
    let annotations = json!({"reconcile.fluxcd.io/requestedAt": "another"});
    scene.change(git, "web", "/metadata/annotations", annotations);
    scene.change(git, "web", "/metadata/resourceVersion", json!("9"));
    assert_eq!(scene.look(1), "annotated following");
    assert_eq!(scene.waits(), "for its controller to answer");
    scene.change(git, "web", "/metadata/resourceVersion", json!("11"));
    assert_eq!(scene.look(2), "fetched proven");
}

#[test]
fn a_source_that_fails_says_why_in_its_own_words_and_may_recover() {
    let mut scene = Scene::new();
    let failed = ready("False", "GitOperationFailed", "authentication required");
    let artifact = json!({"artifact": {"revision": main_at("a")}});
    // Not yet the answer to us.
    scene.source(with(failed.clone(), artifact.clone()));
    assert_eq!(scene.look(1), "annotated following");
    let mut answered = with(failed, artifact);
    answered["lastHandledReconcileAt"] = json!("t");
    scene.source(answered.clone());
    assert_eq!(scene.look(2), "acknowledged failing");
    let told = "GitRepository apps/web Ready GitOperationFailed: authentication required";
    assert_eq!(scene.failure(), told);
    assert_eq!(scene.look(9), "acknowledged failing");
    assert!(matches!(scene.proof.state, ProofState::Failing { since, .. } if since == at(2)));
    let stalled = json!({"type": "Stalled", "status": "True", "reason": "x", "message": ""});
    answered["conditions"].as_array_mut().unwrap().push(stalled);
    scene.source(answered);
    assert_eq!(scene.look(10), "acknowledged failing");
    assert!(
        scene
            .failure()
            .starts_with("GitRepository apps/web Stalled")
    );
    scene.fetched("b");
    assert_eq!(scene.look(11), "fetched proven");
}

#[test]
fn conditions_of_another_generation_or_revision_say_nothing() {
    let mut scene = Scene::new();
    scene.fetched("b");
    let old = with(
        ready("False", "BuildFailed", "old"),
        json!({"lastAppliedRevision": main_at("a"), "lastAttemptedRevision": main_at("a")}),
    );
    scene.kustomization("web", old);
    assert_eq!(scene.look(1), "fetched following web waiting");
    // Of this revision, and of the generation before.
    let attempted = json!({"lastAttemptedRevision": main_at("b")});
    scene.kustomization(
        "web",
        with(ready("False", "BuildFailed", "old"), attempted.clone()),
    );
    scene.change(Kind::Kustomization, "web", "/metadata/generation", json!(2));
    assert_eq!(scene.look(2), "fetched following web waiting");
    scene.kustomization("web", well(json!({"lastAppliedRevision": main_at("b")})));
    scene.change(Kind::Kustomization, "web", "/metadata/generation", json!(2));
    assert_eq!(scene.look(3), "applied following web applied");
    scene.kustomization(
        "web",
        with(ready("False", "HealthCheckFailed", "timeout"), attempted),
    );
    assert_eq!(scene.look(4), "applied failing web failing");
    assert_eq!(
        scene.failure(),
        "Kustomization apps/web Ready HealthCheckFailed: timeout"
    );
}

#[test]
fn what_waits_for_others_does_not_fail() {
    let mut scene = Scene::new();
    scene.fetched("b");
    let waits = ready(
        "False",
        "DependencyNotReady",
        "dependency 'apps/db' is not ready",
    );
    scene.kustomization(
        "web",
        with(waits, json!({"lastAttemptedRevision": main_at("b")})),
    );
    assert_eq!(scene.look(1), "fetched following web waiting");
    assert_eq!(
        scene.waits(),
        "for Kustomization apps/web, which waits for what it depends on: dependency 'apps/db' is not ready"
    );
}

#[test]
fn suspended_objects_are_told_and_keep_nobody_waiting() {
    let mut scene = Scene::new();
    scene.fetched("b");
    scene.kustomization("web", well(json!({"lastAppliedRevision": main_at("a")})));
    scene.kustomization("docs", well(json!({"lastAppliedRevision": main_at("a")})));
    scene.change(Kind::Kustomization, "web", "/spec/suspend", json!(true));
    assert_eq!(
        scene.look(1),
        "fetched following docs waiting web suspended"
    );
    // Resumed while others are waited for, it is followed again.
    scene.change(Kind::Kustomization, "web", "/spec/suspend", json!(false));
    assert_eq!(scene.look(2), "fetched following docs waiting web waiting");
    scene.change(Kind::Kustomization, "web", "/spec/suspend", json!(true));
    scene.kustomization("docs", well(json!({"lastAppliedRevision": main_at("b")})));
    assert_eq!(scene.look(3), "healthy proven docs healthy web suspended");
    let mut all = Scene::new();
    all.fetched("b");
    all.kustomization("web", well(json!({})));
    all.change(Kind::Kustomization, "web", "/spec/suspend", json!(true));
    assert_eq!(all.look(1), "fetched suspended web suspended");
    let mut source = Scene::new();
    source.change(Kind::GitRepository, "web", "/spec/suspend", json!(true));
    assert_eq!(source.look(1), "annotated suspended");
}

#[test]
fn a_release_is_followed_through_its_chart() {
    let mut scene = Scene::new();
    let applied = |version: &str| {
        well(json!({"lastAttemptedRevision": version, "history": [
            {"chartVersion": version, "status": "deployed"}]}))
    };
    scene.release("a", "1.0.0", applied("1.0.0"));
    scene.begin();
    scene.fetched("b");
    assert_eq!(scene.look(1), "fetched following shop waiting");
    assert_eq!(
        scene.waits(),
        "for HelmRelease apps/shop, which waits for HelmChart apps/apps-shop"
    );
    scene.release("b", "1.1.0", applied("1.0.0"));
    assert_eq!(scene.look(2), "fetched following shop waiting");
    let failed = with(
        ready("False", "UpgradeFailed", "no"),
        json!({"lastAttemptedRevision": "1.1.0", "history": [
            {"chartVersion": "1.1.0", "status": "failed"}, {"chartVersion": "1.0.0", "status": "deployed"}]}),
    );
    scene.release("b", "1.1.0", failed);
    assert_eq!(scene.look(3), "fetched failing shop failing");
    assert_eq!(
        scene.failure(),
        "HelmRelease apps/shop Ready UpgradeFailed: no"
    );
    scene.release("b", "1.1.0", applied("1.1.0"));
    assert_eq!(scene.look(4), "healthy proven shop healthy");
}

#[test]
fn a_chart_without_a_new_version_is_an_end_of_its_own() {
    let mut scene = Scene::new();
    let history = json!({"history": [{"chartVersion": "1.0.0", "status": "deployed"}]});
    scene.release("a", "1.0.0", well(history.clone()));
    scene.begin();
    scene.fetched("b");
    assert_eq!(scene.look(1), "fetched following shop waiting");
    scene.release("b", "1.0.0", well(history));
    assert_eq!(scene.look(2), "healthy proven shop noNewVersion");
    assert_eq!(scene.proof.applied_at, None);
    // Who does not know which version was there says no more than that it is applied.
    scene.begin();
    assert_eq!(scene.look(3), "healthy proven shop healthy");
}

#[test]
fn of_a_release_that_is_not_well_a_chart_without_a_new_version_says_nothing() {
    let upgrading = with(
        ready("Unknown", "Progressing", ""),
        json!({"lastAttemptedRevision": "1.1.0", "history": [{"chartVersion": "1.0.0", "status": "deployed"}]}),
    );
    let mut scene = Scene::new();
    scene.release("a", "1.1.0", upgrading.clone());
    scene.begin();
    scene.fetched("b");
    scene.release("b", "1.1.0", upgrading);
    assert_eq!(scene.look(1), "fetched following shop waiting");
    let failed = with(
        ready("False", "UpgradeFailed", "no"),
        json!({"lastAttemptedRevision": "1.1.0", "history": [{"chartVersion": "1.1.0", "status": "failed"}]}),
    );
    let mut scene = Scene::new();
    scene.release("a", "1.1.0", failed.clone());
    scene.begin();
    scene.fetched("b");
    scene.release("b", "1.1.0", failed);
    assert_eq!(scene.look(1), "fetched failing shop failing");
}

#[test]
fn the_version_of_a_chart_is_known_where_its_source_was_faster_than_we() {
    let mut scene = Scene::new();
    let history = json!({"history": [{"chartVersion": "1.0.0", "status": "deployed"}]});
    scene.release("a", "1.0.0", well(history.clone()));
    scene.fetched("b");
    scene.begin();
    assert_eq!(scene.look(1), "fetched following shop waiting");
    scene.release("b", "1.0.0", well(history));
    assert_eq!(scene.look(2), "healthy proven shop noNewVersion");
}

#[test]
fn a_chart_that_cannot_be_built_fails_its_release() {
    let mut scene = Scene::new();
    scene.release("a", "1.0.0", well(json!({})));
    scene.fetched("b");
    scene.look(1);
    scene.release("b", "1.0.0", well(json!({})));
    let failed = ready("False", "InvalidChartReference", "no Chart.yaml");
    scene.change(Kind::HelmChart, "apps-shop", "/status/conditions", failed);
    assert_eq!(scene.look(2), "fetched failing shop failing");
    assert_eq!(
        scene.failure(),
        "HelmChart apps/apps-shop Ready InvalidChartReference: no Chart.yaml"
    );
}

#[test]
fn a_release_of_a_chart_in_a_registry_is_known_by_its_digest() {
    let mut scene = Scene::new();
    let digest = format!("sha256:{}", "ab".repeat(32));
    scene.object.kind = Kind::OciRepository;
    scene.wanted = Wanted::Digest(digest.clone());
    let revision = format!("1.2.3@{digest}");
    let fetched = well(json!({"lastHandledReconcileAt": "t", "artifact": {"revision": revision}}));
    scene.put(Kind::OciRepository, "web", &json!({}), &fetched);
    let chart = json!({"chartRef": {"kind": "OCIRepository", "name": "web"}});
    let history =
        json!([{"chartVersion": "1.2.3+abababababab", "status": "deployed", "ociDigest": digest}]);
    scene.put(
        Kind::HelmRelease,
        "shop",
        &chart,
        &well(json!({"history": []})),
    );
    assert_eq!(scene.look(1), "fetched following shop waiting");
    scene.put(
        Kind::HelmRelease,
        "shop",
        &chart,
        &well(json!({"history": history})),
    );
    assert_eq!(scene.look(2), "healthy proven shop healthy");
}

#[test]
fn a_later_commit_that_a_delivery_told_of_overtakes() {
    let mut scene = Scene::new();
    scene.ages = |_| None;
    scene.fetched("c");
    assert_eq!(scene.look(1), "acknowledged following");
    assert_eq!(scene.ask, Some(Ask::AgeOf(id("c").to_string())));
    scene.ages = |_| Some(Age::Later(by()));
    assert_eq!(scene.look(2), "acknowledged overtaken");
    let ProofState::Overtaken {
        revision, by: told, ..
    } = &scene.proof.state
    else {
        panic!()
    };
    assert_eq!((revision, told), (&Some(main_at("c")), &Some(by())));
}

#[test]
fn what_has_not_applied_it_when_its_source_moves_on_is_overtaken() {
    let mut scene = Scene::new();
    scene.kustomization("web", well(json!({"lastAppliedRevision": main_at("b")})));
    scene.kustomization("docs", well(json!({"lastAppliedRevision": main_at("a")})));
    scene.fetched("b");
    assert_eq!(scene.look(1), "fetched following docs waiting web healthy");
    scene.fetched("c");
    scene.ages = |_| Some(Age::Later(by()));
    assert_eq!(
        scene.look(2),
        "fetched overtaken docs overtaken web healthy"
    );
}

#[test]
fn where_nobody_follows_what_came_after_it_that_is_followed_in_its_stead() {
    let mut scene = Scene::new();
    scene.kustomization("web", well(json!({"lastAppliedRevision": main_at("b")})));
    scene.kustomization("docs", well(json!({"lastAppliedRevision": main_at("a")})));
    scene.fetched("b");
    assert_eq!(scene.look(1), "fetched following docs waiting web healthy");
    scene.fetched("c");
    scene.ages = |_| None;
    assert_eq!(scene.look(2), "fetched following docs waiting web healthy");
    assert_eq!(scene.ask, Some(Ask::AgeOf(id("c").to_string())));
    scene.ages = |_| Some(Age::Unknown);
    assert_eq!(scene.look(3), "fetched following docs waiting web healthy");
    scene.kustomization("docs", well(json!({"lastAppliedRevision": main_at("c")})));
    assert_eq!(scene.look(4), "healthy proven docs healthy web healthy");
    let fetched = scene.proof.fetched.unwrap();
    assert!(fetched.taken_as_newer && fetched.revision == main_at("c"));
    assert_eq!(fetched.at, at(1));
}

#[test]
fn what_brings_nothing_new_is_asked_again_before_that_is_taken_as_newer() {
    let mut scene = Scene::new();
    scene.begin();
    scene.fetched("a");
    assert_eq!(scene.look(10), "acknowledged following");
    assert_eq!(scene.ask, Some(Ask::Again { at: at(12) }));
    let waits = format!("it has fetched nothing new, `{}`", main_at("a"));
    assert!(scene.waits().ends_with(&waits), "{}", scene.waits());
    scene.proof.again = Some(crate::delivery::Again {
        times: MOST_AGAIN,
        at: at(60),
        token: Token("t3".into()),
    });
    scene.fetched("a");
    assert_eq!(scene.look(61), "fetched proven");
    assert!(scene.proof.fetched.unwrap().taken_as_newer);
}

#[test]
fn a_clock_that_was_set_back_lets_nobody_wait_longer() {
    let mut scene = Scene::new();
    scene.ages = |_| Some(Age::Older);
    scene.fetched("a");
    assert_eq!(scene.look(3_000), "acknowledged following");
    scene.look(10);
    assert_eq!(scene.ask, Some(Ask::Again { at: at(12) }));
}

#[test]
fn an_older_commit_is_asked_for_again_a_few_times_with_longer_waits() {
    let mut scene = Scene::new();
    scene.ages = |_| Some(Age::Older);
    let mut second = 10;
    for (times, wait) in [(1, 2), (2, 8), (3, 32)] {
        scene.fetched("a");
        assert_eq!(scene.look(second), "acknowledged following");
        let asked = Some(Ask::Again {
            at: at(second + wait),
        });
        assert_eq!(scene.ask, asked);
        second += wait;
        scene.proof.again = Some(crate::delivery::Again {
            times,
            at: at(second),
            token: Token(format!("t{times}")),
        });
        // Asked, and not answered yet.
        scene.source(well(
            json!({"lastHandledReconcileAt": "t", "artifact": {"revision": main_at("a")}}),
        ));
        assert_eq!(scene.look(second), "acknowledged following");
        assert_eq!(scene.ask, None);
    }
    scene.fetched("a");
    assert_eq!(scene.look(second), "acknowledged following");
    assert_eq!((scene.ask.clone(), MOST_AGAIN), (None, 3));
    assert_eq!(scene.look(3_600), "acknowledged unproven");
    let ProofState::Unproven { reason, .. } = &scene.proof.state else {
        panic!()
    };
    assert_eq!(
        *reason,
        format!(
            "not proven within 1h; last it waited for {}: it has fetched an older commit, `{}`",
            id("b"),
            main_at("a")
        )
    );
}

#[test]
fn another_commit_that_nobody_told_of_is_taken_as_newer_and_said_so() {
    let mut scene = Scene::new();
    scene.kustomization("web", well(json!({"lastAppliedRevision": main_at("f")})));
    scene.fetched("f");
    assert_eq!(scene.look(1), "healthy proven web healthy");
    let fetched = scene.proof.fetched.unwrap();
    assert!(fetched.taken_as_newer && fetched.revision == main_at("f"));
}

#[test]
fn a_newer_version_than_the_tag_that_was_pushed_overtakes() {
    let mut scene = Scene::new();
    scene.wanted = Wanted::Commit {
        commit: id("b"),
        tag: Some("v1.2.0".into()),
    };
    let look = |scene: &mut Scene, revision: String| {
        let spec = json!({"url": "https://github.com/acme/web", "ref": {"semver": ">=1"}});
        let status =
            well(json!({"lastHandledReconcileAt": "t", "artifact": {"revision": revision}}));
        scene.put(Kind::GitRepository, "web", &spec, &status);
        scene.look(1)
    };
    let newer = format!("v1.10.0@sha1:{}", id("c"));
    assert_eq!(look(&mut scene, newer), "acknowledged overtaken");
    let mut scene = Scene {
        proof: Proof::begin(at(0)),
        ..scene
    };
    let older = format!("v1.1.0@sha1:{}", id("a"));
    assert_eq!(look(&mut scene, older), "acknowledged following");
    assert_eq!(scene.ask, Some(Ask::Again { at: at(3) }));
    let wanted = format!("v1.2.0@sha1:{}", id("b"));
    assert_eq!(look(&mut scene, wanted), "fetched proven");
}

#[test]
fn where_nobody_knows_what_is_new_the_answer_and_what_it_has_then_count() {
    let mut scene = Scene::new();
    scene.wanted = Wanted::Whatever;
    scene.kustomization("web", well(json!({"lastAppliedRevision": main_at("a")})));
    assert_eq!(scene.look(1), "annotated following");
    scene.fetched("a");
    assert_eq!(scene.look(2), "healthy proven web healthy");
    assert!(!scene.proof.fetched.unwrap().taken_as_newer);
}

#[test]
fn what_never_comes_ends_when_its_time_is_over() {
    let mut scene = Scene::new();
    assert_eq!(scene.look(3_599), "annotated following");
    assert_eq!(scene.look(3_600), "annotated unproven");
    let ProofState::Unproven { reason, .. } = &scene.proof.state else {
        panic!()
    };
    let told = "not proven within 1h; last it waited for its controller to answer";
    assert_eq!(reason, told);
    let mut failing = Scene::new();
    failing.fetched("b");
    let attempted = json!({"lastAttemptedRevision": main_at("b")});
    failing.kustomization("web", with(ready("False", "BuildFailed", "no"), attempted));
    assert_eq!(failing.look(3_599), "fetched failing web failing");
    assert_eq!(failing.look(3_600), "fetched failed web failing");
    assert_eq!(
        failing.failure(),
        "Kustomization apps/web Ready BuildFailed: no"
    );
}

#[test]
fn an_object_that_is_gone_is_told_and_one_that_cannot_be_seen_is_waited_for() {
    let mut scene = Scene::new();
    scene.objects.clear();
    scene.unlisted = vec![Kind::GitRepository];
    assert_eq!(scene.look(1), "annotated following");
    scene.unlisted.clear();
    assert_eq!(scene.look(2), "annotated gone");
}

#[test]
fn a_kustomization_that_was_asked_itself_is_done_when_it_has_answered_and_is_ready() {
    let mut scene = Scene::new();
    scene.object.kind = Kind::Kustomization;
    scene.wanted = Wanted::Whatever;
    scene.kustomization("web", well(json!({})));
    assert_eq!(scene.look(1), "annotated following");
    let failed = ready("False", "BuildFailed", "no");
    scene.kustomization("web", with(failed, json!({"lastHandledReconcileAt": "t"})));
    assert_eq!(scene.look(2), "acknowledged failing");
    scene.kustomization("web", well(json!({"lastHandledReconcileAt": "t"})));
    assert_eq!(scene.look(3), "healthy proven");
}

#[test]
fn a_repository_of_charts_that_has_no_status_is_told_at_once() {
    let mut scene = Scene::new();
    scene.object.kind = Kind::HelmRepository;
    scene.wanted = Wanted::Whatever;
    let spec = json!({"url": "oci://ghcr.io/acme", "type": "oci"});
    scene.put(Kind::HelmRepository, "web", &spec, &json!({}));
    assert_eq!(scene.look(1), "annotated unproven");
}
