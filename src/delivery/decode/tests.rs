//! What each event says, from payloads as GitHub writes them.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value, json};

use crate::delivery::{
    ChangedPaths, CommitId, CutOff, Package, PushedRef, RefChange, Release, RepositoryChange,
    TEXT_LIMIT_BYTES, WorkflowRun,
};

use super::*;

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";
const TAGGED: &str = "3333333333333333333333333333333333333333";
const ZEROS: &str = "0000000000000000000000000000000000000000";

fn repository() -> Value {
    json!({
        "id": 42, "node_id": "R_kgDO", "name": "Web", "full_name": "Acme/Web", "private": true,
        "owner": {"name": "Acme", "login": "Acme", "email": null, "type": "Organization"},
        "html_url": "https://github.com/Acme/Web", "description": null, "fork": false,
        "url": "https://api.github.com/repos/Acme/Web", "created_at": 1_557_933_565,
        "git_url": "git://github.com/Acme/Web.git", "ssh_url": "git@github.com:Acme/Web.git",
        "clone_url": "https://github.com/Acme/Web.git", "default_branch": "main", "archived": false
    })
}

fn with(mut payload: Value, fields: &Value) -> Value {
    for (key, value) in fields.as_object().unwrap() {
        payload[key] = value.clone();
    }
    payload
}

fn payload(fields: &Value) -> Value {
    let common = json!({
        "repository": repository(),
        "organization": {"login": "Acme", "id": 7},
        "sender": {"login": "ada", "email": "ada@example.org"},
        "installation": {"id": 5678, "node_id": "M"}
    });
    with(common, fields)
}

fn push() -> Value {
    payload(&json!({
        "ref": "refs/heads/main", "before": OLD, "after": NEW, "base_ref": null,
        "created": false, "deleted": false, "forced": false, "compare": "https://github.com/x",
        "pusher": {"name": "ada", "email": null},
        "head_commit": {"id": NEW, "message": "m", "author": {"email": "ada@example.org"}},
        "commits": [{"id": NEW, "message": "m", "author": {"email": "ada@example.org"},
                     "added": ["new.yaml"], "removed": [], "modified": ["deploy/app.yaml"]}]
    }))
}

fn read(event: &str, payload: &Value) -> Result<Content, PayloadFault> {
    decode(event, &payload.to_string())
}

fn event(name: &str, payload: &Value) -> Event {
    read(name, payload).unwrap().event
}

fn pushed(fields: &Value) -> RefChange {
    match event("push", &with(push(), fields)) {
        Event::Push(change) => change,
        other => panic!("{other:?}"),
    }
}

fn commit(hash: &str) -> Option<CommitId> {
    CommitId::read(hash).unwrap()
}

#[test]
fn of_a_push_only_what_matters_is_kept() {
    let content = read("push", &push()).unwrap();
    let repository = content.repository.unwrap();
    assert_eq!((repository.id, repository.owner()), (42, "Acme"));
    assert_eq!(repository.host, "github.com");
    assert_eq!(repository.default_branch.as_deref(), Some("main"));
    let identity = repository.identity(|_| None).unwrap();
    assert_eq!(identity.to_string(), "github.com/acme/web");
    assert_eq!(content.organization.as_deref(), Some("Acme"));
    assert_eq!(content.installation, Some(5678));
    let paths = ["deploy/app.yaml", "new.yaml"].map(str::to_owned).into();
    let expected = RefChange {
        reference: PushedRef::Branch("main".into()),
        before: commit(OLD),
        after: commit(NEW),
        head_commit: commit(NEW),
        created: false,
        deleted: false,
        forced: false,
        paths: ChangedPaths::All(paths),
        pushed_at: None,
    };
    assert_eq!(content.event, Event::Push(expected));
    let kept = format!("{:?}", read("push", &push()).unwrap());
    assert!(
        !kept.contains("example.org") && !kept.contains("ada"),
        "{kept}"
    );
}

#[test]
fn a_push_says_when_its_repository_was_pushed_to_where_that_can_be_read() {
    let at = |pushed_at: Value| {
        let told = with(repository(), &json!({"pushed_at": pushed_at}));
        pushed(&json!({"repository": told})).pushed_at
    };
    assert_eq!(
        at(json!(1_557_933_565)).map(|it| it.to_string()).as_deref(),
        Some("2019-05-15T15:19:25Z")
    );
    for odd in [
        json!(null),
        json!("2019-05-15T15:19:25Z"),
        json!([1]),
        json!(1.5),
        json!(i64::MAX),
    ] {
        assert_eq!(at(odd), None);
    }
}

