use jiff::Timestamp;
use serde_json::{Value, json};

use crate::catalog::{Event as Told, Kind, Projector};
use crate::delivery::{
    CommitId, DeliveryKey, DeliveryState, Guid, HeadNews, HeadSeen, SpeaksFor, Wait, WorkState,
    decode,
};

use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_000).unwrap()
}

/// The rules of one webhook of the organisation `acme` at github.com.
fn rules(speaks_for: SpeaksFor) -> Rules {
    let scope = HookScope {
        host: "github.com".into(),
        aliases: vec!["ssh.github.com".into()],
        speaks_for,
    };
    Rules {
        scopes: HashMap::from([(WebhookName("acme".into()), scope)]),
        hosts: Arc::new(HostNames::of([])),
        policies: Policies::default(),
        planned: Vec::new(),
    }
}

fn acme() -> Rules {
    rules(SpeaksFor::Organization("acme".into()))
}

/// GitRepositories by name, with their URL, ref and annotations.
fn cluster(sources: &[(&str, Kind, Value, Value)]) -> Cache {
    let mut projector = Projector::new("prod".into(), Arc::new(HostNames::of([])));
    let mut cache = Cache::default();
    for (name, kind, spec, annotations) in sources {
        let object = json!({
            "metadata": {"name": name, "namespace": "apps", "annotations": annotations},
            "spec": spec,
        });
        let item = projector
            .project(*kind, object.to_string().as_bytes())
            .unwrap();
        cache.apply(Told::Applied(Arc::new(item)));
    }
    cache
}

fn git(name: &str, url: &str, branch: &str) -> (String, Kind, Value, Value) {
    let spec = json!({"url": url, "ref": {"branch": branch}});
    (name.to_owned(), Kind::GitRepository, spec, json!({}))
}

fn of(sources: &[(String, Kind, Value, Value)]) -> Cache {
    let sources: Vec<_> = sources
        .iter()
        .map(|(name, kind, spec, annotations)| {
            (name.as_str(), *kind, spec.clone(), annotations.clone())
        })
        .collect();
    cluster(&sources)
}

fn delivery(event: &str, payload: &Value) -> Delivery {
    let key = DeliveryKey {
        webhook: WebhookName("acme".into()),
        guid: Guid::read("g-1").unwrap(),
    };
    let content = decode(event, &payload.to_string()).unwrap();
    Delivery::new(key, now(), content)
}

fn web() -> Value {
    json!({"id": 42, "full_name": "Acme/Web", "html_url": "https://github.com/Acme/Web",
        "default_branch": "main"})
}

fn push(reference: &str) -> Delivery {
    delivery(
        "push",
        &json!({"ref": reference, "after": "ab".repeat(20), "repository": web()}),
    )
}

/// The names of the objects, and what is said of each.
fn said(decision: &Decision) -> Vec<(String, String)> {
    let Decision::Concerns(candidates) = decision else {
        panic!("{decision:?} concerns nobody")
    };
    let mut said: Vec<_> = candidates
        .iter()
        .map(|candidate| {
            (
                candidate.item.key.name.to_string(),
                candidate.verdict.to_string(),
            )
        })
        .collect();
    said.sort();
    said
}

fn decide(rules: &Rules, delivery: &Delivery, cache: &Cache) -> Decision {
    rules.decide(delivery, &[cache], &FormerNames::default())
}

#[test]
fn a_push_wakes_the_sources_of_its_branch_in_any_spelling_and_leaves_the_others() {
    let cache = of(&[
        git("web", "https://github.com/acme/web", "main"),
        git(
            "web-ssh",
            "ssh://git@ssh.github.com:443/acme/web.git",
            "main",
        ),
        git("web-next", "https://github.com/acme/web", "next"),
        git("docs", "https://github.com/acme/docs", "main"),
    ]);
    let decision = decide(&acme(), &push("refs/heads/main"), &cache);
    let follows = "it follows branch `main`".to_owned();
    assert_eq!(
        said(&decision),
        [
            ("web".to_owned(), follows.clone()),
            (
                "web-next".to_owned(),
                "it follows branch `next`; pushed was `refs/heads/main`".to_owned()
            ),
            ("web-ssh".to_owned(), follows),
        ]
    );
    let (state, work) = decision.work(&push("refs/heads/main").event, &[], now());
    assert_eq!(
        state,
        DeliveryState::Working {
            since: now(),
            items: 2,
            failed: 0
        }
    );
    assert_eq!(work.len(), 2);
}

