//! What is fuzzed, and what has to hold of every input.

use std::env;
use std::fs;
use std::path::Path;

use fastrand::Rng;
use flux_setup::delivery::{CommitId, Delivery, DeliveryKey, Guid, PushedRef, WebhookName};
use flux_setup::delivery::{HookScope, SpeaksFor};
use flux_setup::flux::repository::Scheme;
use flux_setup::flux::{RepositoryIdentity, RepositoryUrl};
use flux_setup::github::payload::{self, Encoding};
use flux_setup::github::signature::{Signature, WebhookSecret};
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::{Value, json};
use sha2::Sha256;

use super::mutate::{self, one_of, word};

/// One reader of what strangers write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The name of an event, a line end, and its payload.
    Events,
    Urls,
    Refs,
    /// The value of a header.
    Headers,
}

const SECRET: &[u8] = b"It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";

impl Target {
    pub const ALL: [Self; 4] = [Self::Events, Self::Urls, Self::Refs, Self::Headers];

    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Urls => "urls",
            Self::Refs => "refs",
            Self::Headers => "headers",
        }
    }

    /// The payloads that events grow from; the others are made without.
    pub(super) fn seeds(self) -> Vec<(String, Value)> {
        if self != Self::Events {
            return Vec::new();
        }
        match env::var_os("FLUX_SETUP_GITHUB_EXAMPLES") {
            Some(folder) => examples(Path::new(&folder)),
            None => built_in(),
        }
    }

    pub(super) fn input(self, seeds: &[(String, Value)], random: &mut Rng) -> Vec<u8> {
        let mut input = match self {
            Self::Events => return event(seeds, random),
            Self::Urls => url(random),
            Self::Refs => reference(random),
            Self::Headers => header(random),
        };
        if random.bool() {
            mutate::bytes(&mut input, random);
        }
        input
    }

    /// # Errors
    /// What does not hold.
    pub(super) fn check(self, input: &[u8]) -> Result<(), String> {
        match self {
            Self::Events => check_event(input),
            Self::Urls => check_url(&String::from_utf8_lossy(input)),
            Self::Refs => check_reference(&String::from_utf8_lossy(input)),
            Self::Headers => check_header(input),
        }
    }
}