#[test]
fn an_annotated_tag_leads_to_its_commit_and_not_to_itself() {
    let tag = pushed(&json!({
        "ref": "refs/tags/v1", "before": ZEROS, "created": true, "commits": [],
        "head_commit": {"id": TAGGED}
    }));
    assert_eq!(tag.reference, PushedRef::Tag("v1".into()));
    assert_eq!(tag.after, commit(NEW));
    assert_eq!(tag.commit(), commit(TAGGED).as_ref());
    let blob = pushed(&json!({"ref": "refs/tags/v1", "head_commit": null}));
    assert_eq!(blob.commit(), None);
    let branch = pushed(&json!({"head_commit": null}));
    assert_eq!(branch.commit(), commit(NEW).as_ref());
}

#[test]
fn new_deleted_and_forced_refs_have_no_complete_paths() {
    let new = pushed(&json!({"before": ZEROS, "created": true}));
    assert_eq!((new.before, new.created), (None, true));
    assert_eq!(new.paths, ChangedPaths::CutOff(CutOff::NewRef));
    let said_by_zeros_alone = pushed(&json!({"before": ZEROS, "created": null}));
    assert!(said_by_zeros_alone.created);
    let contradiction = pushed(&json!({"before": ZEROS, "created": false}));
    assert_eq!(contradiction.paths, ChangedPaths::CutOff(CutOff::NewRef));
    let forced = pushed(&json!({"forced": true}));
    assert_eq!(forced.paths, ChangedPaths::CutOff(CutOff::Forced));
    let gone =
        pushed(&json!({"after": ZEROS, "deleted": true, "head_commit": null, "commits": []}));
    assert_eq!((gone.after.as_ref(), gone.commit()), (None, None));
    assert_eq!(gone.paths, ChangedPaths::CutOff(CutOff::Deleted));
    let without_commits = pushed(&json!({"commits": null}));
    assert_eq!(
        without_commits.paths,
        ChangedPaths::CutOff(CutOff::Unlisted)
    );
}

#[test]
fn branches_and_tags_come_and_go() {
    let named =
        |kind: &str| payload(&json!({"ref": "v1/x", "ref_type": kind, "description": null}));
    let (branch, tag) = (
        PushedRef::Branch("v1/x".into()),
        PushedRef::Tag("v1/x".into()),
    );
    assert_eq!(
        event("create", &named("branch")),
        Event::Create { reference: branch }
    );
    assert_eq!(
        event("delete", &named("tag")),
        Event::Delete { reference: tag }
    );
    let repository = payload(&json!({"ref": null, "ref_type": "repository"}));
    let other = Event::Other {
        name: "create".into(),
        action: None,
    };
    assert_eq!(event("create", &repository), other);
}

#[test]
fn a_ping_needs_no_repository() {
    let ping = json!({"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {"type": "Organization"},
        "organization": {"login": "Acme"}});
    let content = read("ping", &ping).unwrap();
    assert_eq!((content.event, content.repository), (Event::Ping, None));
    assert_eq!(event("ping", &json!({})), Event::Ping);
}

#[test]
fn a_package_is_named_as_its_registry_names_it() {
    let version = |url: &str| {
        json!({"name": "web", "namespace": "Acme", "ecosystem": "CONTAINER", "package_type": "CONTAINER",
            "owner": {"login": "Acme"}, "package_version": {"version": "sha256:aa", "package_url": url,
            "container_metadata": {"tag": {"name": "v1", "digest": "sha256:aa"}}}})
    };
    let expected = Package {
        action: "published".into(),
        name: "web".into(),
        owner: Some("Acme".into()),
        kind: Some("container".into()),
        image: Some("ghcr.io/Acme/web".into()),
        tag: Some("v1".into()),
        digest: Some("sha256:aa".into()),
    };
    for (name, field) in [
        ("package", "package"),
        ("registry_package", "registry_package"),
    ] {
        for url in [
            "ghcr.io/Acme/web:v1",
            "ghcr.io/Acme/web:",
            "https://ghcr.io/Acme/web@sha256:aa",
        ] {
            let payload = payload(&json!({"action": "published", field: version(url)}));
            assert_eq!(event(name, &payload), Event::Package(expected.clone()));
        }
    }
    let port =
        payload(&json!({"action": "updated", "package": version("ghe.acme.io:5000/acme/web")}));
    assert!(matches!(event("package", &port),
        Event::Package(Package { image: Some(image), .. }) if image == "ghe.acme.io:5000/acme/web"));
    let bare = json!({"action": "updated", "package": {"name": "web", "package_version": null}});
    assert!(matches!(
        event("package", &bare),
        Event::Package(Package {
            image: None,
            tag: None,
            owner: None,
            ..
        })
    ));
    let untagged = json!({"action": "new", "package": {"name": "web", "package_version": {
        "package_url": "ghcr.io/acme/web:", "container_metadata": {"tag": {"name": "", "digest": ""}}}}});
    assert!(matches!(
        event("package", &untagged),
        Event::Package(Package {
            tag: None,
            digest: None,
            ..
        })
    ));
}