#[test]
fn what_a_webhook_may_not_speak_of_wakes_nothing_and_says_why() {
    let cache = of(&[git("web", "https://github.com/acme/web", "main")]);
    let rules = rules(SpeaksFor::Organization("other".into()));
    let decision = decide(&rules, &push("refs/heads/main"), &cache);
    let Decision::Nothing(reason) = &decision else {
        panic!("{decision:?}")
    };
    assert_eq!(
        reason.to_string(),
        "the webhook is of `other`, and the delivery speaks of `Acme`"
    );
    let (state, work) = decision.work(&push("refs/heads/main").event, &["us".into()], now());
    assert!(work.is_empty() && state.is_over());
}

#[test]
fn a_webhook_that_is_not_configured_any_more_fails_its_deliveries() {
    let mut rules = acme();
    rules.scopes.clear();
    let cache = of(&[]);
    assert_eq!(
        decide(&rules, &push("refs/heads/main"), &cache),
        Decision::Failed("the webhook `acme` is not configured any more".to_owned())
    );
}

#[test]
fn a_cluster_that_was_never_listed_makes_every_delivery_wait_that_it_could_concern() {
    let known = rules(SpeaksFor::KnownRepositories);
    let us: Arc<str> = "us".into();
    for rules in [&acme(), &known] {
        let decision = decide(rules, &push("refs/heads/main"), &of(&[]));
        let event = push("refs/heads/main").event;
        let (state, work) = decision.work(&event, std::slice::from_ref(&us), now());
        assert_eq!(
            state,
            DeliveryState::Working {
                since: now(),
                items: 1,
                failed: 0
            }
        );
        assert_eq!((work[0].cluster.as_ref(), &work[0].object), ("us", &None));
        let (state, work) = decision.work(&event, &[], now());
        assert!(state.is_over() && work.is_empty());
    }
    let star = delivery("star", &json!({"action": "created", "repository": web()}));
    let decision = decide(&acme(), &star, &of(&[]));
    let (state, work) = decision.work(&star.event, &[us], now());
    assert!(state.is_over() && work.is_empty());
}

#[test]
fn suspended_objects_and_those_that_opted_out_are_told_and_not_touched() {
    let spec =
        json!({"url": "https://github.com/acme/web", "ref": {"branch": "main"}, "suspend": true});
    let (_, kind, plain, _) = git("web", "https://github.com/acme/web", "main");
    let cache = cluster(&[
        ("asleep", kind, spec, json!({})),
        (
            "out",
            kind,
            plain,
            json!({"flux-setup.dev/webhook": "disabled"}),
        ),
    ]);
    let event = push("refs/heads/main").event;
    let (state, work) = decide(&acme(), &push("refs/heads/main"), &cache).work(&event, &[], now());
    assert_eq!(
        state,
        DeliveryState::Working {
            since: now(),
            items: 2,
            failed: 0
        }
    );
    let mut states: Vec<_> = work.iter().map(|work| work.state.name()).collect();
    states.sort_unstable();
    assert_eq!(states, ["optedOut", "suspended"]);
}

#[test]
fn tags_wake_by_push_by_creation_and_by_release_and_deletions_wake_nothing() {
    let spec = json!({"url": "https://github.com/acme/web", "ref": {"semver": ">=1.0"}});
    let cache = cluster(&[("web", Kind::GitRepository, spec, json!({}))]);
    let release = |action: &str, draft: bool| {
        let release = json!({"tag_name": "v1.2.0", "draft": draft});
        delivery(
            "release",
            &json!({"action": action, "release": release, "repository": web()}),
        )
    };
    let named = |event: &str| {
        delivery(
            event,
            &json!({"ref": "v1.2.0", "ref_type": "tag", "repository": web()}),
        )
    };
    let wakes = |delivery: &Delivery| match decide(&acme(), delivery, &cache) {
        Decision::Concerns(candidates) => candidates.iter().any(|c| c.verdict.is_wake()),
        _ => false,
    };
    assert!(wakes(&push("refs/tags/v1.2.0")));
    assert!(wakes(&named("create")));
    assert!(wakes(&release("published", false)));
    assert!(!wakes(&release("published", true)));
    assert!(!wakes(&release("deleted", false)));
    assert!(!wakes(&named("delete")));
    assert_eq!(
        said(&decide(&acme(), &named("delete"), &cache))[0].1,
        "`refs/tags/v1.2.0` was deleted, so there is nothing to fetch; it keeps what it has until its interval"
    );
}