fn hold(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// GitHub's own, as `tests/github/examples` lays them down.
fn examples(folder: &Path) -> Vec<(String, Value)> {
    let index = fs::read(folder.join("api.github.com/index.json")).expect("the examples are there");
    let index: Value = serde_json::from_slice(&index).expect("an index is JSON");
    let events = index.as_array().expect("an index is a list").iter();
    let of_event = |event: &Value| {
        let name = event["name"].as_str().unwrap_or_default().to_owned();
        let payloads = event["examples"].as_array().cloned().unwrap_or_default();
        payloads.into_iter().map(move |it| (name.clone(), it))
    };
    events.flat_map(of_event).collect()
}

fn built_in() -> Vec<(String, Value)> {
    let repository = json!({
        "id": 42, "full_name": "Acme/Web", "html_url": "https://github.com/Acme/Web",
        "clone_url": "https://github.com/Acme/Web.git", "ssh_url": "git@github.com:Acme/Web.git",
        "default_branch": "main", "owner": {"login": "Acme"},
    });
    let commit = "ab".repeat(20);
    let bodies = [
        ("ping", json!({"zen": "x", "hook_id": 1})),
        (
            "push",
            json!({"ref": "refs/heads/main", "before": "0".repeat(40), "after": commit, "created": true,
                "deleted": false, "forced": false, "head_commit": {"id": commit},
                "commits": [{"id": commit, "added": ["a"], "modified": ["b/c"], "removed": []}]}),
        ),
        ("create", json!({"ref": "v1", "ref_type": "tag"})),
        ("delete", json!({"ref": "next", "ref_type": "branch"})),
        (
            "release",
            json!({"action": "published", "release": {"tag_name": "v1", "draft": false}}),
        ),
        (
            "package",
            json!({"action": "published", "package": {"name": "web", "package_type": "CONTAINER",
                "owner": {"login": "Acme"}, "package_version": {"version": "sha256:aa",
                "package_url": "ghcr.io/acme/web:v1", "container_metadata": {"tag": {"name": "v1"}}}}}),
        ),
        (
            "repository",
            json!({"action": "renamed", "changes": {"repository": {"name": {"from": "Site"}}}}),
        ),
        (
            "workflow_run",
            json!({"action": "completed", "workflow": {"name": "Build"}, "workflow_run": {
                "path": ".github/workflows/build.yaml", "conclusion": "success", "head_sha": commit}}),
        ),
        ("star", json!({"action": "created"})),
    ];
    let with_repository = |(name, mut body): (&str, Value)| {
        body["repository"] = repository.clone();
        body["organization"] = json!({"login": "Acme"});
        body["installation"] = json!({"id": 5});
        (name.to_owned(), body)
    };
    bodies.map(with_repository).to_vec()
}

fn event(seeds: &[(String, Value)], random: &mut Rng) -> Vec<u8> {
    let (name, payload) = &seeds[random.usize(..seeds.len())];
    let mut payload = payload.clone();
    for _ in 0..random.usize(..4) {
        mutate::value(&mut payload, random);
    }
    let mut body = payload.to_string().into_bytes();
    if random.u8(..4) == 0 {
        mutate::bytes(&mut body, random);
    }
    let other = one_of(&["push", "create", "package", "", "a b"], random);
    let name = if random.u8(..20) == 0 { other } else { name };
    [name.as_bytes(), b"\n", &body].concat()
}

fn check_event(input: &[u8]) -> Result<(), String> {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (name, body) = (String::from_utf8_lossy(&input[..end]), &input[end..]);
    let read = payload::read(Encoding::Json, &name, body);
    let form = format!("payload={}", percent_encode(body, NON_ALPHANUMERIC));
    let by_form = payload::read(Encoding::Form, &name, form.as_bytes());
    hold(read == by_form, || {
        format!("JSON says {read:?}, a form {by_form:?}")
    })?;
    let Ok(content) = read else { return Ok(()) };
    let key = DeliveryKey {
        webhook: WebhookName("acme".into()),
        guid: Guid::read("a-1")?,
    };
    let delivery = Delivery::new(key, Timestamp::UNIX_EPOCH, content);
    for speaks_for in [
        SpeaksFor::Organization("acme".into()),
        SpeaksFor::Installation(5),
        SpeaksFor::KnownRepositories,
    ] {
        let scope = HookScope {
            host: "github.com".into(),
            aliases: Vec::new(),
            speaks_for,
        };
        let _ = scope.check(&delivery, |_, _| true);
    }
    let json = serde_json::to_string(&delivery).map_err(|fault| fault.to_string())?;
    let back: Delivery = serde_json::from_str(&json)
        .map_err(|fault| format!("what is kept cannot be read: {fault}: {json}"))?;
    hold(back == delivery, || {
        format!("kept {delivery:?}, read back {back:?}")
    })
}

fn url(random: &mut Rng) -> Vec<u8> {
    let user = one_of(&["", "", "git@", "u:p@", "@"], random);
    let host = one_of(
        &["github.com", "GitHub.com.", "[::1]", "git.acme.io", "h"],
        random,
    );
    let port = one_of(&["", "", ":22", ":443", ":8443", ":0"], random);
    let owner = one_of(&["acme", "Acme", "/acme", "ACME/", "İ", "a.git"], random);
    let name = one_of(
        &["web", "Web.git", "web.git/", ".git", "web.GIT", "x/y"],
        random,
    );
    let odd = if random.u8(..4) == 0 {
        word(random)
    } else {
        ""
    };
    let text = match random.u8(..6) {
        0 => format!("{user}{host}:{owner}/{name}{odd}"),
        kind => {
            let scheme = ["https", "http", "ssh", "oci", "HTTPS"][usize::from(kind) - 1];
            format!("{scheme}://{user}{host}{port}/{owner}/{name}{odd}")
        }
    };
    text.into_bytes()
}

fn check_url(text: &str) -> Result<(), String> {
    let Ok(url) = RepositoryUrl::read(text) else {
        return Ok(());
    };
    let again = RepositoryUrl::read(url.flux_url());
    hold(again.as_ref() == Ok(&url), || {
        format!("read {url:?}, and what was written {again:?}")
    })?;
    let identity = identity(&url);
    hold(
        !identity.host().is_empty() && !identity.path().is_empty(),
        || format!("an identity without host or path: {identity:?}"),
    )?;
    let plain = url.flux_url();
    // Which port is the usual one depends on it.
    let scheme = match url.scheme() {
        Scheme::Http => "http",
        Scheme::Https | Scheme::Ssh | Scheme::Oci => "https",
    };
    let same = [
        format!("{scheme}://{identity}"),
        format!("{scheme}://{identity}.git"),
        format!("{scheme}://{identity}/"),
        format!("{plain}/"),
    ];
    for same in same {
        // Artifacts have no port or path of every kind.
        let Ok(read) = RepositoryUrl::read(&same) else {
            continue;
        };
        let other = self::identity(&read);
        hold(other == identity, || {
            format!("`{text}` is {identity}, and `{same}` {other}")
        })?;
    }
    let rest = plain.split_once("://").map_or("", |(_, rest)| rest);
    let user = rest.split('/').next().and_then(|it| it.rsplit_once('@'));
    let is_plain = |user: &str| url.scheme() == Scheme::Ssh && !user.contains([':', '@']);
    hold(user.is_none_or(|(user, _)| is_plain(user)), || {
        format!("credentials were taken: {url}")
    })
}

fn identity(url: &RepositoryUrl) -> RepositoryIdentity {
    url.identity(|_| None::<&'static str>)
}

fn reference(random: &mut Rng) -> Vec<u8> {
    let folder = one_of(
        &[
            "refs/heads/",
            "refs/tags/",
            "refs/notes/",
            "refs/",
            "",
            "HEAD",
        ],
        random,
    );
    let names = [
        "main",
        "v1.2.3",
        "release/1.x",
        "a-b_c",
        "größe",
        "HEAD",
        "@",
    ];
    let name = one_of(&names, random);
    let odd = if random.bool() { word(random) } else { "" };
    let hash = "0a".repeat(20);
    match random.u8(..8) {
        0 => hash.into_bytes(),
        1 => format!("{folder}{odd}{name}").into_bytes(),
        _ => format!("{folder}{name}{odd}").into_bytes(),
    }
}

/// As git-check-ref-format(1) has it, rule by rule.
fn is_ref(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let odd = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    name.starts_with("refs/")
        && name.split('/').all(part)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(odd)
        && !name.ends_with('.')
}

fn check_reference(text: &str) -> Result<(), String> {
    if let Ok(Some(commit)) = CommitId::read(text) {
        hold(commit.as_str() == text, || format!("read as {commit}"))?;
        let is_hash = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        hold(is_hash && matches!(text.len(), 40 | 64), || {
            format!("taken for a commit: {text}")
        })?;
    }
    let short = [PushedRef::branch(text), PushedRef::tag(text)];
    for (read, folder) in short.iter().zip(["refs/heads/", "refs/tags/"]) {
        let full = PushedRef::read(&format!("{folder}{text}"));
        hold(*read == full, || format!("{read:?}, in full {full:?}"))?;
    }
    match PushedRef::read(text) {
        Ok(read) => {
            hold(is_ref(text), || "Git takes no such ref".to_owned())?;
            hold(read.full() == text, || format!("written as {read}"))?;
            let json = serde_json::to_string(&read).map_err(|fault| fault.to_string())?;
            let back: Result<PushedRef, _> = serde_json::from_str(&json);
            hold(back.as_ref().is_ok_and(|back| *back == read), || {
                format!("kept as {json}, read back {back:?}")
            })
        }
        Err(why) => hold(!is_ref(text) || text.len() > 200, || {
            format!("Git takes it, and we do not: {why}")
        }),
    }
}

fn signed() -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("any length will do");
    mac.update(BODY);
    mac.finalize().into_bytes().into()
}

fn header(random: &mut Rng) -> Vec<u8> {
    let hash = hex::encode(signed());
    let text = match random.u8(..8) {
        0..3 => format!("sha256={hash}"),
        3 => format!("sha256={}", hash.to_uppercase()),
        4 => "72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned(),
        5 => "application/json; charset=utf-8".to_owned(),
        6 => "application/x-www-form-urlencoded".to_owned(),
        _ => format!("{}{}", word(random), word(random)),
    };
    text.into_bytes()
}

fn check_header(input: &[u8]) -> Result<(), String> {
    let digits = input.strip_prefix(b"sha256=".as_slice());
    let is_signature =
        digits.is_some_and(|digits| digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit));
    let read = Signature::read(Some(input));
    hold(read.is_ok() == is_signature, || {
        format!("read as a signature: {read:?}")
    })?;
    if let (Ok(signature), Some(digits)) = (read, digits) {
        let is_right = hex::decode(digits).is_ok_and(|digest| digest == signed());
        let secrets = [b"another".to_vec(), SECRET.to_vec()].map(WebhookSecret::new);
        let secrets: Vec<_> = secrets.into_iter().flatten().collect();
        let verified = signature.verify(BODY, &secrets);
        hold(verified.is_ok() == is_right, || {
            format!("verified: {verified:?}")
        })?;
        let changed = [BODY, b"!"].concat();
        hold(signature.verify(&changed, &secrets).is_err(), || {
            "it fits another body".to_owned()
        })?;
    }
    let kind = input.split(|byte| *byte == b';').next().unwrap_or_default();
    let kind = String::from_utf8_lossy(kind)
        .trim_ascii()
        .to_ascii_lowercase();
    let expected = match kind.as_str() {
        "application/json" => Some(Encoding::Json),
        "application/x-www-form-urlencoded" => Some(Encoding::Form),
        _ => None,
    };
    let encoding = Encoding::read(Some(input)).ok();
    hold(encoding == expected, || format!("read as {encoding:?}"))?;
    let text = String::from_utf8_lossy(input);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    match Guid::read(&text) {
        Ok(guid) => hold(
            text.bytes().all(plain) && guid.as_str() == text.to_ascii_lowercase(),
            || format!("read as GUID {guid}"),
        ),
        Err(_) => hold(
            text.is_empty() || text.len() > 64 || !text.bytes().all(plain),
            || "it is a GUID".to_owned(),
        ),
    }
}
