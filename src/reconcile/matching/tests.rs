use std::sync::Arc;

use proptest::prelude::{Just, Strategy, any};
use proptest::{collection, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Value, json};

use crate::catalog::{Event, HostNames, Projector};
use crate::flux::RepositoryUrl;

use super::*;

fn repository(url: &str) -> RepositoryIdentity {
    let url = RepositoryUrl::read(url).unwrap();
    url.identity(|host| HostNames::of([]).canonical(host).map(|_| "github.com"))
}

/// A push to `main` of `acme/web` whose paths are all known.
fn pushed(reference: &str) -> Push<'_> {
    Push {
        repositories: vec![
            repository("https://github.com/Acme/Web"),
            repository("git@github.com:Acme/Web.git"),
        ],
        former: Vec::new(),
        reference,
        default_branch: Some("main"),
        deleted: false,
        changed: Changed::All(vec!["README.md", "deploy/a.yaml"]),
    }
}

fn published<'d>(tags: &[&'d str]) -> Package<'d> {
    Package {
        repository: repository("oci://ghcr.io/acme/web"),
        tags: tags.to_vec(),
    }
}

fn cluster(objects: impl IntoIterator<Item = (Kind, Value)>) -> Cache {
    let mut projector = Projector::new("prod".into(), Arc::new(HostNames::of([])));
    let mut cache = Cache::default();
    for (kind, object) in objects {
        let item = projector
            .project(kind, object.to_string().as_bytes())
            .unwrap();
        cache.apply(Event::Applied(Arc::new(item)));
    }
    cache
}

fn object(spec: Value, annotations: Value) -> Value {
    let labels = json!({"flux-setup.dev/environment": "staging", "flux-setup.dev/project": "web"});
    json!({
        "metadata": {"name": "web", "namespace": "apps", "labels": labels, "annotations": annotations},
        "spec": spec,
    })
}

/// A GitRepository of `acme/web` with this `spec.ref`.
fn git(reference: Value) -> Cache {
    let spec = json!({"url": "https://github.com/acme/web", "ref": reference});
    cluster([(Kind::GitRepository, object(spec, json!({})))])
}

fn watching(list: &str) -> Cache {
    let spec = json!({"url": "https://github.com/acme/web", "ref": {"branch": "main"}});
    let annotations = json!({"flux-setup.dev/watch-paths": list});
    cluster([(Kind::GitRepository, object(spec, annotations))])
}

fn oci(reference: Value) -> Cache {
    let spec = json!({"url": "oci://ghcr.io/acme/web", "ref": reference});
    cluster([(Kind::OciRepository, object(spec, json!({})))])
}

/// Whether the only candidate is woken, and why.
fn told(candidates: &[Candidate]) -> (bool, String) {
    assert_eq!(candidates.len(), 1, "{candidates:?}");
    let verdict = &candidates[0].verdict;
    (verdict.is_wake(), verdict.to_string())
}

fn verdict(push: &Push<'_>, cluster: &Cache) -> (bool, String) {
    told(&super::push(push, [cluster], &Policies::default()))
}

fn wake(why: &str) -> (bool, String) {
    (true, why.to_owned())
}

fn leave(why: &str) -> (bool, String) {
    (false, why.to_owned())
}

#[test]
fn a_repository_is_found_in_any_spelling_and_in_every_cluster() {
    let clusters = [
        "https://github.com/acme/web",
        "https://GitHub.com/ACME/Web.git",
        "ssh://git@github.com/acme/web",
        "ssh://git@ssh.github.com:443/acme/web.git",
        "https://bot:secret@github.com/acme/web",
    ]
    .map(|url| {
        let spec = json!({"url": url, "ref": {"branch": "main"}});
        cluster([(Kind::GitRepository, object(spec, json!({})))])
    });
    let found = push(&pushed("refs/heads/main"), &clusters, &Policies::default());
    assert_eq!(found.len(), 5);
    assert!(found.iter().all(|candidate| candidate.verdict.is_wake()));
    for url in [
        "https://github.com/acme/web2",
        "https://gitlab.com/acme/web",
    ] {
        let spec = json!({"url": url, "ref": {"branch": "main"}});
        let other = cluster([(Kind::GitRepository, object(spec, json!({})))]);
        assert_eq!(
            push(&pushed("refs/heads/main"), [&other], &Policies::default()),
            []
        );
    }
}

