//! GitHub's own example payloads: each is read, in both encodings, and nothing of people is kept.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use flux_setup::delivery::{Content, Event};
use flux_setup::github::payload::{self, Encoding};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;

/// The examples of one kind of server, each with its event's name.
pub(crate) fn examples(server: &Path) -> Vec<(String, Value)> {
    let index = fs::read_to_string(server.join("index.json")).expect("a server has its index");
    let index: Vec<Value> = serde_json::from_str(&index).expect("an index is a list");
    let mut examples = Vec::new();
    for event in index {
        let name = event["name"].as_str().expect("an event has a name");
        let payloads = event["examples"].as_array().expect("an event has examples");
        examples.extend(
            payloads
                .iter()
                .map(|payload| (name.to_owned(), payload.clone())),
        );
    }
    examples
}

pub(crate) fn folder() -> PathBuf {
    env::var_os("FLUX_SETUP_GITHUB_EXAMPLES")
        .expect("FLUX_SETUP_GITHUB_EXAMPLES names the folder that `tests/github/examples` prints")
        .into()
}

/// Reads a payload as JSON and as a form, which must say the same.
fn read(event: &str, payload: &Value) -> Content {
    let json = payload.to_string();
    let read = |encoding, body: &[u8]| {
        payload::read(encoding, event, body)
            .unwrap_or_else(|fault| panic!("{event}: {fault}\n{json}"))
    };
    let content = read(Encoding::Json, json.as_bytes());
    let form = format!(
        "payload={}",
        percent_encode(json.as_bytes(), NON_ALPHANUMERIC)
    );
    assert_eq!(read(Encoding::Form, form.as_bytes()), content);
    content
}

/// Which of our events it became.
fn kind(event: &Event) -> String {
    let event = serde_json::to_value(event).expect("an event is JSON");
    event["event"]
        .as_str()
        .expect("an event says its kind")
        .to_owned()
}

#[test]
#[ignore = "needs GitHub's example payloads"]
fn every_example_of_github_is_read() {
    let examples = examples(&folder().join("api.github.com"));
    assert_eq!(examples.len(), 329);
    let mut kinds = BTreeMap::new();
    for (name, payload) in &examples {
        let content = read(name, payload);
        if let Some(full_name) = payload["repository"]["full_name"].as_str() {
            assert_eq!(content.repository.as_ref().unwrap().full_name, full_name);
        }
        let kept = format!("{content:?}");
        for address in ["@users.noreply", "@example", "@github.com>"] {
            assert!(!kept.contains(address), "{name}: {kept}");
        }
        *kinds.entry(kind(&content.event)).or_insert(0) += 1;
    }
    let expected = [
        ("create", 5),
        ("delete", 4),
        ("other", 283),
        ("package", 3),
        ("ping", 4),
        ("push", 7),
        ("release", 13),
        ("repository", 5),
        ("workflowRun", 5),
    ];
    let kinds: Vec<_> = kinds
        .iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect();
    assert_eq!(kinds, expected);
}

#[test]
#[ignore = "needs GitHub's example payloads"]
fn every_example_of_github_enterprise_server_is_read() {
    let mut read_in_all = 0;
    for server in fs::read_dir(folder()).unwrap() {
        let server = server.unwrap();
        if !server.file_name().to_string_lossy().starts_with("ghes-") {
            continue;
        }
        for (name, payload) in examples(&server.path()) {
            read(&name, &payload);
            read_in_all += 1;
        }
    }
    assert_eq!(read_in_all, 397);
}