#[test]
fn a_package_wakes_the_oci_sources_of_its_image() {
    let spec = json!({"url": "oci://ghcr.io/acme/web", "ref": {"tag": "v1"}});
    let cache = cluster(&[("web", Kind::OciRepository, spec, json!({}))]);
    let package = delivery(
        "package",
        &json!({"action": "published", "package": {"name": "web", "package_type": "CONTAINER",
            "owner": {"login": "Acme"}, "package_version": {"package_url": "ghcr.io/acme/web:v1",
            "container_metadata": {"tag": {"name": "v1"}}}}}),
    );
    assert_eq!(
        said(&decide(&acme(), &package, &cache)),
        [("web".to_owned(), "it follows tag `v1`".to_owned())]
    );
}

#[test]
fn a_repository_that_was_renamed_names_what_points_at_its_old_name() {
    let cache = of(&[git("web", "https://github.com/acme/site", "main")]);
    let renamed = delivery(
        "repository",
        &json!({"action": "renamed", "repository": web(),
            "changes": {"repository": {"name": {"from": "Site"}}}}),
    );
    let decision = decide(&acme(), &renamed, &cache);
    assert_eq!(
        said(&decision)[0].1,
        "it names the repository as it was called before; write `Acme/Web` in its URL"
    );
    let (state, work) = decision.work(&renamed.event, &["us".into()], now());
    assert!(state.is_over() && work.is_empty());
    // From then on a push under the new name wakes it.
    let mut former = FormerNames::default();
    for (id, name) in names_told(&renamed, &HostNames::of([])) {
        former.learn(id, &name);
    }
    for rules in [acme(), rules(SpeaksFor::KnownRepositories)] {
        let decision = rules.decide(&push("refs/heads/main"), &[&cache], &former);
        assert_eq!(
            said(&decision)[0].1,
            "it follows branch `main`; it names the repository as it was called before"
        );
    }
}