#[test]
fn only_git_repositories_follow_pushes() {
    let spec = json!({"url": "https://github.com/acme/web"});
    let other = cluster([(Kind::HelmRepository, object(spec, json!({})))]);
    assert_eq!(
        push(&pushed("refs/heads/master"), [&other], &Policies::default()),
        []
    );
}

#[test]
fn a_repository_is_found_by_its_former_name_where_that_is_known() {
    let spec = json!({"url": "https://github.com/acme/old", "ref": {"branch": "main"}});
    let old = cluster([(Kind::GitRepository, object(spec, json!({})))]);
    let mut renamed = pushed("refs/heads/main");
    assert_eq!(push(&renamed, [&old], &Policies::default()), []);
    renamed.former = vec![repository("https://github.com/acme/old")];
    assert_eq!(
        verdict(&renamed, &old),
        wake("it follows branch `main`; it names the repository as it was called before")
    );
}

#[test]
fn a_branch_or_tag_is_followed_by_exactly_its_name() {
    let main = pushed("refs/heads/main");
    let follows = "it follows branch `main`";
    assert_eq!(
        verdict(&main, &git(json!({"branch": "main"}))),
        wake(follows)
    );
    for other in ["Main", "mai", "main2", "refs/heads/main"] {
        assert_eq!(
            verdict(&main, &git(json!({"branch": other}))),
            leave(&format!(
                "it follows branch `{other}`; pushed was `refs/heads/main`"
            ))
        );
    }
    let tag = pushed("refs/tags/main");
    assert_eq!(
        verdict(&tag, &git(json!({"branch": "main"}))),
        leave("it follows branch `main`; pushed was `refs/tags/main`")
    );
    assert_eq!(
        verdict(&tag, &git(json!({"tag": "main"}))),
        wake("it follows tag `main`")
    );
    assert_eq!(
        verdict(&main, &git(json!({"tag": "main"}))),
        leave("it follows tag `main`; pushed was `refs/heads/main`")
    );
}

#[test]
fn an_object_without_ref_follows_master_whatever_the_default_branch_is() {
    let why = "it names no ref, so Flux follows branch `master`";
    assert_eq!(
        verdict(&pushed("refs/heads/master"), &git(json!(null))),
        wake(why)
    );
    assert_eq!(
        verdict(&pushed("refs/heads/master"), &git(json!({}))),
        wake(why)
    );
    assert_eq!(
        verdict(&pushed("refs/heads/main"), &git(json!(null))),
        leave(&format!("{why}; pushed was `refs/heads/main`"))
    );
}

#[test]
fn a_tag_that_could_be_chosen_wakes_also_where_it_is_an_older_one() {
    let semver = |text: &str| git(json!({"semver": text}));
    for tag in ["v1.4.0", "1.9.9", "v2.0.0"] {
        assert_eq!(
            verdict(&pushed(&format!("refs/tags/{tag}")), &semver(">=1.4")),
            wake(&format!(
                "tag `{tag}` satisfies its `semver: >=1.4`; Flux takes it if no newer one does"
            ))
        );
    }
    for tag in ["v1.3.9", "v2.0.0-rc.1"] {
        assert_eq!(
            verdict(&pushed(&format!("refs/tags/{tag}")), &semver(">=1.4")),
            leave(&format!("tag `{tag}` does not satisfy its `semver: >=1.4`"))
        );
    }
    assert!(verdict(&pushed("refs/tags/v2.0.0-rc.1"), &semver(">=1.4-0")).0);
    assert_eq!(
        verdict(&pushed("refs/tags/stable"), &semver("*")),
        leave("it follows tags by `semver: *`, and `stable` is no version")
    );
    assert_eq!(
        verdict(&pushed("refs/heads/1.4.0"), &semver("*")),
        leave("it follows tags by `semver: *`; pushed was `refs/heads/1.4.0`")
    );
    assert_eq!(
        verdict(&pushed("refs/tags/x"), &semver("banana")),
        wake("a tag was pushed, and whether `semver: banana` takes it cannot be said")
    );
}