#[test]
fn a_release_is_known_by_its_tag() {
    let release = payload(&json!({"action": "published",
        "release": {"tag_name": "v1.0", "draft": false, "prerelease": true, "body": null}}));
    let expected = Release {
        action: "published".into(),
        tag: PushedRef::Tag("v1.0".into()),
        draft: false,
        prerelease: true,
    };
    assert_eq!(event("release", &release), Event::Release(expected));
}

#[test]
fn a_repository_that_moved_says_what_it_was_called() {
    let change = |action: &str, changes: Value| {
        event(
            "repository",
            &payload(&json!({"action": action, "changes": changes})),
        )
    };
    let renamed = change("renamed", json!({"repository": {"name": {"from": "Site"}}}));
    let old_full_name = "Acme/Site".to_owned();
    assert_eq!(
        renamed,
        Event::Repository(RepositoryChange::Renamed { old_full_name })
    );
    for kind in ["user", "organization"] {
        let moved = change(
            "transferred",
            json!({"owner": {"from": {kind: {"login": "ada"}}}}),
        );
        let old_full_name = "ada/Web".to_owned();
        assert_eq!(
            moved,
            Event::Repository(RepositoryChange::Transferred { old_full_name })
        );
    }
    let archived = Event::Repository(RepositoryChange::Archived);
    assert_eq!(change("archived", Value::Null), archived);
    let branch = change("edited", json!({"default_branch": {"from": "master"}}));
    let old = "master".to_owned();
    assert_eq!(
        branch,
        Event::Repository(RepositoryChange::DefaultBranch { old })
    );
    for (action, changes) in [
        ("edited", json!({"description": {"from": null}})),
        ("renamed", json!({})),
        ("created", Value::Null),
    ] {
        let other = Event::Other {
            name: "repository".into(),
            action: Some(action.into()),
        };
        assert_eq!(change(action, changes), other);
    }
}

#[test]
fn a_workflow_run_says_which_workflow_ended_how() {
    let run = payload(
        &json!({"action": "completed", "workflow": {"name": "Build", "path": "a.yaml"},
        "workflow_run": {"name": "", "path": ".github/workflows/build.yaml", "conclusion": "success",
            "head_branch": "main", "head_sha": NEW, "pull_requests": []}}),
    );
    let expected = WorkflowRun {
        action: "completed".into(),
        workflow: Some("Build".into()),
        path: Some(".github/workflows/build.yaml".into()),
        conclusion: Some("success".into()),
        head_branch: Some("main".into()),
        head_commit: commit(NEW),
    };
    assert_eq!(event("workflow_run", &run), Event::WorkflowRun(expected));
    let begun = payload(&json!({"action": "later_invented", "workflow": null,
        "workflow_run": {"conclusion": null, "head_branch": null}}));
    assert!(matches!(
        event("workflow_run", &begun),
        Event::WorkflowRun(WorkflowRun {
            workflow: None,
            conclusion: None,
            ..
        })
    ));
}

#[test]
fn what_we_do_not_know_is_kept_by_its_name() {
    for (name, fields) in [
        (
            "issues",
            json!({"action": "opened", "issue": {"title": "x"}}),
        ),
        (
            "invented_tomorrow",
            json!({"action": "opened", "ref": 7, "commits": "none"}),
        ),
        ("release", json!({"action": "opened"})),
        ("package", json!({"action": "opened", "package": null})),
    ] {
        let other = Event::Other {
            name: name.into(),
            action: Some("opened".into()),
        };
        assert_eq!(event(name, &payload(&fields)), other);
    }
    let useless = read("star", &json!({"repository": {"id": 1}})).unwrap();
    assert_eq!(useless.repository, None);
}