#[test]
fn after_a_gap_what_a_webhook_covers_is_woken_spread_over_a_minute() {
    let pinned = json!({"url": "https://github.com/acme/lib", "ref": {"commit": "0a".repeat(20)}});
    let mut sources: Vec<_> = (0..4)
        .map(|number| {
            git(
                &format!("web-{number}"),
                "https://github.com/acme/web",
                "main",
            )
        })
        .collect();
    sources.push(git("foreign", "https://gitlab.com/acme/web", "main"));
    sources.push(git("other", "https://github.com/other/web", "main"));
    sources.push(("pinned".to_owned(), Kind::GitRepository, pinned, json!({})));
    let cache = of(&sources);
    let gap = gap::between(Some(Timestamp::from_second(900).unwrap()), now()).unwrap();
    let decision = decide(&acme(), &gap, &cache);
    let (state, work) = decision.work(&gap.event, &[], now());
    assert_eq!(
        state,
        DeliveryState::Working {
            since: now(),
            items: 4,
            failed: 0
        }
    );
    let due: Vec<_> = work
        .iter()
        .map(|work| match &work.state {
            WorkState::Accepted { .. } => 1_000,
            WorkState::Waiting {
                why: Wait::Spread,
                until: Some(until),
                ..
            } => until.as_second(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(due, [1_000, 1_015, 1_030, 1_045]);
}

#[test]
fn a_cluster_that_was_restored_has_its_own_sources_of_that_kind_woken_and_no_others() {
    let cache = of(&[git("web", "https://github.com/acme/web", "main")]);
    let restored = |cluster: &str, kind: Kind| {
        let event = Event::Restored {
            cluster: cluster.to_owned(),
            kind: kind.name().to_owned(),
        };
        gap::ours("restored", now(), event)
    };
    let name = cache.items().next().unwrap().cluster.to_string();
    for (cluster, kind, woken) in [
        (&*name, Kind::GitRepository, 1),
        (&*name, Kind::OciRepository, 0),
        ("other", Kind::GitRepository, 0),
    ] {
        let restored = restored(cluster, kind);
        let decision = decide(&acme(), &restored, &cache);
        let unlisted = ["other".into(), "third".into()];
        let (_, work) = decision.work(&restored.event, &unlisted, now());
        let (listed, waiting): (Vec<_>, Vec<_>) =
            work.iter().partition(|work| work.object.is_some());
        assert_eq!(listed.len(), woken, "{cluster} {kind}");
        let waits = waiting.iter().any(|work| &*work.cluster == cluster);
        assert_eq!(waits, cluster == "other");
        assert_eq!(waiting.len(), usize::from(waits));
        let json = serde_json::to_string(&restored).unwrap();
        assert_eq!(serde_json::from_str::<Delivery>(&json).unwrap(), restored);
    }
}

#[test]
fn a_gap_begins_after_more_than_thirty_seconds_and_never_at_a_first_start() {
    let at = |second| Timestamp::from_second(second).unwrap();
    assert_eq!(gap::between(None, at(1_000)), None);
    assert_eq!(gap::between(Some(at(970)), at(1_000)), None);
    let gap = gap::between(Some(at(969)), at(1_000)).unwrap();
    assert_eq!(
        gap.event,
        Event::Gap {
            since: at(969),
            until: at(1_000)
        }
    );
    assert!(gap::between(Some(at(1_001)), at(1_000)).is_some());
    let json = serde_json::to_string(&gap).unwrap();
    assert_eq!(serde_json::from_str::<Delivery>(&json).unwrap(), gap);
}

fn workflow_run(fields: &Value) -> Delivery {
    let mut run = json!({"path": ".github/workflows/build.yaml", "conclusion": "success"});
    for (key, value) in fields["run"].as_object().into_iter().flatten() {
        run[key] = value.clone();
    }
    let action = fields["action"].as_str().unwrap_or("completed");
    delivery(
        "workflow_run",
        &json!({"action": action, "workflow_run": run, "repository": web(),
            "workflow": {"name": "Build", "path": ".github/workflows/build.yaml"}}),
    )
}

/// Sources of every kind that name the workflow, and one that names another.
fn naming_workflows() -> Cache {
    let named = json!({"flux-setup.dev/workflow": "acme/web/build.yaml"});
    let out =
        json!({"flux-setup.dev/workflow": "acme/web/Build", "flux-setup.dev/webhook": "disabled"});
    let other = json!({"flux-setup.dev/workflow": "acme/web/test.yaml,acme/api/build.yaml"});
    let bucket = json!({"endpoint": "s3.acme.io", "bucketName": "web"});
    let image = json!({"url": "oci://registry.acme.io/web"});
    let charts = json!({"url": "https://charts.acme.io", "suspend": true});
    let git = json!({"url": "https://git.acme.io/acme/web"});
    cluster(&[
        ("bucket", Kind::Bucket, bucket.clone(), named.clone()),
        ("image", Kind::OciRepository, image, named.clone()),
        ("charts", Kind::HelmRepository, charts, named.clone()),
        ("git", Kind::GitRepository, git.clone(), out),
        ("other", Kind::Bucket, bucket, other),
        ("unnamed", Kind::GitRepository, git, json!({})),
    ])
}

#[test]
fn a_workflow_that_succeeds_wakes_the_sources_that_name_it_of_whatever_kind() {
    let cache = naming_workflows();
    let expected = [
        (
            "bucket",
            "it names the workflow `acme/web/build.yaml`, which has succeeded",
        ),
        (
            "charts",
            "it is suspended; resume it to have it follow pushes",
        ),
        (
            "git",
            "its annotation `flux-setup.dev/webhook` is `disabled`",
        ),
        (
            "image",
            "it names the workflow `acme/web/build.yaml`, which has succeeded",
        ),
    ];
    let expected = expected.map(|(name, why)| (name.to_owned(), why.to_owned()));
    for rules in [acme(), rules(SpeaksFor::KnownRepositories)] {
        let decision = decide(&rules, &workflow_run(&json!({})), &cache);
        assert_eq!(said(&decision), expected);
    }
}

#[test]
fn a_workflow_that_fails_or_runs_still_or_is_named_nowhere_or_is_of_others_wakes_nothing() {
    let cache = naming_workflows();
    let nothing = Decision::Nothing(NothingToDo::Event);
    for fields in [
        json!({"run": {"conclusion": "failure"}}),
        json!({"run": {"conclusion": null}}),
        json!({"action": "in_progress"}),
        json!({"action": "requested"}),
    ] {
        let delivery = workflow_run(&fields);
        assert_eq!(decide(&acme(), &delivery, &cache), nothing, "{fields}");
    }
    let unnamed = of(&[git("web", "https://github.com/acme/web", "main")]);
    let delivery = workflow_run(&json!({}));
    assert_eq!(decide(&acme(), &delivery, &unnamed), nothing);
    let foreign = rules(SpeaksFor::Organization("other".into()));
    let reason = match decide(&foreign, &delivery, &cache) {
        Decision::Nothing(reason) => reason.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        reason,
        "the webhook is of `other`, and the delivery speaks of `Acme`"
    );
}

#[test]
fn after_a_gap_what_names_a_workflow_is_woken_as_well() {
    let gap = gap::between(Some(Timestamp::from_second(900).unwrap()), now()).unwrap();
    let said = said(&decide(&acme(), &gap, &naming_workflows()));
    let names: Vec<_> = said.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["bucket", "charts", "git", "image", "other"]);
}

#[test]
fn a_workflow_that_has_succeeded_waits_for_a_cluster_that_was_not_listed() {
    let unlisted: [Arc<str>; 1] = ["prod".into()];
    let states = |fields| {
        let delivery = workflow_run(&fields);
        let decision = decide(&acme(), &delivery, &Cache::default());
        let (state, work) = decision.work(&delivery.event, &unlisted, now());
        (state.name(), work.len())
    };
    assert_eq!(states(json!({})), ("working", 1));
    let failed = json!({"run": {"conclusion": "failure"}});
    assert_eq!(states(failed), ("nothing", 0));
}

fn head(reference: &str, news: HeadNews) -> Delivery {
    let mut delivery = push(reference);
    delivery.key.webhook = WebhookName::ourselves();
    delivery.event = Event::Head(HeadSeen {
        reference: PushedRef::read(reference).unwrap(),
        commit: CommitId::read(&"ab".repeat(20)).unwrap().unwrap(),
        news,
        pushed_at: None,
    });
    delivery
}

#[test]
fn a_head_that_was_seen_wakes_whom_a_push_would_wake_and_whatever_paths_it_watches() {
    let url = "https://github.com/acme/web";
    let git = |branch: &str| json!({"url": url, "ref": {"branch": branch}});
    let watching = json!({"flux-setup.dev/watch-paths": "deploy/**"});
    let mut cache = cluster(&[
        ("web", Kind::GitRepository, git("main"), json!({})),
        ("next", Kind::GitRepository, git("next"), json!({})),
        ("watching", Kind::GitRepository, git("main"), watching),
    ]);
    let fetched = json!({
        "metadata": {"name": "fetched", "namespace": "apps"},
        "spec": git("main"),
        "status": {"artifact": {"revision": format!("main@sha1:{}", "ab".repeat(20))}},
    });
    let mut projector = Projector::new("prod".into(), Arc::new(HostNames::of([])));
    let fetched = projector.project(Kind::GitRepository, fetched.to_string().as_bytes());
    cache.apply(Told::Applied(Arc::new(fetched.unwrap())));
    let before = CommitId::read(&"cd".repeat(20)).unwrap().unwrap();
    let delivery = head("refs/heads/main", HeadNews::Moved { before });
    let json = serde_json::to_string(&delivery).unwrap();
    assert_eq!(serde_json::from_str::<Delivery>(&json).unwrap(), delivery);
    // No webhook needs to be configured for it.
    let rules = Rules {
        scopes: HashMap::new(),
        ..acme()
    };
    let already = format!("it has fetched commit `{}` already", "ab".repeat(20));
    let watched = "it follows branch `main`, and what was changed is not known in full: its head was seen, and no push tells the paths";
    assert_eq!(
        said(&decide(&rules, &delivery, &cache)),
        [
            ("fetched".to_owned(), already),
            (
                "next".to_owned(),
                "it follows branch `next`; pushed was `refs/heads/main`".to_owned()
            ),
            ("watching".to_owned(), watched.to_owned()),
            ("web".to_owned(), "it follows branch `main`".to_owned()),
        ]
    );
    let first = head("refs/heads/main", HeadNews::First);
    let decision = decide(&rules, &first, &cache);
    let Decision::Concerns(candidates) = &decision else {
        panic!("{decision:?}")
    };
    assert!(!candidates.iter().any(|it| it.verdict.is_wake()));
}