#[test]
fn a_full_name_is_followed_and_a_pull_request_is_told_by_no_push() {
    let named = |name: &str| git(json!({"name": name}));
    assert_eq!(
        verdict(&pushed("refs/heads/main"), &named("refs/heads/main")),
        wake("it follows `refs/heads/main`")
    );
    assert_eq!(
        verdict(&pushed("refs/tags/v1"), &named("refs/tags/v1^{}")),
        wake("it follows `refs/tags/v1^{}`")
    );
    assert_eq!(
        verdict(&pushed("refs/heads/dev"), &named("refs/heads/main")),
        leave("it follows `refs/heads/main`; pushed was `refs/heads/dev`")
    );
    assert_eq!(
        verdict(&pushed("refs/heads/main"), &named("refs/pull/7/head")),
        leave(
            "it follows `refs/pull/7/head`, of which no push tells; its interval finds what is new"
        )
    );
}

#[test]
fn head_is_the_default_branch_and_any_branch_where_that_is_not_told() {
    let head = git(json!({"name": "HEAD"}));
    let mut push = pushed("refs/heads/main");
    assert_eq!(verdict(&push, &head), wake("it follows `HEAD`"));
    push.reference = "refs/heads/dev";
    assert_eq!(
        verdict(&push, &head),
        leave("it follows `HEAD`, which is branch `main`; pushed was `refs/heads/dev`")
    );
    push.default_branch = None;
    assert_eq!(verdict(&push, &head), wake("it follows `HEAD`"));
    push.reference = "refs/tags/dev";
    assert_eq!(
        verdict(&push, &head),
        leave("it follows `HEAD`; pushed was `refs/tags/dev`")
    );
}

#[test]
fn a_commit_never_moves_also_beside_its_branch() {
    let pinned = git(json!({"branch": "main", "commit": "abc"}));
    assert_eq!(
        verdict(&pushed("refs/heads/main"), &pinned),
        leave("it is pinned to `abc`, which never moves")
    );
}

#[test]
fn a_ref_that_was_deleted_wakes_nothing() {
    let mut push = pushed("refs/heads/main");
    push.deleted = true;
    assert_eq!(
        verdict(&push, &git(json!({"branch": "main"}))),
        leave(
            "`refs/heads/main` was deleted, so there is nothing to fetch; it keeps what it has until its interval"
        )
    );
    assert_eq!(
        verdict(&push, &git(json!({"branch": "dev"}))),
        leave("it follows branch `dev`; pushed was `refs/heads/main`")
    );
    push.reference = "refs/tags/v1.0.0";
    assert!(!verdict(&push, &git(json!({"semver": "*"}))).0);
}

#[test]
fn watched_paths_leave_an_object_only_where_all_changes_are_known() {
    let mut push = pushed("refs/heads/main");
    assert_eq!(
        verdict(&push, &watching("base/**, deploy/**")),
        wake("it follows branch `main`, and `deploy/a.yaml`, which it watches, was changed")
    );
    assert_eq!(
        verdict(&push, &watching("base/**")),
        leave("nothing that it watches was changed: `base/**`")
    );
    assert_eq!(
        verdict(&push, &watching("base/[")),
        wake("it follows branch `main`, and its list of watched paths `base/[` says nothing")
    );
    assert_eq!(
        verdict(&push, &watching(" ")),
        wake("it follows branch `main`, and its list of watched paths ` ` says nothing")
    );
    push.changed = Changed::Incomplete("the push was forced");
    assert_eq!(
        verdict(&push, &watching("base/**")),
        wake(
            "it follows branch `main`, and what was changed is not known in full: the push was forced"
        )
    );
    assert_eq!(
        verdict(&push, &git(json!({"branch": "main"}))),
        wake("it follows branch `main`")
    );
}