#[test]
fn a_payload_that_github_would_not_send_is_refused_with_its_reason() {
    let long = "x".repeat(TEXT_LIMIT_BYTES);
    let cases = [
        (
            json!({"ref": 7}),
            "the payload of `push` is not what GitHub sends: invalid type, expected a string",
        ),
        (
            json!({"commits": {}}),
            "the payload of `push` is not what GitHub sends: invalid type, expected a list of commits",
        ),
        (
            json!({"repository": "a, expected b: c"}),
            "the payload of `push` is not what GitHub sends: invalid type, expected an object",
        ),
        (json!({"ref": null}), "the payload of `push` has no `ref`"),
        (
            json!({"repository": null}),
            "the payload of `push` has no `repository`",
        ),
        (
            json!({"ref": "main"}),
            "`ref` is no ref: it does not start with `refs/`",
        ),
        (
            json!({"ref": format!("refs/heads/{long}")}),
            "`ref` is longer than 4096 bytes",
        ),
        (
            json!({"after": "abc"}),
            "`after` is no commit: it has 3 digits, not 40 (or 64 with SHA-256)",
        ),
        (
            json!({"repository": with(repository(), &json!({"full_name": "web"}))}),
            "`repository.full_name` is no name of a repository: it is not `owner/name`",
        ),
        (
            json!({"repository": with(repository(), &json!({"html_url": "https://u:p@x/y"}))}),
            "`repository.html_url` is no URL: it names no repository",
        ),
    ];
    for (fields, reason) in cases {
        let fault = read("push", &with(push(), &fields))
            .unwrap_err()
            .to_string();
        let told = fault.split(" at line").next().unwrap();
        assert_eq!(told, reason);
    }
    for (text, reason) in [
        (
            "",
            "the payload is no JSON, or not all of it: EOF while parsing a value at line 1 column 0",
        ),
        (
            "{\"a\": ",
            "the payload is no JSON, or not all of it: EOF while parsing a value at line 1 column 6",
        ),
        (
            "{} x",
            "the payload is no JSON, or not all of it: trailing characters at line 1 column 4",
        ),
        (" [null, null, null, null]", "the payload is no JSON object"),
        (
            "[",
            "the payload is no JSON, or not all of it: EOF while parsing a list at line 1 column 1",
        ),
        (
            "7",
            "the payload of `push` is not what GitHub sends: invalid type, expected an object at line 1 column 1",
        ),
    ] {
        assert_eq!(decode("push", text).unwrap_err().to_string(), reason);
    }
    let header = |name: &str| decode(name, "{}").unwrap_err().to_string();
    assert_eq!(header(""), "the event's name is none: it is empty");
    assert_eq!(
        header(&"a".repeat(65)),
        "the event's name is none: it has more than 64 characters"
    );
    assert_eq!(
        header("pu sh"),
        "the event's name is none: it has other characters than letters, digits, `_` and `-`"
    );
}

#[test]
fn a_payload_may_nest_128_levels_and_no_more_also_where_nobody_looks() {
    let nested = |depth: usize, text: &str| {
        let lists = depth - 1;
        format!(
            "{{\"x\":{}\"{text}\"{}}}",
            "[".repeat(lists),
            "]".repeat(lists)
        )
    };
    assert!(decode("star", &nested(128, r#"[{\"[{\\"#)).is_ok());
    assert_eq!(decode("star", &nested(129, "")), Err(PayloadFault::Nesting));
    assert_eq!(
        decode("star", &nested(1_000_000, "")),
        Err(PayloadFault::Nesting)
    );
    let wide = format!("{{\"x\":[{}[]]}}", "[],".repeat(1_000));
    assert!(decode("star", &wide).is_ok());
}

/// JSON with the keys that we look for, and anything in them.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        Just(NEW.to_owned()),
        Just("refs/heads/main".to_owned()),
        Just("https://github.com/acme/web".to_owned()),
        Just("acme/web".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let keys = [
        "action",
        "repository",
        "id",
        "full_name",
        "html_url",
        "ref",
        "ref_type",
        "before",
        "after",
        "commits",
        "added",
        "modified",
        "removed",
        "head_commit",
        "package",
        "package_version",
        "package_url",
        "release",
        "tag_name",
        "changes",
        "name",
        "from",
        "owner",
        "login",
        "workflow_run",
        "head_sha",
        "other",
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        let key = prop::sample::select(keys.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

const EVENTS: [&str; 10] = [
    "push",
    "create",
    "delete",
    "ping",
    "package",
    "registry_package",
    "release",
    "repository",
    "workflow_run",
    "other",
];

proptest! {
    #[test]
    fn no_json_makes_it_panic(payload in any_json(), event in prop::sample::select(EVENTS.to_vec())) {
        let _ = read(event, &payload);
        let _ = read(event, &with(json!({"repository": repository()}), &json!({"x": payload})));
    }

    #[test]
    fn no_payload_with_one_strange_field_makes_it_panic(strange in any_json(),
            event in prop::sample::select(EVENTS.to_vec()),
            field in prop::sample::select(vec!["ref", "before", "commits", "head_commit", "package",
                "release", "changes", "workflow_run", "action"])) {
        let _ = read(event, &with(push(), &json!({field: strange})));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*", event in ".{0,70}", cut in 0_usize..1_500) {
        let _ = decode(&event, &text);
        let whole = push().to_string();
        let cut = cut.min(whole.len() - 1);
        let _ = decode("push", whole.get(..cut).unwrap_or_default()).unwrap_err();
    }
}