#[test]
fn a_suspended_object_and_one_that_opted_out_are_told_and_left() {
    let url = "https://github.com/acme/web";
    let suspended = json!({"url": url, "suspend": true});
    let suspended = cluster([(Kind::GitRepository, object(suspended, json!({})))]);
    let push = pushed("refs/heads/master");
    assert_eq!(
        verdict(&push, &suspended),
        leave("it is suspended; resume it to have it follow pushes")
    );
    let opted = |value: &str| {
        let annotations = json!({"flux-setup.dev/webhook": value});
        cluster([(
            Kind::GitRepository,
            object(json!({"url": url}), annotations),
        )])
    };
    assert_eq!(
        verdict(&push, &opted("disabled")),
        leave("its annotation `flux-setup.dev/webhook` is `disabled`")
    );
    assert!(verdict(&push, &opted("enabled")).0);
}

#[test]
fn an_environment_is_woken_as_its_policy_says_and_a_project_before_it() {
    let push = pushed("refs/heads/main");
    let object = git(json!({"branch": "main"}));
    let told = |policies: &Policies| told(&super::push(&push, [&object], policies));
    let mut policies = Policies::default();
    policies.set("production", None, None, Webhook::Off);
    assert_eq!(told(&policies), wake("it follows branch `main`"));
    policies.set("staging", None, None, Webhook::Off);
    assert_eq!(
        told(&policies),
        leave("environment `staging` is not woken by pushes (`webhook: false`)")
    );
    let later = Webhook::After(Duration::from_secs(600));
    policies.set("staging", Some("other"), None, Webhook::On);
    assert!(!told(&policies).0);
    policies.set("staging", Some("web"), None, later);
    assert_eq!(
        told(&policies),
        wake("it follows branch `main`; its environment is woken 10m later")
    );
}

#[test]
fn an_artifact_wakes_what_follows_one_of_its_tags() {
    let told = |tags: &[&str], reference: Value| {
        let found = package(&published(tags), [&oci(reference)], &Policies::default());
        told(&found)
    };
    let digest = format!("sha256:{}", "a".repeat(64));
    assert_eq!(
        told(&["1.4", "edge"], json!({"tag": "edge"})),
        wake("it follows tag `edge`")
    );
    assert_eq!(
        told(&["1.4", "new"], json!({"tag": "edge"})),
        leave("it follows tag `edge`; pushed was `1.4`, `new`")
    );
    let latest = "it names no ref, so Flux follows tag `latest`";
    assert_eq!(told(&["latest"], json!({})), wake(latest));
    assert_eq!(
        told(&["1.4.0"], json!(null)),
        leave(&format!("{latest}; pushed was `1.4.0`"))
    );
    assert_eq!(
        told(&["x", "1.4.0"], json!({"semver": "1.x"})),
        wake("tag `1.4.0` satisfies its `semver: 1.x`; Flux takes it if no newer one does")
    );
    assert!(!told(&["x", "2.4.0"], json!({"semver": "1.x"})).0);
    assert_eq!(
        told(&["latest"], json!({"tag": "latest", "digest": digest})),
        leave(&format!("it is pinned to `{digest}`, which never moves"))
    );
    assert!(!told(&[], json!({"digest": digest})).0);
    assert_eq!(
        told(&[], json!({"tag": "edge"})),
        wake("which tags were published is not told, so it may be its own")
    );
}

#[test]
fn a_push_and_a_package_do_not_wake_each_others_objects() {
    let both = cluster([
        (
            Kind::OciRepository,
            object(json!({"url": "oci://ghcr.io/acme/web"}), json!({})),
        ),
        (
            Kind::GitRepository,
            object(json!({"url": "https://ghcr.io/acme/web"}), json!({})),
        ),
    ]);
    let found = package(&published(&["latest"]), [&both], &Policies::default());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].item.key.kind, Kind::OciRepository);
}

fn some_object() -> impl Strategy<Value = Value> {
    let host = prop_oneof![
        Just("https://github.com/"),
        Just("ssh://git@ssh.github.com:443/"),
        Just("https://ghe.acme.io/")
    ];
    let path = prop_oneof![
        Just("acme/web"),
        Just("Acme/Web.git"),
        Just("acme/old"),
        Just("acme/shop")
    ];
    let reference = prop_oneof![
        Just(json!(null)),
        Just(json!({"branch": "main"})),
        Just(json!({"branch": "dev", "tag": "v1.0.0"})),
        Just(json!({"semver": ">=1"})),
        Just(json!({"name": "HEAD"})),
        Just(json!({"commit": "abc"})),
    ];
    let parts = (host, path, reference, any::<bool>(), any::<bool>());
    parts.prop_map(|(host, path, reference, suspend, watches)| {
        let annotations = if watches {
            json!({"flux-setup.dev/watch-paths": "base/**"})
        } else {
            json!({})
        };
        let url = format!("{host}{path}");
        object(
            json!({"url": url, "ref": reference, "suspend": suspend}),
            annotations,
        )
    })
}

fn some_push() -> impl Strategy<Value = Push<'static>> {
    let reference = prop_oneof![
        Just("refs/heads/main"),
        Just("refs/heads/master"),
        Just("refs/tags/v1.0.0"),
        Just("refs/tags/v0.1.0")
    ];
    (reference, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(reference, deleted, complete, renamed)| Push {
            deleted,
            changed: if complete {
                Changed::All(vec!["README.md"])
            } else {
                Changed::Incomplete("the ref is new")
            },
            former: if renamed {
                vec![repository("https://github.com/acme/old")]
            } else {
                Vec::new()
            },
            ..pushed(reference)
        },
    )
}

proptest! {
    #[test]
    fn the_index_finds_what_looking_at_every_item_finds(
        objects in collection::vec((0..12_u32, some_object()), 0..40),
        gone in collection::vec(0..12_u32, 0..6),
        push in some_push(),
    ) {
        let mut cache = Cache::default();
        let mut projector = Projector::new("prod".into(), Arc::new(HostNames::of([])));
        for (name, mut object) in objects {
            object["metadata"]["name"] = json!(name.to_string());
            let json = object.to_string();
            let item = projector.project(Kind::GitRepository, json.as_bytes()).unwrap();
            cache.apply(Event::Applied(Arc::new(item)));
        }
        for name in gone {
            let name = name.to_string();
            let found = cache.items().find(|item| *item.key.name == *name).cloned();
            if let Some(item) = found {
                cache.apply(Event::Deleted { key: item.key.clone(), version: item.version.clone() });
            }
        }
        let policies = Policies::default();
        let mut by_scan: Vec<_> = cache.items().filter_map(|item| {
            let identity = item.repository.as_deref()?;
            let is_current = push.repositories.contains(identity);
            let is_former = !is_current && push.former.contains(identity);
            (is_current || is_former).then(|| {
                let verdict = of_push(item, &push, is_former, &policies);
                (item.key.clone(), verdict)
            })
        }).collect();
        let by_index = super::push(&push, [&cache], &policies);
        let mut by_index: Vec<_> = by_index.into_iter().map(|it| (it.item.key.clone(), it.verdict)).collect();
        by_scan.sort_by(|a, b| a.0.cmp(&b.0));
        by_index.sort_by(|a, b| a.0.cmp(&b.0));
        prop_assert_eq!(by_index, by_scan);
    }
}
